"""Writing the report of a migration: as one page, as PDF, or as both."""

from __future__ import annotations

from migrator.ui.dialogs.export_files import Document, FilesDialog, Kind


class ReportDialog(FilesDialog):
    """Over the job that history lists by this id, or, without one, over the job on view."""

    document = Document(
        command="report",
        title="Report",
        meaning="One document of a migration, to be kept: what was found, sent and proven, every study "
        "that is not as it should be, and what was done to the contents.",
        name="migration-report",
        kinds=(Kind("--html", "HTML page", "html"), Kind("--pdf", "PDF", "pdf")),
    )
