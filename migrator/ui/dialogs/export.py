"""Writing the record of a migration as a table: CSV, or one JSON object per line."""

from __future__ import annotations

from migrator.ui.dialogs.export_files import Document, FilesDialog, Kind


class ExportDialog(FilesDialog):
    """Over the job that history lists by this id, or, without one, over the job on view."""

    document = Document(
        command="export",
        title="Export",
        meaning="The record of a migration, one row per path: patient, study, series, UIDs, status, what was "
        "changed, and why what failed did.",
        name="migration-record",
        kinds=(
            Kind("--csv", "CSV table", "csv"),
            Kind("--jsonl", "JSON lines", "jsonl", is_usual=False),
        ),
    )
