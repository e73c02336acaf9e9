from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.rights.x_robots import directives_for, rules_of
from crawler.settings import OptOuts

#: value, whether the default recipe may use an image that is sent with it, as the robot "pairtrawl"
CASES: list[tuple[str, bool]] = [
    # the thirteen kinds of safety.md, finding 9
    ("noai", False),
    ("NOAI", False),
    ("noindex", False),
    ("none", False),
    ("all", True),
    ("index, follow", True),
    ("noindex, otherbot: nofollow", False),
    ("otherbot: noindex, noai", True),
    ("otherbot: noai", True),
    ("pairtrawl: noimageai", False),
    ("max-image-preview:large, noai", False),
    ("unavailable_after: 25 Jun 2010 15:00:00 PST, noai", False),
    ("unavailable_after: 25 Jun 2010 15:00:00 PST", True),
    # names
    ("PairTrawl: NoAI", False),
    ("pairtrawl : noai", False),
    ("pairtrawl/0.1: noai", False),
    ("pairtrawl-other: noai", True),
    ("pair: noai", True),
    ("otherbot: noindex, pairtrawl: noai", False),
    ("pairtrawl: nofollow, otherbot: noindex", True),
    ("pairtrawl: nofollow, noai", False),
    ("otherbot: nofollow, *: noai", False),
    ("otherbot: , noai", True),
    ("otherbot:", True),
    ("360spider: noai", True),
    ("otherbot: max-snippet: 5, noai", True),
    ("otherbot: unavailable_after: 25 Jun 2010 15:00:00 PST, noai", True),
    ("one: two: noai", True),
    (": noai", False),
    # rules with values
    ("max-image-preview: none", True),  # the value is no rule
    ("max-image-preview:none, max-snippet:-1, max-video-preview : 0", True),
    ("max-snippet: 50, noimageindex", False),
    ("max-snippet: , noai", False),
    ("unavailable_after: Friday, 25-Jun-10 15:00:00 GMT", True),
    ("unavailable_after: Friday, 25-Jun-10 15:00:00 GMT, noai", False),
    ("noindex, unavailable_after: Fri, 25 Jun 2010 15:00:00 GMT", False),
    ("unavailable_after: 2010-06-25T15:00:00+00:00, noml", False),
    ("unavailable_after: June 25, 2010, 15:00, noai", False),
    ("unavailable_after: Friday, 25-Jun-10 15:00:00 GMT, otherbot: noai", True),
    ("unavailable_after: 25 Jun 2010, 360spider: noai", True),
    ("unavailable_after, noai", False),
    # how people write
    ("", True),
    (" , ,, ", True),
    ("\tnoai ,\tnofollow", False),
    ('"noai, noimageai"', False),
    ("'noai'", False),
    ("noai noimageai", False),
    ("nofollow; noai", False),
    ("noai: true", False),
    ("noaiimages", True),
    ("noai-not", True),
    ("no ai", True),
    ("ｎｏａｉ", True),  # full-width letters are other letters
    ("noarchive, nocache, nosnippet", True),  # says nothing of this use
]


# checklist 47
@pytest.mark.parametrize(("value", "allowed"), CASES)
def test_each_value_refuses_exactly_those_that_it_names(value: str, allowed: bool) -> None:
    directives = directives_for([value], "pairtrawl")
    assert directives.isdisjoint(OptOuts().image_directives) == allowed


# checklist 47
def test_each_line_of_the_header_starts_with_rules_for_everyone() -> None:
    assert directives_for(["otherbot: noindex", "noai"], "pairtrawl") == {"noai"}
    assert directives_for(["noai", "otherbot: noindex"], "pairtrawl") == {"noai"}
    assert directives_for([], "pairtrawl") == frozenset()


def test_rules_keep_the_name_that_they_are_for() -> None:
    line = "NoIndex, A-bot: nofollow, max-snippet: 20, b.bot/2: unavailable_after: Fri, 1 Jan 2021 00:00:00 GMT, noai"
    assert list(rules_of(line)) == [
        ("", "noindex"),
        ("a-bot", "nofollow"),
        ("a-bot", "max-snippet"),
        ("b.bot", "unavailable_after"),
        ("b.bot", "noai"),
    ]


def test_a_robot_without_a_name_hears_what_everyone_hears() -> None:
    assert directives_for(["noai, otherbot: noindex"], "") == {"noai"}


PARTS = st.sampled_from(
    [*" ,,::;'\"", "noai", "none", "otherbot", "pairtrawl", "unavailable_after", "max-snippet", "25"]
)


@given(st.text() | st.lists(PARTS).map("".join))
def test_no_value_raises(value: str) -> None:
    directives = directives_for([value], "pairtrawl")
    assert all(rule and rule == rule.lower() for rule in directives)


@given(st.lists(PARTS).map("".join))
def test_case_and_spaces_around_commas_change_nothing(value: str) -> None:
    directives = directives_for([value], "pairtrawl")
    assert directives_for([value.upper()], "pairtrawl") == directives
    assert directives_for([value.replace(",", "\t, ")], "pairtrawl") == directives


@given(st.lists(PARTS).map("".join), st.lists(PARTS).map("".join))
def test_what_another_line_says_is_added(one: str, other: str) -> None:
    both = directives_for([one, other], "pairtrawl")
    assert both == directives_for([one], "pairtrawl") | directives_for([other], "pairtrawl")


def test_a_very_long_line_is_read_to_a_limit() -> None:
    assert directives_for(["noai, " + "x:," * 1_000_000], "pairtrawl") == {"noai"}
