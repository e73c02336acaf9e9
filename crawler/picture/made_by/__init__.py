"""What a picture file says of how it was made, before its metadata is stripped: by a camera, by hand, by a model.

Each thing said is one short mark, and the same for the same statement whatever file it stands in:

    iptc: trainedAlgorithmicMedia         the digital source type in XMP, whichever of the vocabulary it is
    iptc: AISystemUsed                    XMP names the system that generated the picture (IPTC 2025.1)
    c2pa: trainedAlgorithmicMedia         how the picture came into being, by its Content Credentials
    c2pa edit: ...                        the source type of what a later step added
    c2pa ingredient: ...                  the source type of another picture that was placed in this one
    c2pa model: Adobe Firefly             a known generator made it
    c2pa tool: Adobe_Photoshop            the program that signed it, as written
    tc260: 1                              the label of GB 45438-2025: 1 generated, 2 perhaps, 3 suspected
    png: parameters                       a text chunk that only generators write
    exif: Midjourney, xmp: Google AI      a known generator is named as the maker
    xmp edit: Google AI                   a known generator is named as an editor

Nothing is verified: no signature is checked, and whoever wants to hide how a picture was made strips its metadata. The
absence of a mark means nothing. Pure functions over hostile bytes: they raise nothing, and take time and memory by
fixed limits, not by what the file says.
"""

from __future__ import annotations

from collections.abc import Iterator

from crawler.picture.made_by import credentials, exif, texts, xmp
from crawler.picture.made_by.parts import Parts, parts_of

__all__ = ["LONGEST_MARK", "MOST_MARKS", "made_by"]

#: marks of one picture; honest files have fewer than six
MOST_MARKS = 12
#: characters of a mark
LONGEST_MARK = 64


def made_by(body: bytes, kind: str) -> tuple[str, ...]:
    """The marks in an image file of the format `kind` (PIL's name), each once.

    Those of XMP come first, then Content Credentials, texts and EXIF. They are at most `MOST_MARKS`, printable, of at
    most `LONGEST_MARK` characters each; none for a file that says nothing, or that cannot be read. Raises nothing.
    """
    parts = parts_of(body, kind)
    if parts is None:
        return ()
    found = dict.fromkeys(_clean(mark) for mark in _marks(parts))
    found.pop("", None)
    return tuple(found)[:MOST_MARKS]


def _marks(parts: Parts) -> Iterator[str]:
    yield from xmp.marks(parts.xmp)
    if parts.credentials:
        yield from credentials.marks(parts.credentials)
    yield from texts.marks(parts.texts)
    for data in parts.exif:
        yield from exif.marks(data)


def _clean(mark: str) -> str:
    """A mark on one line, without what would steer a terminal: a program's name is quoted from the file."""
    return "".join(letter if letter.isprintable() else "?" for letter in mark[:LONGEST_MARK]).rstrip()
