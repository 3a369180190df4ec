"""Profiles on the command line: saved, listed, shown, deleted, exchanged, and used as nodes."""

from __future__ import annotations

import argparse
import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from migrator.cli.main import main
from migrator.cli.options import GROUPS, add_calling, add_settings, address_of, destination_of
from migrator.core.errors import UsageError
from migrator.core.model import Node
from migrator.core.settings import Settings
from migrator.jobs.profile import FILE_NAME, Profile, Profiles, profile_of
from tests.peers import Storescp

SAVE = ["profile", "save", "night", "--to", "PACS@archive.example:11112"]


@pytest.fixture
def home(data_directory: Path) -> Path:
    return data_directory


def said(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def read(*words: str) -> argparse.Namespace:
    """Arguments as a command has them that names a destination."""
    parser = argparse.ArgumentParser()
    add_calling(parser)
    add_settings(parser, *GROUPS)
    parser.add_argument("--profile")
    parser.add_argument("--home")
    return parser.parse_args(words)


def test_a_profile_is_saved_shown_listed_and_deleted(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SAVE, "--calling-aet", "US", "--workers", "2", "--status", "A778=patient-conflict"]) == 0
    capsys.readouterr()
    assert main(["profile", "show", "night", "--json"]) == 0
    assert said(capsys) == {
        "name": "night",
        "host": "archive.example",
        "port": 11112,
        "ae_title": "PACS",
        "calling_ae_title": "US",
        "settings": {"send": {"workers": 2, "status": ["A778=patient-conflict"]}},
    }
    assert main(["profile", "show", "night"]) == 0
    assert "--status A778=patient-conflict" in capsys.readouterr().out
    assert main(["profile", "list", "--json"]) == 0
    assert [profile["name"] for profile in said(capsys)["profiles"]] == ["night"]
    assert main(["profile", "delete", "night"]) == 0
    capsys.readouterr()
    assert main(["profile", "list", "--json"]) == 0
    assert said(capsys) == {"profiles": []}


def test_listing_makes_no_data_directory(tmp_path: Path) -> None:
    assert main(["profile", "list", "--home", str(tmp_path / "none")]) == 0
    assert not (tmp_path / "none").exists()


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_the_file_is_its_owners_alone(home: Path) -> None:
    assert main(SAVE) == 0
    assert (home / FILE_NAME).stat().st_mode & 0o777 == 0o600
    assert {file.name for file in home.iterdir()} <= {FILE_NAME, "profiles.lock"}


def test_a_taken_name_is_kept_unless_it_is_to_be_replaced(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(SAVE) == 0
    assert main(["profile", "save", "night", "--to", "other.example"]) == 2
    assert "--replace" in capsys.readouterr().err
    assert Profiles(home).get("night").host == "archive.example"
    assert main(["profile", "save", "night", "--to", "other.example", "--replace"]) == 0
    assert Profiles(home).get("night").host == "other.example"


@pytest.mark.parametrize("name", ["a@b", "a.b", "a:1", "", "-a", "_a", "a b", "ä", "x" * 65])
def test_a_name_that_looks_like_a_node_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="no name for a profile"):
        profile_of(name, Node("host"), Settings())


@pytest.mark.parametrize(
    "words",
    [
        ["profile"],
        ["profile", "frobnicate"],
        ["profile", "save", "night"],
        ["profile", "show"],
        ["profile", "show", "none"],
        ["profile", "delete", "none"],
        ["profile", "list", "night"],
        ["profile", "list", "--to", "host"],
        ["profile", "show", "night", "--workers", "2"],
        ["profile", "save", "night", "--to", "a@b@c"],
        ["profile", "save", "night", "--to", "host", "--workers", "99"],
        ["profile", "save", "night", "--to", "host", "--ca", "/some/file"],
        ["profile", "import", "/no/such/file"],
        ["profile", "export", "/no/such/folder/file"],
        ["--profile", "none", "echo"],
        ["echo"],
    ],
)
def test_wrong_usage_gives_2(words: list[str]) -> None:
    try:
        code = main(words)
    except SystemExit as ended:
        code = int(ended.code or 0)
    assert code == 2


