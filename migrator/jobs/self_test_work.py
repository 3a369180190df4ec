"""What a migration does, done once in small: processes, decoders, a migration with its proof, a report."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from datetime import datetime

from migrator.core.errors import CannotTypeset, InstanceError, MigratorError, UsageError
from migrator.core.events import ignore
from migrator.core.settings import ScanSettings, Settings
from migrator.dicom.codestreams import CODESTREAMS, trouble_decoding, write_codestream
from migrator.dicom.decoding import Decoders, Worker
from migrator.dicom.receiver import Receiver
from migrator.dicom.transcoding import Encoded
from migrator.jobs.launch import Launched, launch
from migrator.jobs.migrate import MigrateJob, MigrateRequest, MigrateResult, Target
from migrator.jobs.self_test_model import ABSENT, FAILED, OK, Finding, Place, told
from migrator.records.report_document import Document, Facts, Paragraph, Section, cell
from migrator.records.report_pdf import as_pdf

_PATIENCE = 60.0  # seconds for our own command line to start and end
_LETTERS = {
    "Cyrillic": "Рентген",
    "Greek": "Ακτίνες",
    "Japanese": "山田",
    "Korean": "김희중",
    "Chinese": "王小东",
    "Arabic": "قباني",
    "Hebrew": "שרון",
    "Thai": "สมชาย",
}


def processes(place: Place) -> Iterator[Finding]:
    """A process of ours is spawned, as each decoder is, and answers."""
    worker = Worker(say_hello)
    try:
        answer = json.loads(bytes(worker.run((os.getpid(),), lambda: place.control.is_cancelled)))
        trouble = "" if answer["parent"] == os.getpid() != answer["process"] else "another process answered"
    except InstanceError as error:
        trouble = f"no process of our own could be started: {error}"
    finally:
        worker.end()
    yield told("processes", trouble, "a spawned process answers", "see whether a virus scanner blocks it")


def say_hello(parent: int) -> Encoded:
    """In a spawned process: who is there."""
    told_back = json.dumps({"parent": parent, "process": os.getpid()}).encode()
    return Encoded(len(told_back), iter((told_back,)))


def own_command_line(place: Place) -> Iterator[Finding]:
    """Our own command line is started in a process of its own, as the window does."""
    home = place.work / "home of another"
    home.mkdir(mode=0o700)
    name, remedy = "own command line", "the window starts its jobs so: report this with the system's version"
    try:
        command = launch(home, ["history", "--json"])
    except UsageError as error:
        yield Finding(name, FAILED, str(error), remedy)
        return
    code = _ended(command, place)
    if code is None:
        yield Finding(name, FAILED, f"did not end within {_PATIENCE:g} s", remedy)
        return
    if code == 0 and command.result() == {"migrations": []}:
        yield Finding(name, OK, "starts in a process of its own, and answers")
    else:
        last = command.messages().strip().rpartition("\n")[2]
        yield Finding(name, FAILED, f"ended with {code}: {last or 'it said nothing'}", remedy)
    command.forget()


def _ended(command: Launched, place: Place) -> int | None:
    """With which code it ended; None when it did not in time."""
    limit = time.monotonic() + _PATIENCE
    while time.monotonic() < limit:
        if (code := command.look().code) is not None:
            return code
        place.control.wait(0.05)
    command.ask("cancel")
    return None


def decoders(place: Place) -> Iterator[Finding]:
    """Every compressed transfer syntax is decoded, and gives the pixel values that it must."""
    folder = place.work / "decoders"
    folder.mkdir()
    made = Decoders(1)
    try:
        for sample in CODESTREAMS:
            place.control.checkpoint()
            trouble = trouble_decoding(sample, folder, made)
            good = "every value right"
            if sample.tolerance:
                good = f"every value right within {sample.tolerance} of {1 << sample.bits}"
            yield told(f"decoder {sample.words}", trouble, good, "set the program up anew")
    finally:
        made.close()


def migration(place: Place) -> Iterator[Finding]:
    """A few files go to a PACS of our own on the loopback interface, and are asked back."""
    source = place.work / "source"
    source.mkdir()
    count = len([write_codestream(sample, source) for sample in CODESTREAMS])
    name, remedy = "migration", "see whether a firewall keeps programs from the loopback interface"
    try:
        with Receiver(str(place.work / "pacs")) as pacs:
            target = Target(pacs.node, Settings(scan=ScanSettings(settle=0.0)))
            request = MigrateRequest(str(source), (target,), place.work / "home", verify=True)
            result = MigrateJob(request, place.control, ignore).run()
            trouble = "; ".join(_deviations(result, count, len(pacs.uids)))
    except (MigratorError, OSError) as error:
        place.control.checkpoint()
        trouble = str(error)
    words = f"{count} files over the loopback interface, verified there, byte for byte"
    yield told(name, trouble, words, remedy)


def _deviations(result: MigrateResult, count: int, held: int) -> Iterator[str]:
    """What is not as it must be."""
    run = result.snapshot.run
    if (run.found, run.sent) != (count, count) or not run.balances:
        yield f"{run.found} of {count} files were found, and {run.sent} sent"
    if held != count:
        yield f"the PACS holds {held} objects, not {count}"
    if result.snapshot.fidelity != {"verbatim": count}:
        yield "not everything arrived byte for byte"
    verification = result.destinations[0].verification
    if verification is None or not verification.is_proven:
        yield "the verification does not prove that everything is there"
    if result.source_check is None or not result.source_check.is_intact:
        yield "the source changed"


def pdf(place: Place) -> Iterator[Finding]:
    """A report is set as PDF/A."""
    trouble, said = _set(place, "pdf", "The quick brown fox.")
    yield told(
        "PDF", trouble or said, "a report is set as PDF/A-2b", "reports can be printed from their HTML"
    )


def fonts(place: Place) -> Iterator[Finding]:
    """Which scripts of patients' names a report can be set in."""
    trouble, said = _set(place, "all", " ".join(_LETTERS.values()))
    if trouble:
        yield Finding("fonts", ABSENT, trouble)
    elif not said:
        yield Finding("fonts", OK, f"a report has letters for {', '.join(_LETTERS)}")
    else:
        lacking = [script for script, text in _LETTERS.items() if _set(place, script, text)[1]]
        words = f"a report shows boxes for names in {', '.join(lacking)}"
        yield Finding(
            "fonts", ABSENT, words, f"install fonts for them{_HINT}, if your archive has such names"
        )


_HINT = " (apt install fonts-noto-core fonts-noto-cjk)" if sys.platform == "linux" else ""


def _set(place: Place, name: str, text: str) -> tuple[str, str]:
    """Set a document of this text: what went wrong, and what is to be told of it."""
    folder = place.work / f"pdf {name}"
    folder.mkdir()
    facts = Facts((("Letters", cell(text)),))
    sections = (Section("Letters", (Paragraph(text),)),)
    document = Document("Self-test", "Self-test", datetime.now().astimezone(), facts, (), sections)
    try:
        data, said = as_pdf(document, folder, place.control)
    except CannotTypeset as error:
        return str(error), ""
    return ("" if data.startswith(b"%PDF-") else "what was set is no PDF"), said
