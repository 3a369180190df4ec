"""Webhooks: POSTed to a real web server over TLS, in three shapes, and what is said of those that refuse."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from typing import Any

import pytest

from migrator.core.errors import NotDelivered, UsageError
from migrator.core.settings_notify import NotifySettings
from migrator.jobs import notifying
from migrator.notify.message import Failure, Message, Part
from migrator.notify.shapes import shaped
from migrator.notify.trust import trust
from migrator.notify.webhook import WebhookCarrier
from tests.notify.servers import Answer, SilentServer, WebServer
from tests.peers import free_port
from tests.tls.making import Authority

SECRET = "T0PS3CRET"
_LEDGER = {"found": 12, "sent": 9, "warned": 0, "skipped": 0, "held": 0, "failed": 3}
_STATES = ("found", "sent", "warned", "skipped", "held", "failed", "quarantined", "unknown", "pending")


def settings_for(shape: str = "json", **more: Any) -> NotifySettings:
    return NotifySettings.model_validate({"webhook": shape, **more})


def message(parts: int = 2) -> Message:
    part = Part(
        "PACS@host:104", _LEDGER, _LEDGER, 5_000_000, 2.0, "Verified: 1 study", (), (Failure("<no room>", 3),)
    )
    return Message(
        "failure",
        1.0,
        "3 failed & more",
        "Not <all>.",
        "bad",
        parts=(part,) * parts,
        seconds=3.0,
        exit_code=1,
    )


def posted(shape: str, authority: Authority) -> Any:
    with WebServer(authority.issue()) as server:
        url = f"https://127.0.0.1:{server.port}/hooks/{SECRET}"
        carrier = WebhookCarrier(url, shape, trust(authority.file, "--webhook-ca"))
        carrier.attempt_for(message())()
        (body,) = server.wait_for(1)
        assert server.paths == [f"/hooks/{SECRET}"]
        assert server.headers[0]["Content-Type"] == "application/json"
        return body


def test_generic_json_holds_the_ledgers_under_the_same_keys_as_everywhere(authority: Authority) -> None:
    body = posted("json", authority)
    assert {"event", "at", "version", "subject", "words", "exit_code", "seconds", "look"} <= set(body)
    assert set(_STATES) <= set(body)
    assert set(_STATES) == set(body["job"])
    assert (body["event"], body["exit_code"], body["found"], body["failed"]) == ("failure", 1, 24, 6)
    first = body["destinations"][0]
    assert (first["node"], first["run"]["failed"]) == ("PACS@host:104", 3)
    assert first["mb_per_second"] == 2.5
    assert first["failures"] == [{"reason": "<no room>", "count": 3, "advice": ""}]


def test_slack_gets_text_and_blocks_within_its_limits(authority: Authority) -> None:
    body = posted("slack", authority)
    assert "3 failed &amp; more" in body["text"]
    kinds = [block["type"] for block in body["blocks"]]
    assert kinds[:2] == ["header", "section"]
    assert "Not &lt;all&gt;." in body["blocks"][1]["text"]["text"]
    many = shaped(message(parts=60), "slack")
    assert len(many["blocks"]) <= 50
    assert all(len(block.get("text", {}).get("text", "")) <= 3000 for block in many["blocks"])


def test_teams_gets_an_adaptive_card_in_a_message_as_its_workflows_take_it(authority: Authority) -> None:
    body = posted("teams", authority)
    (attachment,) = body["attachments"]
    assert body["type"] == "message"
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert card["body"][0]["text"] == "3 failed & more"
    texts = [one["text"] for one in card["body"] if one["type"] == "TextBlock"]
    assert "This run: 12 found = 9 sent + 3 failed" in texts


@pytest.mark.parametrize("letter", ["a", "東", "&"])
def test_long_paths_of_many_destinations_stay_within_what_teams_and_slack_take(letter: str) -> None:
    paths = tuple(f"failed {letter * 3000}/{number}.dcm: refused" for number in range(60))
    for parts in (1, 60):
        long = replace(message(parts), problems=paths)
        card = json.dumps(shaped(long, "teams"), ensure_ascii=False, separators=(",", ":"))
        assert len(card.encode()) <= 28_000
        blocks = shaped(long, "slack")["blocks"]
        assert all(len(block.get("text", {}).get("text", "")) <= 3000 for block in blocks)
    texts = [one.get("text", "") for one in _card(replace(message(1), problems=paths))]
    assert [text for text in texts if text.startswith(f"failed {letter}")]


def _card(message: Message) -> list[dict[str, Any]]:
    return list(shaped(message, "teams")["attachments"][0]["content"]["body"])


def test_a_test_message_is_told_as_taken_without_the_address(authority: Authority) -> None:
    with WebServer(authority.issue()) as server:
        url = f"https://127.0.0.1:{server.port}/{SECRET}"
        words = notifying.test(settings_for(webhook_ca=authority.file), "webhook", url)
    assert words == "the webhook at 127.0.0.1 took the message"
    assert server.bodies[0]["event"] == "test"


def refused(url: str, **more: Any) -> NotDelivered:
    with pytest.raises(NotDelivered) as told:
        notifying.test(settings_for(**more), "webhook", url)
    assert SECRET not in str(told.value)
    assert told.value.__cause__ is None
    return told.value


@pytest.mark.parametrize(
    ("answer", "may_retry", "retry_after"),
    [
        (Answer(404), False, 0.0),
        (Answer(400), False, 0.0),
        (Answer(408), True, 0.0),
        (Answer(429, {"Retry-After": "7"}), True, 7.0),
        (Answer(429, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}), True, 0.0),
        (Answer(429, {"Retry-After": "soon"}), True, 0.0),
        (Answer(500), True, 0.0),
        (Answer(503, {"Retry-After": "99999999"}), True, 3600.0),
        (Answer(503, {"Retry-After": f"Mon, 01 Jan 2024 00:00:00 +{'9' * 16}"}), True, 0.0),
    ],
)
def test_only_what_is_refused_for_now_may_be_tried_again(
    answer: Answer, may_retry: bool, retry_after: float
) -> None:
    with WebServer(None, answer) as server:
        error = refused(f"http://127.0.0.1:{server.port}/{SECRET}")
    assert f"answered {answer.status}" in str(error)
    assert (error.may_retry, error.retry_after) == (may_retry, retry_after)


def test_a_redirect_is_not_followed() -> None:
    with WebServer() as other:
        leads = Answer(307, {"Location": f"http://127.0.0.1:{other.port}/"})
        with WebServer(None, leads) as server:
            error = refused(f"http://127.0.0.1:{server.port}/{SECRET}")
    assert "is not followed" in str(error)
    assert not error.may_retry
    assert other.bodies == []


def test_a_certificate_that_nobody_vouches_for_is_not_trusted(authority: Authority) -> None:
    with WebServer(authority.issue()) as server:
        error = refused(f"https://127.0.0.1:{server.port}/{SECRET}")
    assert "its certificate is not trusted" in str(error)
    assert "--webhook-ca" in str(error)
    assert not error.may_retry
    assert server.bodies == []


def test_an_address_where_nobody_listens_may_be_tried_again() -> None:
    error = refused(f"http://127.0.0.1:{free_port()}/{SECRET}")
    assert "cannot be reached" in str(error)
    assert error.may_retry


def test_an_address_that_says_nothing_is_given_up_after_a_while() -> None:
    with SilentServer() as server:
        url = f"http://127.0.0.1:{server.port}/{SECRET}"
        carrier = WebhookCarrier(url, "json", trust("", "--webhook-ca"), timeout=0.2)
        with pytest.raises(NotDelivered, match=r"no answer from the webhook at 127.0.0.1 within 0.2 s"):
            carrier.attempt_for(message())()
    assert SECRET not in repr(carrier)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (f"http://hooks.example/{SECRET}", "must begin with https"),
        (f"ftp://hooks.example/{SECRET}", "begins with https"),
        (f"{SECRET}", "begins with https"),
        (f"https:///{SECRET}", "begins with https"),
        (f"https://hooks.example:99999/{SECRET}", "begins with https"),
        (f"https://[::1/{SECRET}", "begins with https"),
        (f"https://hooks.example/{SECRET}\r\nX: y", "begins with https"),
        (f"https://user:{SECRET}@hooks.example/", "user name or a password"),
    ],
)
def test_what_is_no_safe_web_address_is_refused_without_repeating_it(url: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as told:
        notifying.test(settings_for(), "webhook", url)
    assert SECRET not in str(told.value)


def test_a_webhook_without_an_address_is_told_where_to_put_it() -> None:
    with pytest.raises(UsageError, match=r"no webhook address was found.*notify address"):
        notifying.test(settings_for(), "webhook")
    with pytest.raises(UsageError, match="no webhook is set"):
        notifying.test(NotifySettings(), "webhook")


def test_a_file_of_authorities_that_is_none_is_named(tmp_path: Any) -> None:
    empty = tmp_path / "ca.pem"
    empty.write_text("nothing")
    for file in (empty, tmp_path / "none"):
        with pytest.raises(UsageError, match=f"--webhook-ca {file}"):
            notifying.test(settings_for(webhook_ca=str(file)), "webhook", "https://127.0.0.1/")


def test_the_address_stands_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), WebServer() as server:
        notifying.test(settings_for(), "webhook", f"http://127.0.0.1:{server.port}/{SECRET}")
    assert SECRET not in caplog.text


def test_what_stays_on_this_machine_goes_through_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with SilentServer() as proxy, WebServer() as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        notifying.test(settings_for(), "webhook", f"http://127.0.0.1:{server.port}/{SECRET}")
    assert len(server.bodies) == 1


@pytest.mark.parametrize("proxy", ["socks5", "gopher", "http://[::1"])
def test_a_proxy_of_the_environment_that_cannot_be_used_is_told_of_without_its_password(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy if ":" in proxy else f"{proxy}://user:{SECRET}@127.0.0.1:1")
    error = refused(f"https://hooks.example/{SECRET}")
    assert "the proxy that the environment names" in str(error)
    assert not error.may_retry
