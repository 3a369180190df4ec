"""notify test, password and address."""

from __future__ import annotations

import getpass
import io
import json
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from migrator.cli.main import main
from migrator.jobs.secrets import SERVICE
from tests.notify.servers import PASSWORD, MailServer, WebServer
from tests.notify.test_runs import mailing
from tests.tls.making import Authority
from tests.tls.test_secrets import MemoryKeyring

Start = Callable[..., MailServer]
SECRET = "T0PS3CRET"


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What somebody types at the prompt."""
    answers: list[str] = []
    prompts: list[str] = []

    def ask(prompt: str) -> str:
        prompts.append(prompt)
        if not answers:
            raise EOFError
        return answers.pop(0)

    monkeypatch.setattr(getpass, "getpass", ask)
    yield answers
    assert prompts


def test_a_test_email_logs_in_with_the_password_that_was_typed_once(
    authority: Authority,
    mail_server: Start,
    typed: list[str],
    ring: MemoryKeyring,
    capsys: pytest.CaptureFixture[str],
) -> None:
    typed.append(PASSWORD)
    assert main(["notify", "password"]) == 0
    assert ring.kept == {(SERVICE, "e-mail password"): PASSWORD}
    server = mail_server(security="starttls", pair=authority.issue(), takes_logins=True)
    way = ("--email-security", "starttls", "--email-ca", authority.file, "--email-user", "migrator")
    assert main(["notify", "test", *mailing(server), *way]) == 0
    assert server.logins == [True]
    captured = capsys.readouterr()
    assert f"email: 127.0.0.1:{server.port} took the e-mail to team@example.org" in captured.out
    assert PASSWORD not in captured.out + captured.err


def test_an_address_is_checked_kept_and_forgotten_and_never_shown(
    typed: list[str], ring: MemoryKeyring, capsys: pytest.CaptureFixture[str]
) -> None:
    ring.delete_password = lambda service, user: ring.kept.pop((service, user))  # type: ignore[method-assign]
    typed += [f"http://hooks.example/{SECRET}", f"https://hooks.example/{SECRET}", ""]
    assert main(["notify", "address"]) == 2
    assert ring.kept == {}
    assert main(["notify", "address"]) == 0
    assert ring.kept == {(SERVICE, "webhook address"): f"https://hooks.example/{SECRET}"}
    assert main(["notify", "address", "--json"]) == 0
    assert ring.kept == {}
    captured = capsys.readouterr()
    assert SECRET not in captured.out + captured.err
    assert "has forgotten the webhook address" in captured.out


def test_a_secret_may_come_from_a_pipe(
    ring: MemoryKeyring, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fall_back(prompt: str) -> str:
        warnings.warn("Can not control echo on the terminal.", getpass.GetPassWarning, stacklevel=2)
        return sys.stdin.readline().rstrip("\n")

    monkeypatch.setattr(getpass, "getpass", fall_back)
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{PASSWORD}\n"))
    assert main(["notify", "password"]) == 0
    assert ring.kept == {(SERVICE, "e-mail password"): PASSWORD}
    assert "GetPassWarning" not in capsys.readouterr().err


def test_where_nobody_can_be_asked_the_command_says_so(
    typed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["notify", "password"]) == 2
    assert "nobody to ask for the e-mail password" in capsys.readouterr().err
    typed.clear()


def test_all_that_is_set_is_tried_also_from_a_file_of_settings(
    authority: Authority, mail_server: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = mail_server()
    with WebServer(authority.issue()) as web:
        secret, file = tmp_path / "address", tmp_path / "settings.json"
        secret.write_text(f"https://127.0.0.1:{web.port}/{SECRET}\n")
        secret.chmod(0o600)
        notify: dict[str, Any] = {
            "email_to": ["team@example.org"],
            "email_from": "migrator@example.org",
            "email_server": f"127.0.0.1:{server.port}",
            "email_security": "none",
            "webhook": "slack",
            "webhook_file": str(secret),
            "webhook_ca": authority.file,
        }
        file.write_text(json.dumps({"settings": {"notify": notify}}))
        assert main(["notify", "test", "--settings", str(file), "--json"]) == 0
        told = json.loads(capsys.readouterr().out)["told"]
        assert [(one["kind"], one["delivered"]) for one in told] == [("email", True), ("webhook", True)]
        assert main(["notify", "test", "webhook", "--settings", str(file), "--webhook", "teams"]) == 0
    assert (len(server.mails), len(web.bodies)) == (1, 2)
    assert SECRET not in capsys.readouterr().out


def test_what_is_not_delivered_ends_with_exit_code_1_and_the_reason(
    mail_server: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    server = mail_server(data_answers=("554 no",))
    assert main(["notify", "test", "email", *mailing(server)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "did not take the e-mail: 554 no" in captured.err


def test_where_nobody_is_to_be_told_the_command_says_what_is_lacking(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["notify", "test"]) == 2
    assert main(["notify", "test", "webhook"]) == 2
    assert main(["notify", "password", "email"]) == 2
    told = capsys.readouterr().err
    assert "nobody is to be told" in told
    assert "no webhook is set" in told
    assert "takes no settings" in told


def test_a_profile_says_who_is_told(
    mail_server: Start, capsys: pytest.CaptureFixture[str], data_directory: Path
) -> None:
    server = mail_server()
    assert main(["profile", "save", "night", "--to", "PACS@host:104", *mailing(server)]) == 0
    assert main(["--profile", "night", "notify", "test"]) == 0
    assert len(server.mails) == 1
    assert "team@example.org" in (data_directory / "profiles.json").read_text()
