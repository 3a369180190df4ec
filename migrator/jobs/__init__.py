"""Wiring, one file per job: settings in, a ready job out. The one place where engine and DICOM meet."""
