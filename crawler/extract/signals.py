"""What a page says about itself as a whole: licence, language, and whether its makers opted out of something."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from crawler.rights.opt_outs import META
from crawler.rights.x_robots import RULES, rules_of

_LICENCE = re.compile(
    r"\s*(?:https?:)?//(?:www\.)?creativecommons\.org/"
    r"(licenses/(?:by|by-sa|by-nd|by-nc|by-nc-sa|by-nc-nd|sampling\+?|nc-sampling\+|devnations|nc|nd|sa|nd-nc|nc-sa)"
    r"|publicdomain/(?:zero|mark|certification))(?:/([0-9]\.[0-9])(?:/([a-z]{2}|igo|scotland)(?![a-z.]))?)?(?![a-z0-9+-])",
    re.IGNORECASE,
)
_LANGUAGE = re.compile(r"\s*([A-Za-z]{2,3})(?![A-Za-z0-9])")
#: words in a robots directive by which somebody keeps something out; all others ("index", "follow") are not noted
_OPT_OUT_WORDS = frozenset({
    "noai", "noimageai", "noml", "noindex", "noimageindex", "none", "noarchive", "nocache",
})  # fmt: skip
#: some of these letters are in each of them, and in few other values
_OPT_OUT_LETTERS = re.compile("no(?:ai|im|ml|in|ne|ar|ca)")
_ROBOTS = frozenset({"robots", "x-robots-tag"})
#: names (lower case) of response headers that may hold an opt-out, and of `<meta>` elements that stand for them
SIGNAL_HEADERS = frozenset({"x-robots-tag", "tdm-reservation", "tdm-policy", "content-usage"})
_NAMED_METAS = SIGNAL_HEADERS | {"robots"}
_RULE = "|".join([*sorted(RULES, key=len, reverse=True), r"max-[a-z-]{1,20}\s?:\s?[\w-]{1,20}"])
#: rules and nothing else
_RULES_ALONE = re.compile(rf"[\s,;]*(?:(?:{_RULE})(?:[\s,;]+|$))+", re.IGNORECASE)
#: how such a value starts; most elements of a page are told by this alone
_STARTS = frozenset("ainfmuAINFMU,; \t\r\n\f")
_ROBOT = re.compile(r"[a-z0-9][a-z0-9!._-]{0,50}")
#: no honest page has more, or longer ones; some list a dozen robots, which must not crowd out what is for all
_MOST_SIGNALS = 16
_MOST_ROBOTS = 16
_SIGNAL_CHARACTERS = 500


class Signals(NamedTuple):
    """What holds for every image of a page."""

    licence: str = ""  # normalised Creative Commons address
    language: str = ""  # primary subtag, lower case
    opt_outs: tuple[str, ...] = ()  # "name: value" and "meta name: value", each once


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


def opt_outs_of(headers: Iterable[tuple[str, str]], metas: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """The signals of a page: "x-robots-tag: noai" is a response header, "meta robots: noai" an element of the page.

    `headers` and `metas` are names (lower case) and values. Noted, not judged: a directive for another robot, or one
    that a policy does not honour, is noted all the same, and so is a reservation of 0, which takes back another.
    Directives are in lower case, addresses and Content-Usage as written, for there case matters.
    """
    noted: dict[str, None] = {}
    for name, value in headers:
        if name in SIGNAL_HEADERS and len(noted) < _MOST_SIGNALS and (signal := _signal(name, value)):
            noted[signal] = None
    elements = list(metas)
    for name, value in [element for element in elements if element[0] in _NAMED_METAS]:
        if len(noted) < _MOST_SIGNALS and (signal := _signal(name, value)):
            noted[META + signal] = None
    for_robots: dict[str, None] = {}
    if _OPT_OUT_LETTERS.search("\n".join([value for _, value in elements]).lower()):  # few pages
        for name, value in elements:
            if name in _NAMED_METAS or value[:1] not in _STARTS or len(for_robots) >= _MOST_ROBOTS:
                continue
            if _is_for_one_robot(name, value):
                for_robots[f"{META}{name}: {_in_short(value.lower())}"] = None
    return tuple(noted | for_robots) if noted or for_robots else ()


def _is_for_one_robot(name: str, rules: str) -> bool:
    """Whether an element may be for a robot, whose name only a recipe knows.

    "none" by itself is what elements for other readers say too, such as `msapplication-config`.
    """
    if not _RULES_ALONE.fullmatch(rules, 0, _SIGNAL_CHARACTERS) or not _ROBOT.fullmatch(name):
        return False
    return any(rule in _OPT_OUT_WORDS and rule != "none" for _, rule in rules_of(rules))


def _signal(name: str, value: str) -> str:
    """A header or element as a row has it; "" where it reserves nothing."""
    if name in _ROBOTS:
        value = value.lower()
        says = _OPT_OUT_LETTERS.search(value) is not None and any(rule in _OPT_OUT_WORDS for _, rule in rules_of(value))
    elif name == "tdm-reservation":
        says = value.strip() in ("0", "1")  # any other value is as if it were not there (TDMRep)
    else:
        says = bool(value.strip())
    return f"{name}: {_in_short(value)}" if says else ""


def _in_short(value: str) -> str:
    """A value with single spaces; a very long one ends between two words, for a part of a word may be another word."""
    value = " ".join(value.split())
    if len(value) <= _SIGNAL_CHARACTERS:
        return value
    value = value[:_SIGNAL_CHARACTERS]
    return value[: max(value.rfind(" "), value.rfind(","))].rstrip(" ,")
