"""/.well-known/tdmrep.json: which paths of a site are reserved from text and data mining (TDMRep, W3C community group).

The file is a list of rules, `{"location": "/pictures/*.jpg", "tdm-reservation": 1, "tdm-policy": "https://..."}`; the
first one whose location matches counts, and no match is "unset" (section "TDM File on the Origin Server").
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from crawler.rights.path_patterns import WILDCARD_CHARACTERS, PathPattern, path_of

#: a larger file is not parsed; no honest one comes near
FILE_BYTES = 512 * 1024
_MOST_RULES = 10_000
_POLICY_CHARACTERS = 2_000
_EVERYTHING_RESERVED = '[["/",1,""]]'


class Reservation(NamedTuple):
    """What a site says of one path."""

    reserved: bool | None  # None: it does not say
    policy: str = ""  # address of the terms under which it may be had, as written, or ""


_UNSET = Reservation(None)


def rules_in(body: bytes) -> str:
    """The rules in a tdmrep.json as short JSON: a list of [location, 1 | 0 | null, policy]; "" where there are none.

    A file that is too large, or is no JSON, has none: most servers that answer without having one send an HTML page.
    Rules of a wrong shape match nothing; a reservation of a wrong value is null. One rule without the list around it is
    taken for a list. Rules beyond all measure are taken for a reservation of everything: they cannot be looked through
    for every image, and nobody writes so many to reserve nothing. Never raises.
    """
    if len(body) > FILE_BYTES:
        return ""
    try:
        content: Any = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):  # the second: "[" times 100,000
        return ""
    written = content if isinstance(content, list) else [content]
    rules = [rule for one in written if (rule := _rule(one)) is not None]
    if len(rules) > _MOST_RULES or sum(len(rule[0]) for rule in rules if "*" in rule[0]) > WILDCARD_CHARACTERS:
        return _EVERYTHING_RESERVED
    return msgspec.json.encode(rules).decode() if rules else ""


def _rule(written: object) -> tuple[str, int | None, str] | None:
    if not isinstance(written, dict) or not isinstance(location := written.get("location"), str):
        return None
    return location, _value(written.get("tdm-reservation")), _policy(written.get("tdm-policy"))


def _value(written: object) -> int | None:
    """1 or 0; "1" and "0" too, for that is how the header writes them. All else is a mistake, and so unset."""
    if isinstance(written, str):
        return {"0": 0, "1": 1}.get(written.strip())
    return (
        int(written)
        if isinstance(written, int | float) and not isinstance(written, bool) and written in (0, 1)
        else None
    )


def _policy(written: object) -> str:
    """Goes into the rows, so it must be one printable line."""
    text = written.strip() if isinstance(written, str) else ""
    return text if text.isprintable() and len(text) <= _POLICY_CHARACTERS else ""


class TdmRep:
    """The reservations of one site. `text` is what `rules_in` made of its file; "" says nothing."""

    __slots__ = ("_rules",)

    def __init__(self, text: str) -> None:
        rules = msgspec.json.decode(text, type=list[tuple[str, int | None, str]]) if text else []
        self._rules = [
            (PathPattern(location), _UNSET if value is None else Reservation(value == 1, policy))
            for location, value, policy in rules
        ]

    def on(self, url: str) -> Reservation:
        """What is said of an absolute http or https address, normalised: the word of the first rule that matches."""
        if not self._rules:
            return _UNSET
        path = path_of(url)
        return next((said for pattern, said in self._rules if pattern.matches(path)), _UNSET)
