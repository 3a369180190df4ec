"""Pictures of every page: empty, in a run, and after a run with failures.

    python scripts/screenshots.py FOLDER            at 1400x900, 1024x700, and at 200 % scale
    python scripts/screenshots.py --readme          the three of the README, into docs/

Under Xvfb where it is installed and there is no display, else by Qt's offscreen platform. The PACS of the
pictures is the tests' scripted one, on loopback; patients are made up.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

SIZES = {"1400x900": (1400, 900, "1"), "1024x700": (1024, 700, "1"), "200-percent": (1400, 900, "2")}
README = {
    ("after", "upload"): "window-upload",
    ("run", "dashboard"): "window-dashboard",
    ("after", "verify"): "window-verify",
}
_INSIDE = "DICOM_MIGRATOR_SCREENSHOTS"
_LIMIT = 120_000  # milliseconds


def main() -> int:
    parser = argparse.ArgumentParser(description="make pictures of every page")
    parser.add_argument("folder", nargs="?", type=Path, help="where the pictures go")
    parser.add_argument("--readme", action="store_true", help="only those of the README, into docs/")
    options = parser.parse_args()
    folder = ROOT / "docs" if options.readme else options.folder
    if folder is None:
        parser.error("name a folder, or say --readme")
    folder.mkdir(parents=True, exist_ok=True)
    if size := os.environ.get(_INSIDE):
        return _inside(folder, size, options.readme)
    return max(_outside(size) for size in (["1400x900"] if options.readme else SIZES))


def _outside(size: str) -> int:
    """Make the pictures of one size in a process of its own, since Qt takes its scale at the start."""
    from migrator.bootstrap.launch import prepare
    from migrator.bootstrap.layers import DEV

    python = str(prepare(DEV, ROOT))
    variables = os.environ | {_INSIDE: size, "QT_SCALE_FACTOR": SIZES[size][2]}
    command = [python, str(Path(__file__).resolve()), *sys.argv[1:]]
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        if shutil.which("xvfb-run"):
            command = ["xvfb-run", "-a", "-s", "-screen 0 3000x2000x24 -dpi 96", *command]
        else:
            variables["QT_QPA_PLATFORM"] = "offscreen"
    return subprocess.run(command, env=variables, check=False).returncode


def _inside(folder: Path, size: str, is_readme: bool) -> int:
    from migrator.ui.app import make_application

    application = make_application()
    with tempfile.TemporaryDirectory(prefix="migrator-pictures-") as ground:
        studio = Studio(application, Path(ground), folder, size)
        studio.wanted = README if is_readme else None
        studio.take()
    return 0


class Studio:
    """One size's pictures."""

    def __init__(self, application: Any, ground: Path, folder: Path, size: str) -> None:
        self._application = application
        self._ground = ground
        self._folder = folder
        self._size = size
        self.wanted: dict[tuple[str, str], str] | None = None

    def take(self) -> None:
        from migrator.dicom.sample import make_sample
        from tests.peers import ScriptedPacs
        from tests.peers.scripted_rules import Script

        archive = self._ground / "archive"
        truth = make_sample(str(archive))
        self._pages("empty", self._open(self._ground / "empty", None, None))
        with ScriptedPacs(Script(rules=_rules(set(truth.uids)), delay=0.05)) as pacs:
            window = self._open(self._ground / "home", archive, pacs.node)
            window.go("browser")
            self._until(lambda: not window.desk.commands)
            migration = window.desk.migrate()
            self._until(lambda: self._sent(migration) > len(truth.uids) // 2)
            self._pages("run", window, ends=False)
            self._until(lambda: migration.running is not None and not migration.running.is_on)
            window.go("verify")
            window.pages["verify"].verify.click()
            self._until(lambda: bool(window.desk.commands))
            self._until(lambda: not window.desk.commands)
            self._wait(1500)
            self._pages("after", window)

    def _open(self, home: Path, source: Path | None, node: Any) -> Any:
        from migrator.core.settings import PaceSettings, ScanSettings, SendSettings, Settings
        from migrator.ui.app import open_window
        from migrator.ui.configuration import Configuration, Destination, save

        home.mkdir(mode=0o700)
        if source is not None:
            settings = Settings(
                scan=ScanSettings(settle=0), send=SendSettings(workers=2), pace=PaceSettings(bandwidth=20)
            )
            to = Destination(name="new-pacs", host=node.host, port=node.port, ae_title=node.ae_title)
            kept = Configuration(
                source=str(source), destinations=(to,), settings=settings, verify=False, chime=False
            )
            save(home, kept)
        window = open_window(home)
        width, height, _ = SIZES[self._size]
        window.resize(width, height)
        window.show()
        return window

    def _pages(self, state: str, window: Any, *, ends: bool = True) -> None:
        """A picture of each page of this state."""
        for name in window.pages:
            title = f"{state}-{name}-{self._size}" if self.wanted is None else self.wanted.get((state, name))
            if title is None:
                continue
            window.go(name)
            self._wait(700)
            window.grab().save(str(self._folder / f"{title}.png"))
            print(f"{title}.png")
        if ends:
            window.desk.close()
            window.deleteLater()

    def _sent(self, migration: Any) -> int:
        total = migration.sight.total
        return 0 if total is None else int(total.run.stored)

    def _wait(self, milliseconds: int) -> None:
        self._until(lambda: False, milliseconds)

    def _until(self, is_so: Callable[[], bool], milliseconds: int = _LIMIT) -> None:
        from PyQt5.QtCore import QDeadlineTimer, QEventLoop, QTimer

        loop, deadline = QEventLoop(), QDeadlineTimer(milliseconds)
        timer = QTimer()
        timer.timeout.connect(lambda: loop.quit() if is_so() or deadline.hasExpired() else None)
        timer.start(20)
        loop.exec_()
        if milliseconds == _LIMIT and not is_so():
            raise SystemExit("what a picture waits for has not come")


def _rules(uids: set[str]) -> tuple[Any, ...]:
    """Some objects are refused for good, some stored with a warning, some only at the second try."""
    from tests.peers.scripted_rules import Rule

    refused = sorted(uids)[:: max(1, len(uids) // 4)]
    return (
        Rule(0x0122, uids=refused, comment="SOP class not supported"),
        Rule(0xC000, every=19, comment="cannot understand"),
        Rule(0xB000, every=11, comment="coerced"),
    )


if __name__ == "__main__":
    sys.exit(main())
