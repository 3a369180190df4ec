"""The passphrase of our key: from a file, the environment or the keyring; and nodes made from options."""

from __future__ import annotations

import getpass
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import NoKeyringError

from migrator.cli.main import main
from migrator.core.errors import UsageError
from migrator.core.model import Node
from migrator.core.settings import TlsSettings
from migrator.jobs import secrets
from migrator.jobs.nodes import node_of
from migrator.jobs.profile import Profiles
from migrator.jobs.secrets import SERVICE, passphrase_of
from tests.peers import Storescp
from tests.tls.making import PASSPHRASE, Authority, Pair, encrypted, storescp_options


class MemoryKeyring(KeyringBackend):  # type: ignore[misc]
    """A system's keyring that forgets; `breaks` has it fail as an absent one does."""

    priority = 1

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}
        self.breaks: Exception | None = None
        self.asked = 0
        self.is_unlocked = threading.Event()
        self.is_unlocked.set()

    def get_password(self, service: str, username: str) -> str | None:
        self.asked += 1
        self.is_unlocked.wait(30)
        if self.breaks is not None:
            raise self.breaks
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if self.breaks is not None:
            raise self.breaks
        self.kept[service, username] = password


@pytest.fixture(autouse=True)
def ring(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryKeyring]:
    """No test asks the keyring of this machine."""
    monkeypatch.delenv("DICOM_MIGRATOR_KEY_PASSPHRASE", raising=False)
    before, memory = keyring.get_keyring(), MemoryKeyring()
    keyring.set_keyring(memory)
    yield memory
    keyring.set_keyring(before)


@pytest.fixture
def ours(authority: Authority) -> Pair:
    return encrypted(authority.issue("migrator.example"))


def secret_file(folder: Path, mode: int = 0o600, text: str = PASSPHRASE + "\n") -> str:
    file = folder / "secret"
    file.write_text(text)
    file.chmod(mode)
    return str(file)


def settings_of(authority: Authority, pair: Pair, **more: Any) -> TlsSettings:
    return TlsSettings(tls=True, ca=authority.file, cert=pair.cert, key=pair.key, **more)


def test_a_file_goes_before_the_environment_and_that_before_the_keyring(
    tmp_path: Path, ring: MemoryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring.kept[SERVICE, str(tmp_path / "key.pem")] = "from the keyring"
    key, warnings = str(tmp_path / "key.pem"), list[str]()
    assert passphrase_of(key).read("", warnings.append) == "from the keyring"
    monkeypatch.setenv("DICOM_MIGRATOR_KEY_PASSPHRASE", "from the environment")
    assert passphrase_of(key).read("", warnings.append) == "from the environment"
    assert passphrase_of(key).read(secret_file(tmp_path), warnings.append) == PASSPHRASE
    assert warnings == []


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_a_passphrase_file_that_others_can_read_is_warned_of(tmp_path: Path) -> None:
    warnings: list[str] = []
    assert passphrase_of("key").read(secret_file(tmp_path, 0o644), warnings.append) == PASSPHRASE
    assert "can be read by others" in warnings[0]
    assert PASSPHRASE not in warnings[0]


@pytest.mark.parametrize("text", ["", "\n", "one\ntwo\n"])
def test_a_passphrase_file_without_one_line_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="must hold one line"):
        passphrase_of("key").read(secret_file(tmp_path, text=text), lambda words: None)


def test_a_passphrase_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="none cannot be read"):
        passphrase_of("key").read(str(tmp_path / "none"), lambda words: None)


@pytest.mark.parametrize("trouble", [NoKeyringError("none here"), RuntimeError("dbus"), KeyError("item")])
def test_a_keyring_that_is_absent_or_fails_only_knows_nothing(
    trouble: Exception, ring: MemoryKeyring, authority: Authority, ours: Pair
) -> None:
    ring.breaks = trouble
    with pytest.raises(UsageError, match="no passphrase for it was found"):
        node_of(Node("host"), settings_of(authority, ours))


def test_a_keyring_that_waits_for_somebody_to_unlock_it_holds_up_no_run(
    ring: MemoryKeyring, authority: Authority, ours: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "KEYRING_SECONDS", 0.2)
    ring.is_unlocked.clear()
    told: list[str] = []
    started = time.monotonic()
    with pytest.raises(UsageError, match="no passphrase for it was found"):
        node_of(Node("host"), settings_of(authority, ours), told.append)
    assert time.monotonic() - started < 20.0
    assert told == ["the system's keyring did not answer; it may be locked"]
    ring.is_unlocked.set()


