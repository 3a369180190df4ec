"""The command that proves an installation: it finds what is broken, and says what to do."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydicom.pixels import get_decoder
from pydicom.uid import AllTransferSyntaxes

from migrator.__main__ import guarded
from migrator.cli.main import main
from migrator.core.control import Control
from migrator.core.errors import Cancelled
from migrator.dicom.codestreams import CODESTREAMS, Codestream, trouble_decoding
from migrator.dicom.decoding import Decoders
from migrator.jobs import self_test as module
from migrator.jobs import self_test_machine as machine
from migrator.jobs import self_test_packages as packages
from migrator.jobs import self_test_work as work
from migrator.jobs.self_test import self_test
from migrator.jobs.self_test_model import Finding, Place, told

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "work").mkdir()
    return Place(tmp_path / "home", tmp_path / "work", Control())


@pytest.fixture(scope="module")
def decoders() -> Iterator[Decoders]:
    made = Decoders(1)
    yield made
    made.close()


def sample_of(leaf: str) -> Codestream:
    (sample,) = (one for one in CODESTREAMS if one.transfer_syntax.endswith(leaf))
    return sample


def test_there_is_a_sample_of_every_compressed_syntax_that_has_a_decoder() -> None:
    known = set()
    for syntax in AllTransferSyntaxes:
        try:
            is_known = syntax.is_encapsulated and get_decoder(syntax) is not None
        except NotImplementedError:
            continue
        if is_known:
            known.add(str(syntax))
    assert {sample.transfer_syntax for sample in CODESTREAMS} == known - {"1.2.840.10008.1.2.1.99"}
    assert len(known) >= 12


@pytest.mark.parametrize("sample", CODESTREAMS, ids=lambda sample: sample.words)
def test_every_sample_decodes_to_its_formula(sample: Codestream, decoders: Decoders, tmp_path: Path) -> None:
    assert trouble_decoding(sample, tmp_path, decoders) == ""


@pytest.mark.parametrize("sample", CODESTREAMS, ids=lambda sample: sample.words)
def test_a_shift_of_all_values_is_found_in_every_sample(
    sample: Codestream, decoders: Decoders, tmp_path: Path
) -> None:
    shift = (1 << sample.bits) // 50  # a fiftieth of the range, which nobody would see
    trouble = trouble_decoding(replace(sample, black=sample.black - shift), tmp_path, decoders)
    assert "pixel values are wrong" in trouble


def test_a_decoder_that_gives_other_pixels_is_found(decoders: Decoders, tmp_path: Path) -> None:
    lossy, exact = sample_of(".4.81"), sample_of(".4.80")
    assert "pixel values are wrong by up to 2" in trouble_decoding(
        replace(exact, encoded=lossy.encoded), tmp_path, decoders
    )


def test_a_decoder_that_fails_is_found(decoders: Decoders, tmp_path: Path) -> None:
    broken = replace(sample_of(".4.90"), encoded="AAAA")
    assert trouble_decoding(broken, tmp_path, decoders)


def test_what_is_looked_for_is_what_is_pinned() -> None:
    text = (ROOT / "pyproject.toml").read_text("utf-8").partition("[project.optional-dependencies]")[0]
    pinned = set(re.findall(r'^  "([A-Za-z0-9-]+)==', text, re.MULTILINE))
    assert set(packages.PACKAGES) == pinned


def test_a_package_that_lacks_or_differs_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "PACKAGES", {"no-such": "no_such_module", "rich": "rich"})
    monkeypatch.setattr(packages, "_locked", lambda: {"rich": {"0.1"}})
    lacking, other, whole = packages.packages(place)
    assert (lacking.state, other.state, whole.state) == ("failed", "failed", "failed")
    assert "cannot be imported" in lacking.words
    assert "0.1 was tested" in other.words


def test_a_package_whose_library_is_damaged_is_named_and_the_others_are_looked_at(
    place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "damaged_module.py").write_text("raise OSError('invalid ELF header')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(packages, "PACKAGES", {"damaged": "damaged_module", "rich": "rich"})
    damaged, whole = packages.packages(place)
    assert (damaged.name, damaged.state, whole.state) == ("package damaged", "failed", "ok")
    assert "invalid ELF header" in damaged.words


_DAMAGED = """
import sys
from migrator.__main__ import main

class Damage:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {module!r}:
            raise ImportError("invalid ELF header")

