"""Decoder processes: what comes out is what the file holds, and a crash costs one file."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import numpy
import psutil
import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, get_frame
from pydicom.filereader import read_dataset
from pydicom.pixels import pixel_array
from pydicom.sequence import Sequence

from migrator.core.errors import Cancelled, CannotEncode, ChangedFile
from migrator.core.model import Instance
from migrator.dicom import decoding
from migrator.dicom.decoding import Decoders, close_shared_decoders
from migrator.dicom.jpeg_repair import repair_fragments
from migrator.dicom.transcoding import transcode
from tests.association.making import EXPLICIT, IMPLICIT, dataset_of, library_files, scan
from tests.imaging.making import make_image, overflowing_run, save
from tests.peers.archives import Archive
from tests.peers.processes import wait_until

RLE = "1.2.840.10008.1.2.5"
BIG, DEFLATED = "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
LOSSLESS = (
    RLE,
    "1.2.840.10008.1.2.4.57",
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.90",
)
BUDGET = 1 << 28


@pytest.fixture(autouse=True)
def no_decoders_of_others() -> None:
    """The processes counted here are this test's own."""
    close_shared_decoders()


@pytest.fixture
def decoders() -> Iterator[Decoders]:
    made = Decoders(2, BUDGET)
    yield made
    made.close()


def transcoded(path: Path, target: str, budget: int = BUDGET) -> bytes:
    """Without a process in between."""
    encoded = transcode(str(path), scan(path), target, budget)
    data = b"".join(encoded.pieces)
    assert len(data) == encoded.size
    return data


def parsed(data: bytes, syntax: str) -> Dataset:
    ds = read_dataset(BytesIO(data), syntax == IMPLICIT, True)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    return ds


def files(*syntaxes: str) -> list[Path]:
    return [
        p for p in library_files() if scan(p).transfer_syntax in syntaxes and p.stat().st_size < 2_000_000
    ]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("target", [EXPLICIT, IMPLICIT])
def test_losslessly_compressed_files_keep_their_pixels_and_all_other_elements(target: str) -> None:
    seen = set()
    for path in files(*LOSSLESS):
        original = dcmread(path, force=True)
        try:
            pixels = pixel_array(original, raw=True)
        except Exception:  # noqa: BLE001 - some of the library's files are there because they are broken
            continue
        ds = parsed(transcoded(path, target), target)
        seen.add(str(scan(path).transfer_syntax))
        assert ds.SOPInstanceUID == original.SOPInstanceUID
        assert (pixel_array(ds, raw=True) == pixels).all(), path
        changed = {"PixelData", "PhotometricInterpretation", "PlanarConfiguration"}
        for element in original:
            found = ds.get(element.tag)
            if element.keyword in changed or element.tag.element == 0 or element.tag.group == 0x7FE0:
                continue
            assert found is not None, (path, element.tag)
            is_other_vr = element.tag.is_private and found.VR != element.VR
            assert element.VR == "SQ" or is_other_vr or found.value == element.value, (path, element.tag)
    assert len(seen) >= 4


@pytest.mark.filterwarnings("ignore")
def test_lossy_files_keep_their_flags_and_their_colour_space() -> None:
    for path in files("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.91"):
        original = dcmread(path)
        try:
            ds = parsed(transcoded(path, EXPLICIT), EXPLICIT)
        except Exception:  # noqa: BLE001 - broken on purpose
            continue
        assert ds.get("LossyImageCompression") == original.get("LossyImageCompression")
        stored = original.PhotometricInterpretation
        unchanged = {"YBR_FULL_422": "YBR_FULL", "YBR_ICT": "RGB", "YBR_RCT": "RGB"}.get(stored, stored)
        assert ds.PhotometricInterpretation == unchanged, path
        size = ds.Rows * ds.Columns * ds.SamplesPerPixel * ds.BitsAllocated // 8
        assert len(ds.PixelData) in (size * int(ds.get("NumberOfFrames", 1)) + pad for pad in (0, 1))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("source", [EXPLICIT, IMPLICIT, BIG, DEFLATED])
