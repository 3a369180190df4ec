"""The single file: what it holds, how it starts, and that it runs what a clone runs."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from migrator.bootstrap import locking
from migrator.bootstrap.environment import environment_for, lock_file_of
from migrator.bootstrap.unpacking import CONTENTS, WHEELS, WHEELS_FOR, unpack_wheels
from scripts import digests, make_pyz
from tests.launcher.making import ROOT, TinyClone, make_wheel, write_lock
from tests.launcher.test_pythons import find_python

PROGRAM_EXIT = 17  # of the stand-in for migrator
UNREACHABLE = "http://127.0.0.1:9/"


class TinyFile:
    """A single file of a tiny clone, whose whole set-up takes about a second."""

    def __init__(self, folder: Path) -> None:
        self.clone = TinyClone(folder)
        self.file = self.clone.home / "dicom_migrator.pyz"
        root = self.clone.root
        write_lock(root / "requirements" / "window.lock")
        write_lock(root / "requirements" / "pip.lock")
        for name in ("logo.png", "LICENSE", "README.md", "THIRD_PARTY_NOTICES.md"):
            (root / name).write_text(f"{name}\n")
        self.make()

    def make(self, **more: bytes) -> None:
        """Make the file anew, with these members beside the program's."""
        self.file.write_bytes(make_pyz.packed(dict(make_pyz.program(self.clone.root)) | more))

    def make_offline(self, **other: Any) -> None:
        """The form that carries its packages; `other` says for whom."""
        here = make_pyz.PLATFORMS["linux-x86_64"][1] | {
            "python": "{}.{}".format(*sys.version_info),
            "platform": "here",
            "sys_platform": sys.platform,
            "platform_machine": platform.machine(),
            "layers": ["base"],
        }
        wheels = {f"{WHEELS}{wheel.name}": wheel.read_bytes() for wheel in self.clone.wheelhouse.iterdir()}
        self.make(**wheels, **{WHEELS_FOR: json.dumps(here | other).encode()})

    def start(self, *arguments: str, **more: str) -> tuple[int, str, str]:
        """Start it with the interpreter at hand, which spares the set-up."""
        return self.set_up(*arguments, **({"DICOM_MIGRATOR_NO_BOOTSTRAP": "1"} | more))

    def set_up(self, *arguments: str, **more: str) -> tuple[int, str, str]:
        return self.clone.start(*arguments, launcher=self.file, **more)

    def programs(self) -> list[Path]:
        return [path for path in self.clone.cache.glob("program-*") if path.is_dir()]


