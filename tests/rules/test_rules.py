"""Rules and crosswalks: what is wrong is said before the run, with line numbers; what is right is applied."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from migrator.core.errors import CannotEncode, UsageError
from migrator.core.model import Patient
from migrator.core.rules import Action, ApplyCrosswalk, ApplyRules, Comparison, Condition, Rule, parse_rules
from migrator.core.settings import RuleSettings
from migrator.dicom.editing.rules import RuleFiles, read_rule_files
from tests.edits.making import BIG, EXPLICIT, IMPLICIT, a_dataset, edit, read, write


def applied(tmp_path: Path, text: str, ds: Dataset | None = None, syntax: str = EXPLICIT) -> Dataset:
    """What pydicom reads of a data set to which these rules were applied."""
    path = write(tmp_path / "file.dcm", ds or a_dataset(), syntax)
    return read(edit(path, *rules_in(tmp_path, text))[1], syntax)


def rules_in(tmp_path: Path, text: str) -> tuple[object, ...]:
    file = tmp_path / "rules.txt"
    file.write_text(text, "utf-8")
    return read_rule_files(RuleSettings(rules=str(file))).edits


def test_a_line_is_read_as_it_is_meant() -> None:
    rules, faults = parse_rules(
        '\ufeff# a comment\n\nPatientID prefix "A\\"#-" # why\n'
        '(0010,4000) delete if Modality != "CT"\nstrip_private\n'
        'StudyDescription replace /a\\/(b)/ "\\1" if PatientName ~ /^X/\n'
        "AccessionNumber copy StudyID if StudyID exists\n"
    )
    assert faults == []
    assert rules == [
        Rule(3, "PatientID", Action.PREFIX, 'A"#-'),
        Rule(4, "(0010,4000)", Action.DELETE, condition=Condition("Modality", Comparison.UNEQUAL, "CT")),
        Rule(5, "", Action.STRIP_PRIVATE),
        Rule(
            6,
            "StudyDescription",
            Action.REPLACE,
            "a/(b)",
            "\\1",
            Condition("PatientName", Comparison.MATCHES, "^X"),
        ),
        Rule(7, "AccessionNumber", Action.COPY, "StudyID", condition=Condition("StudyID", Comparison.EXISTS)),
    ]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ('Patient set "x"', "'Patient' is no attribute's keyword"),
        ("PatientID", "what to do with it is missing"),
        ("PatientID chop", "'chop' is none of set, prefix"),
        ("PatientID set x", 'a "text" after set is missing'),
        ('PatientID set "x', "cannot be understood"),
        ('PatientID set "x" nonsense', "no condition"),
        ('PatientID set "x" if', "condition's attribute is missing"),
        ('PatientID set "x" if Modality', "a condition needs one of"),
        ('PatientID set "x" if Modality = "CT" "MR"', "stands behind the condition"),
        ('PatientID set "x" if Nothing exists', "'Nothing' is no attribute's keyword"),
        ('PatientID replace /(/ "x"', "is no regular expression"),
        ('PatientID replace /(a)/ "\\2"', "does not fit"),
        ('PatientID replace /a{99999999999999999999}/ "x"', "is no regular expression"),
        ("PatientID replace /" + "(" * 9000 + ")" * 9000 + '/ "x"', "is no regular expression"),
        ('PatientID replace /[[a]/ "x"', "is no regular expression"),
        ('PatientID replace /(a+)+b/ "x"', "may run for ever"),
        ("PatientID delete if StudyDescription ~ /((x[)]*|y){2,})*$/", "may run for ever"),
        ('PatientID prefix "a\\b"', "takes one value"),
        ('PatientID set "a\x1bb"', "control characters"),
        ('StudyDescription suffix "\x01"', "control characters"),
        ('PatientID set "x" if PixelData = "x"', "neither text nor number"),
        ("PatientID delete if ReferencedStudySequence ~ /x/", "neither text nor number"),
        ('PatientID set "' + "x" * 65 + '"', "longer than 64 letters"),
        ('PatientBirthDate set "31.12.1970"', "a date: YYYYMMDD"),
        ('PatientBirthDate set "19700101-19800101"', "a date"),
        ('StudyTime set "25:00"', "a time"),
        ('PatientSex set "female"', "capital letters"),
        ('PatientID set "a\\b"', "takes one value"),
        ('SeriesNumber set "one"', "a whole number"),
        ('LargestImagePixelValue set "70000"', "not a number that VR US can hold"),
        ('ReferencedStudySequence set "x"', "cannot be set"),
        ('StudyDate prefix "1"', "no free text"),
        ('SeriesInstanceUID set "1.2"', "names the series"),
        ("StudyInstanceUID delete", "names the study"),
        ("SOPInstanceUID copy StudyID", "names the object"),
        ("SOPClassUID delete", "kind of object"),
        ("TransferSyntaxUID delete", "no part of the data set"),
        ('Rows set "1"', "describes the pixel data"),
        ("PixelData delete", "describes the pixel data"),
        ("LossyImageCompression delete", "describes the pixel data"),
        ("SpecificCharacterSet delete", "how texts are encoded"),
        ("(0010,0000) delete", "belongs to the encoding"),
        ('(0009,1001) set "x"', "can only be deleted"),
        ("PatientID copy PixelData", "does not fit into"),
        ("PatientID copy Nothing", "'Nothing' is no attribute's keyword"),
    ],
)
def test_what_is_wrong_is_said_with_file_and_line(tmp_path: Path, rule: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        rules_in(tmp_path, f"# first\n{rule}\n")
    assert words in str(caught.value)
    assert f"{tmp_path / 'rules.txt'}, line 2: " in str(caught.value)


@pytest.mark.parametrize(
    "pattern", [r"a+b*", r"(a+)?b", r"(ab)+", r"\(a+\)+", "[(+]+(x)*", r"(a+){2}", "(a|b)*c+"]
)
def test_patterns_that_end_are_taken(tmp_path: Path, pattern: str) -> None:
    assert rules_in(tmp_path, f'PatientID replace /{pattern}/ "x"')


def test_lines_are_counted_as_editors_count_them(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"rules.txt, line 3: 'Y' is no"):
        rules_in(tmp_path, '\x0b# a form feed: \x0c\nStudyDescription set "a\u2028b"\nY delete\n')


def test_of_very_many_faults_the_first_are_said_and_the_others_counted(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        rules_in(tmp_path, "X delete\n" * 1000)
    lines = str(caught.value).splitlines()
    assert len(lines) == 101 and "line 100: " in lines[99]
    assert lines[100].endswith("and 900 more lines")


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("old_id,new_id\nA,\n")
    (tmp_path / "r.txt").write_text('X delete\nPatientID delete\nPatientSex set "y"\nY delete\n')
    settings = RuleSettings(rules=str(tmp_path / "r.txt"), crosswalk=str(tmp_path / "c.csv"))
    with pytest.raises(UsageError) as caught:
        read_rule_files(settings)
    places = [line.split(": ")[0].rpartition(os_sep())[2] for line in str(caught.value).splitlines()]
    assert places == ["r.txt, line 1", "r.txt, line 3", "r.txt, line 4", "c.csv, line 2"]


def os_sep() -> str:
    return "/" if "/" in str(Path("a/b")) else "\\"


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
def test_every_action_does_what_it_says(tmp_path: Path, syntax: str) -> None:
    found = applied(
        tmp_path,
        'PatientID prefix "A-"\nPatientID suffix "-Z"\nStudyDescription replace /Th(o)/ "\\1_"\n'
        'AccessionNumber copy PatientID\nPatientSex delete\nInstitutionName set "Süd"\n'
        'LargestImagePixelValue set "515"\nImageType suffix "_X"\nReferringPhysicianName prefix "Dr "\n'
        'SeriesNumber set "7"\nstrip_private\n',
        syntax=syntax,
    )
    assert (found.PatientID, found.AccessionNumber) == ("A-P1-Z", "A-P1-Z")
    assert found.StudyDescription == "o_rax" and "PatientSex" not in found
    assert (found.InstitutionName, found.SpecificCharacterSet) == ("Süd", "ISO_IR 192")
    assert found.LargestImagePixelValue == 515
    assert list(found.ImageType) == ["ORIGINAL_X", "PRIMARY_X", "AXIAL_X"]
    assert "ReferringPhysicianName" not in found  # there was nothing to put anything before
    assert found.SeriesNumber == 7
    assert not any(element.tag.is_private for element in found.iterall())


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ('Modality = "CT"', True),
        ('Modality = "C"', False),
        ('Modality != "CT"', False),
        ('AccessionNumber != "x"', True),
        ("StudyDescription ~ /^Th/", True),
        ("StudyDescription ~ /^x/", False),
        ("PatientComments exists", False),
        ("PatientComments missing", True),
        ("PatientSex exists", True),
        ('Rows = "4"', True),
        ("(0009,1001) exists", True),
    ],
)
def test_a_condition_decides(tmp_path: Path, condition: str, holds: bool) -> None:
    found = applied(tmp_path, f'PatientID set "NEW" if {condition}')
    assert found.PatientID == ("NEW" if holds else "P1")


def test_rules_see_what_those_before_them_did(tmp_path: Path) -> None:
    found = applied(tmp_path, 'PatientID set "B"\nPatientSex delete if PatientID = "B"')
    assert "PatientSex" not in found


def test_a_result_that_does_not_fit_is_refused_by_the_rules_line(tmp_path: Path) -> None:
    with pytest.raises(CannotEncode, match=r"rule in line 2 would make AccessionNumber longer than 16"):
        applied(
            tmp_path, '# long\nAccessionNumber prefix "0123456789"', a_dataset(AccessionNumber="123456789")
        )


@pytest.mark.parametrize(
    "rule", ["AccessionNumber copy ImageType", 'PatientID replace /P(1)/ "P\\\\\\\\\\1"']
)
def test_a_rule_does_not_make_several_values_where_one_stands(tmp_path: Path, rule: str) -> None:
    with pytest.raises(CannotEncode, match=r"rule in line 1 would give \w+ several values"):
        applied(tmp_path, rule)


def test_several_values_that_are_there_may_stay_several(tmp_path: Path) -> None:
    found = applied(tmp_path, 'PatientID suffix "-Z"', a_dataset(PatientID=["P1", "P2"]))
    assert list(found.PatientID) == ["P1-Z", "P2-Z"]


def test_a_text_beyond_all_bounds_is_not_searched(tmp_path: Path) -> None:
    ds = a_dataset(TextValue="x" * 10_241)
    for rule in ('TextValue replace /x*y/ "z"', "PatientSex delete if TextValue ~ /x*y/"):
        with pytest.raises(CannotEncode, match="TextValue is too long for the rule in line 1"):
            applied(tmp_path, rule, ds)


def test_a_private_element_can_be_deleted_by_its_tag(tmp_path: Path) -> None:
    found = applied(tmp_path, "(0009,1001) delete")
    assert 0x00091001 not in found and 0x00090010 in found


def test_a_sequence_can_be_deleted(tmp_path: Path) -> None:
    assert "ReferencedStudySequence" not in applied(tmp_path, "ReferencedStudySequence delete")


def crosswalk_in(tmp_path: Path, text: str, encoding: str = "utf-8") -> ApplyCrosswalk:
    file = tmp_path / "crosswalk.csv"
    file.write_bytes(text.encode(encoding))
    (found,) = read_rule_files(RuleSettings(crosswalk=str(file))).edits
    assert isinstance(found, ApplyCrosswalk)
    return found


def test_a_crosswalk_knows_patients_by_id_and_issuer(tmp_path: Path) -> None:
    text = 'New ID,Old ID,old_issuer,new_issuer,new_name\r\nN1,A,H1,NEW,"Neu^Jörg"\r\n\r\nN2,A,,,\r\n'
    found = crosswalk_in(tmp_path, text, "utf-8-sig")
    assert found.find(Patient("A", "H1")) == Patient("N1", "NEW", "Neu^Jörg")
    assert found.find(Patient("A", "")) == Patient("N2")
    assert found.find(Patient("A", "H2")) is None and found.find(Patient("B")) is None


def test_a_crosswalk_without_issuers_knows_patients_by_id_alone(tmp_path: Path) -> None:
    found = crosswalk_in(tmp_path, "old_id,new_id\nA,N1\n")
    assert found.find(Patient("A", "ANY")) == found.find(Patient("A")) == Patient("N1")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1: the header lacks old_id and new_id"),
        ("A,B\nC,D\n", "line 1: the header lacks"),
        ("old_id,new_id,colour\n", "line 1: there is no column 'colour'"),
        ("old_id,new_id,new_id\n", "line 1: the column new_id stands there twice"),
        ("old_id,new_id\nA\n", "line 2: has 1 columns, the header 2"),
        ("old_id,new_id\nA,B\nA,B\n", "line 3: is the same as line 2"),
        ("old_id,new_id\nA,B\nX,Y\nA,C\n", "line 4: is in conflict with line 2"),
        ("old_id,new_id\n,C\n", "line 2: old_id is empty"),
        ("old_id,new_id\nA," + "N" * 65 + "\n", "line 2: new_id is longer than 64"),
        ("old_id,new_id\nA,N\\M\n", "line 2: new_id holds a backslash"),
        ('old_id,new_id\nA,"B\n', "is no CSV"),
    ],
)
def test_what_is_wrong_with_a_crosswalk_is_said_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        crosswalk_in(tmp_path, text)
    assert words in str(caught.value)


def test_a_crosswalk_without_a_header_is_refused_without_its_patients(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        crosswalk_in(tmp_path, "SECRET1,SECRET2\nSECRET3,SECRET4\n")
    assert "SECRET" not in str(caught.value).upper()


def test_a_crosswalk_may_be_long_and_a_file_that_never_ends_is_refused(tmp_path: Path) -> None:
    rows = "".join(f"OLD{number:07},NEW{number:07}\n" for number in range(500_000))
    assert len(crosswalk_in(tmp_path, "old_id,new_id\n" + rows).patients) == 500_000
    if os.name == "posix":
        with pytest.raises(UsageError, match="is longer than"):
            read_rule_files(RuleSettings(rules="/dev/zero"))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_rule_files(RuleSettings(rules=str(tmp_path / "none")))
    with pytest.raises(UsageError, match="cannot be read: not a path"):
        read_rule_files(RuleSettings(rules="\0"))
    (tmp_path / "latin").write_bytes(b'\nPatientID set "\xe9"')
    with pytest.raises(UsageError, match="line 2: is not UTF-8"):
        read_rule_files(RuleSettings(rules=str(tmp_path / "latin")))


def test_without_rules_there_are_no_edits() -> None:
    assert read_rule_files(RuleSettings()) == RuleFiles()


def test_the_digest_is_that_of_the_contents(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("PatientSex delete")
    other.write_text("PatientSex delete")
    first = read_rule_files(RuleSettings(rules=str(one))).digest
    assert len(first) == 32 and read_rule_files(RuleSettings(rules=str(other))).digest == first
    other.write_text("PatientID delete")
    assert read_rule_files(RuleSettings(rules=str(other))).digest != first


def test_rules_never_show_what_they_hold() -> None:
    edit_ = ApplyRules((Rule(1, "PatientID", Action.SET, "secret"),))
    table = ApplyCrosswalk({("secret", ""): Patient("secret")})
    assert "secret" not in repr((edit_, table))