sys.meta_path.insert(0, Damage())
sys.argv[1:] = ["self-test", "--json", "--home", {home!r}]
sys.exit(main())
"""


def run_with_damage(module: str, home: Path) -> subprocess.CompletedProcess[str]:
    """What a self-test says where a package cannot be loaded."""
    program = _DAMAGED.format(module=module, home=str(home))
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)


@pytest.mark.parametrize(
    ("module", "found", "still"),
    [
        ("libjpeg", {"package pylibjpeg-libjpeg": "failed", "migration": "failed"}, "TLS"),
        ("filelock", {"package filelock": "failed", "data directory": "failed"}, "time"),
        ("keyring", {"package keyring": "failed", "keyring": "absent"}, "migration"),
    ],
)
def test_it_comes_to_its_end_where_a_package_cannot_be_loaded(
    module: str, found: dict[str, str], still: str, tmp_path: Path
) -> None:
    done = run_with_damage(module, tmp_path / "home")
    assert done.returncode == 1, done.stderr
    findings = json.loads(done.stdout)["findings"]
    states = {one["name"]: one["state"] for one in findings}
    assert not [one for one in findings if one["state"] == "failed" and "start anew" not in one["remedy"]]
    assert {name: states[name] for name in found} == found
    assert states[still] == "ok"


def test_what_no_command_works_without_is_named_with_what_to_do(tmp_path: Path) -> None:
    done = run_with_damage("orjson", tmp_path / "home")
    assert done.returncode == 6
    assert done.stdout == ""
    assert done.stderr.startswith("dicom_migrator: this installation is damaged: invalid ELF header. What to")


def unloadable(name: str) -> Callable[[], int]:
    def face() -> int:
        raise ImportError("invalid ELF header", name=name)

    return face


def test_a_program_without_a_console_shows_the_damage_by_what_ends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    with pytest.raises(ImportError, match="this installation is damaged: invalid ELF header"):
        guarded(unloadable("PyQt5.QtCore"))


def test_a_fault_of_our_own_modules_is_not_taken_for_damage() -> None:
    with pytest.raises(ImportError, match=r"^invalid ELF header$"):
        guarded(unloadable("migrator.core"))


def test_the_packages_of_these_tests_are_the_locked_ones(place: Place) -> None:
    assert [(one.name, one.state) for one in packages.packages(place)] == [("packages", "ok")]


def test_a_data_directory_that_cannot_be_written_is_told_with_what_helps(place: Place) -> None:
    place.home.write_text("a file")
    (finding,) = machine.data_directory(place)
    assert finding.state == "failed"
    assert "--home" in finding.remedy


@pytest.mark.skipif("os.name != 'posix'", reason="modes mean nothing there")
def test_a_data_directory_open_to_others_is_told_but_fails_nothing(place: Place) -> None:
    place.home.mkdir(mode=0o755)
    place.home.chmod(0o755)
    good, hint = machine.data_directory(place)
    assert (good.state, hint.state) == ("ok", "absent")
    assert hint.remedy == f"chmod 700 {place.home}"
    assert list(place.home.iterdir()) == []


def test_a_clock_that_is_plainly_wrong_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [finding.state for finding in machine.clock(place)] == ["ok"]
    monkeypatch.setattr(machine.time, "time", lambda: 0.0)
    assert [finding.state for finding in machine.clock(place)] == ["failed"]


def test_the_handshake_is_one_of_our_profile(place: Place) -> None:
    pytest.importorskip("cryptography")
    (finding,) = machine.tls(place)
    assert finding.state == "ok"
    assert re.search(r"TLSv1\.[23], \S+", finding.words)


def test_without_cryptography_the_handshake_is_not_tried(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine.importlib.util, "find_spec", lambda name: None)
    assert [finding.state for finding in machine.tls(place)] == ["absent"]


def test_the_small_migration_is_proven(place: Place) -> None:
    (finding,) = work.migration(place)
    assert finding.state == "ok", finding.words


def test_a_firewall_before_the_loopback_interface_is_told(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Walled(work.Receiver):
        def start(self) -> None:
            raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(work, "Receiver", Walled)
    (finding,) = work.migration(place)
    assert (finding.state, "firewall" in finding.remedy) == ("failed", True)


def test_a_command_line_that_ends_at_once_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "launch", lambda home, arguments: launched_nonsense(home))
    (finding,) = work.own_command_line(place)
    assert finding.state == "failed"
    assert "there is no command 'nonsense'" in finding.words


def test_a_command_line_that_does_not_end_is_told_as_that_and_its_files_stay(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    endless = SimpleNamespace(ask=asked.append)  # and nothing else can be asked of it
    monkeypatch.setattr(work, "launch", lambda home, arguments: endless)
    monkeypatch.setattr(work, "_PATIENCE", 0.0)
    (finding,) = work.own_command_line(place)
    assert (finding.state, finding.words) == ("failed", "did not end within 0 s")
    assert asked == ["cancel"]


def launched_nonsense(home: Path) -> work.Launched:
    from migrator.jobs.launch import launch

    return launch(home, ["nonsense"])


def broken(place: Place) -> Iterator[Finding]:
    raise RuntimeError("it broke")


def fine(place: Place) -> Iterator[Finding]:
    yield told("fine", "", "all is well")


def test_a_check_that_breaks_is_a_finding_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "CHECKS", (("broken", broken), ("fine", fine)))
    first, second = self_test(str(tmp_path), Control())
    assert (first.name, first.state, first.words) == ("broken", "failed", "RuntimeError: it broke")
    assert second.state == "ok"


def test_what_only_some_need_fails_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "CHECKS", (("keyring", broken),))
    (finding,) = self_test(str(tmp_path), Control())
    assert finding.state == "absent"


def test_it_can_be_stopped(tmp_path: Path) -> None:
    control = Control()
    control.cancel()
    with pytest.raises(Cancelled):
        list(self_test(str(tmp_path), control))


def test_the_command_says_line_by_line_and_ends_with_1_when_something_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "CHECKS", (("fine", fine), ("broken", broken)))
    assert main(["self-test"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "ok      fine: all is well"
    assert lines[1] == "FAILED  broken: RuntimeError: it broke"
    assert lines[2].strip().startswith("what to do: ")
    assert lines[-1] == "1 of 2 FAILED."


def test_the_command_s_json_holds_every_finding(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "CHECKS", (("fine", fine),))
    assert main(["self-test", "--json"]) == 0
    told_back = json.loads(capsys.readouterr().out)
    assert told_back["passed"] is True
    assert told_back["findings"] == [{"name": "fine", "state": "ok", "words": "all is well", "remedy": ""}]
