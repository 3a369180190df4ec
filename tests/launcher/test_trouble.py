"""What the launcher says when it cannot set up: in words, with exit code 6, leaving nothing behind."""

from __future__ import annotations

import errno
import functools
import http.server
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from migrator.bootstrap import SetupError, install, pips, trouble
from migrator.bootstrap.environment import environment_for
from migrator.bootstrap.fetch_pip import fetch_pip
from migrator.bootstrap.launch import ensure
from tests.launcher.making import TinyClone, make_wheel, write_lock
from tests.peers import free_port


class _QuietIndex(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def index(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A package index on loopback, and the folder that it serves: one folder per package."""
    folder = tmp_path / "simple"
    folder.mkdir()
    handler = functools.partial(_QuietIndex, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", folder
        server.shutdown()
        thread.join()


def fake_pip(clone: TinyClone, words: str) -> None:
    """Put a pip into the wheelhouse that says something and fails."""
    make_wheel(clone.wheelhouse, "pip", "99.0", f"raise SystemExit(print({words!r}) or 1)", "__main__")


def test_the_index_that_pip_is_told_to_use_is_used(clone: TinyClone, index: tuple[str, Path]) -> None:
    address, folder = index
    shutil.copytree(clone.wheelhouse, folder / "tiny-a")
    code, output, _ = clone.start(PIP_INDEX_URL=address)
    assert code == 17
    assert '"packages": "1.0"' in output


def test_no_network_is_told_in_words(clone: TinyClone) -> None:
    address = f"http://user:secret@127.0.0.1:{free_port()}/simple"
    code, output, errors = clone.start(PIP_INDEX_URL=address, PIP_RETRIES="1", PIP_TIMEOUT="5")
    assert (code, output) == (6, "")
    assert "no connection to the package index" in errors
    assert "--wheelhouse" in errors
    assert clone.environments() == []
    assert "secret" not in errors + (clone.cache / "install.log").read_text("utf-8")


def test_a_package_that_the_wheelhouse_lacks_is_named(clone: TinyClone) -> None:
    for wheel in clone.wheelhouse.glob("tiny*"):
        wheel.unlink()
    code, _, errors = clone.start_offline()
    assert code == 6
    assert "has tiny-a==1.0" in errors


def test_a_package_that_was_changed_is_refused(clone: TinyClone) -> None:
    make_wheel(clone.wheelhouse, "tiny-a", "1.0", "VERSION = 'tampered'")
    code, _, errors = clone.start_offline()
    assert code == 6
    assert "its hash differs" in errors
    assert clone.environments() == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("SSLError(SSLCertVerificationError('CERTIFICATE_VERIFY_FAILED'))", "PIP_CERT"),
        ("ProxyError('Cannot connect to proxy.')", "the proxy"),
        ("ERROR: 401 Client Error: Unauthorized for url", "refused"),
        ("PermissionError: [Errno 13] Permission denied: 'x'", "not permitted"),
        ("ERROR: something new", "something new"),
    ],
)
def test_what_pip_complains_about_is_told_in_words(clone: TinyClone, words: str, told: str) -> None:
    fake_pip(clone, words)
    with pytest.raises(SetupError, match=told):
        ensure(environment_for("base", clone.lock, clone.cache), clone.wheelhouse)
    assert clone.environments() == []
    assert words in (clone.cache / "install.log").read_text("utf-8")


def test_too_little_space_is_told_before_anything_is_downloaded(
    clone: TinyClone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trouble, "NEEDED_BYTES", 2**62)
    with pytest.raises(SetupError, match="MB are free"):
        ensure(environment_for("base", clone.lock, clone.cache), clone.wheelhouse)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (errno.ENOSPC, "no space"),
        (errno.EACCES, "no permission"),
        (errno.EROFS, "no permission"),
        (errno.EIO, "DICOM_MIGRATOR_CACHE"),
    ],
)
def test_what_the_system_refuses_is_told_in_words(code: int, told: str, tmp_path: Path) -> None:
    assert told in trouble.explain_os_error(OSError(code, "as the system says"), tmp_path)


@pytest.mark.parametrize(("options", "told"), [("ro", "no permission to write"), ("size=1m", "MB are free")])
def test_a_disk_that_cannot_be_used_is_told_in_words(clone: TinyClone, options: str, told: str) -> None:
    inside = [
        "unshare", "--mount", "sh", "-ec",
        f'mount -t tmpfs -o {options} none "{clone.home}"; exec "$@"', "sh",
    ]  # fmt: skip
    if shutil.which("unshare") is None or subprocess.run([*inside, "true"], capture_output=True).returncode:
        pytest.skip("mounting a file system needs root on Linux")
    done = subprocess.run(
        [*inside, sys.executable, str(clone.launcher), "demo"],
        env=clone.variables(DICOM_MIGRATOR_CACHE=str(clone.home / "cache")),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 6
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_without_any_pip_the_pinned_one_is_fetched_and_checked(
    clone: TinyClone, index: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, folder = index
    (folder / "pip").mkdir()
    wheel = make_wheel(folder / "pip", "pip", "99.0")
    lock = write_lock(clone.lock.with_name("pip.lock"), wheel)
    monkeypatch.setenv("PIP_INDEX_URL", address)
    assert fetch_pip(lock, clone.home).read_bytes() == wheel.read_bytes()
    make_wheel(folder / "pip", "pip", "99.0", "tampered = True")
    with pytest.raises(SetupError, match="is not the file"):
        fetch_pip(lock, clone.home)


def test_without_any_pip_and_index_the_missing_package_is_named(
    clone: TinyClone, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = write_lock(clone.lock.with_name("pip.lock"), make_wheel(clone.home, "pip", "99.0"))
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(SetupError, match="apt install python3-venv"):
        fetch_pip(lock, clone.home)


def test_an_installed_pip_serves_where_there_is_no_wheel_of_one(
    clone: TinyClone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pips, "_wheels", lambda wheelhouse: iter(()))
    monkeypatch.setattr(pips, "_installed", lambda: iter([["pip-of-the-system"]]))
    environment = environment_for("base", clone.lock, clone.cache)
    command = pips.find_pip(environment, None, clone.lock)
    assert command == ["pip-of-the-system", "--python", str(environment.python)]


def test_a_python_without_venv_names_the_package(clone: TinyClone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "venv", None)
    with pytest.raises(SetupError, match=r"python3\.\d+-venv"):
        install._make_empty(environment_for("base", clone.lock, clone.cache))
