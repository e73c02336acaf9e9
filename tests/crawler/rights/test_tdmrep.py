from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.rights.tdmrep import FILE_BYTES, Reservation, TdmRep, rules_in

UNSET = Reservation(None)
POLICY = "https://boats.test/policy.json"


def said(content: Any, path: str = "/a/boat.jpg") -> Reservation:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return TdmRep(rules_in(body)).on(f"http://boats.test{path}")


def a_rule(location: Any = "/", value: Any = 1, **more: Any) -> dict[str, Any]:
    return {"location": location, "tdm-reservation": value} | more


#: the example of the specification, section "TDM File on the Origin Server"
EXAMPLE = [
    a_rule("/directory-a/"),
    a_rule("/directory-b/html/", **{"tdm-policy": POLICY}),
    a_rule("/directory-b/images/*.jpg", 0),
]


@pytest.mark.parametrize(
    ("path", "reservation"),
    [
        ("/directory-a/x.pdf", Reservation(True)),
        ("/directory-b/html/x.html", Reservation(True, POLICY)),
        ("/directory-b/images/a/x.jpg", Reservation(False)),
        ("/directory-b/images/x.png", UNSET),
        ("/", UNSET),
    ],
)
def test_the_example_of_the_specification(path: str, reservation: Reservation) -> None:
    assert said(EXAMPLE, path) == reservation


# checklist 48
@pytest.mark.parametrize(
    ("rules", "path", "reserved"),
    [
        ([a_rule("/")], "/a", True),
        ([a_rule("/", 0)], "/a", False),
        ([a_rule("/a/", 0), a_rule("/", 1)], "/a/b", False),  # the first, not the longest
        ([a_rule("/", 1), a_rule("/a/", 0)], "/a/b", True),
        ([a_rule("/b", 1)], "/a", None),
        ([a_rule("/*.jpg")], "/a/b.jpg", True),
        ([a_rule("/*.jpg")], "/a/b.jpg?size=1", True),
        ([a_rule("/*.jpg$")], "/a/b.jpg?size=1", None),
        ([a_rule("/a$")], "/a", True),
        ([a_rule("/a$")], "/ab", None),
        ([a_rule("/path/foo-%24")], "/path/foo-$", True),
        ([a_rule("/%7Eme")], "/~me", True),
        ([a_rule("/sch\u00f6n")], "/sch%C3%B6n", True),
        ([a_rule("/A")], "/a", None),
        ([a_rule("/a", "x"), a_rule("/", 1)], "/a", None),  # a mistake is unset, and is the first match all the same
        ([a_rule("/a", 2)], "/a", None),
        ([a_rule("/a", None)], "/a", None),
        ([a_rule("/a", [1])], "/a", None),
        ([a_rule("/a", True)], "/a", None),
        ([a_rule("/a", "1")], "/a", True),
        ([a_rule("/a", 1.0)], "/a", True),
        ([{"location": "/a"}], "/a", None),
        ([{"tdm-reservation": 1}], "/a", None),
        ([a_rule(5), a_rule("/a")], "/a", True),
        ([None, 1, "x", [], a_rule("/a")], "/a", True),
        (a_rule("/"), "/a", True),  # the list was forgotten
        ([], "/a", None),
        ({}, "/a", None),
        (1, "/a", None),
    ],
)  # fmt: skip
def test_the_first_rule_that_matches_counts(rules: Any, path: str, reserved: bool | None) -> None:
    assert said(rules, path).reserved is reserved


# checklist 48: broken JSON is unset
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"<!DOCTYPE html><html></html>",
        b'[{"location": "/", "tdm-reservation": 1}',
        b'[{"location": "/", "tdm-reservation": 1e999}]',
        b'[{"location": "/", "tdm-reservation": NaN}]',
        b'[{"location": "\xff", "tdm-reservation": 1}]',
        b'[{"location": "\\ud800", "tdm-reservation": 1}]',
        b"[" * 100_000,
        b'[{"a":' * 100_000,
        json.dumps([a_rule("/")]).encode().ljust(FILE_BYTES + 1),
    ],
    ids=lambda body: repr(body[:30]),
)
def test_what_cannot_be_read_says_nothing(body: bytes) -> None:
    assert said(body) == UNSET


def test_a_byte_order_mark_is_passed_over() -> None:
    assert said(b"\xef\xbb\xbf" + json.dumps([a_rule("/")]).encode()).reserved is True


@pytest.mark.parametrize("policy", [5, None, "a\nb", "x" * 3_000, {"a": 1}])
def test_a_policy_that_is_no_line_of_text_is_left_out(policy: Any) -> None:
    assert said([a_rule("/", **{"tdm-policy": policy})]) == Reservation(True)


def test_a_policy_beside_a_mistake_means_nothing() -> None:
    assert said([a_rule("/", "x", **{"tdm-policy": POLICY})]) == UNSET


@pytest.mark.parametrize("heavy", [[a_rule("/x")] * 10_001, [a_rule("/" + "*a" * 50)] * 1_000])
def test_rules_beyond_all_measure_reserve_everything(heavy: list[Any]) -> None:
    assert said(heavy).reserved is True


def test_nothing_is_kept_of_a_page_that_stands_in_for_the_file() -> None:
    assert rules_in(b"<html>" + b"a" * 10_000) == ""


@given(st.binary(max_size=200))
def test_any_bytes_are_a_file(body: bytes) -> None:
    said(body)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3),
)
_RULES = st.lists(
    st.dictionaries(st.sampled_from(["location", "tdm-reservation", "tdm-policy", "x"]), _VALUES, max_size=4),
    max_size=5,
)


@given(_RULES)
def test_any_json_is_a_file(rules: list[dict[str, Any]]) -> None:
    said(rules)
