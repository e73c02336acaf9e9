"""Path patterns of robots.txt and its kin: `/cats/*.jpg$` (RFC 9309 sections 2.2.2 and 2.2.3). Pure.

Allow, Disallow and Content-Usage go by the longest pattern that matches, tdmrep.json by the first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Generic, TypeVar
from urllib.parse import quote

#: Characters of patterns with a wildcard that one file may have. Looking through them takes 2 ms a KiB where pattern
#: and address are made for it (`*aaabaaa`, `/aaaa...`): 512 KiB would stop a crawler for a second at every image.
#: Of 4,231 real robots.txt the largest has 30 KiB.
WILDCARD_CHARACTERS = 40 * 1024

_T = TypeVar("_T")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
#: what may stand in a path or query as it is (RFC 3986), and "%"; not "*" and "$", which mean something in a pattern
_KEPT = "/?:@!&'()+,;=[]%"
_PLAIN = re.compile(r"[A-Za-z0-9\-._~/?:@!&'()+,;=\[\]]*")


def path_of(url: str) -> str:
    """Path and query of an absolute http or https address, spelled so that `PathPattern.matches` can compare them."""
    start = url.find("/", url.find("://") + 3)
    return _spelled(url[start:].partition("#")[0]) if start >= 0 else "/"


def _spelled(text: str) -> str:
    """One spelling for what means the same: escapes of unreserved characters undone, all others made, in upper case."""
    if _PLAIN.fullmatch(text):
        return text
    return quote(_ESCAPE.sub(_unescaped, text).encode("utf-8", "surrogatepass"), safe=_KEPT)


def _unescaped(escape: re.Match[str]) -> str:
    character = chr(int(escape[1], 16))
    return character if character in _UNRESERVED else escape[0].upper()


class PathPattern:
    """A written pattern: `*` is any number of characters, `$` at the end is the end, else a beginning is enough."""

    __slots__ = ("_anchored", "_first", "_last", "_middle", "octets")

    def __init__(self, written: str) -> None:
        self._anchored = written.endswith("$")
        first, *others = (_spelled(part) for part in written.removesuffix("$").split("*"))
        self._first = first
        self._last = others.pop() if others else None  # None: there is no wildcard
        self._middle = others
        # the more, the more specific
        self.octets = len(first) + sum(1 + len(part) for part in others) + self._anchored
        if self._last is not None:
            self.octets += 1 + len(self._last)

    def matches(self, path: str) -> bool:
        """Whether this covers a path as `path_of` gives it. Takes at most its own length times the path's."""
        if not path.startswith(self._first):
            return False
        position = len(self._first)
        if self._last is None:
            return not self._anchored or len(path) == position
        for part in self._middle:
            # taking the first place that fits leaves the most room for the rest: there is nothing to go back for
            found = path.find(part, position)
            if found < 0:
                return False
            position = found + len(part)
        if self._anchored:
            return len(path) - len(self._last) >= position and path.endswith(self._last)
        return path.find(self._last, position) >= 0


class LongestMatch(Generic[_T]):
    """Patterns with a value each, of which the most specific that match count (RFC 9309 section 2.2.2: most octets).

    Patterns without wildcard are looked up and not looked through: there are real files with 30,000 of them.
    """

    __slots__ = ("_beginnings", "_lengths", "_patterns", "_wholes")

    def __init__(self, rules: Iterable[tuple[str, _T]]) -> None:
        self._beginnings: dict[str, list[_T]] = {}
        self._wholes: dict[str, list[_T]] = {}
        patterns: list[tuple[PathPattern, _T]] = []
        for written, value in rules:
            if "*" in written:
                patterns.append((PathPattern(written), value))
            elif written.endswith("$"):
                self._wholes.setdefault(_spelled(written[:-1]), []).append(value)
            else:
                self._beginnings.setdefault(_spelled(written), []).append(value)
        self._lengths = sorted({len(beginning) for beginning in self._beginnings}, reverse=True)
        self._patterns = sorted(patterns, key=lambda rule: -rule[0].octets)

    def __bool__(self) -> bool:
        """Whether there is any pattern."""
        return bool(self._patterns or self._beginnings or self._wholes)

    def of(self, path: str) -> list[_T]:
        """The values of the most specific patterns that match a path of `path_of`; several where they tie."""
        most, found = -1, list[_T]()
        if path in self._wholes:
            most, found = len(path) + 1, list(self._wholes[path])
        else:
            for length in self._lengths:
                if length <= len(path) and (known := self._beginnings.get(path[:length])):
                    most, found = length, list(known)
                    break
        for pattern, value in self._patterns:
            if pattern.octets < most:
                break
            if pattern.matches(path):
                if pattern.octets > most:
                    most, found = pattern.octets, []
                found.append(value)
        return found
