"""What people are told, as it reaches them."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from migrator.jobs import notifying_words
from migrator.notify.mail import compose
from migrator.notify.message import Message, plain
from migrator.notify.trust import trust
from migrator.notify.webhook import WebhookCarrier
from migrator.records.words import span
from tests.notify.servers import WebServer


@pytest.mark.skipif(os.name == "nt", reason="its paths are text")
def test_a_disk_that_fills_is_told_of_also_where_its_folder_is_not_text() -> None:
    about = notifying_words.About(("PACS@host:104",), time.time(), "/source")
    folder = Path(os.fsdecode(b"/data/\xff/home"))
    message = notifying_words.disk_low(about, 10**9, 2.0, folder)
    assert "(/data/?/home) has 1.0 GB free" in plain(message)
    assert compose(message, "a@example.org", ["b@example.org"]).as_bytes()
    with WebServer() as server:
        url = f"http://127.0.0.1:{server.port}/"
        WebhookCarrier(url, "json", trust("", "--webhook-ca")).attempt_for(message)()
    assert "(/data/?/home)" in server.bodies[0]["words"][0]


@pytest.mark.parametrize("seconds", [8, 185, 600, 43_449])
def test_a_duration_reads_as_in_the_report(seconds: float) -> None:
    message = Message("test", 0.0, "A subject", "A headline.", seconds=seconds)
    assert f"Duration: {span(seconds)}\n" in plain(message)
