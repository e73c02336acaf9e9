"""Pages made to hurt a parser: cut before it sees the part that would.

An HTML parser needs time quadratic in the depth of the tree and in the number of attributes of one tag (measured with
lexbor: 16,000 nested <div> take 0.4 s, 100,000 take 55 s; 80,000 attributes take 17 s). Browsers stop at 512.
Real pages come nowhere near: of 2,871 in our corpora one has more than 16,000 tags at all.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

#: below this number of tags no depth takes longer than half a second
_TAGS_BEFORE_A_LOOK = 16_000
#: pages longer than this are looked at whatever they hold
_BYTES_BEFORE_A_LOOK = 1024 * 1024
_MOST_OPEN = 512
_LONG_TAG_BYTES = 16 * 1024
_MOST_ATTRIBUTES = 2_000

_TAG = re.compile(
    rb"<(?:(/?)([a-zA-Z][^\s/>]*)((?:[^>\"']++|\"[^\"]*+(?:\"|\Z)|'[^']*+(?:'|\Z))*+)>?|(!--))",
)
#: what stands in these is text, whatever it looks like, up to the closing tag of the same name
_TEXT_ELEMENTS = {
    name: re.compile(b"</" + name, re.IGNORECASE) for name in (b"script", b"style", b"textarea", b"title", b"xmp")
}
_QUOTED = re.compile(rb"\"[^\"]*+\"?|'[^']*+'?")
_COMMENT_END = re.compile(rb"--!?>")
#: elements that never hold others, or that end where the next of their kind begins: they add no depth of their own
_FLAT = frozenset(
    b"area base br col embed hr img input link meta param source track wbr p li dt dd tr td th option a nobr".split()
)


#: the only elements that "/>" closes, and only in an <svg>; elsewhere a parser ignores the slash, and an attacker knows
_SVG = frozenset(
    b"svg g defs path circle rect line polyline polygon ellipse use stop lineargradient radialgradient clippath mask "
    b"symbol text tspan image animate animatetransform filter pattern".split()
)


def without_bombs(page: bytes) -> bytes:
    """The page, cut before the first tag that would open too many elements or has too many attributes."""
    if len(page) < _LONG_TAG_BYTES:
        return page
    if page.count(b"<") > _TAGS_BEFORE_A_LOOK:
        return page[: _first_bomb(page)]
    if len(page) > _BYTES_BEFORE_A_LOOK:
        return page[: _first_crowded_tag(page)]
    # A tag of very many attributes shows as a long stretch without "<".
    for start in range(0, len(page) - _LONG_TAG_BYTES, _LONG_TAG_BYTES):
        if page.find(b"<", start, start + _LONG_TAG_BYTES) < 0:
            tag_start = page.rfind(b"<", 0, start)
            tag = _TAG.match(page, tag_start) if tag_start >= 0 else None
            if tag is not None and tag.group(2) and _is_crowded(tag.group(3)):
                return page[:tag_start]
    return page


def _is_crowded(attributes: bytes) -> bool:
    """Whether the part of a tag behind its name may hold too many attributes."""
    if len(attributes) < 2 * _MOST_ATTRIBUTES:
        return False
    return len(_QUOTED.sub(b" ", attributes).replace(b"/", b" ").split()) > _MOST_ATTRIBUTES


def _tags(page: bytes) -> Iterator[re.Match[bytes]]:
    """Every tag in the page, but none that only looks like one: in a comment, a script and the like."""
    position = 0
    while tag := _TAG.search(page, position):
        position = tag.end()
        if tag.group(4):
            position = _behind(page, position, _COMMENT_END)
            continue
        yield tag
        text_end = None if tag.group(1) else _TEXT_ELEMENTS.get(tag.group(2).lower())
        if text_end is not None:
            position = _behind(page, position, text_end)


def _behind(page: bytes, position: int, end: re.Pattern[bytes]) -> int:
    found = end.search(page, position)
    return len(page) if found is None else found.end()


def _first_crowded_tag(page: bytes) -> int:
    """Where the first tag of too many attributes begins; the length of the page where there is none."""
    return next((tag.start() for tag in _tags(page) if _is_crowded(tag.group(3))), len(page))


def _first_bomb(page: bytes) -> int:
    """Where the first bomb begins; the length of the page where there is none.

    The number of open elements is counted by name, closing tags without an open element not at all. It is at least the
    depth that a parser would reach, but for elements that the standard closes by itself.
    """
    opened: Counter[bytes] = Counter()
    depth = 0
    in_svg = False
    for tag in _tags(page):
        closing, written, attributes, _ = tag.groups()
        name = written.lower()
        in_svg = name in _SVG and (in_svg or name == b"svg")
        if closing:
            if opened[name]:
                opened[name] -= 1
                depth -= 1
        elif name not in _FLAT and name not in _TEXT_ELEMENTS and not (in_svg and attributes.endswith(b"/")):
            opened[name] += 1
            depth += 1
        if depth > _MOST_OPEN or _is_crowded(attributes):
            return tag.start()
    return len(page)
