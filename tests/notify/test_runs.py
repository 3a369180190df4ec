"""Whole migrations, and what people are told of them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from migrator.core.control import Control
from migrator.core.errors import Cancelled
from migrator.core.events import Event, Notice
from migrator.core.model import Node
from migrator.core.settings import Settings
from migrator.jobs import notifying
from migrator.jobs.migrate import MigrateJob
from migrator.jobs.migrate_model import MigrateRequest, Target
from migrator.jobs.notifying import Notifying
from migrator.notify.delivery import Delivery
from tests.migrate.running import Command
from tests.migrate.running import migrate as migrate  # a fixture
from tests.notify.servers import PASSWORD, MailServer, SilentServer, WebServer
from tests.peers import Act, Orthanc, Rule, ScriptedPacs
from tests.peers.archives import Archive
from tests.tls.making import Authority

Make = Callable[..., Archive]
Start = Callable[..., Any]
SECRET = "T0PS3CRET"


def mailing(server: MailServer, *more: str) -> tuple[str, ...]:
    to = ("--email-to", "team@example.org", "--email-from", "migrator@example.org")
    way = ("--email-server", f"127.0.0.1:{server.port}", "--email-security", "none")
    return (*to, *way, *more)


def texts_of(mail: EmailMessage) -> tuple[str, str]:
    """Its plain text and its page."""
    bodies = [mail.get_body((kind,)) for kind in ("plain", "html")]
    return str(bodies[0].get_content()), str(bodies[1].get_content())  # type: ignore[union-attr]


def check_no_patient_in(told: str, source: Archive, home: Path) -> None:
    """Nothing that names a patient, a study, a file, or a folder."""
    assert not re.search(r"Test\^?|Patient\d|\bP[1-9]\b", told)
    for made in source.files:
        for text in (made.uid, made.study_uid, made.series_uid, made.path.name, made.path.parent.name):
            assert text not in told
    assert str(source.folder) not in told
    assert source.folder.name not in told
    assert str(home) not in told


def everything_in(mail: EmailMessage) -> str:
    return "\n".join((mail.as_string(), *texts_of(mail)))


def test_a_run_that_did_all_is_told_with_its_ledger_and_without_patients(
    archive: Make, keeping_scp: Start, mail_server: Start, migrate: Command, data_directory: Path
) -> None:
    source, server = archive(studies=2, instances=3), mail_server()
    node = keeping_scp().node
    ran = migrate(source.folder, node, *mailing(server))
    assert ran.code == 0
    (mail,) = server.wait_for(1)
    assert mail["Subject"] == f"Migration to {node} finished: 6 stored, 0 failed"
    text, page = texts_of(mail)
    assert "COMPLETE, NOT PROVEN: Every path found is settled; 6 instances stored" in text
    assert "This run: 6 found = 6 sent + 0 failed" in text
    assert "Exit code: 0" in text
    assert "files/s" in text
    assert "dicom_migrator report --job " in text
    for words in ("COMPLETE, NOT PROVEN", ">sent</td>", "This run"):
        assert words in page
    check_no_patient_in(everything_in(mail), source, data_directory)
    assert f"Told by e-mail (completion): 127.0.0.1:{server.port}" in ran.told


def test_what_failed_is_told_by_reason_with_what_to_do_but_not_what_the_pacs_said(
    archive: Make, scripted_pacs: Start, mail_server: Start, migrate: Command, data_directory: Path
) -> None:
    source, server = archive(studies=2, instances=3), mail_server()
    refuses = Rule(0x0122, comment="no room for Test^Patient1", first=6)
    pacs: ScriptedPacs = scripted_pacs(refuses)
    ran = migrate(source.folder, pacs.node, *mailing(server), "--waves", "0")
    assert ran.code == 1
    (mail,) = server.wait_for(1)
    text, _ = texts_of(mail)
    assert mail["Subject"].endswith("finished: 0 stored, 6 failed")
    assert "INCOMPLETE" in text
    assert "6 times: failed: status 0122, refused: SOP class not supported" in text
    assert "The destination does not store this SOP class. Have it configured" in text
    assert "Exit code: 1" in text
    check_no_patient_in(everything_in(mail), source, data_directory)


def test_a_verification_is_told_and_so_is_each_of_several_destinations(
    archive: Make,
    start_peer: Start,
    keeping_scp: Start,
    mail_server: Start,
    migrate: Command,
    data_directory: Path,
) -> None:
    source, server = archive(studies=2, instances=3), mail_server()
    pacs, silent = start_peer(Orthanc), keeping_scp()
    to = ("--to", str(pacs.node), "--to", str(silent.node))
    ran = migrate(source.folder, None, *to, *mailing(server), "--verify")
    assert ran.code == 1
    (mail,) = server.wait_for(1)
    text, _ = texts_of(mail)
    assert mail["Subject"] == "Migration to 2 destinations finished: 12 stored, 0 failed, not proven"
    assert "Not all of the 2 destinations have what they were to get" in text
    assert "6 of 6 instances are at the destination, 0 missing" in text
    assert "COMPLETE AND PROVEN: " in text
    assert "COMPLETE, NOT PROVEN: " in text
    assert text.count("This run: 6 found = 6 sent + 0 failed") == 2
    check_no_patient_in(everything_in(mail), source, data_directory)


def test_with_details_paths_and_the_source_are_named(
    archive: Make, scripted_pacs: Start, mail_server: Start, migrate: Command
) -> None:
    source, server = archive(studies=1, instances=2), mail_server()
    pacs = scripted_pacs(Rule(0x0122, comment="not this one"))
    assert migrate(source.folder, pacs.node, *mailing(server), "--notify-details").code == 1
    text, page = texts_of(server.wait_for(1)[0])
    assert f"Source: {source.folder}" in text
    assert "study1/series1/image1.dcm" in text.replace(os.sep, "/")
    assert "not this one" in text
    assert "image1.dcm" in page


def test_a_resumed_job_is_told_with_both_ledgers(
    archive: Make, scripted_pacs: Start, mail_server: Start, migrate: Command
) -> None:
    source, server = archive(studies=1, instances=3), mail_server()
    pacs = scripted_pacs(Rule(0x0122, first=1))
    on_completion = (*mailing(server), "--notify-on", "completion")
    assert migrate(source.folder, pacs.node, *on_completion).code == 1
    assert migrate(source.folder, pacs.node, *on_completion, "--retry-failed").code == 0
    text, page = texts_of(server.wait_for(1)[0])
    assert len(server.mails) == 1
    assert "This run: 3 found = 1 sent + 2 skipped + 0 failed" in text
    assert "The job over all its runs: 3 found = 3 sent + 0 failed" in text
    assert "All its runs" in page


def test_a_destination_that_cannot_be_reached_is_told_as_a_failure(
    archive: Make, keeping_scp: Start, mail_server: Start, migrate: Command
) -> None:
    source, server, peer = archive(studies=1), mail_server(), keeping_scp()
    peer.stop()
    assert migrate(source.folder, peer.node, *mailing(server)).code == 3
    (mail,) = server.wait_for(1)
    assert mail["Subject"].startswith(f"Migration to {peer.node} failed: ")
    assert "Exit code: 3" in texts_of(mail)[0]


def test_a_limit_is_told_with_what_is_pending(
    archive: Make, scripted_pacs: Start, mail_server: Start, migrate: Command
) -> None:
    source, server = archive(studies=1, instances=4), mail_server()
    pacs = scripted_pacs(Rule(act=Act.GO_DOWN, numbers=(2,)))
    down = ("--breaker-failures", "1", "--give-up-after", "0.5", "--retries", "0", "--workers", "1")
    assert migrate(source.folder, pacs.node, *mailing(server), *down).code == 5
    (mail,) = server.wait_for(1)
    assert "stopped by a limit" in mail["Subject"]
    assert "pending" in mail["Subject"]
    assert "sent by the same command, later" in texts_of(mail)[0]


def test_a_destination_that_is_left_alone_is_told_of_once_and_once_when_it_is_back(
    archive: Make, scripted_pacs: Start, mail_server: Start, migrate: Command, data_directory: Path
) -> None:
    source, server = archive(studies=1, instances=6), mail_server()
    pacs: ScriptedPacs = scripted_pacs(Rule(act=Act.GO_DOWN, numbers=(2,)))
    back = threading.Thread(target=lambda: (server.wait_for(1), pacs.start()))
    back.start()
    options = ("--notify-breaker", "0.3", "--breaker-failures", "1", "--workers", "1")
    ran = migrate(source.folder, pacs.node, *mailing(server), *options)
    back.join()
    assert ran.code == 0
    mails = server.wait_for(2)
    assert f"{pacs.node} does not take files: left alone for" in mails[0]["Subject"]
    assert "finished: 6 stored, 0 failed" in mails[-1]["Subject"]
    assert len(mails) <= 3
    if len(mails) == 3:  # a run that ends at once has no time to tell that it is back
        assert f"{pacs.node} takes files again" in mails[1]["Subject"]
    check_no_patient_in(everything_in(mails[0]), source, data_directory)


def test_a_disk_with_less_room_than_wanted_is_told_of_once(
    archive: Make, keeping_scp: Start, mail_server: Start, migrate: Command, data_directory: Path
) -> None:
    source, server = archive(studies=1), mail_server()
    on_disk = ("--notify-disk", "1e9", "--notify-on", "disk")
    assert migrate(source.folder, keeping_scp().node, *mailing(server), *on_disk).code == 0
    (mail,) = server.wait_for(1)
    assert mail["Subject"].startswith("Disk nearly full: ")
    check_no_patient_in(everything_in(mail), source, data_directory)


def test_a_webhook_hears_of_it_too_and_its_address_is_written_nowhere(
    archive: Make,
    keeping_scp: Start,
    authority: Authority,
    migrate: Command,
    data_directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = archive(studies=1, instances=3)
    with WebServer(authority.issue()) as server:
        monkeypatch.setenv("DICOM_MIGRATOR_WEBHOOK_URL", f"https://127.0.0.1:{server.port}/{SECRET}")
        hook = ("--webhook", "json", "--webhook-ca", authority.file, "--log-level", "debug")
        ran = migrate(source.folder, keeping_scp().node, *hook)
        (body,) = server.wait_for(1)
    assert (body["event"], body["sent"], body["job"]["sent"]) == ("completion", 3, 3)
    check_no_patient_in(json.dumps(body), source, data_directory)
    written = "".join(
        file.read_text("utf-8", "replace") for file in data_directory.rglob("*") if file.is_file()
    )
    assert SECRET not in written + ran.told + caplog.text + json.dumps(ran.json)
    assert "Told by webhook (" in written


def test_a_password_is_written_nowhere_also_where_the_login_is_refused(
    archive: Make,
    keeping_scp: Start,
    mail_server: Start,
    migrate: Command,
    data_directory: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DICOM_MIGRATOR_EMAIL_PASSWORD", "wrong horse")
    server = mail_server(takes_logins=True)
    login = ("--email-user", "migrator", "--log-level", "debug")
    ran = migrate(archive(studies=1).folder, keeping_scp().node, *mailing(server), *login)
    assert ran.code == 0
    assert "Not told by e-mail (completion): " in ran.told
    assert "refused the login" in ran.told
    written = "".join(
        file.read_text("utf-8", "replace") for file in data_directory.rglob("*") if file.is_file()
    )
    assert "wrong horse" not in written + ran.told
    assert "refused the login" in written
    assert PASSWORD not in written


@pytest.mark.parametrize("trouble", ["dead", "silent", "greylisting"])
def test_a_mail_server_in_trouble_changes_neither_the_exit_code_nor_what_is_sent(
    trouble: str,
    archive: Make,
    keeping_scp: Start,
    mail_server: Start,
    migrate: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(notifying, "LAST_WORDS", 30.0 if trouble == "greylisting" else 0.5)
    monkeypatch.setattr(notifying, "WAITS", (0.05, 0.05))
    source, peer = archive(studies=1), keeping_scp()
    later = {"team@example.org": ("451 later", "250 OK")}
    server = mail_server(answers=later)
    with SilentServer() as silent:
        port = {"dead": 1, "silent": silent.port, "greylisting": server.port}[trouble]
        options = [one.replace(str(server.port), str(port)) for one in mailing(server)]
        ran = migrate(source.folder, peer.node, *options)
    assert ran.code == 0
    assert peer.datasets == source.datasets
    assert len(server.mails) == (trouble == "greylisting")
    assert ("Not told by e-mail (completion)" in ran.told) is (trouble != "greylisting")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--email-to", "a@example.org"), "--email-from is missing"),
        (("--email-server", "host"), "--email-to is missing"),
        (("--webhook", "json"), "no webhook address was found"),
        (("--webhook", "json", "--webhook-file", "nowhere"), "cannot be read"),
        (("--webhook", "smoke"), ""),
        (("--notify-on", "birthdays"), "--notify-on"),
        (("--notify-disk", "-1"), "--notify-disk"),
    ],
)
def test_what_is_wrong_with_the_settings_ends_the_command_before_anything_runs(
    options: tuple[str, ...],
    words: str,
    archive: Make,
    keeping_scp: Start,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from migrator.cli.main import main

    peer = keeping_scp()
    command = ["migrate", str(archive(studies=1).folder), "--to", str(peer.node), *options]
    try:
        code = main(command)
    except SystemExit as ended:  # argparse's own way
        code = int(str(ended.code))
    assert code == 2
    assert words in capsys.readouterr().err
    assert peer.associations == 0


def request_for(
    source: Archive, node: Any, home: Path, server: MailServer | SilentServer | None
) -> MigrateRequest:
    values: dict[str, Any] = {"scan": {"settle": 0}, "pace": {"keep_awake": False}}
    if server is not None:
        values["notify"] = {
            "email_to": ["team@example.org"],
            "email_from": "migrator@example.org",
            "email_server": f"127.0.0.1:{server.port}",
            "email_security": "none",
        }
    return MigrateRequest(str(source.folder), (Target(node, Settings.model_validate(values)),), home)


def test_a_run_that_the_user_stops_is_not_told(
    archive: Make, scripted_pacs: Start, mail_server: Start, data_directory: Path
) -> None:
    source, server, control = archive(studies=1, instances=6), mail_server(), Control()
    job = MigrateJob(
        request_for(source, scripted_pacs().node, data_directory, server),
        control,
        lambda event: control.cancel(),
    )
    assert job.run().is_cancelled
    assert server.connections == 0


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system shuts down, a mail on a busy machine has time enough all the same."""
    monkeypatch.setattr(notifying, "HASTE", 60.0)


