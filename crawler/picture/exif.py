"""What the camera wrote into a file, as img2dataset's column `exif` has it: JSON text of names and values.

The names are exifread's, which img2dataset uses ("Image Make", "EXIF FNumber", "GPS GPSLatitude"); the values are what
the file says, not a reader's words for it. A file says more than it should: where it was taken, by whom, with which
camera of all. Unless all is asked for, such tags are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from PIL import Image
from PIL.ExifTags import GPSTAGS, IFD, TAGS
from PIL.TiffImagePlugin import IFDRational

#: of a text; what stands behind is left out, tag by tag
LONGEST_EXIF = 8_192
#: tags that are looked at; cameras write some seventy
_TAGS = 256
_LONGEST_VALUE = 200
#: 0x8769 and 0xa005 are looked into, 0x8825 too where all is asked for; 0x014a (SubIFDs) and thumbnails are not
_FOLDERS = ((IFD.Exif, "EXIF", TAGS), (IFD.Interop, "Interoperability", TAGS))
#: people, places, and cameras by number: CIPA DC-008 and the tags that Windows and GPS loggers add
_TELLING = frozenset((
    "Artist", "Copyright", "CameraOwnerName", "BodySerialNumber", "LensSerialNumber", "CameraSerialNumber", "OwnerName",
    "ImageUniqueID", "MakerNote", "UserComment", "ImageDescription", "DocumentName", "HostComputer", "XPAuthor",
    "XPComment", "XPKeywords", "XPSubject", "XPTitle", "RelatedSoundFile", "SubjectLocation", "GPSInfo", "XMLPacket",
    "IPTCNAA", "ImageResources", "Photographer", "ImageEditor", "ImageHistory", "SecurityClassification",
    "CameraFirmware", "OriginalRawFileName", "RawDataUniqueID",
))  # fmt: skip


def exif_text(image: Image.Image, keep: Literal["none", "harmless", "all"]) -> str:
    """The text for an opened picture; "" where nothing is kept. A picture without any has "{}", as in img2dataset.

    Raises:
        What PIL raises on broken metadata.
    """
    if keep == "none":
        return ""
    text = "{"
    for name, value in _named(image.getexif(), keep):
        entry = f"{json.dumps(name)}: {json.dumps(_shown(value))}"
        if len(text) + len(entry) + 3 > LONGEST_EXIF:
            break
        text += (", " if len(text) > 1 else "") + entry
    return text + "}"


def _named(exif: Image.Exif, keep: Literal["harmless", "all"]) -> Iterator[tuple[str, Any]]:
    everything = [("Image", TAGS, dict(exif))]
    everything += [(part, names, exif.get_ifd(folder)) for folder, part, names in _FOLDERS]
    if keep == "all":
        everything.append(("GPS", GPSTAGS, exif.get_ifd(IFD.GPSInfo)))
    looked_at = 0
    for part, names, tags in everything:
        for tag, value in tags.items():
            looked_at += 1
            name = _name(tag, names)
            if looked_at > _TAGS:
                return
            if keep == "all" or name not in _TELLING:
                yield f"{part} {name}", value


def _name(tag: int, names: Mapping[int, str]) -> str:
    return names.get(tag, f"Tag 0x{tag:04X}")


def _shown(value: object) -> str:
    """A value as text: fractions as the file has them, bytes as text where they are some."""
    match value:
        case bytes():
            text = value.partition(b"\0")[0].decode("ascii", "replace")
        case tuple() | list():
            text = f"[{', '.join(_shown(one) for one in value[:50])}]"
        case IFDRational() if value.denominator and value == value:  # noqa: PLR0124 - what is not equal to itself is no number
            whole = value.denominator == 1
            text = str(value.numerator) if whole else f"{value.numerator}/{value.denominator}"
        case _:
            text = str(value)
    return "".join(letter if letter.isprintable() else "?" for letter in text.strip())[:_LONGEST_VALUE]


def harmless(text: str) -> str:
    """A text as `exif_text` makes it, or img2dataset, without what tells people and places; "" for what is none."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(content, dict):
        return ""
    kept = {name: value for name, value in content.items() if not _tells(name)}
    return json.dumps(kept)


def _tells(name: str) -> bool:
    part, _, tag = name.partition(" ")
    return part in {"GPS", "MakerNote", "Thumbnail"} or tag in _TELLING or tag.startswith("GPS")
