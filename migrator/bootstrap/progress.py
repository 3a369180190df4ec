"""What set-up tells while it works, in plain words, from the lines that pip writes."""

from __future__ import annotations

import re
import sys

from migrator.bootstrap.environment import Environment

_PACKAGE = re.compile(r"(?:Collecting|Processing|Ignoring) (?:\S*/)?([A-Za-z0-9._]+(?:-[A-Za-z_][\w.]*)*)")
_SIZE = re.compile(r"Downloading \S+ \(([\d.]+ [kMG]B)\)")


class Progress:
    """One line that is rewritten on a terminal; a few plain lines elsewhere. All goes to standard error."""

    def __init__(self, environment: Environment, packages: int) -> None:
        self._packages = packages
        self._seen = 0
        self._name = ""
        self._is_terminal = sys.stderr is not None and sys.stderr.isatty()
        self._say(f"dicom_migrator: setting up, once, in {environment.folder.parent}")

    def follow(self, line: str) -> str:
        """Tell what a line of pip's means, if it means anything to people; returns the line."""
        if found := _PACKAGE.match(line):
            self._seen += 1
            self._name = found[1]
            self._step(f"package {self._seen} of {self._packages}: {self._name}")
        elif size := _SIZE.search(line):
            self._step(
                f"package {self._seen} of {self._packages}: {self._name}, {size[1]}", size[1].endswith("MB")
            )
        elif line.startswith("Installing collected"):
            self._step("unpacking all packages", lasting=True)
        elif "Retrying (" in line:
            self._step("the package index does not answer; trying again", lasting=True)
        return line

    def done(self, seconds: float) -> None:
        self._step("")
        self._say(f"dicom_migrator: set up in {seconds:.0f} s; the next start is immediate")

    def _step(self, text: str, lasting: bool = False) -> None:
        if self._is_terminal:
            print(f"\r\x1b[K  {text}" if text else "\r\x1b[K", end="", file=sys.stderr, flush=True)
        elif lasting:
            self._say(f"  {text}")

    def _say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)
