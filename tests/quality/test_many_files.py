"""What only several files tell together."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from migrator.checks.quality_gaps import missing_ranges, range_words
from tests.peers.archives import Archive
from tests.quality.making import (
    ACCESSION,
    BORN,
    INSTANCE,
    ISSUER,
    MODALITY,
    NAME,
    NUMBER,
    PATIENT_ID,
    SERIES,
    SEX,
    STUDY,
    Command,
    Value,
    clean,
    padded,
    part_10,
    put,
)


def made(number: int, changes: dict[int, Value], **place: int) -> bytes:
    return part_10(dict(sorted((clean(number, **place) | changes).items())))


def test_a_clean_archive_has_no_findings(quality: Command, source: Path) -> None:
    for patient in (1, 2):
        for study in (1, 2):
            for number in range(1, 6):
                data = part_10(clean(number, patient=patient, study=study))
                put(source / f"{patient}" / f"{study}" / f"{number}.dcm", data)
    result = quality(source)
    assert (result.code, result.counts) == (0, {})
    told = result.json
    assert (told["patients"], told["studies"], told["series"], told["instances"]) == (2, 4, 4, 20)
    assert (told["errors"], told["warnings"], told["notices"]) == (0, 0, 0)


def test_an_archive_of_many_syntaxes_has_but_what_it_lacks(quality: Command, archive: object) -> None:
    folder: Archive = archive(studies=2, series=2, instances=4)  # type: ignore[operator]
    result = quality(folder.folder)
    assert result.counts == {"missing-referring-physician": 16}
    assert result.code == 0


def test_duplicates_are_told_from_conflicts(quality: Command, source: Path) -> None:
    put(source / "1.dcm", part_10(clean()))
    put(source / "2 copy.dcm", part_10(clean()))
    put(source / "3 other.dcm", made(1, {ACCESSION: (b"SH", b"A1.1"), NUMBER: (b"IS", b"7 ")}))
    result = quality(source)
    assert result.counts == {"duplicate": 1, "conflict": 1}
    assert result.example("duplicate")["path"] == "2 copy.dcm"
    assert result.example("duplicate")["detail"] == "same as 1.dcm"
    assert result.example("conflict")["path"] == "3 other.dcm"
    assert result.code == 1


def test_one_uid_in_two_series_is_told_as_such(quality: Command, source: Path) -> None:
    put(source / "1.dcm", part_10(clean()))
    put(source / "2.dcm", made(1, {INSTANCE: clean()[INSTANCE]}, series=2))
    result = quality(source)
    assert result.counts == {"uid-in-two-series": 1}
    assert result.example("uid-in-two-series")["sop_instance_uid"] == "1.2.3.1.1.1.1"
    assert result.code == 1


def test_a_series_in_two_studies_counts_once(quality: Command, source: Path) -> None:
    put(source / "1.dcm", part_10(clean()))
    for number in (2, 3):
        put(source / f"{number}.dcm", made(number, {SERIES: clean()[SERIES]}, study=2))
    result = quality(source)
    assert result.counts == {"series-in-two-studies": 1}
    example = result.example("series-in-two-studies")
    assert (example["path"], example["study_uid"]) == ("2.dcm", "1.2.3.1.2")
    assert "unlike 1.dcm" in example["detail"]


def test_a_series_of_two_modalities_is_told(quality: Command, source: Path) -> None:
    put(source / "1.dcm", part_10(clean()))
    put(source / "2.dcm", made(2, {MODALITY: (b"CS", b"MR")}))
    assert quality(source).counts == {"series-of-two-modalities": 1}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({NAME: (b"PN", b"Roe^Jack")}, "patient-names-differ"),
        ({BORN: (b"DA", b"19710101")}, "patient-birth-dates-differ"),
        ({SEX: (b"CS", b"M ")}, "patient-sexes-differ"),
        ({NAME: (b"PN", b"Roe^Jack"), BORN: (b"DA", b"19710101")}, "two-persons-one-id"),
        ({NAME: (b"PN", b"DOE^J1  ")}, None),
        ({BORN: (b"DA", b"")}, "missing-birth-date"),
        ({NAME: (b"PN", b"Roe^Jack"), ISSUER: (b"LO", b"OTHER ")}, None),
    ],
)
def test_patients_under_one_id_are_compared(
    changes: dict[int, Value], code: str | None, quality: Command, source: Path
) -> None:
    put(source / "1.dcm", part_10(clean()))
    for number in (1, 2):
        put(source / f"other{number}.dcm", made(number, changes, study=2))
    result = quality(source)
    expected = {} if code is None else {code: 2 if code.startswith("missing") else 1}
    assert result.counts == expected


def test_patients_are_compared_though_the_first_file_tells_nothing_of_them(
    quality: Command, source: Path
) -> None:
    nothing = {NAME: (b"PN", b""), BORN: (b"DA", b"")}
    put(source / "1.dcm", made(1, nothing))
    put(source / "2.dcm", made(2, {}, study=2))
    put(source / "3.dcm", made(3, nothing, study=3))
    put(source / "4.dcm", made(4, {NAME: (b"PN", b"Roe^Jack")}, study=4))
    found = quality(source)
    assert found.counts == {"missing-patient-name": 2, "missing-birth-date": 2, "patient-names-differ": 1}
    assert "unlike 2.dcm" in found.example("patient-names-differ")["detail"]


def test_without_a_patient_id_nothing_is_compared(quality: Command, source: Path) -> None:
    put(source / "1.dcm", made(1, {PATIENT_ID: (b"LO", b"")}))
    put(source / "2.dcm", made(1, {PATIENT_ID: (b"LO", b""), NAME: (b"PN", b"Roe^Jack")}, study=2))
    assert quality(source).counts == {"missing-patient-id": 2}


def test_two_patient_ids_in_a_study_are_told(quality: Command, source: Path) -> None:
    put(source / "1.dcm", part_10(clean()))
    put(source / "2.dcm", made(1, {PATIENT_ID: (b"LO", b"P9")}, series=2))
    result = quality(source)
    assert result.counts == {"study-of-two-patients": 1}
    assert result.example("study-of-two-patients")["detail"] == "patient ID P9 and P1, unlike 1.dcm"
    assert result.code == 1


def test_an_issuer_that_is_only_not_told_makes_no_other_patient(quality: Command, source: Path) -> None:
    put(source / "1.dcm", part_10(clean()))
    put(source / "2.dcm", made(1, {ISSUER: (b"LO", b"HOME")}, series=2))
    assert quality(source).counts == {}


def test_files_of_a_study_that_disagree_are_told(quality: Command, source: Path) -> None:
    put(source / "1.dcm", part_10(clean()))
    put(source / "2.dcm", made(1, {ACCESSION: (b"SH", b"OTHER ")}, series=2))
    result = quality(source)
    assert result.counts == {"study-differs": 1}
    assert "accession number OTHER and A1.1" in result.example("study-differs")["detail"]


def test_gaps_in_instance_numbers_are_told_as_ranges(quality: Command, source: Path) -> None:
    for number in (1, 2, 3, 7, 8, 10, 11, 12):
        put(source / f"{number:02}.dcm", part_10(clean(number)))
    result = quality(source)
    assert result.counts == {"instance-number-gaps": 1}
    example = result.example("instance-number-gaps")
    assert (example["detail"], example["series_uid"]) == ("missing: 4-6, 9", "1.2.3.1.1.1")
    assert result.code == 0


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([], []),
        ([1, 2, 4], []),  # too few to tell
        ([4, 1, 2], []),
        ([5, 1, 2, 3], [(4, 4)]),
        ([1, 1, 2, 2, 4, 5], [(3, 3)]),
        ([10, 20, 30, 40, 50], []),  # numbered in tens
        ([1, 7, 20, 24, 50], []),  # not numbered one by one
        ([1, 3, 5, 7, 9, 11], []),  # every second belongs to another series
        ([2, 4, 6, 10, 12], [(8, 8)]),
        ([2, 4, 6, 14, 16, 18], [(8, 12)]),
        ([-1, 0, 2, 3], [(1, 1)]),
        ([3, 4, 5, 6], []),  # what is missing before the first cannot be told
        ([1, 2, 3, 2**31 - 1], []),
    ],
)
def test_gaps_mean_something_only_where_numbers_run_on(
    numbers: list[int], expected: list[tuple[int, int]]
) -> None:
    assert missing_ranges(numbers) == expected


def test_many_gaps_are_told_in_short() -> None:
    words = range_words([(number, number) for number in range(12)])
    assert words == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more"


@pytest.mark.parametrize("value", [b"x ", b"99999999999999999999", b"-5"])
def test_odd_instance_numbers_are_borne(value: bytes, quality: Command, source: Path) -> None:
    for number in range(1, 5):
        put(source / f"{number}.dcm", part_10(clean(number)))
    put(source / "odd.dcm", made(9, {NUMBER: (b"IS", value)}))
    assert set(quality(source).counts) <= {"value-unfit", "odd-length", "instance-number-gaps"}


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_what_the_scan_reports_is_told_too(quality: Command, source: Path, tmp_path: Path) -> None:
    put(source / "1.dcm", part_10(clean()))
    put(tmp_path / "elsewhere.dcm", part_10(clean(2)))
    (source / "link.dcm").symlink_to(tmp_path / "elsewhere.dcm")
    os.mkfifo(source / "pipe")
    assert quality(source).counts == {"link-outside": 1, "not-a-file": 1}


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the administrator may read everything")
def test_unreadable_files_and_folders_are_errors(quality: Command, source: Path) -> None:
    put(source / "1.dcm", part_10(clean())).chmod(0)
    (source / "closed").mkdir(mode=0)
    try:
        result = quality(source)
    finally:
        (source / "closed").chmod(0o700)
    assert result.counts == {"unreadable": 1, "unreadable-folder": 1}
    assert result.code == 1


def test_a_file_whose_second_look_cannot_be_read_is_unreadable(
    quality: Command, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("migrator.dicom.inspection.inspector.read_at", fail)
    put(source / "1.dcm", part_10(clean()))
    assert quality(source).counts == {"unreadable": 1}


def test_many_readers_find_the_same(quality: Command, source: Path) -> None:
    for number in range(1, 60):
        changes = {PATIENT_ID: (b"LO", b"")} if number % 3 == 0 else {STUDY: (b"UI", padded("1.2.03", b"\0"))}
        put(source / f"{number:02}.dcm", made(number, changes, series=number))
    one, several = quality(source, "--readers", "1"), quality(source, "--readers", "8")
    assert one.counts
    assert one.json["findings"] == several.json["findings"]
