"""One look at a file: its important attributes and one frame. Runs in a process of its own.

A decoder is native code that may crash, hold the interpreter's lock, or ask for any amount of memory.
"""

from __future__ import annotations

import pickle
import signal
import struct
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from pydicom.dataset import Dataset

from migrator.core.errors import InstanceError
from migrator.core.model import Reason
from migrator.dicom.imaging.kinds import is_video, without_image
from migrator.dicom.imaging.opened import UNPARSABLE, Opened, opened
from migrator.dicom.imaging.picture import Look
from migrator.dicom.imaging.render import aspect_of, picture_of, rate_of
from migrator.dicom.imaging.samples import pixels_of, samples_of
from migrator.dicom.imaging.tags import code_meaning, functional_of, tags_of
from migrator.dicom.names import name_of
from migrator.dicom.transcoding import Encoded

if sys.platform != "win32":
    import resource

_SOP_CLASS, _MODALITY, _FRAMES = 0x00080016, 0x00080060, 0x00280008
_DOCUMENT_TITLE, _CONCEPT_NAME = 0x00420010, 0x0040A043
# Frame rates, and the shape of the presentation LUT.
_BESIDE = (0x00082144, 0x00180040, 0x00181063, 0x20500020)
_LENGTHS = struct.Struct("<Q")
# What one look may take beyond what the process has when it begins, and what it may keep.
_MEMORY, _KEPT = 2 << 30, 512 << 20
# Seconds: longer than any user waits, who ends the process sooner unless they are gone themselves.
_LONGEST = 120

_is_bounded = False


def look_encoded(path: str, frame: int | None) -> Encoded:
    """The look as bytes, for `look_of`; a decoder process's answer."""
    _bound_memory()
    with _timed():
        found = look(path, frame)
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(replace(found, is_last=_has_grown()), protocol=5, buffer_callback=buffers.append)
    views = [buffer.raw() for buffer in buffers]
    parts = [memoryview(head), *views]
    table = b"".join(map(_LENGTHS.pack, (len(parts), *map(len, parts))))
    return Encoded(len(table) + sum(map(len, parts)), iter((table, *map(bytes, parts))))


def look_of(data: bytearray) -> Look:
    """What `look_encoded` has encoded; the pixels are not copied."""
    count = _LENGTHS.unpack_from(data)[0]
    position = _LENGTHS.size * (count + 1)
    view, parts = memoryview(data), []
    for number in range(count):
        length = _LENGTHS.unpack_from(data, _LENGTHS.size * (number + 1))[0]
        parts.append(view[position : position + length])
        position += length
    found = pickle.loads(parts[0], buffers=parts[1:])
    assert isinstance(found, Look)
    return found


def look(path: str, frame: int | None) -> Look:
    """Look at a file; without `frame` at its attributes alone. What is wrong stands in the result."""
    try:
        with opened(path) as file:
            return _look(file, frame)
    except InstanceError as error:
        return Look(trouble=_sentence(str(error)))
    except UNPARSABLE as error:
        return Look(trouble=f"The file cannot be read as a DICOM object ({type(error).__name__})")


def _look(file: Opened, frame: int | None) -> Look:
    ds = file.dataset([*_BESIDE, *(tag for tag in file.elements if tag >> 16 == 0x0028)])
    functional = functional_of(file, frame or 0)
    tags = tags_of(file, functional)
    modality, absence = file.text(_MODALITY), ""
    pixels = pixels_of(file)
    if is_video(file.syntax):
        absence = f"This is a video ({name_of(file.syntax)}). It is migrated as it is, and not played here."
    elif file.damage == Reason.DICOMDIR.value:
        absence = "This is a DICOMDIR: an index of other files, not an image."
    elif pixels is None and not file.damage:
        title = file.text(_DOCUMENT_TITLE) or code_meaning(file, _CONCEPT_NAME)
        absence = without_image(file.text(_SOP_CLASS), title)
    if absence:
        return Look(tags, absence=absence, modality=modality)
    if frame is None:
        return Look(tags, modality=modality)
    try:
        return replace(_seen(file, ds, functional, frame), tags=tags, modality=modality)
    except InstanceError as error:
        trouble = _sentence(file.damage or str(error))
        return Look(tags, trouble=trouble, modality=modality, frames=_announced(file), frame=frame)


def _announced(file: Opened) -> int:
    """How many frames the object says it has, where it says so."""
    text = file.text(_FRAMES)
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 8 else 1


def _seen(file: Opened, ds: Dataset, functional: Dataset, frame: int) -> Look:
    try:
        samples, form = samples_of(file, ds, frame)
        return Look(
            picture=picture_of(samples, form, ds, functional),
            trouble=_sentence(file.damage),
            frames=form.frames,
            frame=frame,
            rate=rate_of(ds),
            aspect=aspect_of(ds, functional),
        )
    except (InstanceError, OSError, KeyboardInterrupt, SystemExit):
        raise
    except MemoryError as error:
        raise InstanceError("decoding it would need more memory than is allowed here") from error
    except BaseException as error:
        # Decoders raise anything, those in Rust what is no Exception; and their texts may quote values.
        kind = name_of(file.syntax)
        raise InstanceError(f"the image data ({kind}) is damaged: {type(error).__name__}") from error


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


@contextmanager
def _timed() -> Iterator[None]:
    """Have the system end the process when its user is gone and the decoder goes on without end."""
    if sys.platform != "win32" and threading.current_thread() is threading.main_thread():
        signal.alarm(_LONGEST)
        try:
            yield
        finally:
            signal.alarm(0)
    else:
        yield


def _has_grown() -> bool:
    """Whether the process keeps memory that other looks will need: not all decoders that fail free theirs."""
    return sys.platform == "linux" and _memory(1) > _KEPT


def _memory(kind: int) -> int:
    """Bytes of our process: 0 for its addresses, 1 for what is in memory."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[kind]) * resource.getpagesize()


def _bound_memory() -> None:
    """Have a decoder fail that asks for too much, before the machine runs out of memory."""
    global _is_bounded
    if _is_bounded or sys.platform != "linux":
        return
    _is_bounded = True
    limit = _memory(0) + _MEMORY
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    if soft == resource.RLIM_INFINITY or soft > limit:
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
