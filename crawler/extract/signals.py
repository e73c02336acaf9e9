"""What a page says about itself as a whole: licence, language, and whether its makers opted out of something."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

_LICENCE = re.compile(
    r"\s*(?:https?:)?//(?:www\.)?creativecommons\.org/"
    r"(licenses/(?:by|by-sa|by-nd|by-nc|by-nc-sa|by-nc-nd|sampling\+?|nc-sampling\+|devnations|nc|nd|sa|nd-nc|nc-sa)"
    r"|publicdomain/(?:zero|mark|certification))(?:/([0-9]\.[0-9])(?:/([a-z]{2}|igo|scotland)(?![a-z.]))?)?(?![a-z0-9+-])",
    re.IGNORECASE,
)
_LANGUAGE = re.compile(r"\s*([A-Za-z]{2,3})(?![A-Za-z0-9])")
_WORD = re.compile(r"[a-z]+")
#: words in a robots directive by which somebody keeps something out; all others ("index", "follow") are not noted
_OPT_OUT_WORDS = frozenset({
    "noai", "noimageai", "noml", "noindex", "noimageindex", "none", "noarchive", "nocache",
})  # fmt: skip
_ROBOTS = frozenset({"robots", "x-robots-tag"})
_TDM = frozenset({"tdm-reservation", "tdm-policy"})
#: names (lower case) of response headers and `<meta>` elements that may hold an opt-out
SIGNAL_NAMES = _ROBOTS | _TDM | {"content-usage"}
#: no honest page has more, or longer ones
_MOST_SIGNALS = 16
_SIGNAL_CHARACTERS = 500


class Signals(NamedTuple):
    """What holds for every image of a page."""

    licence: str = ""  # normalised Creative Commons address
    language: str = ""  # primary subtag, lower case
    opt_outs: tuple[str, ...] = ()  # "name: value", lower case, each once


def licence_of(links: Iterable[tuple[str, str]]) -> str:
    """The Creative Commons licence that a page links, in one spelling, or "".

    `links` are pairs of `rel` and `href` in page order; a link marked rel=license comes before all others.
    """
    first = ""
    for rel, href in links:
        found = _LICENCE.match(href)
        if found is None:
            continue
        licence = "/".join(part for part in found.groups() if part).lower()
        licence = f"https://creativecommons.org/{licence}/"
        if "license" in rel.lower().split():
            return licence
        first = first or licence
    return first


def language_of(declarations: Iterable[str | None]) -> str:
    """The primary subtag of the first declaration that has one, lower case, or ""."""
    for declared in declarations:
        if declared and (found := _LANGUAGE.match(declared)):
            return found.group(1).lower()
    return ""


def opt_outs_of(signals: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """The opt-outs among `signals`, which are names (lower case) and values of response headers and `<meta>` elements.

    Noted, not judged: a directive for another robot, or one that a policy does not honour, is noted all the same.
    """
    noted: dict[str, None] = {}
    for name, value in signals:
        if name in SIGNAL_NAMES:
            directives = " ".join(value.lower().split())
            if _reserves(name, directives) and len(noted) < _MOST_SIGNALS:
                noted[f"{name}: {directives[:_SIGNAL_CHARACTERS]}"] = None
    return tuple(noted)


def _reserves(name: str, value: str) -> bool:
    if name in _ROBOTS:
        return not _OPT_OUT_WORDS.isdisjoint(_WORD.findall(value))
    if name == "content-usage":
        return re.search(r"=\s*n\b", value) is not None
    return value == "1" if name == "tdm-reservation" else bool(value)
