"""Reads X-Robots-Tag headers, and `<meta name="robots">`, which has the same words.

There is no standard, only what search engines document: rules with commas between them; `name:` makes the rules behind
it those of one robot, up to the next name; some rules have a value after a colon of their own, and one of these is a
date with colons and commas in it. Parsers that split at the first colon, or look for whole values only, miss opt-outs
that are written correctly, and find some that were meant for others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

#: all rules that the large search engines and the makers of opt-outs document; none of them is a robot's name
RULES = frozenset({
    "all", "none", "index", "noindex", "follow", "nofollow", "noarchive", "nocache", "nosnippet", "noimageindex",
    "notranslate", "nositelinkssearchbox", "nopagereadaloud", "indexifembedded", "noodp", "noydir", "noai", "noimageai",
    "noml",
})  # fmt: skip
#: rules whose value stands behind a colon: a word or number, which may be one that is a rule elsewhere
_VALUED = frozenset({"max-snippet", "max-image-preview", "max-video-preview"})
#: the rule whose value is a date, in any form: "25 Jun 2010 15:00:00 PST", "Friday, 25-Jun-10 15:00:00 GMT"
_DATED = "unavailable_after"
#: names that are everyone's
_EVERYONE = frozenset({"*", "robots"})
#: how what stands behind a comma goes on with a date: a day, a year or a time, but not "360spider"
_REST_OF_DATE = re.compile(r"\s*[0-9]{1,4}(?![0-9A-Za-z_])")
#: a word, and whether a colon follows; ";" for "," is a common slip
_WORD = re.compile(r"""([^\s:;"']+)\s*(:?)""")
#: no honest line is longer; what is beyond is not read
_MOST_CHARACTERS = 8_192


def directives_for(values: Iterable[str], token: str) -> frozenset[str]:
    """The rules, in lower case and without their values, for everyone and for the robot that `token` names.

    `values` are the header's lines as sent; each starts anew with rules for everyone. `token` is a product token in
    lower case. Never raises.
    """
    everyone_and_us = {"", token}
    return frozenset(rule for value in values for name, rule in rules_of(value) if name in everyone_and_us)


def rules_of(value: str) -> Iterator[tuple[str, str]]:
    """The rules of one line, each behind the name of the robot that it is for, "" being everyone; in lower case."""
    name = ""
    in_date = False
    for item in value[:_MOST_CHARACTERS].lower().split(","):
        if in_date and _REST_OF_DATE.match(item):
            continue
        in_date = False
        has_value = False  # the word before this one waits for its value
        for found in _WORD.finditer(item):
            word, colon = found.groups()
            if has_value:
                has_value = False
            elif colon and word == _DATED:
                yield name, word
                in_date = True
                break
            elif not colon or word in RULES or word in _VALUED:
                yield name, word
                has_value = bool(colon) and word in _VALUED
            else:
                product = word.partition("/")[0]
                name = "" if product in _EVERYONE else product
