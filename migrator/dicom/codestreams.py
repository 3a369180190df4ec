"""One small image in every compressed transfer syntax that is decoded here, to try the decoders with.

Encoded once and kept as bytes, since most of these syntaxes have no encoder among our packages: JPEG by
DCMTK's dcmcjpeg, JPEG-LS by CharLS, JPEG 2000 by OpenJPEG, HTJ2K by OpenJPH, RLE by pydicom. What each must
decode to is known by a formula, not by another decoder.
"""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filereader import read_dataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID, ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from migrator.core.errors import CannotEncode
from migrator.core.model import Instance
from migrator.dicom.contexts import uid_words
from migrator.dicom.decoding import Decoders
from migrator.dicom.header import read_header

_SIDE = 16
_ROOT = "1.2.840.10008.1.2."


@dataclass(frozen=True, slots=True)
class Codestream:
    """The image in one transfer syntax; `tolerance` is by how much a value may differ after lossy coding.

    `black` is what the encoder took off every value: DCMTK's lossy JPEG begins with the least one.
    """

    transfer_syntax: str
    tolerance: int
    bits: int
    encoded: str
    black: int = 0

    @property
    def words(self) -> str:
        """The transfer syntax by its name."""
        return uid_words(self.transfer_syntax)

    @property
    def pixels(self) -> NDArray[numpy.uint16]:
        """What it was before it was encoded."""
        row, column = numpy.mgrid[0:_SIDE, 0:_SIDE]
        texture = (row * column) % 7 * 3
        grey = 64 + 120 * row + 90 * column + texture
        pixels: NDArray[numpy.uint16] = ((grey >> (12 - self.bits)) - self.black).astype(numpy.uint16)
        return pixels


