"""Web addresses as WHATWG reads them: what a browser would request for a link on a page.

`can_ada` (a binding of ada, the parser of Node.js) knows absolute addresses only. A relative link is therefore first
put onto its base as text, form by form as the standard's state machine does; the parser then normalises the result.
All functions take hostile text and never raise: what is no address is the empty string.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import can_ada

_C0_AND_SPACE = "".join(map(chr, range(0x21)))
#: the standard deletes these wherever they stand, so "java\nscript:" is a scheme
_BREAKS = {9: None, 10: None, 13: None}
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_SURROGATE = re.compile("[\ud800-\udfff]")
_WEB = ("http://", "https://")
#: characters that stand in a path and in a query as they are written, whatever is beside them; "?" but begins a query
_PLAIN = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!$%&()*+,-./:;=?@_~"
#: a longer link, in characters, leads nowhere, and nothing stands on a longer base: servers refuse it (Apache and nginx
#: from 8 kB on), and ten thousand links on a base of 5 MB would take minutes
LONGEST_LINK = 8 * 1024


def normalise(url: str) -> str:
    """The absolute http or https address `url` as WHATWG writes it, without fragment; "" where it is none.

    Host names come out in lower case and IDNA, odd spellings of IPv4 addresses as four numbers. Idempotent.
    """
    try:
        href: str = can_ada.parse(url).href
    except (ValueError, TypeError):
        parsed = _parse(url)  # a lone surrogate, or no address
        if parsed is None:
            return ""
        href = parsed.href
    if not href.startswith(_WEB):
        return ""
    return href.partition("#")[0] if "#" in href else href


def host_of(url: str) -> str:
    """The host of an http or https address, lower case, IDNA, without port; "" where `url` is no such address."""
    parsed = _parse(url)
    if parsed is None or parsed.protocol not in ("http:", "https:"):
        return ""
    host: str = parsed.hostname
    return host


def _parse(url: str) -> can_ada.URL | None:
    try:
        return can_ada.parse(url)
    except ValueError:
        return None
    except TypeError:  # a lone surrogate cannot be UTF-8; WHATWG reads it as the replacement character
        try:
            return can_ada.parse(_SURROGATE.sub("\ufffd", url))
        except ValueError:
            return None


def _are_plain(links: Sequence[str]) -> bool:
    """Whether a path that these links hold is what the standard makes of it: told for all of them at once.

    No character is one to be escaped or to end a path but "?", and no segment may be "." or "..", however it is spelt.
    """
    text = " /".join(links)
    return (
        text.isascii()
        and text.encode().translate(None, _PLAIN) == b" " * (len(links) - 1)
        and "/." not in text
        and "/%" not in text
        and (len(text) <= LONGEST_LINK or max(map(len, links)) <= LONGEST_LINK)
    )


@lru_cache(maxsize=4096)  # the images of a page have few hosts
def _origin_of(written: str) -> str:
    """The normalised origin of an address that is written so far and goes on with "/"; "" where it is none."""
    address = normalise(written + "/")
    return address[:-1] if address.count("/") == 3 else ""


#: what a relative link begins with, where its path stands on the directory
_BARE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-~")


class Base:
    """What the links of one page stand on: the page's address, or its `<base href>` where that is http or https."""

    __slots__ = ("_directory", "_document", "_origin")

    def __init__(self, page_url: str, written_base: str = "") -> None:
        self._stand_on(normalise(page_url) if len(page_url) <= LONGEST_LINK else "")
        if len(written_base) > LONGEST_LINK:
            self._stand_on("")
        elif written_base and (base := self.join(written_base)):
            # <base href="file:///">, "javascript:" and the like are no base; the page's own address stays
            self._stand_on(base)

    def _stand_on(self, document: str) -> None:
        """Split a normalised address, or "" for a page without one: then only absolute links can be joined."""
        self._document = document
        path_start = document.find("/", len("https://"))  # no host is without a character
        self._origin = document[:path_start] if document else ""
        self._directory = document[: document.rfind("/", 0, document.find("?") if "?" in document else None) + 1]

    def join(self, link: str) -> str:
        """The address that `link`, as written on the page, leads to: normalised, or "" where it is not http(s).

        Nor does a link of more than `LONGEST_LINK` characters lead anywhere.
        """
        if len(link) > LONGEST_LINK:
            return ""
        if link.startswith(_WEB):
            return normalise(link)  # the parser does the rest; half of all links are such
        link = link.strip(_C0_AND_SPACE)
        if "\n" in link or "\t" in link or "\r" in link:
            link = link.translate(_BREAKS)
        if link.startswith(_WEB):
            return normalise(link)
        scheme = _SCHEME.match(link) if ":" in link else None
        if scheme is None:
            return self._join_relative(link)
        name = scheme.group()[:-1].lower()
        if name not in ("http", "https"):
            return ""
        rest = link[scheme.end() :]
        if self._document.startswith(f"{name}:") and not rest.startswith("//"):
            # "http:boat.jpg" on an http page is a relative link
            return self._join_relative(rest)
        return normalise(link)

    def join_all(self, links: Sequence[str]) -> list[str]:
        """What `join` says of each of these links; for the links of a whole page it takes a third of the time."""
        if not self._document:
            return [self.join(link) for link in links]
        all_plain = _are_plain(links)
        directory, origin = self._directory, self._origin
        near = f"{origin}/"  # the origin of the last absolute link, if it was written as the standard writes it
        found = []
        for link in links:
            if not all_plain and not _are_plain((link,)):
                url = self.join(link)
            elif link.startswith(near):
                url = link
            elif link.startswith(_WEB):
                path = link.find("/", len("https://"))
                there = _origin_of(link[:path]) if path > 0 else ""
                url = there + link[path:] if there else self.join(link)
                near = f"{there}/" if there else near
            elif link[:1] in _BARE and ":" not in link:
                url = directory + link
            elif link[:1] == "/" and link[1:2] != "/":
                url = origin + link
            else:
                url = self.join(link)
            found.append(url)
        return found

    def _join_relative(self, link: str) -> str:
        if not self._document:
            return ""
        first = link[:1]
        if first in ("/", "\\"):
            if link[1:2] in ("/", "\\"):
                return normalise(self._document.partition(":")[0] + ":" + link)
            return normalise(self._origin + link)
        if first == "?":
            return normalise(self._document.partition("?")[0] + link)
        if first in ("", "#"):
            return self._document
        return normalise(self._directory + link)
