"""Made-up numbers, as the monitor tells them, for each state that the page has to show."""

from __future__ import annotations

import math
import time
from typing import Any

FOUND = 1_284_306
_STATES = ("sent", "warned", "skipped", "held", "failed", "quarantined", "unknown", "pending")


def ledger(found: int = FOUND, **counts: int) -> dict[str, int]:
    """One that balances: what is not named is pending."""
    counted = {name: counts.get(name, 0) for name in _STATES}
    counted["pending"] = counts.get("pending", found - sum(counted.values()))
    return {"found": found, **counted}


def destination(node: str = "ARCHIVE@pacs.example:11112", **changed: Any) -> dict[str, Any]:
    run = changed.pop("run", ledger(sent=602_114, warned=12, skipped=1_377, failed=12, held=3))
    made = {
        "node": node,
        "state": "sending",
        "words": "Sending",
        "share": 1 - run["pending"] / run["found"],
        "files_per_second": 812.3,
        "bytes_per_second": 3.14e7,
        "eta_seconds": 8_070.0,
        "circuit": "closed",
        "hold": "",
        "associations": 4,
        "workers": 4,
        "wave": 0,
        "run": run,
        "job": run,
    }
    return {**made, **changed}


def sending(**changed: Any) -> dict[str, Any]:
    """In the middle of the night, all well."""
    now = time.time()
    one = destination()
    files = [780 + 60 * math.sin(index / 7) - 500 * (index in (40, 41, 42)) for index in range(120)]
    made = {
        "version": "0.1.0",
        "started": now - 6_900,
        "job": one["job"],
        "balances": True,
        "state": "sending",
        "words": "Sending",
        "detail": "",
        "has_ended": False,
        "code": None,
        "share": one["share"],
        "percent": math.floor(100 * one["share"]),
        "eta_seconds": 8_070.0,
        "files_per_second": 812.3,
        "bytes_per_second": 3.14e7,
        "bytes_sent": 318_400_000_000,
        "bytes_pending": 359_000_000_000,
        "healed": 118,
        **one["run"],
        "destinations": [one],
        "problems": [
            {
                "at": now - 190,
                "level": "error",
                "words": "failed: refused by the destination (status A900)",
                "count": 12,
            },
            {"at": now - 2_400, "level": "warning", "words": "held: it waits for a decision", "count": 3},
            {
                "at": now - 4_100,
                "level": "warning",
                "words": "an association ended: aborted by the peer",
                "count": 1,
            },
        ],
        "history": {
            "every": 5.0,
            "files_per_second": files,
            "bytes_per_second": [
                38_000.0 * rate + 2e6 * math.cos(index / 5) for index, rate in enumerate(files)
            ],
        },
        "control": True,
        "details": False,
    }
    return {**made, **changed}


def scanning() -> dict[str, Any]:
    run = ledger(48_211)
    one = destination(
        state="scanning",
        words="Scanning",
        run=run,
        share=None,
        eta_seconds=None,
        associations=0,
        files_per_second=0.0,
        bytes_per_second=0.0,
    )
    return sending(
        state="scanning",
        words="Scanning",
        share=None,
        percent=None,
        eta_seconds=None,
        files_per_second=0.0,
        bytes_per_second=0.0,
        bytes_sent=0,
        healed=0,
        problems=[],
        destinations=[one],
        job=run,
        history={"every": 5.0, "files_per_second": [], "bytes_per_second": []},
        **run,
    )


def paused() -> dict[str, Any]:
    one = destination(
        state="paused",
        words="Paused while sending",
        associations=0,
        files_per_second=0.0,
        bytes_per_second=0.0,
    )
    return sending(
        state="paused",
        words="Paused while sending",
        files_per_second=0.0,
        bytes_per_second=0.0,
        destinations=[one],
    )


def broken() -> dict[str, Any]:
    """Two destinations; the breaker of one is open."""
    second = destination(
        "VNA@vna-with-a-rather-long-name.radiology.hospital.example:104",
        run=ledger(sent=211_900, failed=3),
        circuit="open",
        hold="left alone, tried again in 42 s: connection refused",
        associations=0,
        files_per_second=0.0,
        bytes_per_second=0.0,
        eta_seconds=None,
        workers=2,
    )
    first = destination(
        hold="slowed down: the destination takes 2.4 s to answer", workers=2, associations=2, wave=1
    )
    both = {name: first["run"][name] + second["run"][name] for name in first["run"]}
    share = 1 - both["pending"] / both["found"]
    return sending(
        destinations=[first, second],
        detail="left alone, tried again in 42 s: connection refused",
        share=share,
        percent=math.floor(100 * share),
        eta_seconds=21_300.0,
        job=both,
        **both,
    )


def ended(code: int = 1) -> dict[str, Any]:
    """Ended; by default with failures."""
    lost = {"failed": 212, "quarantined": 4, "unknown": 1, "held": 3, "warned": 12} if code else {}
    run = ledger(pending=0, skipped=1_377, sent=FOUND - 1_377 - sum(lost.values()), **lost)
    words = "Ended with problems" if code else "Done"
    state = "failed" if code else "done"
    one = destination(
        state=state,
        words=words,
        run=run,
        associations=0,
        files_per_second=0.0,
        bytes_per_second=0.0,
        eta_seconds=None,
    )
    return sending(
        state=state,
        words=words,
        has_ended=True,
        code=code,
        share=1.0,
        percent=100,
        eta_seconds=None,
        files_per_second=0.0,
        bytes_per_second=0.0,
        bytes_sent=677_400_000_000,
        bytes_pending=0,
        destinations=[one],
        job=run,
        **run,
        **({} if code else {"problems": []}),
    )


def stale() -> dict[str, Any]:
    """Told for the last time twelve minutes ago."""
    return sending(at=time.time() - 725)


STATES = {
    "scanning": scanning,
    "sending": sending,
    "paused": paused,
    "broken": broken,
    "ended": ended,
    "done": lambda: ended(0),
}
