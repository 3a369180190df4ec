"""E-mails, handed to a real mail server and to several that behave badly."""

from __future__ import annotations

from collections.abc import Callable
from email.message import EmailMessage
from typing import Any

import pytest

from migrator.core.errors import NotDelivered, UsageError
from migrator.core.settings_notify import NotifySettings
from migrator.jobs import notifying
from migrator.notify import smtp
from migrator.notify.mail import compose
from migrator.notify.message import Message
from migrator.notify.places import Server
from migrator.notify.smtp import MailCarrier
from tests.notify.servers import PASSWORD, MailServer, SilentServer
from tests.peers import free_port
from tests.tls.making import Authority

Start = Callable[..., MailServer]
Mailing = dict[str, Any]


def settings_for(port: int, **more: Any) -> NotifySettings:
    values: Mailing = {
        "email_to": ("team@example.org",),
        "email_from": "migrator@example.org",
        "email_server": f"127.0.0.1:{port}",
        "email_security": "none",
    }
    return NotifySettings.model_validate(values | more)


def refused(settings: NotifySettings, password: str | None = None) -> NotDelivered:
    """What is said of an e-mail that is not delivered."""
    with pytest.raises(NotDelivered) as caught:
        notifying.test(settings, "email", password)
    return caught.value


def carrier_to(port: int, *recipients: str) -> MailCarrier:
    return MailCarrier(Server("127.0.0.1", port), "none", "migrator@example.org", recipients)


def some_message(**more: Any) -> Message:
    return Message("test", 1_795_270_000.0, "A subject", "A headline.", **more)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_an_email_goes_to_all_over_an_encrypted_way_after_a_login(
    security: str, authority: Authority, mail_server: Start
) -> None:
    server = mail_server(security=security, pair=authority.issue(), takes_logins=True)
    recipients = ("team@example.org", "night@example.org", "team@example.org")
    settings = settings_for(
        server.port,
        email_to=recipients,
        email_security=security,
        email_ca=authority.file,
        email_user="migrator",
    )
    words = notifying.test(settings, "email", PASSWORD)
    assert words.startswith(f"127.0.0.1:{server.port} took the e-mail to team@example.org, night@")
    (mail,) = server.wait_for(1)
    assert server.was_encrypted == [True]
    assert server.logins == [True]
    assert server.recipients == [["team@example.org", "night@example.org"]]
    assert mail["To"] == "team@example.org, night@example.org"


def test_an_email_is_plain_text_and_a_page_with_headers_that_tell_no_more_than_they_must(
    mail_server: Start,
) -> None:
    server = mail_server()
    notifying.test(settings_for(server.port), "email")
    (mail,) = server.wait_for(1)
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["From"] == "DICOM PACS Migrator <migrator@example.org>"
    assert mail["Message-ID"].endswith("@example.org>")
    assert mail["Date"].datetime.year > 2000
    assert set(mail.keys()) <= {
        *("Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted", "MIME-Version"),
        *("Content-Type", "Content-Transfer-Encoding", "X-Peer", "X-MailFrom", "X-RcptTo"),
    }
    assert server.senders == ["migrator@example.org"]


def test_what_is_told_cannot_add_headers_or_markup() -> None:
    evil = "Subject\r\nBcc: everybody@example.org\x00 <script>alert(1)</script>"
    mail = compose(Message("test", 0.0, evil, evil), "a@example.org", ["b@example.org"])
    parsed = mail.as_bytes().partition(b"\r\n\r\n")[0]
    assert b"\r\nBcc:" not in parsed
    page = part_of(mail, "html")
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_an_email_can_go_to_servers_that_take_no_more_than_ascii() -> None:
    mail = compose(
        Message("test", 0.0, "Zürich", "Zürich 東京", source="/ü"), "a@example.org", ["b@example.org"]
    )
    assert mail.as_bytes().isascii()
    assert "Zürich 東京" in part_of(mail, "plain")
    assert "Source: /ü" in part_of(mail, "plain")


