"""The monitor over TLS: a certificate that is made and kept, or one's own."""

from __future__ import annotations

import hashlib
import os
import socket
import ssl
import stat
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from migrator.core.errors import UsageError
from migrator.monitor import certificate, connections
from tests.monitor.made_up import LIMIT, Run, read_all, served

pytest.importorskip("cryptography", reason="there is no wheel of cryptography for this system")
trustme = pytest.importorskip("trustme")


def shown_by(run: Run) -> bytes:
    """The certificate that the server shows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", run.port), LIMIT) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secured,
    ):
        cert = secured.getpeercert(binary_form=True)
        assert cert is not None
        return cert


def kept(home: Path) -> Path:
    return home / "monitor-tls" / "certificate.pem"


def test_a_certificate_is_made_for_its_names_and_its_fingerprint_is_told(tmp_path: Path) -> None:
    with served(tmp_path, monitor_tls=True) as run:
        assert run.place.address == f"https://127.0.0.1:{run.port}"
        digest = hashlib.sha256(shown_by(run)).hexdigest().upper()
        assert run.place.fingerprint.replace(":", "") == digest
        assert run.said == []
        trusting = ssl.create_default_context(cafile=str(kept(tmp_path)))
        for host in ("localhost", "127.0.0.1"):
            with (
                socket.create_connection(("127.0.0.1", run.port), LIMIT) as plain,
                trusting.wrap_socket(plain, server_hostname=host) as secured,
            ):
                assert secured.version() in ("TLSv1.2", "TLSv1.3")


def test_the_made_certificate_is_private_and_used_again(tmp_path: Path) -> None:
    with served(tmp_path, monitor_tls=True) as run:
        first = run.place.fingerprint
    if os.name == "posix":
        assert stat.S_IMODE(kept(tmp_path).stat().st_mode) == 0o600
        assert stat.S_IMODE(kept(tmp_path).parent.stat().st_mode) == 0o700
    with served(tmp_path, monitor_tls=True) as run:
        assert run.place.fingerprint == first


def test_another_one_is_made_when_its_end_is_near(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificate, "_LASTS", timedelta(days=20))
    with served(tmp_path, monitor_tls=True) as run:
        first = run.place.fingerprint
    with served(tmp_path, monitor_tls=True) as run:
        assert run.place.fingerprint != first


def test_another_one_is_made_for_another_address(tmp_path: Path) -> None:
    file = kept(tmp_path)
    certificate._made(file, ["198.51.100.7"])
    before = file.read_bytes()
    with served(tmp_path, monitor_tls=True):
        assert file.read_bytes() != before


def test_a_damaged_one_is_made_anew(tmp_path: Path) -> None:
    kept(tmp_path).parent.mkdir()
    kept(tmp_path).write_text("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
    with served(tmp_path, monitor_tls=True) as run:
        assert shown_by(run)


def test_over_tls_the_cookie_never_travels_in_the_clear(tmp_path: Path) -> None:
    with served(tmp_path, monitor_tls=True, monitor_control=True) as run, run.paired(verify=False) as client:
        answer = client.post("/api/pair", json={"code": run.place.code})
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith(f"__Host-monitor-{run.port}=")
        assert "; Secure" in cookie
        assert client.get("/api/snapshot").json()["found"] == 100
        own = {"origin": run.url, "x-csrf-token": answer.json()["csrf"]}
        assert client.post("/api/control", json={"do": "pause"}, headers=own).status_code == 200


def test_ones_own_certificate_is_served(tmp_path: Path) -> None:
    authority = trustme.CA()
    own = authority.issue_cert("127.0.0.1", "localhost")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    cert.write_bytes(own.cert_chain_pems[0].bytes())
    key.write_bytes(own.private_key_pem.bytes())
    context = ssl.create_default_context()
    authority.configure_trust(context)
    settings = {"monitor_cert": str(cert), "monitor_key": str(key)}
    with served(tmp_path, **settings) as run, run.client(verify=context) as client:
        assert client.get("/api/snapshot").json()["found"] == 100
    assert not kept(tmp_path).exists()


def test_an_encrypted_key_opens_with_its_passphrase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cryptography.hazmat.primitives import serialization

    own = trustme.CA().issue_cert("localhost")
    key = serialization.load_pem_private_key(own.private_key_pem.bytes(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"open sesame"),
    )
    file = tmp_path / "both.pem"
    file.write_bytes(own.cert_chain_pems[0].bytes() + locked)
    monkeypatch.setenv("DICOM_MIGRATOR_KEY_PASSPHRASE", "open sesame")
    with served(tmp_path, monitor_cert=str(file)) as run:
        assert shown_by(run)
    monkeypatch.setenv("DICOM_MIGRATOR_KEY_PASSPHRASE", "wrong")
    with pytest.raises(UsageError, match="does not open"), served(tmp_path, monitor_cert=str(file)):
        pass


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"monitor_cert": "{folder}/nowhere.pem"}, "cannot be read"),
        ({"monitor_cert": "{folder}/text.pem"}, "not in PEM form"),
        ({"monitor_cert": "{folder}/cert.pem"}, "holds no key"),
        ({"monitor_cert": "{folder}/cert.pem", "monitor_key": "{folder}/other.pem"}, "do not fit together"),
        ({"monitor_key": "{folder}/other.pem"}, "name that too"),
    ],
)
def test_a_certificate_that_cannot_be_used_is_told_before_anything_runs(
    tmp_path: Path, settings: dict[str, str], words: str
) -> None:
    authority = trustme.CA()
    (tmp_path / "text.pem").write_text("hello")
    (tmp_path / "cert.pem").write_bytes(authority.issue_cert("a.example").cert_chain_pems[0].bytes())
    (tmp_path / "other.pem").write_bytes(authority.issue_cert("b.example").private_key_pem.bytes())
    named = {name: value.format(folder=tmp_path) for name, value in settings.items()}
    with pytest.raises(UsageError, match=words), served(tmp_path, **named):
        pass


def test_who_speaks_no_tls_or_begins_it_and_falls_silent_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(tmp_path, monitor_tls=True) as run:
        with monkeypatch.context() as patched, closing(run.raw()) as silent:
            patched.setattr(connections, "_HANDSHAKE", 0.3)
            assert read_all(silent) == b""
        assert b"HTTP" not in run.say(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert shown_by(run)


def test_many_who_only_begin_do_not_keep_others_out(tmp_path: Path) -> None:
    with served(tmp_path, monitor_tls=True) as run:
        silent = [run.raw() for _ in range(120)]
        try:
            assert shown_by(run)
        finally:
            for one in silent:
                one.close()


def test_tls_older_than_1_2_is_refused(tmp_path: Path) -> None:
    with served(tmp_path, monitor_tls=True):
        pass
    used = certificate._of_files(kept(tmp_path), kept(tmp_path), lambda words: None)
    assert used.context.minimum_version == ssl.TLSVersion.TLSv1_2
