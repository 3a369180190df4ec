"""Everything that can go wrong, as one tree.

MigratorError
├── UsageError               a bad option or setting; nothing was started (exit code 2)
├── SourceError              the source as a whole cannot be used (exit code 4)
├── ManifestError            the job's manifest cannot be opened or written
│   └── JobBusy              another process works on the same job
├── AuditError               the audit log cannot be written; what cannot be audited is not sent
├── DestinationError         the destination as a whole; `may_retry` tells whether waiting can help
│   ├── Unreachable          no TCP connection, or it broke before TLS was agreed on
│   ├── TlsRefused           one side does not accept how the other speaks TLS; waiting cannot help
│   ├── AssociationRejected  the peer answered with A-ASSOCIATE-RJ
│   └── AssociationLost      an established association ended: abort, reset, silence
│       └── PeerSilent       no answer within the time-out; the association was aborted
├── InstanceError            one file's own fault; the rest of the run goes on
│   ├── DamagedFile          truncated, or an element runs past its end
│   ├── UnreadableFile       the operating system refuses to read it; `may_retry`
│   ├── ChangedFile          not the file that was scanned: the next scan finds it anew
│   ├── VanishedFile         no longer there; `may_retry`, since a source may be away for a moment
│   └── CannotEncode         no way to bring the dataset into an accepted transfer syntax
├── CannotTypeset            a document could not be made as PDF; the machine lacks what it needs
├── NotRunning               there is no run to be steered
├── NotDelivered             a notification did not get there; `may_retry`
├── LimitReached             a limit that the user set ended the run (exit code 5)
└── Cancelled                the user asked to stop
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from migrator.core.outcome import Outcome


class MigratorError(Exception):
    """Base of all errors that are meant for people. The text never holds patient data.

    `exit_code` is what the command line ends with where one ends a command.
    """

    may_retry = False
    exit_code = 1


class UsageError(MigratorError):
    """A bad option or setting; nothing was started."""

    exit_code = 2


class SourceError(MigratorError):
    """The source as a whole cannot be used."""

    exit_code = 4


class ManifestError(MigratorError):
    """The job's manifest cannot be opened or written."""


class JobBusy(ManifestError):
    """Another process works on the same job."""


class AuditError(MigratorError):
    """The audit log cannot be written; what cannot be audited is not sent."""


class DestinationError(MigratorError):
    """The destination as a whole; not the fault of the instance being sent."""

    may_retry = True
    exit_code = 3


class Unreachable(DestinationError):
    """No TCP connection to the destination, or it broke before TLS was agreed on."""


class TlsRefused(DestinationError):
    """One side does not accept the other's certificate, or how it speaks TLS.

    Without `speaks_tls` what answers there does not speak it at all.
    """

    may_retry = False

    def __init__(self, message: str, *, speaks_tls: bool = True) -> None:
        super().__init__(message)
        self.speaks_tls = speaks_tls


class AssociationRejected(DestinationError):
    """The peer refused the association (PS3.8 9.3.4).

    `result`, `source` and `reason` are the numbers of the A-ASSOCIATE-RJ PDU.
    """

    def __init__(self, message: str, result: int = 0, source: int = 0, reason: int = 0) -> None:
        super().__init__(message)
        self.result = result
        self.source = source
        self.reason = reason
        self.may_retry = self.is_transient

    @property
    def is_transient(self) -> bool:
        """Whether the peer said that a later try may succeed (result 2)."""
        return self.result == 2


class AssociationLost(DestinationError):
    """An established association ended before its answer came.

    `nothing_sent` is True when not one byte of the C-STORE request had left: the instance is not in doubt.
    Else `unanswered` tells how it was sent, where that differs from the file: should it turn out to be there.
    """

    def __init__(self, message: str, *, nothing_sent: bool = False) -> None:
        super().__init__(message)
        self.nothing_sent = nothing_sent
        self.unanswered: Outcome | None = None


class PeerSilent(AssociationLost):
    """The peer gave no answer within the time-out; the association was aborted."""


class InstanceError(MigratorError):
    """One file's own fault; the item is recorded and the rest goes on."""


class DamagedFile(InstanceError):
    """The file is truncated, or an element runs past its end."""


class UnreadableFile(InstanceError):
    """The operating system refuses to read the file."""

    may_retry = True


class ChangedFile(InstanceError):
    """The file is not the one that was scanned: its size or time changed. Only another scan can help."""


class VanishedFile(InstanceError):
    """The file is no longer there; its disk or share may be back in a moment."""

    may_retry = True


class CannotEncode(InstanceError):
    """The dataset cannot be brought into a transfer syntax that the destination accepts."""


class Cancelled(MigratorError):
    """The user asked to stop."""

    exit_code = 130


class CannotTypeset(MigratorError):
    """A document could not be made as PDF."""


class NotRunning(MigratorError):
    """No run is on that could be steered."""


class NotDelivered(MigratorError):
    """A notification did not get there. The text names no secret.

    `retry_after` are the seconds that the other side wants to be left alone for, where it said so.
    """

    def __init__(self, message: str, *, may_retry: bool, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.may_retry = may_retry
        self.retry_after = retry_after


class LimitReached(MigratorError):
    """A limit that the user set ended the run; what is pending is sent by the same command, later."""

    exit_code = 5
