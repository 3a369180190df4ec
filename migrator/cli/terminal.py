"""Writing to whoever reads: any encoding, any file name, and readers that leave early."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from typing import TextIO

from rich.console import Console

_READER_HAS_GONE = (errno.EPIPE, errno.EINVAL)  # Windows says EINVAL


def accept_all_text() -> None:
    """Have letters that a stream's encoding lacks written as escapes, instead of ending the program."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def printable(text: str) -> str:
    """Text that any terminal takes, in one line: undecodable bytes and control characters are replaced."""
    if text.isprintable():
        return text
    whole = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in whole)


def tell(text: str, *, to_stderr: bool = False) -> None:
    """Print lines; a reader that has gone is no failure of the job."""
    stream = sys.stderr if to_stderr else sys.stdout
    with surviving(stream):
        print(text, file=stream)


@contextmanager
def surviving(stream: TextIO) -> Iterator[None]:
    """Whatever hinders writing to `stream` here is told on stderr at most; the job's exit code stands."""
    try:
        yield
        stream.flush()
    except OSError as error:
        _lead_nowhere(stream)
        if stream is not sys.stderr and error.errno not in _READER_HAS_GONE:
            tell(f"dicom_migrator: cannot write the result: {error.strerror}", to_stderr=True)


def _lead_nowhere(stream: TextIO) -> None:
    """Send the rest to the null device, or flushing at the interpreter's end would fail again."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    except (OSError, ValueError):
        return  # not a file of the operating system


class SteadyConsole(Console):
    """A console that falls silent when its reader has gone, where rich's own would end the program."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