def part_of(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_a_refused_login_is_said_and_not_tried_again(authority: Authority, mail_server: Start) -> None:
    server = mail_server(security="starttls", pair=authority.issue(), takes_logins=True)
    settings = settings_for(
        server.port, email_security="starttls", email_ca=authority.file, email_user="migrator"
    )
    error = refused(settings, "wrong horse")
    assert "refused the login as migrator (535)" in str(error)
    assert "wrong horse" not in str(error)
    assert not error.may_retry
    assert server.mails == []


@pytest.mark.parametrize("way", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("login", [("migrator", "pässwort 東京"), ("müller", PASSWORD)])
def test_a_login_may_have_letters_beyond_ascii(
    login: tuple[str, str], way: str, authority: Authority, mail_server: Start
) -> None:
    server = mail_server(security="tls", pair=authority.issue(), takes_logins=True, login=login, ways=(way,))
    user, password = login
    settings = settings_for(server.port, email_security="tls", email_ca=authority.file, email_user=user)
    notifying.test(settings, "email", password)
    assert server.logins == [True]
    assert len(server.mails) == 1


@pytest.mark.parametrize("password", ["fälsch", "not even text \udcff"])
@pytest.mark.parametrize("ways", [("PLAIN",), ("LOGIN",), ()])
def test_a_password_beyond_ascii_that_is_not_taken_is_told_as_that_and_quoted_nowhere(
    ways: tuple[str, ...], password: str, authority: Authority, mail_server: Start
) -> None:
    server = mail_server(security="tls", pair=authority.issue(), takes_logins=bool(ways), ways=ways)
    settings = settings_for(server.port, email_security="tls", email_ca=authority.file, email_user="migrator")
    error = refused(settings, password)
    words = "refused the login as migrator (535)" if ways else "lets nobody log in with a password"
    assert words in str(error)
    assert not error.may_retry
    assert error.__cause__ is None
    assert server.mails == []


def test_a_server_that_lets_nobody_log_in_is_told_of(mail_server: Start) -> None:
    error = refused(settings_for(mail_server().port, email_user="migrator"), PASSWORD)
    assert "lets nobody log in with a password" in str(error)
    assert not error.may_retry


def test_a_server_whose_challenge_is_no_base64_is_told_of(authority: Authority, mail_server: Start) -> None:
    server = mail_server(security="tls", pair=authority.issue(), takes_logins=True, ways=("CRAM-MD5",))
    settings = settings_for(server.port, email_security="tls", email_ca=authority.file, email_user="migrator")
    error = refused(settings, PASSWORD)
    assert "does not ask for the login in base64" in str(error)
    assert not error.may_retry
    assert server.mails == []


def test_without_starttls_nothing_is_sent_and_no_password_either(mail_server: Start) -> None:
    server = mail_server()
    error = refused(settings_for(server.port, email_security="starttls", email_user="migrator"), PASSWORD)
    assert "does not offer STARTTLS" in str(error)
    assert "--email-security tls" in str(error)
    assert not error.may_retry
    assert (server.mails, server.logins) == ([], [])


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_that_nobody_vouches_for_is_not_trusted(
    security: str, authority: Authority, mail_server: Start
) -> None:
    server = mail_server(security=security, pair=authority.issue())
    error = refused(settings_for(server.port, email_security=security))
    assert "its certificate is not trusted" in str(error)
    assert "--email-ca" in str(error)
    assert not error.may_retry
    assert server.mails == []


def test_a_certificate_of_another_host_is_not_trusted(authority: Authority, mail_server: Start) -> None:
    server = mail_server(security="tls", pair=authority.issue("other.example"))
    settings = settings_for(server.port, email_security="tls", email_ca=authority.file)
    assert "its certificate is not trusted" in str(refused(settings))


def test_a_server_that_speaks_no_tls_is_told_of(mail_server: Start) -> None:
    error = refused(settings_for(mail_server().port, email_security="tls"))
    assert "no secure connection" in str(error)
    assert not error.may_retry


def test_a_server_that_says_nothing_is_given_up_after_a_while() -> None:
    with SilentServer() as server:
        carrier = MailCarrier(
            Server("127.0.0.1", server.port), "none", "a@example.org", ("b@example.org",), timeout=0.2
        )
        with pytest.raises(
            NotDelivered, match=f"no answer from 127.0.0.1:{server.port} within 0.2 s"
        ) as told:
            carrier.attempt_for(some_message())()
    assert told.value.may_retry


def test_a_server_that_is_not_there_may_be_tried_again() -> None:
    error = refused(settings_for(free_port()))
    assert "cannot be reached" in str(error)
    assert error.may_retry


def test_a_server_that_leaves_in_the_middle_may_be_tried_again(mail_server: Start) -> None:
    error = refused(settings_for(mail_server(drops_at="MAIL").port))
    assert "closed the connection" in str(error)
    assert error.may_retry


@pytest.mark.parametrize(("answer", "may_retry"), [("451 later", True), ("554 spam", False)])
def test_only_what_a_server_refuses_for_now_may_be_tried_again(
    answer: str, may_retry: bool, mail_server: Start
) -> None:
    error = refused(settings_for(mail_server(data_answers=(answer,)).port))
    assert answer in str(error)
    assert error.may_retry is may_retry


def test_who_has_the_email_does_not_get_it_again_when_others_are_greylisted(mail_server: Start) -> None:
    later = ("451 try later", "250 OK")
    server = mail_server(answers={"slow@example.org": later, "gone@example.org": ("550 nobody",)})
    attempt = carrier_to(server.port, "quick@example.org", "slow@example.org").attempt_for(some_message())
    with pytest.raises(NotDelivered, match=r"slow@example.org: 451 try later") as told:
        attempt()
    assert told.value.may_retry
    attempt()
    assert server.recipients == [["quick@example.org"], ["slow@example.org"]]
    assert server.mails[0]["Message-ID"] == server.mails[1]["Message-ID"]
    with pytest.raises(NotDelivered, match=r"gone@example.org: 550 nobody") as told:
        carrier_to(server.port, "gone@example.org").attempt_for(some_message())()
    assert not told.value.may_retry


def test_a_password_never_stands_in_what_a_carrier_says_of_itself() -> None:
    server = Server("mail.example", 587)
    carrier = MailCarrier(server, "tls", "a@example.org", ("b@example.org",), "user", PASSWORD)
    assert PASSWORD not in repr(carrier)


@pytest.mark.parametrize("lacking", ["email_to", "email_from", "email_server"])
def test_an_email_needs_sender_recipient_and_server(lacking: str) -> None:
    settings = settings_for(25, **{lacking: () if lacking == "email_to" else ""})
    with pytest.raises(UsageError, match=f"--{lacking.replace('_', '-')} is missing"):
        notifying.test(settings, "email")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nobody",
        "a@",
        "@example.org",
        "a b@example.org",
        "a@example.org\r\nBcc: c@example.org",
        "a@example.org,b@example.org",
        "<a@example.org>",
        "a@exa mple.org",
        "ä@example.org",
        "a@b@c",
    ],
)
def test_what_is_no_mail_address_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="is not a mail address"):
        notifying.test(settings_for(25, email_to=(address,)), "email")


@pytest.mark.parametrize(
    "server", ["a b", "host:0", "host:99999", "host:port", "[::1]x", "https://host", "-x"]
)
def test_what_is_no_mail_server_is_refused(server: str) -> None:
    with pytest.raises(UsageError, match=r"mail server|port must be"):
        notifying.test(settings_for(25, email_server=server), "email")


def test_no_password_goes_over_an_open_network() -> None:
    settings = settings_for(25, email_server="mail.example", email_user="migrator")
    with pytest.raises(UsageError, match="unencrypted"):
        notifying.test(settings, "email", PASSWORD)


def test_a_user_without_a_password_is_told_where_to_put_it() -> None:
    settings = settings_for(25, email_user="migrator")
    with pytest.raises(UsageError, match=r"no e-mail password was found.*notify password"):
        notifying.test(settings, "email")


def test_each_way_of_encryption_has_its_own_port() -> None:
    from migrator.notify.places import mail_server as read

    assert [read("host", one).port for one in ("starttls", "tls", "none")] == [587, 465, 25]
    assert str(read("[::1]:2525", "tls")) == "[::1]:2525"
    assert smtp.SECONDS <= 30
