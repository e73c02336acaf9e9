"""Marks in EXIF data: who made a picture, by the tags that name a tool, and by what generators put into others."""

from __future__ import annotations

import re
from collections.abc import Iterator

from crawler.picture.made_by.generators import generator_in
from crawler.picture.made_by.tc260 import label_in
from crawler.picture.made_by.texts import is_midjourney_job, is_parameters
from crawler.picture.made_by.tiff import tags_of

_DESCRIPTION, _MAKE, _MODEL, _SOFTWARE, _ARTIST, _USER_COMMENT = 0x010E, 0x010F, 0x0110, 0x0131, 0x013B, 0x9286
#: ComfyUI puts its two texts into tags that are free, counted down from Model
_COMFYUI = re.compile(r"(prompt|workflow): ?\{", re.IGNORECASE)
#: Grok: a signature for a description, and the picture's number for an artist
_GROK = re.compile(r"Signature: ?[A-Za-z0-9+/=]{40}")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


def marks(tiff: bytes) -> Iterator[str]:
    """The marks in EXIF data, which are a TIFF file without a picture. A description's words are no mark."""
    tags = tags_of(tiff)
    if not tags:
        return
    texts = {tag: _text(value) for tag, value in tags.items() if tag != _USER_COMMENT}
    for tag in (_SOFTWARE, _MAKE, _MODEL):
        if name := generator_in(texts.get(tag, "")):
            yield f"exif: {name}"
    for text in texts.values():
        if found := _COMFYUI.match(text):
            yield f"exif: {found[1].lower()}"
    description = texts.get(_DESCRIPTION, "")
    if is_midjourney_job(description):
        yield "exif: Midjourney"
    if _GROK.match(description) and _UUID.fullmatch(texts.get(_ARTIST, "")):
        yield "exif: Grok"
    comment = _comment(tags.get(_USER_COMMENT, b""), is_little=tiff[:1] == b"I")
    for text in (comment, description):
        if is_parameters(text):
            yield "exif: parameters"
    if '"AIGC"' in comment and (label := label_in(comment)):
        yield f"tc260: {label}"


def _text(value: bytes) -> str:
    return value.partition(b"\0")[0].decode("utf-8", "replace").strip()


def _comment(value: bytes, *, is_little: bool) -> str:
    """A user comment: eight bytes say how it is written (CIPA DC-008, tag 0x9286).

    "UNICODE" is UTF-16, in the order of the data or, as piexif writes it, in the other: the zeros of Latin text tell.
    """
    code, text = value[:8], value[8:]
    if code == b"UNICODE\0":
        first, second = text[0:400:2].count(0), text[1:400:2].count(0)
        little = is_little if first == second else second > first
        return ((b"\xff\xfe" if little else b"\xfe\xff") + text).decode("utf-16", "replace")
    if code in (b"ASCII\0\0\0", bytes(8)):
        return _text(text)
    return _text(value)
