"""The sending pipeline: scan, plan, send, record. Knows DICOM only through `ports`."""