def test_a_run_that_the_system_ends_is_told(
    archive: Make, scripted_pacs: Start, mail_server: Start, data_directory: Path, unhurried: None
) -> None:
    source, server, control = archive(studies=1, instances=6), mail_server(), Control()
    job = MigrateJob(
        request_for(source, scripted_pacs().node, data_directory, server),
        control,
        lambda event: control.cancel_from_signal(is_of_system=True),
    )
    assert job.run().is_cancelled
    assert "the system shut it down" in server.wait_for(1)[0]["Subject"]


@pytest.mark.parametrize("is_of_system", [True, False])
def test_of_a_run_that_ends_before_it_sends_only_what_the_system_ended_is_told(
    is_of_system: bool, archive: Make, mail_server: Start, data_directory: Path, unhurried: None
) -> None:
    source, server, control = archive(studies=1), mail_server(), Control()

    with SilentServer() as silent:
        node = Node("127.0.0.1", silent.port, "SILENT")
        job = MigrateJob(request_for(source, node, data_directory, server), control, lambda event: None)

        def stop_in_the_greeting() -> None:
            silent.accepted()
            control.cancel_from_signal(is_of_system=is_of_system)

        stopper = threading.Thread(target=stop_in_the_greeting)
        stopper.start()
        with pytest.raises(Cancelled):
            job.run()
        stopper.join()
    assert ["the system shut it down" in mail["Subject"] for mail in server.mails] == [True] * is_of_system


