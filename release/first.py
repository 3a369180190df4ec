"""What a frozen program sets right before anything else runs: PyInstaller's runtime hook of ours."""

import os
import sys

# A program with a window has no streams on Windows; libraries write to them and ask them what they are.
for _name in ("stdout", "stderr"):
    if getattr(sys, _name) is None:
        setattr(sys, _name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 - until the end
if sys.stdin is None:
    sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115 - until the end

# The bootloader has our libraries found by a variable. What we start (a file manager, a browser, systemctl)
# is to find the system's own; this process has read it when it began, and goes on finding ours.
for _name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"):
    if getattr(sys, "frozen", False) and _name in os.environ:
        _before = os.environ.pop(f"{_name}_ORIG", None)
        if _before is None:
            del os.environ[_name]
        else:
            os.environ[_name] = _before

# A process of ours that we start is to find our libraries too: the bootloader would set that variable only
# once for a program and all that it starts.
os.environ["PYINSTALLER_RESET_ENVIRONMENT"] = "1"
