<#
.SYNOPSIS
Makes the portable executables of Windows: dist\DICOMPACSMigrator, a zip of it, and dist\SHA256SUMS.

.DESCRIPTION
Finds a Python from 3.10 to 3.13 and leaves the work to scripts\build_exe.py: a clean environment that holds
exactly requirements\exe.lock, PyInstaller in it, and the self-test of what was built. Then the digests are
computed once more. Runs in Windows PowerShell 5.1 and in PowerShell 7:

    powershell -ExecutionPolicy Bypass -File build.ps1

.PARAMETER Python
The Python to build with, where it is not to be looked for.
#>
[CmdletBinding()]
param([string]$Python = '')

Set-StrictMode -Version 2.0
# Not 'Stop': Windows PowerShell takes a line that a program writes to stderr for an error.
$ErrorActionPreference = 'Continue'

$supported = 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))'
if ($Python) {
    $candidates = @(, @($Python))
} else {
    $candidates = @(
        @('py', '-3.12'), @('py', '-3.13'), @('py', '-3.11'), @('py', '-3.10'), @('python'), @('python3')
    )
}

$found = $null
foreach ($candidate in $candidates) {
    if (-not (Get-Command $candidate[0] -ErrorAction SilentlyContinue)) { continue }
    $program = $candidate[0]
    $options = @($candidate | Select-Object -Skip 1)
    & $program @options -c $supported 2>&1 | Out-Null
    if ($LASTEXITCODE -eq 0) {
        $found = $candidate
        break
    }
}
if ($null -eq $found) {
    Write-Host 'build.ps1: no Python from 3.10 to 3.13 was found; name one with -Python'
    exit 2
}

$program = $found[0]
$options = @($found | Select-Object -Skip 1)
& $program @options (Join-Path $PSScriptRoot 'scripts\build_exe.py')
if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }

$dist = Join-Path $PSScriptRoot 'dist'
foreach ($line in Get-Content (Join-Path $dist 'SHA256SUMS')) {
    $noted, $name = $line -split '  ', 2
    $file = Join-Path $dist $name
    if ((Get-FileHash -Algorithm SHA256 -LiteralPath $file).Hash -ne $noted) {
        Write-Host "build.ps1: $name is not what was built"
        exit 1
    }
}
Write-Host "build.ps1: all is in $dist"
exit 0
