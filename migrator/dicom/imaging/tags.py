"""The attributes that people look for first, in groups and in words; never private ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from pydicom.datadict import dictionary_description, dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset

from migrator.dicom.editing.splice_elements import Element, elements_of, items_of
from migrator.dicom.editing.splice_show import shown
from migrator.dicom.imaging.opened import UNPARSABLE, Opened
from migrator.dicom.imaging.picture import Tag
from migrator.dicom.names import name_of

_SYNTAX = "(0002,0010)"
_CODE_MEANING, _SHARED, _PER_FRAME = 0x00080104, 0x52009229, 0x52009230

_GROUPS: tuple[tuple[str, str], ...] = (
    (
        "Patient",
        "PatientName PatientID IssuerOfPatientID PatientBirthDate PatientSex PatientAge PatientSize"
        " PatientWeight OtherPatientIDs PatientComments",
    ),
    (
        "Study",
        "StudyDate StudyTime AccessionNumber StudyID StudyDescription ReferringPhysicianName"
        " StudyInstanceUID",
    ),
    (
        "Series",
        "Modality SeriesNumber SeriesDate SeriesTime SeriesDescription ProtocolName BodyPartExamined"
        " Laterality PatientPosition ViewPosition OperatorsName PerformingPhysicianName"
        " PerformedProcedureStepDescription SeriesInstanceUID FrameOfReferenceUID",
    ),
    (
        "Equipment",
        "Manufacturer ManufacturerModelName InstitutionName InstitutionalDepartmentName StationName"
        " DeviceSerialNumber SoftwareVersions",
    ),
    (
        "Object",
        "SOPClassUID SOPInstanceUID InstanceNumber ImageType ContentDate ContentTime AcquisitionDate"
        " AcquisitionTime AcquisitionDateTime AcquisitionNumber InstanceCreationDate InstanceCreationTime"
        " ContentLabel ContentDescription DocumentTitle MIMETypeOfEncapsulatedDocument CompletionFlag"
        " VerificationFlag ConversionType SpecificCharacterSet ImageComments QualityControlImage",
    ),
    (
        "Acquisition",
        "ContrastBolusAgent SliceThickness SpacingBetweenSlices SliceLocation ImagePositionPatient"
        " ImageOrientationPatient KVP ExposureTime XRayTubeCurrent Exposure ConvolutionKernel"
        " ScanningSequence SequenceVariant MagneticFieldStrength RepetitionTime EchoTime InversionTime"
        " FlipAngle FrameTime CineRate RecommendedDisplayFrameRate Radiopharmaceutical",
    ),
    (
        "Image",
        "Rows Columns NumberOfFrames SamplesPerPixel PhotometricInterpretation PlanarConfiguration"
        " BitsAllocated BitsStored HighBit PixelRepresentation SmallestImagePixelValue"
        " LargestImagePixelValue PixelPaddingValue PixelSpacing ImagerPixelSpacing"
        " NominalScannedPixelSpacing PixelAspectRatio WindowCenter WindowWidth WindowCenterWidthExplanation"
        " VOILUTFunction VOILUTSequence RescaleIntercept RescaleSlope RescaleType ModalityLUTSequence"
        " PresentationLUTShape BurnedInAnnotation LossyImageCompression LossyImageCompressionRatio"
        " LossyImageCompressionMethod RecognizableVisualFeatures",
    ),
)

# PS3.3 C.7.6.16.2: where enhanced objects keep per frame what others have at the top.
FUNCTIONAL = {
    "PixelSpacing": "PixelMeasuresSequence",
    "SliceThickness": "PixelMeasuresSequence",
    "WindowCenter": "FrameVOILUTSequence",
    "WindowWidth": "FrameVOILUTSequence",
    "WindowCenterWidthExplanation": "FrameVOILUTSequence",
    "VOILUTFunction": "FrameVOILUTSequence",
    "RescaleIntercept": "PixelValueTransformationSequence",
    "RescaleSlope": "PixelValueTransformationSequence",
    "RescaleType": "PixelValueTransformationSequence",
    "ImagePositionPatient": "PlanePositionSequence",
    "ImageOrientationPatient": "PlaneOrientationSequence",
}


def tags_of(file: Opened, functional: Dataset) -> tuple[Tag, ...]:
    """The important attributes that have a value. `functional` are those of the frame."""
    return tuple(_rows(file, functional))


def _rows(file: Opened, functional: Dataset) -> Iterator[Tag]:
    for group, keywords in _GROUPS:
        for keyword in keywords.split():
            tag = tag_for_keyword(keyword)
            if tag is None:
                continue
            value = file.text(tag) or _functional(functional, keyword)
            if value:
                vr = dictionary_VR(tag)
                words = _named(value) if vr == "UI" and keyword == "SOPClassUID" else value
                yield Tag(
                    group, f"({tag >> 16:04X},{tag & 0xFFFF:04X})", dictionary_description(tag), words, vr
                )
        if group == "Image":
            yield Tag(group, _SYNTAX, "Transfer Syntax UID", _named(file.syntax), "UI")


def _named(uid: str) -> str:
    name = name_of(uid)
    return uid if name == uid else f"{name} ({uid})"


def _functional(functional: Dataset, keyword: str) -> str:
    if keyword not in FUNCTIONAL or keyword not in functional:
        return ""
    value = functional[keyword].value
    if value is None or value == "":
        return ""
    several = value if isinstance(value, list) or hasattr(value, "append") else [value]
    return "\\".join(str(one) for one in several)


def functional_of(file: Opened, frame: int) -> Dataset:
    """What the functional groups say of one frame, flat: its own groups, then the shared ones.

    Each attribute where the standard has it: private groups hold attributes of the same name for other uses.
    """
    flat = Dataset()
    for sequence, number in ((_PER_FRAME, frame), (_SHARED, 0)):
        # Damaged ones say nothing.
        with suppress(*UNPARSABLE):
            groups = file.item(sequence, number) or Dataset()
            for keyword, home in FUNCTIONAL.items():
                items = groups.get(home)
                if items and keyword in items[0]:
                    flat.setdefault(keyword, items[0][keyword])
    return flat


def first_item(element: Element | None) -> dict[int, Element]:
    """The elements of a sequence's first item."""
    if element is None or not element.is_sequence:
        return {}
    for item in items_of(element):
        return {one.tag: one for one in elements_of(element.source, item.coding, item.start, item.stop)}
    return {}


def code_meaning(file: Opened, tag: int) -> str:
    """The meaning of a coded concept (PS3.3 8.8)."""
    with suppress(*UNPARSABLE):
        return shown(first_item(file.elements.get(tag)).get(_CODE_MEANING), file.character_set)
    return ""