@pytest.fixture
def tiny(tmp_path: Path) -> TinyFile:
    return TinyFile(tmp_path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The single file of this very tree."""
    file = tmp_path_factory.mktemp("pyz") / "dicom_migrator.pyz"
    file.write_bytes(make_pyz.packed(dict(make_pyz.program(ROOT))))
    return file


def run_whole(file: Path, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it with an empty home and the packages of this interpreter."""
    home.mkdir(exist_ok=True)
    kept = {
        key: value for key, value in os.environ.items() if not key.startswith(("DICOM_", "XDG_", "PYTHON"))
    }
    ours = {"HOME": str(home), "USERPROFILE": str(home), "DICOM_MIGRATOR_CACHE": str(home / "cache")}
    return subprocess.run(
        [sys.executable, str(file), *arguments],
        env=kept | ours | {"DICOM_MIGRATOR_NO_BOOTSTRAP": "1"},
        cwd=home,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_it_proves_itself_with_decoders_and_jobs_in_processes_of_their_own(
    whole: Path, tmp_path: Path
) -> None:
    done = run_whole(whole, tmp_path / "home", "self-test", "--json")
    told = json.loads(done.stdout)
    failed = [finding for finding in told["findings"] if finding["state"] == "failed"]
    assert (done.returncode, failed, told["passed"]) == (0, [], True), done.stderr
    assert list((tmp_path / "home" / "cache").glob("program-*/complete"))


def test_it_tells_its_version(whole: Path, tmp_path: Path) -> None:
    done = run_whole(whole, tmp_path / "home", "--version")
    assert done.stdout.startswith("dicom_migrator "), done.stderr


def test_everything_that_the_program_reads_at_run_time_is_in_it(whole: Path) -> None:
    names = set(zipfile.ZipFile(whole).namelist())
    data = {
        file.relative_to(ROOT).as_posix()
        for file in (ROOT / "migrator").rglob("*")
        # Python writes its caches under names of their own at first.
        if file.is_file() and file.suffix != ".py" and file.parent.name != "__pycache__"
    }
    assert any(name.endswith(".typ") for name in data)
    assert data - names <= set(make_pyz.of_git(ROOT, "--others", "--exclude-standard"))
    assert {"logo.png", "LICENSE", "THIRD_PARTY_NOTICES.md", "requirements/base.lock"} <= names


def test_without_git_the_same_files_are_found(tmp_path: Path) -> None:
    names = make_pyz.tracked(ROOT)
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    (tmp_path / "migrator" / "__pycache__").mkdir(exist_ok=True)
    (tmp_path / "migrator" / "__pycache__" / "x.pyc").touch()
    assert make_pyz.tracked(tmp_path) == names
    assert make_pyz.packed(dict(make_pyz.program(tmp_path))) == make_pyz.packed(dict(make_pyz.program(ROOT)))


def test_the_script_writes_the_file_with_its_digest(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "scripts" / "make_pyz.py"), "--dist", str(tmp_path)]
    for _ in range(2):
        subprocess.run(command, check=True, capture_output=True)
    file = tmp_path / "dicom_migrator.pyz"
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert (tmp_path / "SHA256SUMS").read_text() == f"{digest}  dicom_migrator.pyz\n"
    assert os.name != "posix" or os.access(file, os.X_OK)


def test_what_is_gone_is_not_among_the_digests_any_more(tmp_path: Path) -> None:
    (tmp_path / "kept.zip").touch()
    (tmp_path / "program").mkdir()
    (tmp_path / "program" / "started").touch()
    lines = [f"{'0' * 64}  {name}\n" for name in ("gone.pyz", "kept.zip", "program/gone", "program/started")]
    (tmp_path / "SHA256SUMS").write_text("".join(lines))
    (tmp_path / "made.pyz").write_bytes(b"x")
    digests.note(tmp_path, [tmp_path / "made.pyz"])
    names = [line.split("  ")[1] for line in (tmp_path / "SHA256SUMS").read_text().splitlines()]
    assert names == ["kept.zip", "made.pyz", "program/started"]


@pytest.mark.parametrize("version", ["2.7", "3.6", "3.9"])
def test_an_old_python_says_in_one_sentence_what_is_needed(version: str, tiny: TinyFile) -> None:
    python = find_python(version)
    if python is None:
        pytest.skip(f"Python {version} is not installed")
    done = subprocess.run(
        [python, str(tiny.file), "demo"], capture_output=True, text=True, check=False, cwd=tiny.clone.home
    )
    assert (done.returncode, done.stdout) == (2, "")
    (sentence,) = done.stderr.splitlines()
    assert "needs Python 3.10 to 3.13" in sentence
    assert f"this is Python {version}." in sentence


def test_the_form_with_packages_sets_up_the_environment_of_a_clone_without_asking_anybody(
    tiny: TinyFile,
) -> None:
    tiny.make_offline()
    code, output, errors = tiny.set_up("demo", "--keep", "x y", PIP_INDEX_URL=UNREACHABLE)
    told = json.loads(output)
    environment = environment_for("base", tiny.clone.lock, tiny.clone.cache).folder
    assert (code, told["packages"], told["arguments"]) == (PROGRAM_EXIT, "1.0", ["demo", "--keep", "x y"])
    assert "setting up" in errors
    assert Path(told["prefix"]) == environment
    assert [Path(told["path"][0])] == tiny.programs()
    assert str(tiny.file) not in told["path"]
    assert not list(tiny.clone.cache.rglob("*.whl"))
    assert tiny.set_up("demo")[::2] == (PROGRAM_EXIT, "")
    assert tiny.clone.start("demo")[::2] == (PROGRAM_EXIT, "")
    assert tiny.clone.environments() == [environment]


def test_the_second_start_unpacks_nothing_and_says_nothing(tiny: TinyFile) -> None:
    code, output, errors = tiny.start("scan")
    assert (code, errors, json.loads(output)["prefix"]) == (PROGRAM_EXIT, "", sys.prefix)
    (program,) = tiny.programs()
    before = {file: file.stat().st_mtime_ns for file in program.rglob("*.py")}
    code, output, errors = tiny.start("scan")
    assert (code, errors) == (PROGRAM_EXIT, "")
    assert Path(json.loads(output)["path"][0]) == program
    assert {file: file.stat().st_mtime_ns for file in program.rglob("*.py")} == before


def test_of_two_starts_at_once_both_run(tiny: TinyFile) -> None:
    in_place = {"DICOM_MIGRATOR_NO_BOOTSTRAP": "1"}
    with (
        tiny.clone.popen(launcher=tiny.file, **in_place) as first,
        tiny.clone.popen(launcher=tiny.file, **in_place) as second,
    ):
        told = [process.communicate(timeout=120) for process in (first, second)]
    assert (first.returncode, second.returncode) == (PROGRAM_EXIT, PROGRAM_EXIT), told
    assert len(tiny.programs()) == 1


def test_what_an_interrupted_start_left_and_what_was_lost_since_is_unpacked_anew(tiny: TinyFile) -> None:
    tiny.start("scan")
    (program,) = tiny.programs()
    for harm in (
        (program / "complete").unlink,
        (program / "dicom_migrator.py").unlink,
        lambda: (program / "migrator" / "__main__.py").write_text(""),
    ):
        harm()
        code, _, errors = tiny.start("scan")
        assert (code, errors) == (PROGRAM_EXIT, "")


def test_a_damaged_file_says_so(tiny: TinyFile) -> None:
    data = tiny.file.read_bytes()
    place = data.index(b"Stands in") if b"Stands in" in data else data.index(b"def main():\n    try:")
    tiny.file.write_bytes(data[:place] + b"x" + data[place + 1 :])
    code, _, errors = tiny.start("scan")
    assert code == 6
    assert "is damaged: fetch it again" in errors
    assert tiny.programs() == []


@pytest.mark.parametrize(
    "harm",
    [
        lambda line: line.replace(b" ", b" 1", 1),
        lambda line: line.replace(b" ", b"_"),
        lambda line: b"\xff" + line,
    ],
    ids=["size", "form", "text"],
)
def test_a_damaged_list_of_files_says_so(tiny: TinyFile, harm: Callable[[bytes], bytes]) -> None:
    contents = dict(make_pyz.program(tiny.clone.root))[CONTENTS]
    tiny.make(**{CONTENTS: harm(contents)})
    code, _, errors = tiny.start("scan")
    assert code == 6
    assert "is damaged: fetch it again" in errors
    assert tiny.programs() == []


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b"\xff"], ids=["nothing", "empty", "list", "no text"])
def test_a_damaged_list_of_packages_says_so(tiny: TinyFile, text: bytes) -> None:
    tiny.make(**{WHEELS_FOR: text})
    code, _, errors = tiny.set_up("scan")
    assert code == 6
    assert "is damaged: fetch it again" in errors


