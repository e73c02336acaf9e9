"""Marks in XMP packets, read by patterns: no XML parser meets them, so that entities and nesting cost nothing.

A property may stand as an attribute, as an element, as an element's `rdf:resource`, or in a list of one. Prefixes are
not looked up: what a property is called is enough.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from itertools import islice

from crawler.picture.made_by.generators import editor_in, generator_in
from crawler.picture.made_by.source_types import source_type
from crawler.picture.made_by.tc260 import label_in

#: mentions of a property that are looked at, and values that are taken; a packet names each once
_MOST_MENTIONS, _MOST_VALUES = 64, 4

#: what may stand behind a property's name; every repetition has a limit
_VALUE = re.compile(
    rb"(?![\w-])\s{0,64}+(?:=\s{0,64}+(?:\"([^\"]{0,2048}+)\"|'([^']{0,2048}+)')"
    rb"|[^<>]{0,256}?\bresource\s{0,8}+=\s{0,8}+[\"']([^\"'<>]{0,512}+)"
    rb"|(?:[^<>]{0,256}[^/<>])?>\s{0,512}+(?:<[\w.:-]{1,64}+(?:\s[^<>]{0,256}+)?>\s{0,512}+){0,2}+([^<]{0,2048}+))"
)
#: what stands before the colon of a property's name: the start of a tag or a space, and a prefix
_PREFIX = re.compile(rb"[<\s][\w.-]{1,32}$")
_SOURCE_TYPES = (b":DigitalSourceType", b":DigitalSourcefileType", b":DigitalSourceFileType")
_TOOLS = (b":CreatorTool", b":Credit", b":Software")
_NO_SYSTEM = frozenset(("", "none", "no", "n/a", "-"))


def marks(packets: bytes) -> Iterator[str]:
    """The marks in XMP packets, one behind the other."""
    if not packets:
        return
    for value in _values(packets, *_SOURCE_TYPES):
        if term := source_type(value):
            yield f"iptc: {term}"
    for value in _values(packets, b":AISystemUsed"):
        if value.lower() not in _NO_SYSTEM:
            yield "iptc: AISystemUsed"
    for value in _values(packets, b":AIGC"):
        if label := label_in(value):
            yield f"tc260: {label}"
    for value in _values(packets, *_TOOLS):
        if name := generator_in(value):
            yield f"xmp: {name}"
        if name := editor_in(value):
            yield f"xmp edit: {name}"


def _values(packets: bytes, *names: bytes) -> Iterator[str]:
    """What properties hold, as text; of each the first few that are not empty."""
    for name in names:
        found = (_value(packets, at, at + len(name)) for at in _mentions(packets, name))
        yield from islice(filter(None, found), _MOST_VALUES)


def _mentions(packets: bytes, name: bytes) -> Iterator[int]:
    at = -1
    for _ in range(_MOST_MENTIONS):
        at = packets.find(name, at + 1)
        if at < 0:
            return
        yield at


def _value(packets: bytes, start: int, end: int) -> str:
    """What the property has whose name stands between two places; "" where that is no property's name."""
    found = _VALUE.match(packets, end) if _PREFIX.search(packets[max(0, start - 34) : start]) else None
    held = next(filter(None, found.groups()), b"") if found else b""
    return html.unescape(held.decode("utf-8", "replace")).strip()