CODESTREAMS = (
    Codestream(
        _ROOT + "5",
        0,
        12,
        "AgAAAEAAAAAIAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAP4A/wH+Av4D"
        "/gT/BQAA/gH+Av4D/gT/BQAG/gH+Av8D/gT+Bf8GAAH+Av4D/gT+Bf4G/gL+A/4E/wX+Bv8HAAL+A/4E/gX+Bv4H/gP+BP4F"
        "/gb+BwAI/wP+BP4F/wb+B/4I/gT+Bf4G/gf+CAAJ/wT+Bf4G/wf+CP4JAAT/Bf4G/gf+CP4JAAr/Bf4G/gf+CP8J/goABf4G"
        "/wf+CP4J/goAC/8G/gf+CP4J/gr/CwAG/gf+CP4J/wr+CwAM/wf+CP4J/gr+C/8MD0Ca9E6oAly2EGrEHnjSLIYPuBVyzyyJ"
        "5i6L6EWi/1ykAQ8wkPBQm/tbpgZmxhFx0Rx8D6gLbrwfbdAegeQyleNGlPcPIIbXPY70RZb8TbMEarsMcg+YAVWpEma6DnfL"
        "H4jcMITtDxB80yqB2C+G8kmg906l/GgPiOI8lvBKpP5YsgxmwBp0zg8AXboXdNEudtMwjepHpOxJD3jYOJjjQ6PuTq4OWbkZ"
        "ZMQP8FO2BGe1GGbJLHrdK47cPw9ozh+F1jyN3kSV+0yyA1S6D+BJnfFargJWvxNn0CR4zDUPWMQbcskgd846keg/lu1EsA/Q"
        "KoTeOJLsRqD6VK4IYrwWD0ilAl+8GXa+G3jVMo/sNJE=",
    ),
    Codestream(
        _ROOT + "4.50",
        2,
        8,
        "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAIBAQEBAQIBAQECAgICAgQDAgICAgUEBAMEBgUGBgYFBgYGBwkIBgcJBwYGCAsI"
        "CQoKCgoKBggLDAsKDAkKCgr/wAALCAAQABABAREA/8QAFgABAQEAAAAAAAAAAAAAAAAACAYJ/8QAIhAAAQMDAwUAAAAAAAAA"
        "AAAAAQAHCANBQgIUIwQRIiQx/9oACAEBAAA/AMtmZjsO1L0R8GKWrMx208Q2AtirxmY7+NIDobDBLRmY7DiGxNsV/9k=",
        black=4,
    ),
    Codestream(
        _ROOT + "4.51",
        9,
        12,
        "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAIBAQEBAQIBAQECAgICAgQDAgICAgUEBAMEBgUGBgYFBgYGBwkIBgcJBwYGCAsI"
        "CQoKCgoKBggLDAsKDAkKCgr/wQALDAAQABABAREA/8QAFgABAQEAAAAAAAAAAAAAAAAADAoN/8QAKhAAAQIEBAQHAQAAAAAA"
        "AAAAAgEDBAURIQcLDBIGCCLwEygxQUZRYrH/2gAIAQEAAD8Ay5PJl9O6SqHlWFPkah1dWHgvjomREQj+elUX+e9elaJk0Gnc"
        "ZODeFEI3yOwyKTkvBSHh4StuCp7ttrd2qt4GTKad+bCT4VNwvIw4SpDQaErXC5UuI7ty7KW7peq0TJoNO+wxQ2FLTXI054Cu"
        "S8TMOFiQEBCBarVv17+kT//Z",
        black=64,
    ),
    Codestream(
        _ROOT + "4.57",
        0,
        12,
        "/9j/4AAQSkZJRgABAQAAAQABAAD/wwALEAAQABABAREA/8QAFgABAQEAAAAAAAAAAAAAAAAABgcP/9oACAEBAAYAAMAP61Wq"
        "1Wq1Wq1Wq1Wq1Wq1Wq1eH9BoVEotHZv6DQqJRaOzf3h/QaEvdvHz+g0Je7ePn94f0FbTmDx8/oK2nMHj5/eH6ymr6gyfP1lN"
        "X1Bk+f3h/QVtOYPHz+gracwePn94f0GhL3bx8/oNCXu3j5/eFTZw5dvHyps4cu3j5VeH9BoVEotHZv6DQqJRaOzf3h/QaEvd"
        "vHz+g0Je7ePn94f0FbTmDx8/oK2nMHj5/eH6ymr6gyfP1lNX1Bk+f3h/QVtOYPHz+gracwePn94f0GhL3bx8/oNCXu3j5/eF"
        "TZw5dvHyps4cu3j5VeH9BoVEotHZv6DQqJRaOzf/AP//2Q==",
    ),
    Codestream(
        _ROOT + "4.70",
        0,
        12,
        "/9j/4AAQSkZJRgABAQAAAQABAAD/wwALEAAQABABAREA/8QAFQABAQAAAAAAAAAAAAAAAAAABw//2gAIAQEAAQAAgB+tLS0t"
        "LS0tLS0tLS0tLS08Lq6urq6upC6urq6urqQuvDAwMCWwMCWwMDAlsDAlsDwxsacxpzGnMbGnMacxpzG8MyizKLMoqLMosyiz"
        "KKizPDSqKjSqKio0qio0qioqNLw2K6urq6urtiurq6urq7Y8LS0tLS0tLS0tLS0tLS0tPC6urq6urqQurq6urq6kLrwwMDAl"
        "sDAlsDAwJbAwJbA8MbGnMacxpzGxpzGnMacxvDMosyizKKizKLMosyioszw0qio0qioqNKoqNKoqKjS8Niurq6urq7Yrq6ur"
        "q6u2PC0tLS0tLS0tLS0tLS0tLTwurq6urq6kLq6urq6upC7/AP//2Q==",
    ),
    Codestream(
        _ROOT + "4.80",
        0,
        12,
        "/9j/6AAgU1BJRkYAAgAAAQAAABAAAAAQChAGAQAAASwAAAEs/+gACAAAAAH/2P/3AAsQABAAEAEBEQD/+AANAf//ABIAQwEU"
        "AED/2gAIAQEAAAAAR/lnLOWMs5Y1fVtV6nT6XR6HP52eEupcVtWlZbDCazVajTaTRXaXXU0Wgz1yzSY7EokkhyIxFb0vlsik"
        "RuITYQGp+fWd7ZXljWEmPLG7sLqvrzmuuK24LS0sZAcFpabllYV2xWVWlTU1JZTYpZsmTJixJmC9evXrnOXsGDBevXr1y5at"
        "WrFjUKly1atWrFGxYsVq1anrEy1atT7VqjxxxjxtnsCbrq/q/q/rjHjHjHaEX1vlvltvlvlvltu4IEFNKCmmlBTSgrpp3j5J"
        "LLLLLKUrWta14A5GMYxjGMYxjGOaGqUpSlC9KUpShXPA/9k=",
    ),
    Codestream(
        _ROOT + "4.81",
        2,
        12,
        "/9j/6AAgU1BJRkYAAgAAAQAAABAAAAAQChAGAQAAASwAAAEs/+gACAAAAAH/2P/3AAsQABAAEAEBEQD/+AANAf//ABgATQEi"
        "AED/2gAIAQEAAgAARmRyOjkdDR0OPDfw38N+7MJJTUlJkxXMWLFgxIOJIqQIEGyCTR7777T6mnqZN95PVGlNe88uZtM1yoSd"
        "adZdZYdXs2HF65UfcYYbXXXbXWbWWVautLOc5riWtaxrGpbGsaxjGMYxbGMCWMYxbEcWxa1o4krWxG2K53dPYrWRyOtZJ6Ud"
        "aSWk6yOR4ijplHSTpFE5HIiUTEomUTE5nIiJiIRMREugTSSaSTSS8JtNM82mjoD/2Q==",
    ),
    Codestream(
        _ROOT + "4.90",
        0,
        12,
        "/0//UQApAAAAAAAQAAAAEAAAAAAAAAAAAAAAEAAAABAAAAAAAAAAAAABCwEB/1IADAAAAAEAAQQEAAH/XAAHQGBoaHD/ZAAl"
        "AAFDcmVhdGVkIGJ5IE9wZW5KUEVHIHZlcnNpb24gMi41LjT/kAAKAAAAAADxAAH/k8/laBFQFYPcgvL1XZTUI6sQ0Ns371QF"
        "mbqnhfmvsTIxyS1jAd5VLixrqpQngGn+TkwrQRhfh2FiQgpgp4woyJqZHaRqga0XgQyZ9rOyoW636SMOEUQ7ScKP2x9vz8B9"
        "pZA/AugB86I2oaPLxBgYqE5G6PBrR8ZAEv5reFCsLzBDJXGWl3IIcS92RXoLdV2nHwlJ70fazEU0jXHTOV5aWbSxpAHznDmR"
        "yja11lcY0spJh2UXyxJvGie2pTkTnqokiB8V8Ow63HautqC6p1OgSbN23krLa9F9Z3AfUIrAfu328V4X/9k=",
    ),
    Codestream(
        _ROOT + "4.91",
        16,
        12,
        "/0//UQApAAAAAAAQAAAAEAAAAAAAAAAAAAAAEAAAABAAAAAAAAAAAAABCwEB/1IADgECAAEAAQQEAACIiP9cAAtCaCR303fT"
        "d2L/ZAAlAAFDcmVhdGVkIGJ5IE9wZW5KUEVHIHZlcnNpb24gMi41LjT/kAAKAAAAAAB6AAH/k8/FABFQFXdpbNYx1kTgMSEL"
        "/rSN5Kppwp732fLeU8MQARkBJW0sl7cyju/+36O9U8aWtNOIdEMUBOOvtiLikLYH5cPAPkIwD5CINqGQw5CIr5n3nFmXWDKa"
        "2MQ9pi2kjb0X/IMhgA31QIjqFP/Z",
    ),
    Codestream(
        _ROOT + "4.201",
        0,
        12,
        "/0//UQApQAAAAAAQAAAAEAAAAAAAAAAAAAAAEAAAABAAAAAAAAAAAAABCwEB/1AACAACAAAAB/9SAAwABAABAAIEBEAB/1wA"
        "CiBweHh4cHB4/2QAFgABT3BlbkpQSCBWZXIgMC45LjAu/5AACgAAAAABCQAB/5PAAW6AfX/dT65Gdha86WnlP3UZjcaU8IMO"
        "lv4NEIABtgDAALSgAFqQACuABIcAERDGJxggJPwDOLhF7rcAYIzsGoBQQQMOBjD4ABCAB10puADo3JMhEtaZ/QET6+m2AMAB"
        "dnAAXbwAC6jVq5MSNDIfCJzGfEoYIKCUBlhI/kSHBEIjqpTYnbMIEKy6aczE05yqWpwZwOISy3I4UQELiMilaQnMKZ1o6Byr"
        "Q1YZYHEqh0Fwa/QCBgEOEvASAAESBPYgIQFSEEAGPoBkkFlSgcgy6FMBKUk9eQoJqSeJfJqIhyJPvacolWYoJQEz3+XJf0WG"
        "21bKpsN/lKRSAf/Z",
    ),
    Codestream(
        _ROOT + "4.202",
        0,
        12,
        "/0//UQApQAAAAAAQAAAAEAAAAAAAAAAAAAAAEAAAABAAAAAAAAAAAAABCwEB/1AACAACAAAAB/9SAAwAAgABAAIEBEAB/1wA"
        "CiBweHh4cHB4/2QAFgABT3BlbkpQSCBWZXIgMC45LjAu/5AACgAAAAABCQAB/5PAAW6AfX/dT65Gdha86WnlP3UZjcaU8IMO"
        "lv4NEIABtgDAALSgAFqQACuABIcAERDGJxggJPwDOLhF7rcAYIzsGoBQQQMOBjD4ABCAB10puADo3JMhEtaZ/QET6+m2AMAB"
        "dnAAXbwAC6jVq5MSNDIfCJzGfEoYIKCUBlhI/kSHBEIjqpTYnbMIEKy6aczE05yqWpwZwOISy3I4UQELiMilaQnMKZ1o6Byr"
        "Q1YZYHEqh0Fwa/QCBgEOEvASAAESBPYgIQFSEEAGPoBkkFlSgcgy6FMBKUk9eQoJqSeJfJqIhyJPvacolWYoJQEz3+XJf0WG"
        "21bKpsN/lKRSAf/Z",
    ),
    Codestream(
        _ROOT + "4.203",
        8,
        12,
        "/0//UQApQAAAAAAQAAAAEAAAAAAAAAAAAAAAEAAAABAAAAAAAAAAAAABCwEB/1AACAACAAAAJP9SAAwAAgABAAIEBEAA/1wA"
        "ESJv5mA1YDVgeFgaWBpnv/9kABYAAU9wZW5KUEggVmVyIDAuOS4wLv+QAAoAAAAAAM0AAf+TwALdE97X321FRw684YXVvW4l"
        "TUmg8KIHO/4NEIABtgDABakAFqQAVACiICGz0WiEACHT0Wj+BnBwBFmXACxxnWBhBC1BR9CT9AIIAMckeNgAQogAQe7HlQDA"
        "C6SAF08AFpCIZCENc/DKUQwFTyEQ5BrUKc78ZKUP3nO7N+drxVgDzLJbcQFMgCAswYk/ReLIgU444SKLXfrIAAAFN2AAAItH"
        "dTVmnNy7KbquNAEVKWwNRelkLe9jmv9Y4K5v3gD/2Q==",
    ),
)


