"""What objects without an image are, in words; by their SOP class (PS3.4 B.5)."""

from __future__ import annotations

from migrator.dicom.names import name_of

_STORAGE = "1.2.840.10008.5.1.4.1.1."
# The longest beginning of the SOP class UID that is listed counts.
_WORDS = {
    "4.2": "MR spectroscopy data",
    "9": "a recorded waveform, such as an ECG or sound",
    "11": "a presentation state: how other images are to be displayed",
    "66": "raw data of a device",
    "66.1": "a spatial registration of other images",
    "66.2": "spatial fiducials: points marked in other images",
    "66.3": "a deformable registration of other images",
    "66.5": "a surface segmentation",
    "66.6": "tracts, as tractography finds them",
    "67": "a real world value mapping of other images",
    "68": "a surface",
    "88": "a structured report",
    "88.59": "a key object selection: a list of notable images",
    "88.67": "a radiation dose report",
    "104.1": "a PDF document",
    "104.2": "a clinical document (CDA)",
    "104.3": "a 3D model (STL)",
    "104.4": "a 3D model (OBJ)",
    "481.3": "a radiotherapy structure set",
    "481.4": "a radiotherapy treatment record",
    "481.5": "a radiotherapy plan",
    "481.8": "a radiotherapy plan",
}
# MPEG-2, MPEG-4 AVC, HEVC and SMPTE ST 2110 (PS3.5 10.10 to 10.20).
_VIDEO = tuple(f"1.2.840.10008.1.2.4.{leaf}" for leaf in (*range(100, 109), "100.1", "101.1"))
_VIDEO_STREAMS = "1.2.840.10008.1.2.7."


def without_image(sop_class: str, title: str = "") -> str:
    """What an object without pixel data is; `title` is its own, for a document."""
    leaf = sop_class.removeprefix(_STORAGE) if sop_class.startswith(_STORAGE) else ""
    while leaf and leaf not in _WORDS:
        leaf = leaf.rpartition(".")[0]
    name = name_of(sop_class)
    if not _WORDS.get(leaf) and name.endswith("Image Storage"):
        return f"This object is one of {name}, but it holds no image: its pixel data is missing."
    words = _WORDS.get(leaf) or (
        f"an object of the kind {name}" if sop_class else "an object of no known kind"
    )
    return f"This is {words}" + (f": {title}" if title else "") + ". It holds no image."


def is_video(transfer_syntax: str) -> bool:
    return any(
        transfer_syntax == video or transfer_syntax.startswith(f"{video}.") for video in _VIDEO
    ) or transfer_syntax.startswith(_VIDEO_STREAMS)
