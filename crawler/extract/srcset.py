"""The `srcset` attribute, read as the HTML standard reads it: addresses may hold commas."""

from __future__ import annotations

import re
from typing import NamedTuple

#: an address with at most one descriptor, as nearly all are
_PLAIN = re.compile(r"[\s,]*([^\s,]\S*[^\s,])(?:\s+(?:([0-9]{1,9})w|([0-9]{1,9}(?:\.[0-9]{1,9})?)x))?\s*(?:,|$)")
_SPACE_OR_COMMA = re.compile(r"[\s,]*")
_ADDRESS = re.compile(r"\S+")
#: descriptors up to the next comma that is not in parentheses
_DESCRIPTORS = re.compile(r"((?:[^,(]|\([^)]*\)?)*)(?:,|$)")
_WIDTH = re.compile(r"([0-9]{1,9})w")
_DENSITY = re.compile(r"((?:[0-9]{1,9}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})(?:[eE][+-]?[0-9])?)x")
#: a picture in more sizes than this is an attack
_MOST = 200


class Source(NamedTuple):
    """One image of a set."""

    link: str  # as written
    width: int  # in pixels as declared; 0 where not declared
    density: float  # device pixels for each pixel; 1 where not declared


def parse_srcset(written: str) -> list[Source]:
    """The images of a `srcset`, in order; those with descriptors that are none are left out, as in a browser."""
    sources: list[Source] = []
    position = 0
    while len(sources) < _MOST:
        if plain := _PLAIN.match(written, position):
            link, width, density = plain.groups()
            sources.append(Source(link, int(width or 0), float(density or 1)))
            position = plain.end()
            continue
        position = _end(_SPACE_OR_COMMA, written, position)
        address = _ADDRESS.match(written, position)
        if address is None:
            break
        link, position = address.group(), address.end()
        if link.endswith(","):
            sources.append(Source(link.rstrip(","), 0, 1.0))
            continue
        descriptors = _DESCRIPTORS.match(written, position)
        if descriptors is None:
            break
        position = descriptors.end()
        source = _described(link, descriptors.group(1).split())
        if source is not None:
            sources.append(source)
    return sources


def _end(pattern: re.Pattern[str], text: str, position: int) -> int:
    found = pattern.match(text, position)
    return position if found is None else found.end()


def _described(link: str, descriptors: list[str]) -> Source | None:
    width, density = 0, 1.0
    for descriptor in descriptors:
        if found := _WIDTH.fullmatch(descriptor):
            width = int(found.group(1))
        elif found := _DENSITY.fullmatch(descriptor):
            density = float(found.group(1))
        elif not descriptor.endswith("h"):  # a height is allowed, and of no use
            return None
    return Source(link, width, density)
