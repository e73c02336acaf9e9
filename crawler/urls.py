"""Web addresses as WHATWG reads them: what a browser would request for a link on a page.

`can_ada` (a binding of ada, the parser of Node.js) knows absolute addresses only. A relative link is therefore first
put onto its base as text, form by form as the standard's state machine does; the parser then normalises the result.
All functions take hostile text and never raise: what is no address is the empty string.
"""

from __future__ import annotations

import re

import can_ada

_C0_AND_SPACE = "".join(map(chr, range(0x21)))
#: the standard deletes these wherever they stand, so "java\nscript:" is a scheme
_BREAKS = {9: None, 10: None, 13: None}
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_SURROGATE = re.compile("[\ud800-\udfff]")
_WEB = ("http://", "https://")
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


class Base:
    """What the links of one page stand on: the page's address, or its `<base href>` where that is http or https."""

    __slots__ = ("_directory", "_document", "_origin", "_path", "_scheme")

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
        self._scheme = document.partition(":")[0]
        path_start = document.find("/", len(self._scheme) + 3)
        self._origin = document[:path_start] if document else ""
        self._path = document.partition("?")[0]
        self._directory = self._path[: self._path.rfind("/") + 1]

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
        if name == self._scheme and not rest.startswith("//"):
            # "http:boat.jpg" on an http page is a relative link
            return self._join_relative(rest)
        return normalise(link)

    def _join_relative(self, link: str) -> str:
        if not self._document:
            return ""
        first = link[:1]
        if first in ("/", "\\"):
            if link[1:2] in ("/", "\\"):
                return normalise(f"{self._scheme}:{link}")
            return normalise(self._origin + link)
        if first == "?":
            return normalise(self._path + link)
        if first in ("", "#"):
            return self._document
        return normalise(self._directory + link)
