"""The sample archive holds what it says."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import MediaStorageDirectoryStorage

from migrator.dicom.sample import SampleTruth, make_sample
from migrator.dicom.sample_studies import PEOPLE, STUDIES


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> SampleTruth:
    return make_sample(str(tmp_path_factory.mktemp("sample")))


@pytest.fixture(scope="module")
def datasets(sample: SampleTruth) -> dict[str, pydicom.FileDataset]:
    """Every good file, by SOP instance UID."""
    good = [path for path in Path(sample.folder).rglob("*") if "study" in str(path) and path.is_file()]
    read = [pydicom.dcmread(path, force=True) for path in good]
    return {str(ds.SOPInstanceUID): ds for ds in read}


def test_the_archive_is_varied_and_small(sample: SampleTruth) -> None:
    files = [path for path in Path(sample.folder).rglob("*") if path.is_file()]
    assert len(files) == sample.found == sample.sent + sample.skipped + sample.held + sample.quarantined
    assert 300 <= sample.sent <= 400
    assert (sample.patients, sample.studies) == (12, 30)
    assert sum(path.stat().st_size for path in files) < 40_000_000
    assert {plan.modality for plan in STUDIES} == {"CT", "MR", "CR", "US", "SR"}


def test_the_truth_names_exactly_the_good_instances(
    sample: SampleTruth, datasets: dict[str, pydicom.FileDataset]
) -> None:
    assert sample.uids == set(datasets)
    assert len(sample.uids) == sample.sent
    assert len({ds.StudyInstanceUID for ds in datasets.values()}) == sample.studies
    assert len({ds.PatientID for ds in datasets.values()}) == sample.patients


def test_names_in_every_character_set_read_back(datasets: dict[str, pydicom.FileDataset]) -> None:
    names = {str(ds.PatientName).rstrip("=") for ds in datasets.values()}
    assert names == {person.name.rstrip("=") for person in PEOPLE}


def test_every_image_can_be_decoded(datasets: dict[str, pydicom.FileDataset]) -> None:
    seen: Counter[str] = Counter()
    for ds in datasets.values():
        if "Rows" in ds and "TransferSyntaxUID" in ds.file_meta and seen[ds.file_meta.TransferSyntaxUID] < 5:
            seen[ds.file_meta.TransferSyntaxUID] += 1
            pixels = ds.pixel_array
            assert pixels.shape[-2:] == (ds.Rows, ds.Columns) or pixels.shape[-3:-1] == (ds.Rows, ds.Columns)
            assert pixels.std() > 10
            assert pixels.max() < 4096
    assert len(seen) == 7


def test_the_odd_files_are_what_they_stand_for(sample: SampleTruth) -> None:
    root = Path(sample.folder)
    odd = root / "odd files"
    assert (
        pydicom.dcmread(root / "DICOMDIR").file_meta.MediaStorageSOPClassUID == MediaStorageDirectoryStorage
    )
    assert (odd / "empty.dcm").stat().st_size == 0
    copy = (odd / "copy of IM000001.dcm").read_bytes()
    assert any(path.read_bytes() == copy for path in root.rglob("IM000001"))
    conflict = pydicom.dcmread(odd / "same uid, other content.dcm")
    assert conflict.SOPInstanceUID in sample.uids
    truncated = pydicom.dcmread(odd / "truncated.dcm")
    assert truncated.SOPInstanceUID not in sample.uids
    assert len(truncated.get("PixelData", b"")) < truncated.Rows * truncated.Columns * 2
    starts = {path.read_bytes()[:132][-4:] for path in root.rglob("IM*")}
    assert len(starts) == 3
    assert list(root.rglob("Bild*.IMA"))


def test_the_same_seed_makes_the_same_files(sample: SampleTruth, tmp_path: Path) -> None:
    again = make_sample(str(tmp_path / "again"))
    assert again.uids == sample.uids
    assert _digests(Path(again.folder)) == _digests(Path(sample.folder))
    assert make_sample(str(tmp_path / "other"), seed=2).uids.isdisjoint(sample.uids)


def _digests(root: Path) -> dict[str, str]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}