def write_codestream(sample: Codestream, folder: Path) -> Path:
    """Write it as a part 10 file of an invented patient. Raises OSError."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = UID(sample.transfer_syntax)
    ds.SOPClassUID = SecondaryCaptureImageStorage
    number = sample.transfer_syntax.rpartition(".")[2]
    study = "2.25.240193721880543"
    ds.SOPInstanceUID = f"{study}.1.{number}"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = study, f"{study}.1"
    ds.PatientName, ds.PatientID = "Self^Test", "SELFTEST"
    ds.StudyDate, ds.StudyTime, ds.AccessionNumber = "20240117", "101500", "SELFTEST"
    ds.Modality, ds.ConversionType, ds.InstanceNumber = "OT", "SYN", int(number)
    ds.Rows = ds.Columns = _SIDE
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PixelRepresentation = 1, "MONOCHROME2", 0
    ds.BitsAllocated = 8 if sample.bits == 8 else 16
    ds.BitsStored, ds.HighBit = sample.bits, sample.bits - 1
    if sample.tolerance:
        ds.LossyImageCompression = "01"
    ds.PixelData = encapsulate([b64decode(sample.encoded)])
    ds["PixelData"].VR = "OB"
    path = folder / f"{sample.transfer_syntax}.dcm"
    dcmwrite(path, ds, enforce_file_format=True)
    return path


def trouble_decoding(sample: Codestream, folder: Path, decoders: Decoders) -> str:
    """Decode it as a migration would; what is wrong with the result, empty where nothing is.

    Raises OSError where `folder` cannot be written, Cancelled once the decoders are closed.
    """
    path = write_codestream(sample, folder)
    found = path.stat()
    instance = read_header(str(folder), path.name, found.st_size, found.st_mtime_ns)
    if not isinstance(instance, Instance):
        return f"the sample cannot be read: {instance.detail}"
    try:
        data = decoders.decode(str(path), instance, str(ExplicitVRLittleEndian))
    except CannotEncode as error:
        return str(error)
    ds = read_dataset(BytesIO(data), False, True)
    decoded = numpy.frombuffer(ds.PixelData, "u1" if sample.bits == 8 else "<u2")
    if decoded.size != sample.pixels.size:
        return f"{decoded.size} pixels came out instead of {sample.pixels.size}"
    off = int(numpy.abs(decoded.astype(int) - sample.pixels.ravel().astype(int)).max())
    return f"pixel values are wrong by up to {off}" if off > sample.tolerance else ""
