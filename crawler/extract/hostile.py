"""Pages made to hurt a parser: cut before it sees the part that would.

An HTML parser needs time quadratic in the depth of the tree and in the number of attributes of one tag (measured with
lexbor: 16,000 nested <div> take 0.4 s, 100,000 take 55 s; 33,000 attributes take 2 s, 93,000 take 25 s). Browsers stop
at a depth of 512. Real pages come nowhere near: of 2,871 in our corpora one has more than 16,000 tags at all.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import numpy as np

#: below this number of tags no depth takes longer than half a second
_TAGS_BEFORE_A_LOOK = 16_000
#: in a shorter page no number of attributes takes longer than half a second
_BYTES_BEFORE_A_LOOK = 64 * 1024
_MOST_OPEN = 512
_MOST_ATTRIBUTES = 500
#: a tag as short as this has room for 1,200 different attributes; 5 MB of such tags take 3 s
_SHORT_TAG = 4096
#: how many ">" are tried to show that a tag ends in a stretch of that length
_MOST_TRIES = 8
#: of a page, in long tags; where there is more, reading all of it is faster (scripts are full of "<" without ">")
_LOOKED_AT_ONE_BY_ONE = 1 / 4
#: bytes that a look at one tag counts for at least: in the time, more are read
_LEAST_OF_A_LOOK = 256
_LESS_THAN = ord("<")

# What follows reads tags letter for letter as the HTML standard's tokeniser does (section 13.2.5): wherever the two
# differ, one page can be shown to us and another to the parser. A quote begins a value behind "=" alone; a "=" where a
# name is expected belongs to the name; "<!-->" is a whole comment. All repetitions are possessive: none reads again.
_ATTRIBUTE = rb"(?:=[^\s/>=]*+|[^\s/>=]++)(?:\s*+=\s*+(?:\"[^\"]*+(?:\"|\Z)|'[^']*+(?:'|\Z)|[^\s>\"'][^\s>]*+)?)?+"
_COMMENT = rb"<!--(?:-?>|(?:[^-]++|-(?!-!?>))*+(?:--!?>)?)|<(?:[!?]|/(?![a-zA-Z]))[^>]*+"
#: groups: "/" of a closing tag, name, attributes, what stands before ">"; none of them in a comment
_TAG = re.compile(
    rb"<(?:(/?)([a-zA-Z][^\s/>]*+)((?:[\s/]*+" + _ATTRIBUTE + rb")*+)([\s/]*+)>?)|" + _COMMENT,
)


def _tag_of_few(attributes: int) -> re.Pattern[bytes]:
    """A tag of at most so many attributes."""
    few = rb"(?:[\s/]*+" + _ATTRIBUTE + rb"){0,%d}+[\s/]*+(?:>|\Z)" % attributes
    return re.compile(rb"<[a-zA-Z][^\s/>]*+" + few)


_MODEST_TAG = _tag_of_few(_MOST_ATTRIBUTES)
_TAG_START = re.compile(rb"<[a-zA-Z]")
_OPENED = re.compile(rb"<([a-zA-Z][^\s/>]*+)")
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
    if len(page) >= _BYTES_BEFORE_A_LOOK and _may_be_crowded(page):
        page = page[: _first_crowded_tag(page)]
    return page[: _first_too_deep(page)] if _may_be_deep(page) else page


def _may_be_deep(page: bytes) -> bool:
    """Whether a parser may have more steps to take, from elements to those around them, than in half a second."""
    if len(page) < 3 * _TAGS_BEFORE_A_LOOK:
        return False
    # three times as fast as bytes.count, which stops at each
    tags = int(np.count_nonzero(np.frombuffer(page, np.uint8) == _LESS_THAN))
    if tags <= _TAGS_BEFORE_A_LOOK:
        return False
    # each takes at most so many steps as elements were opened before it
    opened = sum(tag.group(1).lower() not in _FLAT for tag in _OPENED.finditer(page))
    return opened * (tags - opened / 2) > _TAGS_BEFORE_A_LOOK**2 / 2


def _may_be_crowded(page: bytes, short: int = _SHORT_TAG, modest: re.Pattern[bytes] = _MODEST_TAG) -> bool:
    """Whether a tag may be longer than `short` and not `modest`. Looks at few bytes: 1 to 5 GB/s.

    Steps over the page from one place that no tag holds to the next. Such is a ">" that cannot stand in a quoted value:
    in a tag, every other ends it. Where none is near, the next place where a tag can begin is one, or a tag that begins
    there is looked at.
    """
    position = looked_at = 0  # no tag that was not looked at is open at `position`
    while len(page) - position > short:
        end = _end_of_any_tag(page, position, position + short)
        if end >= 0:
            position = end + 1
            continue
        start = _TAG_START.search(page, position)
        if start is None:
            return False
        if start.start() > position:
            position = start.start()
            continue
        tag = modest.match(page, position)
        if tag is None:
            return True
        looked_at += max(tag.end() - position, _LEAST_OF_A_LOOK)
        if looked_at > len(page) * _LOOKED_AT_ONE_BY_ONE:
            return True
        position += 1  # it may be no tag at all, but text that looks like one: the next may begin in it
    return False


def _end_of_any_tag(page: bytes, start: int, stop: int) -> int:
    """Where a ">" stands that ends whatever tag begins at `start` or later; the last such before `stop`, or -1.

    Each does unless it stands in a quoted value: the last such quote before it began the value, behind "=".
    """
    end = stop
    for _ in range(_MOST_TRIES):
        end = page.rfind(b">", start, end)
        if end < 0:
            break
        if not (_is_in_a_value(page, b'"', start, end) or _is_in_a_value(page, b"'", start, end)):
            return end
    return -1


def _is_in_a_value(page: bytes, quote: bytes, start: int, position: int) -> bool:
    """Whether `position` may stand in a value in these quotes, in a tag that begins at `start` or later."""
    last = page.rfind(quote, start, position)
    return last >= 0 and page[start:last].rstrip().endswith(b"=")


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
    long_tags = (tag.start() for tag in _tags(page, only_long=True) if not tag.group(1))
    return next((start for start in long_tags if _MODEST_TAG.match(page, start) is None), len(page))


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
