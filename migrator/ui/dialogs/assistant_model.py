"""What was found, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PyQt5.QtCore import QAbstractTableModel, QModelIndex, Qt
from PyQt5.QtGui import QColor

from migrator.jobs.discover import Finding, Kind
from migrator.ui.theme import tokens

HEADS = ("Address", "Port", "Answers", "AE title", "System", "Round trip", "Note")
_KINDS = {Kind.DICOM: "DICOM", Kind.TLS: "TLS", Kind.OTHER: "Not DICOM"}
_COLOURS = {Kind.DICOM: tokens.GREEN, Kind.TLS: tokens.TEAL, Kind.OTHER: tokens.MUTED}
_TLS_NOTE = "It speaks TLS: take it, then set its certificates under TLS"
_ROOT = QModelIndex()


class FindingsModel(QAbstractTableModel):
    """Findings in the order in which they came; nodes that can be taken go before what cannot."""

    def __init__(self) -> None:
        super().__init__()
        self.findings: list[Finding] = []

    def add(self, findings: Sequence[Finding]) -> None:
        for finding in findings:
            place = self._place(finding)
            self.beginInsertRows(QModelIndex(), place, place)
            self.findings.insert(place, finding)
            self.endInsertRows()

    def clear(self) -> None:
        self.beginResetModel()
        self.findings = []
        self.endResetModel()

    def _place(self, finding: Finding) -> int:
        if finding.kind is Kind.OTHER:
            return len(self.findings)
        others = (row for row, one in enumerate(self.findings) if one.kind is Kind.OTHER)
        return next(others, len(self.findings))

    def rowCount(self, parent: QModelIndex = _ROOT) -> int:
        return 0 if parent.isValid() else len(self.findings)

    def columnCount(self, parent: QModelIndex = _ROOT) -> int:
        return 0 if parent.isValid() else len(HEADS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return HEADS[section]
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        finding = self.findings[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return texts(finding)[index.column()]
        if role == Qt.ItemDataRole.ForegroundRole and index.column() == HEADS.index("Answers"):
            return QColor(_COLOURS[finding.kind])
        return None


def texts(finding: Finding) -> tuple[str, ...]:
    """A finding's cells."""
    is_named = bool(finding.ae_title)
    return (
        finding.host,
        str(finding.port),
        _KINDS[finding.kind],
        finding.ae_title,
        finding.implementation_version or finding.implementation_uid,
        f"{finding.association_seconds * 1000:.1f} ms" if is_named else "",
        _TLS_NOTE if finding.kind is Kind.TLS else finding.note[:1].upper() + finding.note[1:],
    )
