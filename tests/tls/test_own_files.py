"""Files of certificates and keys that are not what they should be are told before anything is connected."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from migrator.core.errors import TlsRefused, UsageError
from migrator.core.model import Node, Tls
from migrator.dicom.association import Timeouts
from migrator.dicom.probe import echo
from migrator.dicom.tls import context_of, needs_passphrase
from tests.tls.making import PASSPHRASE, Authority, encrypted


def refusal_of(tls: Tls) -> str:
    with pytest.raises(UsageError) as caught:
        context_of(tls)
    assert tls.key_passphrase == "" or tls.key_passphrase not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("field", ["ca", "cert", "key"])
def test_a_file_that_is_missing_is_named(field: str, authority: Authority, tmp_path: Path) -> None:
    pair = authority.issue()
    files = {"ca": authority.file, "cert": pair.cert, "key": pair.key} | {field: str(tmp_path / "none.pem")}
    assert "none.pem cannot be read: No such file" in refusal_of(Tls(**files))  # type: ignore[arg-type]


@pytest.mark.parametrize("field", ["ca", "cert", "key"])
def test_a_file_that_is_no_pem_is_named(field: str, authority: Authority, tmp_path: Path) -> None:
    pair, other = authority.issue(), tmp_path / "other.txt"
    other.write_text("not a certificate")
    files = {"ca": authority.file, "cert": pair.cert, "key": pair.key} | {field: str(other)}
    words = refusal_of(Tls(**files))  # type: ignore[arg-type]
    assert "other.txt" in words
    assert "PEM" in words


def test_a_key_of_another_certificate_is_refused(authority: Authority) -> None:
    ours, other = authority.issue("a.example"), authority.issue("b.example")
    assert "does not belong to the certificate" in refusal_of(Tls(authority.file, ours.cert, other.key))


def test_a_certificate_without_its_key_asks_for_the_keys_file(authority: Authority) -> None:
    assert "holds no key; name the key's file (--key)" in refusal_of(
        Tls(authority.file, authority.issue().cert)
    )


def test_a_key_without_a_certificate_is_refused(authority: Authority) -> None:
    assert "needs the certificate" in refusal_of(Tls(authority.file, key=authority.issue().key))


def test_key_and_certificate_may_share_a_file(authority: Authority, tmp_path: Path) -> None:
    pair, both = authority.issue(), tmp_path / "both.pem"
    both.write_bytes(Path(pair.key).read_bytes() + Path(pair.cert).read_bytes())
    context_of(Tls(authority.file, str(both)))


def test_an_encrypted_key_opens_with_its_passphrase_alone(authority: Authority) -> None:
    pair = encrypted(authority.issue())
    assert needs_passphrase(Tls(cert=pair.cert, key=pair.key))
    context_of(Tls(authority.file, pair.cert, pair.key, key_passphrase=PASSPHRASE))
    assert "does not open the key" in refusal_of(
        Tls(authority.file, pair.cert, pair.key, key_passphrase="wrong secret")
    )
    assert "is encrypted, and no passphrase" in refusal_of(Tls(authority.file, pair.cert, pair.key))
    assert "longer than" in refusal_of(Tls(authority.file, pair.cert, pair.key, key_passphrase="x" * 2000))


def test_a_passphrase_stands_in_no_text_of_its_settings() -> None:
    assert "secret" not in repr(Tls(key_passphrase="secret"))
    assert "secret" not in repr(Node("host", tls=Tls(key_passphrase="secret")))


def test_the_context_is_made_once_and_anew_for_a_certificate_that_was_renewed(authority: Authority) -> None:
    tls = Tls(authority.file)
    first = context_of(tls)
    assert context_of(Tls(authority.file)) is first
    os.utime(authority.file, ns=(1, 1))
    assert context_of(tls) is not first


def test_files_that_vanish_in_the_run_stop_it_with_words(tmp_path: Path) -> None:
    node = Node("127.0.0.1", 1, tls=Tls(ca=str(tmp_path / "gone.pem")))
    with pytest.raises(TlsRefused, match=r"gone\.pem cannot be read"):
        echo(node, Timeouts(1.0, 1.0, 1.0))


def test_only_what_the_profile_allows_is_offered(authority: Authority) -> None:
    """RFC 9325 4.2 and PS3.15 B.12: TLS 1.2 and later, forward secrecy, AES-GCM."""
    names = {cipher["name"] for cipher in context_of(Tls(authority.file)).get_ciphers()}
    of_version_1_2 = {name for name in names if not name.startswith("TLS_")}
    assert "ECDHE-RSA-AES128-GCM-SHA256" in of_version_1_2
    assert all(name.startswith(("ECDHE-", "DHE-")) and "-GCM-" in name for name in of_version_1_2)