def test_the_keyring_is_asked_only_for_a_key_that_is_encrypted(
    ring: MemoryKeyring, authority: Authority, ours: Pair
) -> None:
    node_of(Node("host"), settings_of(authority, authority.issue("other.example")))
    assert ring.asked == 0
    ring.kept[SERVICE, ours.key] = PASSPHRASE
    node = node_of(Node("host"), settings_of(authority, ours))
    assert ring.asked == 1
    assert node.tls is not None
    assert node.tls.key_passphrase == PASSPHRASE


@pytest.mark.parametrize("option", ["ca", "cert", "key", "key_passphrase_file"])
def test_options_of_tls_without_tls_are_refused_lest_nothing_be_encrypted(option: str) -> None:
    with pytest.raises(UsageError, match="means nothing without --tls"):
        node_of(Node("host"), TlsSettings(**{option: "file"}))  # type: ignore[arg-type]


def test_no_tls_turns_off_what_a_profile_turned_on(authority: Authority) -> None:
    node = Node("host")
    assert node_of(node, TlsSettings(tls=False, ca=authority.file)) is node


def test_echo_speaks_tls_with_a_passphrase_from_a_file(
    authority: Authority,
    ours: Pair,
    tmp_path: Path,
    start_peer: Callable[..., Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    peer = start_peer(Storescp, storescp_options(authority.issue(), authority.file))
    options = ["--tls", "--ca", authority.file, "--cert", ours.cert, "--key", ours.key]
    secret = ["--key-passphrase-file", secret_file(tmp_path, 0o640)]
    assert main(["echo", str(peer.node), *options, *secret]) == 0
    captured = capsys.readouterr()
    assert "answers: C-ECHO" in captured.out
    assert "warning: the passphrase file" in captured.err
    assert main(["echo", str(peer.node), *options]) == 2
    assert main(["echo", str(peer.node), "--tls", "--ca", authority.file]) == 3
    assert "asks for a certificate of ours" in capsys.readouterr().err


def test_a_profile_keeps_paths_and_the_keyring_keeps_the_passphrase(
    authority: Authority,
    ours: Pair,
    data_directory: Path,
    ring: MemoryKeyring,
    start_peer: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    peer = start_peer(Storescp, storescp_options(authority.issue(), authority.file))
    monkeypatch.setattr(getpass, "getpass", lambda prompt: PASSPHRASE)
    options = ["--tls", "--ca", authority.file, "--cert", ours.cert, "--key", ours.key]
    assert main(["profile", "save", "safe", "--to", str(peer.node), *options, "--ask-passphrase"]) == 0
    assert ring.kept == {(SERVICE, ours.key): PASSPHRASE}
    assert main(["echo", "safe"]) == 0
    assert Profiles(data_directory).get("safe").settings.tls.key == ours.key
    assert all(PASSPHRASE not in file.read_text() for file in data_directory.rglob("*") if file.is_file())


def test_a_keyring_that_cannot_keep_is_told(
    ring: MemoryKeyring, ours: Pair, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ring.breaks = NoKeyringError("none here")
    monkeypatch.setattr(getpass, "getpass", lambda prompt: PASSPHRASE)
    words = ["profile", "save", "safe", "--to", "host", "--tls", "--cert", ours.cert, "--key", ours.key]
    assert main([*words, "--ask-passphrase"]) == 2
    told = capsys.readouterr().err
    assert "cannot keep the passphrase" in told
    assert PASSPHRASE not in told


def test_a_machine_without_any_keyring_is_no_trouble(authority: Authority, ours: Pair) -> None:
    """In a process of its own, with the real backends and no session bus."""
    code = (
        "import sys; from migrator.jobs.secrets import passphrase_of; "
        "print(repr(passphrase_of(sys.argv[1]).read('', print)))"
    )
    hidden = ("DBUS", "DISPLAY", "WAYLAND", "DICOM_MIGRATOR_KEY_PASSPHRASE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    command = [sys.executable, "-c", code, ours.key]
    done = subprocess.run(command, env=kept, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "''\n"