def test_an_error_of_our_own_is_told_by_its_kind_alone(
    archive: Make, keeping_scp: Start, mail_server: Start, data_directory: Path
) -> None:
    source, server = archive(studies=1), mail_server()
    job = MigrateJob(
        request_for(source, keeping_scp().node, data_directory, server), Control(), lambda event: None
    )

    def broken(*arguments: Any) -> Any:
        raise KeyError("Test^Patient1")

    job._check_source = broken  # type: ignore[method-assign]
    with pytest.raises(KeyError):
        job.run()
    (mail,) = server.wait_for(1)
    assert "(KeyError)" in texts_of(mail)[0]
    check_no_patient_in(everything_in(mail), source, data_directory)


def test_a_signal_cuts_the_wait_for_the_last_message_short(
    archive: Make,
    keeping_scp: Start,
    mail_server: Start,
    data_directory: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(notifying, "LAST_WORDS", 600.0)
    monkeypatch.setattr(notifying, "HASTE", 0.1)
    control, told = Control(), list[str]()

    def emit(event: Event) -> None:
        if isinstance(event, Notice):
            told.append(event.text)

    with SilentServer() as silent:
        request = request_for(archive(studies=1), keeping_scp().node, data_directory, mail_server())
        (target,) = request.destinations
        away = target.settings.notify.model_copy(update={"email_server": f"127.0.0.1:{silent.port}"})
        there = target.settings.model_copy(update={"notify": away})
        request = MigrateRequest(request.source, (Target(target.node, there),), request.home)
        job = MigrateJob(request, control, emit)

        def stop_after() -> None:
            silent.accepted()
            control.cancel_from_signal()

        stopper = threading.Thread(target=stop_after)
        stopper.start()
        result = job.run()
        stopper.join()
    assert not result.is_cancelled
    assert "Not told by e-mail (completion): the run ended before it could be delivered" in told


def test_a_disk_that_does_not_answer_holds_up_the_end_no_longer_than_a_server_that_does_not(
    archive: Make, keeping_scp: Start, data_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifying, "LAST_WORDS", 1.5)
    monkeypatch.setattr(notifying, "HASTE", 1.5)
    is_over, asked = threading.Event(), threading.Event()
    left: list[float] = []

    class Noting(Delivery):
        """Notes how many seconds the server has yet, once the disk was waited for."""

        def closing(self, deadline: float) -> None:
            left.append(deadline - time.monotonic())
            super().closing(deadline)

    def hung(folder: object) -> None:
        asked.set()
        is_over.wait(60)
        raise OSError

    monkeypatch.setattr(notifying.shutil, "disk_usage", hung)
    monkeypatch.setattr(notifying, "Delivery", Noting)
    source = archive(studies=1)
    with SilentServer() as silent:
        request = request_for(source, keeping_scp().node, data_directory, silent)
        telling = Notifying(request, str(source.folder), Control(), lambda event: None)
        with suppress(KeyError), telling.run(lambda: ()):
            assert asked.wait(60)
            raise KeyError
    is_over.set()
    assert left[0] < 0.5, "the server's seconds begin when the disk's do"


def test_where_nobody_is_to_be_told_nothing_for_that_is_loaded() -> None:
    code = (
        "import sys, migrator.jobs.migrate, migrator.cli.notify\n"
        "print(*({'smtplib', 'httpx2', 'jinja2'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "smtplib" not in ran.stdout
    assert "httpx2" not in ran.stdout


def test_where_nobody_is_to_be_told_nothing_is_started(
    archive: Make, keeping_scp: Start, data_directory: Path
) -> None:
    before, seen = set(threading.enumerate()), set[threading.Thread]()
    job = MigrateJob(
        request_for(archive(studies=1), keeping_scp().node, data_directory, None),
        Control(),
        lambda event: seen.update(threading.enumerate()),
    )
    job.run()
    assert seen
    assert not [one.name for one in seen - before if one.name.startswith("notify")]