def test_a_start_that_is_killed_anywhere_leaves_what_the_next_one_mends(tiny: TinyFile) -> None:
    in_place = {"DICOM_MIGRATOR_NO_BOOTSTRAP": "1"}
    wanted = {path.name for path in (tiny.clone.root / "migrator" / "bootstrap").glob("*.py")}
    for most in (1, len(wanted) // 2, len(wanted)):
        shutil.rmtree(tiny.clone.cache, ignore_errors=True)
        with tiny.clone.popen(launcher=tiny.file, **in_place) as process:
            while process.poll() is None and len(list(tiny.clone.cache.glob("program-*/*/*/*.py"))) < most:
                pass
            process.kill()
        code, _, errors = tiny.start("scan")
        assert (code, errors) == (PROGRAM_EXIT, "")
        assert {path.name for path in tiny.programs()[0].glob("migrator/bootstrap/*.py")} == wanted


def test_no_package_is_unpacked_outside_its_folder(tiny: TinyFile, tmp_path: Path) -> None:
    tiny.make(**{WHEELS_FOR: b"{}", f"{WHEELS}../../stray.whl": b"x"})
    unpack_wheels(tiny.file, tmp_path / "wheels")
    assert list(tmp_path.rglob("stray.whl")) == [tmp_path / "wheels" / "stray.whl"]


@pytest.mark.skipif("os.name != 'posix'", reason="modes mean nothing there")
def test_others_cannot_change_the_cache_whatever_the_umask_is(tiny: TinyFile) -> None:
    before = os.umask(0)
    try:
        assert tiny.start("scan")[0] == PROGRAM_EXIT
    finally:
        os.umask(before)
    ours = [path for path in tiny.clone.cache.rglob("*") if "__pycache__" not in path.parts]
    assert [path for path in (tiny.clone.cache, *ours) if path.stat().st_mode & 0o022] == []


def test_a_cache_that_cannot_be_written_is_told_with_what_helps(tiny: TinyFile) -> None:
    tiny.clone.cache.write_text("no folder")
    code, _, errors = tiny.start("scan")
    assert code == 6
    assert "DICOM_MIGRATOR_CACHE moves the folder" in errors
    assert "Traceback" not in errors


def test_a_full_disk_is_told_with_what_helps(tiny: TinyFile, small_disk: Any) -> None:
    place = small_disk(16 * 1024)
    code, _, errors = tiny.start("scan", DICOM_MIGRATOR_CACHE=str(place))
    assert code == 6
    assert "no space is left" in errors
    assert [path for path in place.iterdir() if path.is_dir()] == []


def test_programs_that_nobody_uses_are_removed_after_a_year(tiny: TinyFile) -> None:
    tiny.start("scan")
    (old,) = tiny.programs()
    left = tiny.clone.cache / "program-0123456789abcdef"
    left.mkdir()
    year = time.time() - 366 * 86400

    def start_another(words: str) -> list[Path]:
        for path in (old / "complete", left, lock_file_of(old)):
            os.utime(path, (year, year))
        (tiny.clone.root / "README.md").write_text(words)
        tiny.make()
        assert tiny.start("scan")[0] == PROGRAM_EXIT
        return tiny.programs()

    hold = locking.share(lock_file_of(old))
    assert hold is not None
    started = start_another("while the old one is in use")
    assert old in started
    assert left not in started, "what was not unpacked to its end goes too"
    left.mkdir()
    hold.release()
    assert old not in start_another("when it is not")
    assert len(list(tiny.clone.cache.glob("*.lock"))) == len(tiny.programs())


def test_the_hashes_of_carried_packages_are_checked(tiny: TinyFile) -> None:
    make_wheel(tiny.clone.wheelhouse, "tiny-a", "1.0", "VERSION = 'a stranger'")
    tiny.make_offline()
    code, _, errors = tiny.set_up("demo", PIP_INDEX_URL=UNREACHABLE)
    assert code == 6
    assert "hash differs" in errors


def test_packages_for_another_python_are_refused_in_words(tiny: TinyFile) -> None:
    tiny.make_offline(python="3.9", platform="linux-x86_64")
    code, _, errors = tiny.set_up("demo")
    assert code == 6
    assert "carries packages for Python 3.9 on linux-x86_64" in errors
    assert tiny.clone.environments() == []


def test_a_file_list_stands_in_it_in_order(tiny: TinyFile) -> None:
    with zipfile.ZipFile(tiny.file) as archive:
        names = archive.namelist()
        listed = [line.split(" ", 2)[2] for line in archive.read(CONTENTS).decode().splitlines()]
        assert {info.date_time for info in archive.infolist()} == {(2020, 1, 1, 0, 0, 0)}
    assert names == sorted(names)
    assert set(names) - set(listed) == {CONTENTS, "__main__.py"}


@pytest.mark.parametrize(
    ("target", "python", "kept"),
    [
        ("windows-x86_64", "3.10", {"tomli", "winonly"}),
        ("linux-x86_64", "3.13", {"notmac"}),
        ("macos-x86_64", "3.12", set()),
    ],
)
def test_a_lock_s_markers_are_judged_for_the_machine_that_the_file_is_for(
    target: str, python: str, kept: set[str]
) -> None:
    lock = (
        "# made\nall==1.0 \\\n    --hash=sha256:aa\n"
        "tomli==2.0 ; python_full_version < '3.11' \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc\n"
        "winonly==1 ; sys_platform == 'win32' \\\n    --hash=sha256:dd\n"
        "notmac==1 ; sys_platform == 'linux' and platform_machine != 'arm64' \\\n    --hash=sha256:ee\n"
    )
    text = make_pyz.applying(lock, target, python)
    assert {line.split("==")[0] for line in text.splitlines() if "==" in line} == kept | {"all"}
    assert text.count("--hash") == len(kept) + 1 + ("tomli" in kept)
