"""DICOM PACS Migrator: copy an imaging archive to a new PACS, verbatim and with proof."""

__version__ = "0.1.0"
