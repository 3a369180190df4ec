"""Encoding texts as the data set's Specific Character Set says (PS3.5 6.1), and changing it to UTF-8."""

from __future__ import annotations

from pydicom.charset import convert_encodings, encode_string, python_encoding

from migrator.core.errors import CannotEncode
from migrator.dicom.charsets import decoder_of, quiet_pydicom
from migrator.dicom.editing.splice_elements import CHARACTER_SET, Element, creators_of, encoded, vr_of

UTF_8 = b"ISO_IR 192"
# PS3.5 6.1.2.2: the VRs whose values the character set governs.
GOVERNED = frozenset(("LO", "LT", "PN", "SH", "ST", "UC", "UT"))
# PS3.5 6.2: of these a backslash does not separate several values.
SINGLE = frozenset(("LT", "ST", "UR", "UT"))
_DEFAULTS = ("", "ISO_IR 6", "ISO 2022 IR 6")
# ISO_IR 13 has a yen sign and an overline where ASCII has a backslash and a tilde.
_UNLIKE_ASCII = frozenset("\\~")


def is_same_in_ascii(character_set: bytes, text: str) -> bool:
    """Whether the ASCII bytes of `text` are what this character set writes for it."""
    return text.isascii() and not (b"13" in character_set and _UNLIKE_ASCII & set(text))


def encode_text(character_set: bytes, vr: str, text: str) -> bytes | None:
    """`text` (several values separated by backslashes) in a character set; None where it lacks a letter."""
    if vr not in GOVERNED:
        return text.encode("ascii") if text.isascii() else None
    separator = "\n" if vr in SINGLE else "\\"
    parts = [_encode_value(character_set, vr, value) for value in text.split(separator)]
    found = [part for part in parts if part is not None]
    return separator.encode().join(found) if len(found) == len(parts) else None


def _encode_value(character_set: bytes, vr: str, text: str) -> bytes | None:
    if is_same_in_ascii(character_set, text):
        return text.encode("ascii")
    terms = _terms(character_set)
    if not python_encoding.keys() >= set(terms):
        return None  # nobody knows what that character set is
    with quiet_pydicom():
        encodings = convert_encodings(terms)
        if vr == "PN":
            # Escape sequences end with a component (PS3.5 6.1.2.5.3).
            data = b"=".join(
                b"^".join(encode_string(component, encodings) for component in group.split("^"))
                for group in text.split("=")
            )
        else:
            data = encode_string(text, encodings)
    if terms[0] in _DEFAULTS and b"\x1b" not in data:
        return None  # the default repertoire is ASCII; pydicom writes Latin-1
    return data if decoder_of(character_set)(data, vr == "PN") == text else None


def _terms(character_set: bytes) -> list[str]:
    return [term.strip(" \0") for term in character_set.decode("latin_1").split("\\")]


class ToUtf8:
    """Rewrites all texts of a data set in UTF-8. Raises CannotEncode where one cannot be read for sure.

    Values whose VR nobody knows are bytes to every reader (PS3.5 6.2.2) and stay; items with a character set
    of their own stay as they are.
    """

    def __init__(self, character_set: bytes, creators: dict[int, str] | None = None) -> None:
        self._set = character_set
        self._decode = decoder_of(character_set)
        self._creators = {} if creators is None else creators

    def changed(self, element: Element) -> bytes | None:
        tag = element.tag
        if element.is_sequence or tag == CHARACTER_SET:
            return None
        own = element.vr.decode("latin_1")
        known = vr_of(tag, self._creators.get(tag >> 8, ""))
        # Where a file says "unknown", readers go by the dictionary all the same.
        vr = known if own in ("", "UN") else own
        if vr not in GOVERNED:
            return None
        raw = element.raw
        if raw.isascii() and b"\x1b" not in raw and is_same_in_ascii(self._set, raw.decode()):
            return None
        text = self._decode(raw, vr == "PN")
        if "\ufffd" in text or not self._is_sure(raw):
            raise CannotEncode("a text of the object is not in the character set that the object names")
        data = text.rstrip(" \0").encode()
        return encoded(element.coding, tag, own or vr, data + b" " * (len(data) & 1))

    def _is_sure(self, raw: bytes) -> bool:
        """Whether the bytes mean what the decoder reads, which guesses where the standard says nothing."""
        terms = _terms(self._set)
        if not python_encoding.keys() >= set(terms):
            return False
        return terms[0] not in _DEFAULTS or b"\x1b" in raw

    def within(self, sequence: Element, elements: list[Element]) -> ToUtf8 | None:
        if any(element.tag == CHARACTER_SET for element in elements):
            return None
        return ToUtf8(self._set, creators_of(elements))
