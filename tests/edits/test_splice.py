"""Editing in place: what is not touched keeps its bytes, and what is touched is what pydicom reads."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence

from migrator.core.errors import CannotEncode, DamagedFile
from migrator.dicom.editing.edits_private import clean, strip_private
from tests.association.making import dataset_of, library_files, scan
from tests.edits.making import BIG, EXPLICIT, IMPLICIT, a_dataset, draft_of, joined, read
from tests.edits.making import encoded_as as encoded

SYNTAXES = (IMPLICIT, EXPLICIT, BIG)
CHARACTER_SETS = {
    "ISO_IR 6": "abc XYZ 09",
    "ISO_IR 100": "abc éüß",
    "ISO_IR 144": "abc Дмитрий",
    "ISO_IR 192": "abc é 山田 Ω",
    "GB18030": "abc 王小东",
    "\\ISO 2022 IR 87": "abc 山田太郎",
    "\\ISO 2022 IR 149": "abc 김희중",
}
PATIENT_ID, PATIENT_NAME, STUDY_DESCRIPTION, COMMENTS = 0x00100020, 0x00100010, 0x00081030, 0x00104000


@st.composite
def datasets(draw: st.DrawFn) -> tuple[Dataset, str, str]:
    """A data set with its transfer syntax, and letters that its character set has."""
    character_set = draw(st.sampled_from(list(CHARACTER_SETS)))
    texts = st.text(CHARACTER_SETS[character_set], max_size=12).map(str.strip)
    ds = _level(draw, texts, 2)
    ds.SpecificCharacterSet = character_set.split("\\") if "\\" in character_set else character_set
    ds.PixelData = draw(st.binary(min_size=2, max_size=40).filter(lambda data: len(data) % 2 == 0))
    ds["PixelData"].VR = "OW"
    syntax = draw(st.sampled_from(SYNTAXES))
    if syntax == EXPLICIT and draw(st.booleans()):
        ds.PixelData = encapsulate([ds.PixelData, b"1234"])
        ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    if draw(st.booleans()):
        ds.private_block(0x7FE1, "MAKER", create=True).add_new(1, "OB", b"\0\1")
    return ds, syntax, character_set


def _level(draw: st.DrawFn, texts: st.SearchStrategy[str], depth: int) -> Dataset:
    ds = Dataset()
    for name in draw(st.sets(st.sampled_from(("StudyDescription", "PatientID", "PatientComments")))):
        setattr(ds, name, draw(texts))
    if draw(st.booleans()):
        ds.PatientName = draw(texts) + "^" + draw(texts)
    if draw(st.booleans()):
        ds.Rows = draw(st.integers(0, 65535))
    if draw(st.booleans()):
        block = ds.private_block(draw(st.sampled_from((0x0009, 0x0019, 0x0029))), "MAKER", create=True)
        block.add_new(draw(st.integers(0, 255)), "LO", draw(texts))
    if depth and draw(st.booleans()):
        items = [_level(draw, texts, depth - 1) for _ in range(draw(st.integers(0, 2)))]
        for item in items:
            item.is_undefined_length_sequence_item = draw(st.booleans())
        ds.ReferencedImageSequence = Sequence(items)
        ds["ReferencedImageSequence"].is_undefined_length = draw(st.booleans())
    return ds


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(datasets())
def test_without_an_effective_change_the_bytes_are_the_same(made: tuple[Dataset, str, str]) -> None:
    data = encoded(made[0], made[1])
    draft = draft_of(data, made[1])
    for tag in (PATIENT_ID, PATIENT_NAME, STUDY_DESCRIPTION):
        if draft.get(tag) is not None:
            draft.set_text(tag, draft.text(tag))
        else:
            draft.delete(tag)
    assert joined(draft) == data
    assert draft.changes == []


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=250, suppress_health_check=list(HealthCheck))
@given(datasets(), st.data())
def test_pydicom_reads_exactly_the_new_values(made: tuple[Dataset, str, str], data: st.DataObject) -> None:
    ds, syntax, character_set = made
    expected = read(encoded(ds, syntax), syntax)
    expected.decode()
    draft = draft_of(encoded(ds, syntax), syntax)
    names = {"PatientID": PATIENT_ID, "PatientName": PATIENT_NAME, "PatientComments": COMMENTS}
    for name, tag in names.items():
        choice = data.draw(st.sampled_from(("set", "delete", "keep")))
        if choice == "set":
            text = data.draw(st.text(CHARACTER_SETS[character_set], min_size=1).map(str.strip))
            draft.set_text(tag, text)
            setattr(expected, name, text)
        elif choice == "delete":
            draft.delete(tag)
            if name in expected:
                delattr(expected, name)
    found = read(joined(draft), syntax)
    assert plain(found) == plain(expected)
    assert draft.character_set.decode() == character_set.ljust(len(draft.character_set))


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=200, suppress_health_check=list(HealthCheck))
@given(datasets())
def test_a_letter_that_the_character_set_lacks_turns_all_texts_into_utf_8(
    made: tuple[Dataset, str, str],
) -> None:
    ds, syntax, character_set = made
    assume(character_set not in ("GB18030", "ISO_IR 192"))  # these have every letter
    before = plain(read(encoded(ds, syntax), syntax))
    draft = draft_of(encoded(ds, syntax), syntax)
    draft.set_text(PATIENT_NAME, "Ωμέγα^山ß")
    found = read(joined(draft), syntax)
    assert found.SpecificCharacterSet == "ISO_IR 192"
    after = plain(found)
    assert after.pop("00100010") == "Ωμέγα^山ß"
    before.pop("00100010", None)
    del before["00080005"], after["00080005"]
    if syntax != EXPLICIT and syntax != BIG:
        before, after = without_private(before), without_private(after)  # bytes of unknown VR stay
    assert after == before


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=200, suppress_health_check=list(HealthCheck))
@given(datasets())
def test_stripping_leaves_what_pydicom_leaves_without_private_tags(made: tuple[Dataset, str, str]) -> None:
    ds, syntax, _ = made
    expected = read(encoded(ds, syntax), syntax)
    expected.remove_private_tags()
    draft = draft_of(encoded(ds, syntax), syntax)
    strip_private(draft)
    data = joined(draft)
    assert plain(read(data, syntax)) == plain(expected)
    again = draft_of(data, syntax)
    strip_private(again)
    assert joined(again) == data and again.changes == []


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(datasets())
def test_cleaning_changes_nothing_in_a_clean_data_set(made: tuple[Dataset, str, str]) -> None:
    ds, syntax, _ = made
    ds.remove_private_tags()
    data = encoded(ds, syntax)
    draft = draft_of(data, syntax)
    assert clean(draft) == {}
    assert joined(draft) == data


def plain(ds: Dataset) -> dict[str, object]:
    """Tags and values, sequences as lists, so that nothing depends on how lengths are written."""
    return {
        f"{int(e.tag):08X}": [plain(item) for item in e.value] if e.VR == "SQ" else _value(e.value)
        for e in ds
    }


def _value(value: object) -> object:
    """Trailing spaces are padding (PS3.5 6.2)."""
    return value if isinstance(value, bytes | int) or value is None else str(value).rstrip()


def without_private(values: dict[str, object]) -> dict[str, object]:
    return {
        tag: [without_private(item) for item in value] if isinstance(value, list) else value
        for tag, value in values.items()
        if not int(tag[:4], 16) & 1
    }


@pytest.mark.filterwarnings("ignore")
def test_every_file_of_the_library_survives_a_change_of_its_patient_id() -> None:
    count = 0
    for path in library_files():
        instance = scan(path)
        if path.stat().st_size > 3_000_000 or instance.transfer_syntax == "1.2.840.10008.1.2.1.99":
            continue
        data = dataset_of(path)
        draft = draft_of(data, instance.transfer_syntax)
        assert joined(draft) == data, path
        draft.set_text(PATIENT_ID, "CHANGED")
        found, expected = (read(bytes_, instance.transfer_syntax) for bytes_ in (joined(draft), data))
        assert str(found.PatientID) == "CHANGED", path
        kept = {e.tag for e in found._dict.values()} - {0x00100020, 0x00100000}
        assert kept == {e.tag for e in expected._dict.values()} - {0x00100020, 0x00100000}
        raw = found.get_item(0x7FE00010), expected.get_item(0x7FE00010)
        assert raw[0] is None or raw[0].value == raw[1].value, path
        count += 1
    assert count > 50


def test_a_group_that_is_changed_loses_its_length_and_others_keep_theirs() -> None:
    ds = a_dataset()
    ds.add_new(0x00080000, "UL", 100)
    ds.add_new(0x00100000, "UL", 100)
    draft = draft_of(encoded_with_lengths(ds))
    assert draft.get(0x00080000) is not None and draft.get(0x00100000) is not None
    draft.set_text(PATIENT_ID, "X")
    found = draft_of(joined(draft))
    assert found.get(0x00080000) is not None and found.get(0x00100000) is None


def encoded_with_lengths(ds: Dataset) -> bytes:
    """pydicom leaves group lengths out when it writes."""
    data = b""
    for tag in sorted(ds.keys()):
        one = Dataset()
        one[tag] = ds[tag]
        if tag.element == 0:
            data += tag.group.to_bytes(2, "little") + b"\0\0UL\4\0" + (100).to_bytes(4, "little")
        else:
            data += encoded(one, EXPLICIT)
    return data


def test_a_text_that_cannot_be_read_for_sure_forbids_the_change_to_utf_8() -> None:
    ds = a_dataset(SpecificCharacterSet="ISO_IR 100", StudyDescription="XYZ")
    data = encoded(ds, EXPLICIT)
    wrong = data.replace(b"ISO_IR 100", b"ISO_IR 6  ").replace(b"XYZ ", b"X\xe9Z ")
    draft = draft_of(wrong)
    draft.set_text(PATIENT_NAME, "Plain^Ascii")
    with pytest.raises(CannotEncode, match="character set"):
        draft.set_text(PATIENT_NAME, "Jörg")


def test_an_item_with_a_character_set_of_its_own_keeps_its_bytes() -> None:
    ds = a_dataset(SpecificCharacterSet="ISO_IR 100", StudyDescription="é")
    item = ds.ReferencedStudySequence[0]
    item.SpecificCharacterSet, item.StudyDescription = "ISO_IR 144", "Дмитрий"
    draft = draft_of(encoded(ds, EXPLICIT))
    draft.set_text(PATIENT_NAME, "山田")
    found = read(joined(draft))
    assert found.ReferencedStudySequence[0].StudyDescription == "Дмитрий"
    assert (found.StudyDescription, str(found.PatientName)) == ("é", "山田")
    assert "Дмитрий".encode("iso8859_5") in joined(draft)


def test_what_stands_behind_the_last_element_is_kept_until_it_is_cleaned_away() -> None:
    data = encoded(a_dataset(), EXPLICIT) + bytes(7)
    draft = draft_of(data)
    assert joined(draft) == data
    clean(draft)
    assert not joined(draft).endswith(bytes(7))


def test_an_element_that_runs_out_of_the_data_set_is_damage() -> None:
    data = encoded(a_dataset(), EXPLICIT)
    with pytest.raises(DamagedFile):
        draft_of(data[:-3])


@pytest.mark.filterwarnings("ignore")
def test_values_that_do_not_fit_are_mended_cut_or_emptied() -> None:
    ds = a_dataset(PatientID="I" * 70, StudyDescription="fine")
    data = encoded(ds, EXPLICIT)
    data = data.replace(b"20240131", b"31.01.24").replace(b"ORIGINAL\\PRIMARY", b"original\\PRIMARY")
    draft = draft_of(data)
    irregular = clean(draft)
    found = read(joined(draft))
    assert found.PatientID == "I" * 64
    assert found.StudyDate == ""
    assert list(found.ImageType) == ["ORIGINAL", "PRIMARY", "AXIAL"]
    assert found.StudyDescription == "fine"
    assert set(irregular) == {0x00100020, 0x00080020, 0x00080008}


def test_private_elements_are_found_in_a_sequence_that_was_stored_as_of_unknown_vr() -> None:
    """As an archive writes it that did not know the tag when it changed implicit VR into explicit."""
    ds = Dataset()
    ds.ReferencedStudySequence = a_dataset().ReferencedStudySequence
    value = draft_of(encoded(ds, IMPLICIT), IMPLICIT).raw(0x00081110)
    data = encoded(Dataset(), EXPLICIT) + b"\x08\0\x10\x11UN\0\0" + len(value).to_bytes(4, "little") + value
    draft = draft_of(data)
    strip_private(draft)
    after = joined(draft)
    assert b"ACME" in data and b"ACME" not in after
    assert [item.StudyDescription for item in read(after).ReferencedStudySequence] == ["inner", "inner"]


def test_explicit_elements_behind_an_implicit_first_one_are_rewritten_as_they_are() -> None:
    """Some writers mix; every element is read by its own header."""
    first, rest = Dataset(), a_dataset(SpecificCharacterSet="ISO_IR 100", StudyDescription="é")
    first.SpecificCharacterSet = rest.SpecificCharacterSet
    del rest.SpecificCharacterSet
    draft = draft_of(encoded(first, IMPLICIT) + encoded(rest, EXPLICIT))
    strip_private(draft)
    draft.set_text(PATIENT_NAME, "山田")
    draft = draft_of(joined(draft))
    assert (draft.text(STUDY_DESCRIPTION), draft.text(PATIENT_NAME)) == ("é", "山田")


def test_a_text_that_was_stored_as_of_unknown_vr_changes_to_utf_8_with_the_others() -> None:
    """Readers know what it is all the same: by the dictionary."""
    ds = a_dataset(SpecificCharacterSet="ISO_IR 100", StudyDescription="Thorax")
    data = encoded(ds, EXPLICIT).replace(
        b"\x08\0\x30\x10LO\6\0Thorax", b"\x08\0\x30\x10UN\0\0\6\0\0\0caf\xe9  "
    )
    draft = draft_of(data)
    draft.set_text(PATIENT_NAME, "山田")
    element = draft.get(STUDY_DESCRIPTION)
    assert element is not None and (element.vr, element.raw) == (b"UN", "café ".encode())
    assert read(joined(draft)).StudyDescription == "café"


def test_an_item_that_is_changed_loses_the_lengths_of_the_groups_it_changed_in() -> None:
    ds = a_dataset(SpecificCharacterSet="ISO_IR 100")
    ds.ReferencedStudySequence[0].StudyDescription = "é"
    length = b"\x08\0\0\0UL\4\0\x30\0\0\0"
    data = encoded(ds, EXPLICIT)
    start = data.index(b"\xfe\xff\0\xe0") + 8
    size = int.from_bytes(data[start - 4 : start], "little") + len(length)
    outer = int.from_bytes(data[start - 12 : start - 8], "little") + len(length)
    data = (
        data[: start - 12]
        + outer.to_bytes(4, "little")
        + data[start - 8 : start - 4]
        + size.to_bytes(4, "little")
        + length
        + data[start:]
    )
    draft = draft_of(data)
    assert joined(draft) == data and length in data
    draft.set_text(PATIENT_NAME, "山田")
    after = joined(draft)
    assert length not in after
    assert read(after).ReferencedStudySequence[0].StudyDescription == "é"
