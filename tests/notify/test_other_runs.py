"""Nobody is told of what is no migration, though it runs as one: speed test, dry run, verification."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from migrator.cli.main import main
from tests.notify.test_runs import mailing
from tests.peers.archives import Archive

Start = Callable[..., Any]
SMALL = ("--samples", "1", "--workers", "1", "--step", "0.05", "--yes")


@pytest.mark.parametrize(
    "command",
    [("speed-test", *SMALL), ("dry-run",), ("verify", "--resend-missing")],
    ids=lambda words: str(words[0]),
)
def test_of_what_is_no_migration_nobody_is_told(
    command: tuple[str, ...],
    archive: Callable[..., Archive],
    keeping_scp: Start,
    mail_server: Start,
    data_directory: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source, server, node = archive(studies=1, instances=2), mail_server(), keeping_scp().node
    where = ("--to", str(node))
    assert main(["profile", "save", "night", *where, "--settle", "0", *mailing(server)]) == 0
    if command[0] == "verify":
        assert main(["migrate", str(source.folder), *where, "--settle", "0"]) == 0
    main(["--profile", "night", command[0], str(source.folder), *command[1:]])
    assert server.connections == 0
    captured = capsys.readouterr()
    assert "old by e-mail" not in captured.out + captured.err


def test_of_a_migration_by_the_same_profile_people_are_told(
    archive: Callable[..., Archive], keeping_scp: Start, mail_server: Start, data_directory: Path
) -> None:
    server, node = mail_server(), keeping_scp().node
    saved = ["profile", "save", "night", "--to", str(node), "--settle", "0", *mailing(server)]
    assert main(saved) == 0
    assert main(["--profile", "night", "migrate", str(archive(studies=1).folder)]) == 0
    assert len(server.wait_for(1)) == 1
