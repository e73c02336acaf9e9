"""Pages made to hurt a parser: cut before it sees the part that would.

An HTML parser needs time quadratic in the depth of the tree and in the number of attributes of one tag (measured with
lexbor: 16,000 nested <div> take 0.4 s, 100,000 take 55 s; 33,000 attributes take 2 s, 93,000 take 25 s). Browsers stop
at a depth of 512. Real pages come nowhere near: of 2,871 in our corpora one has more than 16,000 tags at all.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

#: below this number of tags no depth takes longer than half a second
_TAGS_BEFORE_A_LOOK = 16_000
#: in a shorter page no number of attributes takes longer than half a second
_BYTES_BEFORE_A_LOOK = 64 * 1024
_MOST_OPEN = 512
_MOST_ATTRIBUTES = 500

# What follows reads tags letter for letter as the HTML standard's tokeniser does (section 13.2.5): wherever the two
# differ, one page can be shown to us and another to the parser. A quote begins a value behind "=" alone; a "=" where a
# name is expected belongs to the name; "<!-->" is a whole comment. All repetitions are possessive: none reads again.
_ATTRIBUTE = rb"(?:=[^\s/>=]*+|[^\s/>=]++)(?:\s*+=\s*+(?:\"[^\"]*+(?:\"|\Z)|'[^']*+(?:'|\Z)|[^\s>\"'][^\s>]*+)?)?+"
_COMMENT = rb"<!--(?:-?>|(?:[^-]++|-(?!-!?>))*+(?:--!?>)?)|<(?:[!?]|/(?![a-zA-Z]))[^>]*+"
#: groups: "/" of a closing tag, name, attributes, what stands before ">"; none of them in a comment
_TAG = re.compile(
    rb"<(?:(/?)([a-zA-Z][^\s/>]*+)((?:[\s/]*+" + _ATTRIBUTE + rb")*+)([\s/]*+)>?)|" + _COMMENT,
)
_ATTRIBUTES = re.compile(_ATTRIBUTE)
#: what stands in these is text, whatever it looks like, up to the closing tag of the same name ...
_TEXT_ELEMENTS = {
    name: re.compile(b"</" + name + rb"(?=[\s/>])", re.IGNORECASE)
    for name in (b"script", b"style", b"textarea", b"title", b"xmp", b"iframe", b"noembed", b"noframes")
}
#: ... but not inside these, where they hold elements like any other
_FOREIGN = frozenset((b"svg", b"math", b"select"))


def _short_tags(*, in_foreign: bool) -> re.Pattern[bytes]:
    """Everything up to the first tag of many attributes, or the first that begins or ends a foreign element.

    Few tags are such: the rest of a page is read without coming back to Python, at 400 MB/s.
    """
    few = rb"(?:[\s/]*+" + _ATTRIBUTE + rb"){0,60}+[\s/]*+>"
    # no other way of writing this asks most tags for one letter only
    foreign = rb"</?[sSmM](?i:vg|elect|ath)(?=[\s/>])"
    parts = [rb"[^<]++"]
    if not in_foreign:
        texts = (
            rb"<%b(?=[\s/>])%b(?:[^<]++|<(?!/%b[\s/>]))*+" % (name, few, name) for name in _TEXT_ELEMENTS
        )  # fmt: skip
        parts.append(rb"(?=<[sStTxXiInN])(?i:" + b"|".join(texts) + rb")")
    parts += [
        # the two plainest forms first: most tags are such, and the third takes three times as long
        rb"(?!" + foreign + rb")(?:</[a-zA-Z][^<>\"'=]*+>"
        rb"|<[a-zA-Z][a-zA-Z0-9-]*+(?:\s++[a-zA-Z:-]++=\"[^\"]*+\"){0,30}+\s*+/?>"
        rb"|</?[a-zA-Z][^\s/>]*+" + few + rb")",
        _COMMENT,
        rb"<(?![a-zA-Z/!?])",
    ]
    return re.compile(rb"(?:" + b"|".join(parts) + rb")*+")


_SHORT_TAGS = (_short_tags(in_foreign=False), _short_tags(in_foreign=True))
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
    if len(page) >= _BYTES_BEFORE_A_LOOK:
        page = page[: _first_crowded_tag(page)]
    return page[: _first_too_deep(page)] if page.count(b"<") > _TAGS_BEFORE_A_LOOK else page


def _tags(page: bytes, *, only_long: bool = False) -> Iterator[re.Match[bytes]]:
    """Every tag in the page, or only those that `_SHORT_TAGS` end at; none that is part of a comment or text."""
    position = 0
    foreign = 0  # how many such elements are open
    while True:
        if only_long and (short := _SHORT_TAGS[foreign > 0].match(page, position)):
            position = short.end()
        tag = _TAG.search(page, position)
        if tag is None:
            return
        position = tag.end()
        closing, written, _, end = tag.groups()
        if written is None:
            continue
        yield tag
        name = written.lower()
        if name in _FOREIGN:
            foreign = max(foreign - 1, 0) if closing else foreign + (not end.endswith(b"/"))
        elif name in _TEXT_ELEMENTS and not closing and not foreign:
            text_end = _TEXT_ELEMENTS[name].search(page, position)
            position = len(page) if text_end is None else text_end.start()


def _first_crowded_tag(page: bytes) -> int:
    """Where the first tag of too many attributes begins; the length of the page where there is none."""
    for tag in _tags(page, only_long=True):
        attributes = tag.group(3)
        if len(attributes) > _MOST_ATTRIBUTES and sum(1 for _ in _ATTRIBUTES.finditer(attributes)) > _MOST_ATTRIBUTES:
            return tag.start()
    return len(page)


def _first_too_deep(page: bytes) -> int:
    """Where the first tag begins that may lie too deep; the length of the page where there is none.

    The number of open elements is counted by name, closing tags without an open element not at all. It is at least the
    depth that a parser would reach, but for elements that the standard closes by itself.
    """
    opened: Counter[bytes] = Counter()
    depth = 0
    in_svg = False
    for tag in _tags(page):
        closing, written, _, end = tag.groups()
        name = written.lower()
        in_svg = name in _SVG and (in_svg or name == b"svg")
        if closing:
            if opened[name]:
                opened[name] -= 1
                depth -= 1
        elif name not in _FLAT and name not in _TEXT_ELEMENTS and not (in_svg and end.endswith(b"/")):
            opened[name] += 1
            depth += 1
        if depth > _MOST_OPEN:
            return tag.start()
    return len(page)