@pytest.mark.parametrize("target", [EXPLICIT, IMPLICIT])
def test_uncompressed_files_keep_every_value(source: str, target: str) -> None:
    looked_at = 0
    for path in files(source):
        original = dcmread(path, force=True)
        try:
            values = {e.tag: (e.VR, e.value) for e in original.iterall()}
        except Exception:  # noqa: BLE001 - broken on purpose
            continue
        if source == BIG and original.get("BitsAllocated", 0) > 16:
            with pytest.raises(CannotEncode, match="byte order"):
                transcoded(path, target)
            continue
        ds = parsed(transcoded(path, target), target)
        found = {e.tag: (e.VR, e.value) for e in ds.iterall()}
        looked_at += 1
        for tag, (vr, value) in values.items():
            if not tag.element or vr == "SQ" or (source == BIG and isinstance(value, bytes)):
                continue
            found_vr, found_value = found[tag]
            # Where only a dictionary tells the VR, it may be another than the file's own.
            is_read_otherwise = found_vr != vr and (tag.is_private or isinstance(found_value, bytes))
            assert found_value == value or is_read_otherwise, (path, tag)
        if "PixelData" in original and source == BIG:
            assert (pixel_array(ds, raw=True) == pixel_array(original, raw=True)).all(), path
    assert looked_at


def test_explicit_to_implicit_and_back_gives_the_same_bytes(archive: Callable[..., Archive]) -> None:
    made = archive(studies=1, instances=2, syntaxes=(EXPLICIT, IMPLICIT))
    for made_file, target in zip(made.files, (IMPLICIT, EXPLICIT), strict=True):
        data = transcoded(made_file.path, target)
        there = made_file.path.with_suffix(".there")
        meta = made_file.path.read_bytes()[: scan(made_file.path).offset]
        there.write_bytes(_with_syntax(meta, target) + data)
        assert transcoded(there, made_file.transfer_syntax) == made_file.data


def _with_syntax(meta: bytes, syntax: str) -> bytes:
    """Group 0002 with another transfer syntax UID."""
    ds = dcmread(BytesIO(meta), force=True).file_meta
    ds.TransferSyntaxUID = syntax
    buffer = BytesIO()
    whole = Dataset()
    whole.file_meta = ds
    whole.save_as(buffer, enforce_file_format=True, implicit_vr=syntax == IMPLICIT, little_endian=True)
    return buffer.getvalue()


def test_values_that_are_not_what_they_should_be_survive(archive: Callable[..., Archive]) -> None:
    path = archive(studies=1, instances=1).files[0].path
    content = path.read_bytes()
    path.write_bytes(
        content.replace(b"19700101", b"not a da").replace(b"Test^Patient1", b"Te\xff\xfe^Patient1")
    )
    data = transcoded(path, IMPLICIT)
    assert b"not a da" in data and b"Te\xff\xfe^Patient1" in data


def test_sequences_private_elements_and_icons_are_brought_along(archive: Callable[..., Archive]) -> None:
    path = archive(studies=1, instances=1, side=64, syntaxes=(RLE,)).files[0].path
    ds = dcmread(path)
    icon = dcmread(path)
    ds.IconImageSequence = Sequence([icon[0x00280002:0x7FE00011]])
    block = ds.private_block(0x0029, "OURS", create=True)
    block.add_new(1, "LO", "private")
    block.add_new(2, "SQ", [Dataset()])
    ds.ExtendedOffsetTable = struct.pack("<Q", 0)
    ds.ExtendedOffsetTableLengths = struct.pack("<Q", len(get_frame(ds.PixelData, 0, number_of_frames=1)))
    ds.save_as(path)
    for target in (EXPLICIT, IMPLICIT):
        out = parsed(transcoded(path, target), target)
        assert len(out.PixelData) == len(out.IconImageSequence[0].PixelData) == 64 * 64 * 2
        assert out.PixelData == out.IconImageSequence[0].PixelData
        assert out[0x00291001].value in ("private", b"private ")
        assert "ExtendedOffsetTable" not in out and "ExtendedOffsetTableLengths" not in out