def test_profiles_travel_in_a_file(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SAVE, "--bandwidth", "20"]) == 0
    file, elsewhere = str(tmp_path / "profiles.json"), str(tmp_path / "elsewhere")
    assert main(["profile", "export", file]) == 0
    assert main(["profile", "import", file, "--home", elsewhere]) == 0
    assert Profiles(Path(elsewhere)).all() == Profiles(home).all()
    assert main(["profile", "import", file, "--home", elsewhere]) == 2
    assert main(["profile", "import", file, "--home", elsewhere, "--replace"]) == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "does not hold profiles"),
        ("[]", "does not hold profiles"),
        ('{"version": 2, "profiles": []}', "version"),
        ('{"profiles": [{"name": "a b", "host": "h"}]}', "profiles.0.name"),
        ('{"profiles": [{"name": "a"}]}', "profiles.0.host"),
        ('{"profiles": [{"name": "a", "host": "h\\u0000"}]}', "profiles.0.host"),
        ('{"profiles": [{"name": "a", "host": "h\\u001b[2J"}]}', "profiles.0.host"),
        ('{"profiles": [{"name": "a", "host": "h", "port": 0}]}', "profiles.0.port"),
        ('{"profiles": [{"name": "a", "host": "h", "ae_title": "\\\\"}]}', "profiles.0.ae_title"),
        ('{"profiles": [{"name": "a", "host": "h"}, {"name": "a", "host": "h"}]}', "stands there twice"),
        (
            '{"profiles": [{"name": "a", "host": "h", "settings": {"send": {"workers": 0}}}]}',
            "settings.send.workers",
        ),
        (
            '{"profiles": [{"name": "a", "host": "h", "settings": {"tls": {"key_passphrase": "hunter2"}}}]}',
            "settings.tls.key_passphrase",
        ),
    ],
)
def test_a_file_that_is_wrong_is_refused_whole_with_the_place(
    content: str, words: str, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "import.json"
    file.write_text(content)
    assert main(["profile", "import", str(file)]) == 2
    told = capsys.readouterr().err
    assert words in told
    assert "hunter2" not in told
    assert Profiles(home).all() == ()


@pytest.mark.parametrize(
    "settings", ['"tls": {"tls": true, "ca": "\\u0000"}', '"tls": {"tls": true, "cert": "\\u0000"}']
)
def test_a_path_that_can_be_none_is_told_when_the_profile_is_used(
    settings: str, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "import.json"
    file.write_text(f'{{"profiles": [{{"name": "a", "host": "h", "settings": {{{settings}}}}}]}}')
    assert main(["profile", "import", str(file)]) == 0
    assert main(["echo", "a"]) == 2
    assert "cannot be read: not a path" in capsys.readouterr().err


@pytest.mark.parametrize("node", ["h:" + "9" * 5000, "h:0", "h:65536", "h:\u0663"])
def test_a_port_that_is_none_is_refused(node: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["echo", node]) == 2
    assert "dicom_migrator: " in capsys.readouterr().err


def test_a_file_that_is_far_too_long_is_refused_soon(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "import.json"
    profiles = ",".join(f'{{"name":"n{number}","host":"h"}}' for number in range(100_000))
    file.write_text(f'{{"profiles": [{profiles}]}}')
    started = time.process_time()
    for name in (str(file), *(["/dev/zero"] if os.name == "posix" else [])):
        assert main(["profile", "import", name]) == 2
        assert "is longer than" in capsys.readouterr().err
    assert time.process_time() - started < 5.0


def test_thousands_of_profiles_are_read(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "import.json"
    profiles = ",".join(f'{{"name":"n{number}","host":"h"}}' for number in range(20_000))
    file.write_text(f'{{"profiles": [{profiles}]}}')
    started = time.process_time()
    assert main(["profile", "import", str(file)]) == 0
    assert time.process_time() - started < 10.0


def test_a_damaged_file_of_our_own_is_told_and_not_overwritten(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / FILE_NAME).write_text("{")
    assert main(SAVE) == 2
    assert "does not hold profiles" in capsys.readouterr().err
    assert (home / FILE_NAME).read_text() == "{"


def test_files_are_saved_by_absolute_paths(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*SAVE, "--rules", "rules.txt"]) == 0
    assert Profiles(home).get("night").settings.rule.rules == str(tmp_path / "rules.txt")


def test_the_command_line_goes_before_the_profile_and_the_profile_before_defaults(home: Path) -> None:
    saved = Settings.model_validate({"send": {"workers": 2, "retries": 5}, "pace": {"adaptive": True}})
    Profiles(home).add([profile_of("night", Node("a.example", 4242, "PACS", "US"), saved)], replaces=False)
    node, settings = destination_of("night", read("--workers", "7", "--no-adaptive", "--calling-aet", "ME"))
    assert node == Node("a.example", 4242, "PACS", "ME")
    assert (settings.send.workers, settings.send.retries, settings.pace.adaptive) == (7, 5, False)
    assert settings.send.batch_size == Settings().send.batch_size


def test_the_option_gives_the_destination_or_the_settings_alone(home: Path) -> None:
    saved = Settings.model_validate({"send": {"workers": 2}})
    Profiles(home).add([profile_of("night", Node("a.example", 4242, "PACS", "US"), saved)], replaces=False)
    assert destination_of(None, read("--profile", "night"))[0] == Node("a.example", 4242, "PACS", "US")
    node, settings = destination_of("X@other.example:1", read("--profile", "night"))
    assert (node, settings.send.workers) == (Node("other.example", 1, "X", "US"), 2)
    assert destination_of("night", read("--profile", "night"))[0].host == "a.example"


def test_which_job_is_meant_needs_no_certificate(home: Path) -> None:
    saved = Settings.model_validate({"tls": {"tls": True, "ca": "/no/such/file"}})
    Profiles(home).add([profile_of("night", Node("a.example", 4242, "PACS"), saved)], replaces=False)
    node = address_of("night", argparse.Namespace(home=None))
    assert node == Node("a.example", 4242, "PACS")
    with pytest.raises(UsageError, match="cannot be read"):
        destination_of("night", read())


def test_two_profiles_at_once_are_refused(home: Path) -> None:
    profiles = [profile_of(name, Node(f"{name}.example"), Settings()) for name in ("night", "day")]
    Profiles(home).add(profiles, replaces=False)
    with pytest.raises(UsageError, match="another one"):
        destination_of("day", read("--profile", "night"))


def test_nothing_is_inherited_from_profiles_that_are_not_named(home: Path) -> None:
    saved = Settings.model_validate({"send": {"workers": 2}})
    Profiles(home).add([profile_of("night", Node("a.example"), saved)], replaces=False)
    node, settings = destination_of("a.example", read())
    assert (node, settings) == (Node("a.example"), Settings())


def test_a_profile_goes_before_a_host_of_the_same_name(home: Path) -> None:
    Profiles(home).add([profile_of("localhost", Node("a.example"), Settings())], replaces=False)
    assert destination_of("localhost", read())[0].host == "a.example"
    assert destination_of("localhost:104", read())[0].host == "localhost"


def test_echo_takes_a_profile_for_a_node(
    home: Path, storescp: Storescp, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["profile", "save", "scp", "--to", str(storescp.node)]) == 0
    capsys.readouterr()
    assert main(["echo", "scp"]) == 0
    assert main(["--profile", "scp", "echo", "--json"]) == 0
    assert str(storescp.node) in capsys.readouterr().out


def test_profiles_saved_at_the_same_time_are_all_kept(home: Path) -> None:
    def save(number: int) -> None:
        Profiles(home).add([Profile(name=f"p{number}", host="h")], replaces=False)

    threads = [threading.Thread(target=save, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {profile.name for profile in Profiles(home).all()} == {f"p{number}" for number in range(8)}