def test_run_length_encoded_cells_keep_what_stands_beside_the_stored_bits(tmp_path: Path) -> None:
    """The upper twelve bits are the value here; elsewhere an overlay stands in the others."""
    ds = dcmread(str(get_testdata_file("MR_small_RLE.dcm")))
    rows = bytes(range(256)) * (ds.Rows * ds.Columns * 2 // 256)
    ds.PixelData = rows
    ds.file_meta.TransferSyntaxUID = EXPLICIT
    ds["PixelData"].VR = "OW"
    ds.compress("1.2.840.10008.1.2.5")
    ds.BitsStored, ds.HighBit = 12, 15
    path = tmp_path / "one.dcm"
    ds.save_as(path)
    assert parsed(transcoded(path, EXPLICIT), EXPLICIT).PixelData == rows


def test_a_12_bit_jpeg_whose_scan_names_no_spectrum_is_decoded() -> None:
    """pydicom's own sample of this fault, and the two values that its tests know of it."""
    path = Path(str(get_testdata_file("JPEG-lossy.dcm")))
    ds = parsed(transcoded(path, EXPLICIT), EXPLICIT)
    image = pixel_array(ds)
    assert image.shape == (1024, 256)
    assert abs(int(image[420, 140]) - 244) <= 2
    assert abs(int(image[230, 120]) - 95) <= 2


def test_only_the_scan_headers_of_sequential_images_are_repaired() -> None:
    data = bytes(dcmread(str(get_testdata_file("JPEG-lossy.dcm"))).PixelData)
    repaired = repair_fragments(data)
    (place,) = (index for index, (old, new) in enumerate(zip(data, repaired, strict=True)) if old != new)
    assert (data[place], repaired[place]) == (0, 63)
    assert repair_fragments(repaired) is repaired
    lossless = bytes(dcmread(str(get_testdata_file("JPEG-LL.dcm"))).PixelData)
    assert repair_fragments(lossless) is lossless
    for cut in range(0, len(data), 97):
        assert len(repair_fragments(data[:cut])) == cut


def test_what_would_not_fit_is_refused_before_it_is_decoded(archive: Callable[..., Archive]) -> None:
    path = archive(studies=1, instances=1, side=64, syntaxes=(RLE,)).files[0].path
    with pytest.raises(CannotEncode, match="allowed here"):
        transcoded(path, EXPLICIT, 1000)
    ds = dcmread(path)
    ds.NumberOfFrames = 2**22
    ds.save_as(path)
    with pytest.raises(CannotEncode, match="more than an uncompressed transfer syntax can hold"):
        transcoded(path, EXPLICIT)
    ds.NumberOfFrames = 3
    ds.save_as(path)
    with pytest.raises((CannotEncode, ValueError)):
        transcoded(path, EXPLICIT)


def test_a_deflated_bomb_is_refused(archive: Callable[..., Archive]) -> None:
    path = archive(studies=1, instances=1, syntaxes=(DEFLATED,)).files[0].path
    content = path.read_bytes()
    offset = scan(path).offset
    deflate = zlib.compressobj(wbits=-15)
    plain = zlib.decompress(content[offset:], -15)
    bomb = deflate.compress(plain + b"\xe1\x7f\x10\x10OB\0\0" + struct.pack("<I", 1 << 24) + bytes(1 << 24))
    path.write_bytes(content[:offset] + bomb + deflate.flush())
    with pytest.raises(CannotEncode, match="inflated"):
        transcoded(path, EXPLICIT, 1 << 20)


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.4.102", "1.2.840.10008.1.2.4.94", "1.2.3.4"])
def test_syntaxes_without_a_decoder_are_named(archive: Callable[..., Archive], syntax: str) -> None:
    path = archive(studies=1, instances=1, syntaxes=("1.2.840.10008.1.2.4.100",)).files[0].path
    instance = scan(path)
    other = Instance(
        instance.path,
        instance.size,
        instance.mtime_ns,
        instance.offset,
        syntax,
        instance.sop_class,
        instance.uid,
        instance.series,
    )
    with pytest.raises(CannotEncode, match="no decoder for"):
        transcode(str(path), other, EXPLICIT, BUDGET)


def test_the_processes_give_what_decoding_here_gives(
    decoders: Decoders, archive: Callable[..., Archive]
) -> None:
    made = archive(studies=1, instances=6, side=700, syntaxes=(RLE, EXPLICIT, IMPLICIT))
    results: dict[str, bytearray] = {}

    def work(path: Path) -> None:
        results[path.name] = decoders.decode(str(path), scan(path), IMPLICIT)

    threads = [threading.Thread(target=work, args=(file.path,), daemon=True) for file in made.files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert {name: bytes(data) for name, data in results.items()} == {
        file.path.name: transcoded(file.path, IMPLICIT) for file in made.files
    }
    assert len(_decoder_processes()) <= 2
    decoders.close()
    assert not _decoder_processes()


def _decoder_processes() -> list[psutil.Process]:
    """Our children that decode; multiprocessing's own tracker of resources is none."""
    children = psutil.Process().children()
    return [c for c in children if c.is_running() and any("spawn_main" in word for word in c.cmdline())]


def test_a_decoder_that_crashes_costs_one_file_only(
    decoders: Decoders, archive: Callable[..., Archive]
) -> None:
    first, second = archive(studies=1, instances=2, side=64, syntaxes=(RLE,)).files
    decoders.decode(str(first.path), scan(first.path), EXPLICIT)
    (process,) = _decoder_processes()
    process.kill()
    process.wait(10)
    with pytest.raises(CannotEncode, match="crashed"):
        decoders.decode(str(first.path), scan(first.path), EXPLICIT)
    assert decoders.decode(str(second.path), scan(second.path), EXPLICIT)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals to a group")
@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_signals_to_the_whole_group_end_no_decoder(
    decoders: Decoders, archive: Callable[..., Archive], ending: int
) -> None:
    path = archive(studies=1, instances=1, side=64, syntaxes=(RLE,)).files[0].path
    results: list[bytearray] = []

    def work() -> None:
        results.append(decoders.decode(str(path), scan(path), EXPLICIT))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    wait_until(lambda: bool(_decoder_processes()), "a decoder is starting")
    (process,) = _decoder_processes()
    while thread.is_alive():
        process.send_signal(ending)
        thread.join(0.02)
    process.send_signal(ending)
    work()
    assert len(results) == 2 and _decoder_processes() == [process]


def test_faults_of_a_file_cross_the_border_of_processes(
    decoders: Decoders, archive: Callable[..., Archive]
) -> None:
    made = archive(studies=1, instances=2, side=64, syntaxes=(RLE,))
    instance = scan(made.files[0].path)
    made.files[0].path.write_bytes(b"changed")
    with pytest.raises(ChangedFile):
        decoders.decode(str(made.files[0].path), instance, EXPLICIT)
    path = made.files[1].path
    path.write_bytes(path.read_bytes()[:-3000] + bytes(2992) + b"\xfe\xff\xdd\xe0\0\0\0\0")
    with pytest.raises(CannotEncode) as broken:
        decoders.decode(str(path), scan(path), EXPLICIT)
    assert "Patient" not in str(broken.value)
    assert len(_decoder_processes()) == 1


def test_a_decoder_that_panics_is_no_decoder_that_crashed(decoders: Decoders, tmp_path: Path) -> None:
    ds = make_image(numpy.arange(16, dtype=numpy.uint16).reshape(4, 4))
    ds.compress(RLE)
    ds.PixelData = encapsulate([overflowing_run()])
    path = Path(save(ds, tmp_path / "one.dcm"))
    with pytest.raises(CannotEncode, match="PanicException"):
        decoders.decode(str(path), scan(path), EXPLICIT)
    assert len(_decoder_processes()) == 1


def test_waiting_for_a_decoder_can_be_cancelled(archive: Callable[..., Archive]) -> None:
    path = archive(studies=1, instances=1, side=64, syntaxes=(RLE,)).files[0].path
    decoders = Decoders(0)
    with pytest.raises(Cancelled):
        decoders.decode(str(path), scan(path), EXPLICIT, lambda: True)
    decoders = Decoders(1)
    with pytest.raises(Cancelled):
        decoders.decode(str(path), scan(path), EXPLICIT, lambda: True)
    decoders.close()
    assert not _decoder_processes()


def test_no_process_outlives_a_program_that_decoded(archive: Callable[..., Archive], tmp_path: Path) -> None:
    """As a program would: a main module of its own, no closing, ended by a signal that asks nobody."""
    path = archive(studies=1, instances=1, side=64, syntaxes=(RLE,)).files[0].path
    program = tmp_path / "program.py"
    program.write_text(
        "import os, sys\n"
        "from pathlib import Path\n"
        "from migrator.dicom.decoding import shared_decoders\n"
        "from tests.association.making import scan\n"
        "if __name__ == '__main__':\n"
        "    path = Path(sys.argv[1])\n"
        "    shared_decoders().decode(str(path), scan(path), '1.2.840.10008.1.2.1')\n"
        "    print(os.getpid(), flush=True)\n"
        "    sys.stdin.read()\n"
    )
    root = str(Path(__file__).parents[2])
    for is_killed in (False, True):
        with subprocess.Popen(
            [sys.executable, str(program), str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": root},
        ) as process:
            assert process.stdout is not None and process.stdin is not None
            assert process.stdout.readline()
            children = psutil.Process(process.pid).children(recursive=True)
            assert children
            if is_killed:
                process.kill()
            else:
                process.stdin.close()
            process.wait(20)
        _wait_for_end(children)


def _wait_for_end(processes: list[psutil.Process]) -> None:
    wait_until(lambda: not any(_is_alive(one) for one in processes), "the decoders have ended")


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_the_shared_decoders_come_back_after_they_were_closed(archive: Callable[..., Archive]) -> None:
    path = archive(studies=1, instances=1, side=64, syntaxes=(RLE,)).files[0].path
    for _ in range(2):
        assert decoding.shared_decoders().decode(str(path), scan(path), EXPLICIT)
        decoding.close_shared_decoders()
    assert not _decoder_processes()
    assert dataset_of(path)
