from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.urls import LONGEST_LINK, Base, host_of, normalise

WPT = Path(__file__).parent / "data" / "wpt"
PAGE = "http://user:pw@a.test:8080/x/y/z.html?q=1#part"

JOINS: list[tuple[str, str]] = [
    # link as written, address it leads to from PAGE
    ("boat.jpg", "http://user:pw@a.test:8080/x/y/boat.jpg"),
    ("./boat.jpg", "http://user:pw@a.test:8080/x/y/boat.jpg"),
    ("../boat.jpg", "http://user:pw@a.test:8080/x/boat.jpg"),
    ("../../../../boat.jpg", "http://user:pw@a.test:8080/boat.jpg"),
    ("/boat.jpg", "http://user:pw@a.test:8080/boat.jpg"),
    ("\\boat.jpg", "http://user:pw@a.test:8080/boat.jpg"),
    ("//b.test/boat.jpg", "http://b.test/boat.jpg"),
    ("\\\\b.test\\boat.jpg", "http://b.test/boat.jpg"),
    ("///b.test/boat.jpg", "http://b.test/boat.jpg"),
    ("http:boat.jpg", "http://user:pw@a.test:8080/x/y/boat.jpg"),
    ("http:/boat.jpg", "http://user:pw@a.test:8080/boat.jpg"),
    ("http:javascript:alert(1)", "http://user:pw@a.test:8080/x/y/javascript:alert(1)"),
    ("https:b.test/boat.jpg", "https://b.test/boat.jpg"),
    ("HTTPS://B.Test/Boat.jpg", "https://b.test/Boat.jpg"),
    ("?w=2", "http://user:pw@a.test:8080/x/y/z.html?w=2"),
    ("#other", "http://user:pw@a.test:8080/x/y/z.html?q=1"),
    ("", "http://user:pw@a.test:8080/x/y/z.html?q=1"),
    ("  \n/bo\n at.jpg\t ", "http://user:pw@a.test:8080/bo%20at.jpg"),
    ("http://b.test/boat.jpg#top", "http://b.test/boat.jpg"),
    ("http://b.test:80/", "http://b.test/"),
    ("http://bücher.test/ä.jpg", "http://xn--bcher-kva.test/%C3%A4.jpg"),
    ("http://0x7f.1/", "http://127.0.0.1/"),
    ("http://①②⑦.⓪.⓪.①/", "http://127.0.0.1/"),
    ("http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/"),
    ("a:b.jpg", ""),
    ("1:2.jpg", "http://user:pw@a.test:8080/x/y/1:2.jpg"),
    ("/a\ud800.jpg", "http://user:pw@a.test:8080/a%EF%BF%BD.jpg"),
    # no http address
    ("data:image/gif;base64,R0lGOD", ""),
    ("java\nscript:alert(1)", ""),
    ("mailto:a@b.test", ""),
    ("file:///etc/passwd", ""),
    ("ftp://b.test/boat.jpg", ""),
    ("blob:http://b.test/1", ""),
    ("http://", ""),
    ("//", ""),
    ("http://b b/", ""),
    ("http://[::1/", ""),
    ("http://b.test:99999/", ""),
    ("https://%00/", ""),
]


@pytest.mark.parametrize(("link", "address"), JOINS)
def test_a_link_leads_where_a_browser_would_go(link: str, address: str) -> None:
    assert Base(PAGE).join(link) == address


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("https://cdn.test/v1/", "https://cdn.test/v1/boat.jpg"),
        ("/v2/page.html", "http://a.test/v2/boat.jpg"),
        ("//cdn.test", "http://cdn.test/boat.jpg"),
        ("file:///", "http://a.test/x/boat.jpg"),
        ("javascript:0", "http://a.test/x/boat.jpg"),
        ("http://[", "http://a.test/x/boat.jpg"),
        ("", "http://a.test/x/boat.jpg"),
    ],
)
def test_base_href_is_obeyed_where_it_is_http(written: str, address: str) -> None:
    assert Base("http://a.test/x/page.html", written).join("boat.jpg") == address


def test_from_a_page_without_an_address_only_absolute_links_lead_anywhere() -> None:
    base = Base("http://[broken/")
    assert base.join("http://b.test/boat.jpg") == "http://b.test/boat.jpg"
    assert [base.join(link) for link in ("boat.jpg", "/boat.jpg", "//b.test/", "?", "", "http:x")] == [""] * 5 + [
        "http://x/"
    ]


def _cases(name: str) -> list[dict[str, Any]]:
    return [case for case in json.loads((WPT / name).read_text(encoding="utf-8")) if isinstance(case, dict)]


def _expected(case: dict[str, Any]) -> str:
    """What we make of a case: the standard's result where it is on the web, without fragment; else nothing."""
    href: str = "" if case.get("failure") else case["href"]
    return href.partition("#")[0] if href.startswith(("http://", "https://")) else ""


def test_every_case_of_the_web_platform_tests_leads_where_browsers_go() -> None:
    cases = _cases("urltestdata.json")
    results = [
        normalise(case["input"]) if case["base"] in (None, "about:blank") else Base(case["base"]).join(case["input"])
        for case in cases
    ]
    # No exceptions by name. Two rules of ours hold for all: no fragment, and nothing but http and https leads anywhere.
    assert [case["input"] for case, result in zip(cases, results, strict=True) if result != _expected(case)] == []
    assert (len(cases), sum(map(bool, results)), sum(bool(case.get("failure")) for case in cases)) == (820, 220, 272)


def test_every_host_of_the_web_platform_tests_is_spelled_as_in_browsers() -> None:
    for case in _cases("toascii.json"):
        host = case["output"]
        assert normalise(f"https://{case['input']}/x") == ("" if host is None else f"https://{host}/x")
        assert host_of(f"https://{case['input']}/x") == (host or "")


def test_what_no_server_takes_leads_nowhere_and_nothing_stands_on_it() -> None:
    long = "x" * LONGEST_LINK
    assert Base(PAGE).join(f"/{long}") == Base(PAGE).join(f"http://b.test/{long}") == ""
    for base in (Base(PAGE, f"http://b.test/{long}/"), Base(f"http://b.test/{long}/")):
        assert [base.join("boat.jpg"), base.join("http://b.test/boat.jpg")] == ["", "http://b.test/boat.jpg"]


def test_the_host_is_lower_case_without_port_or_user() -> None:
    assert host_of("HTTP://User:pw@Bücher.TEST:8080/x") == "xn--bcher-kva.test"
    assert host_of("ftp://a.test/") == host_of("nonsense") == host_of("") == ""


_PARTS = st.sampled_from([
    "http:", "https:", "HTTP:", "/", "//", "\\", "?", "#", ".", "..", "a", "b.jpg", "%2e", "%", "@", ":", "80", "[::1]",
    "é", "\t", "\n", " ", "\0", "javascript:", "data:", "|", "host.test", "①.0.0.1", "\u00ad", "\ud800",
])  # fmt: skip
_LINKS = st.lists(st.one_of(_PARTS, st.text(max_size=3)), max_size=8).map("".join)


@given(_LINKS, _LINKS)
def test_joining_never_raises_and_its_result_is_normal(page: str, link: str) -> None:
    for base in (Base(f"http://h.test/{page}", link), Base(page, link)):
        joined = base.join(link)
        assert normalise(joined) == joined
        assert "#" not in joined
        assert joined == "" or joined.startswith(("http://", "https://"))
        assert bool(host_of(joined)) == bool(joined)


@given(_LINKS)
def test_an_absolute_link_does_not_care_where_it_stands(link: str) -> None:
    absolute = f"https://b.test/{link}"
    assert Base(PAGE).join(absolute) == normalise(absolute.strip("".join(map(chr, range(33)))))


_PLAIN = st.sampled_from(
    ["a/b.jpg", "/c.png?w=1", "http://b.test/x", "https://h.test/", "x:y", "//b.test/", "http://B.test/", ""]
)


@given(st.lists(st.one_of(_LINKS, _PLAIN, _PLAIN), max_size=6), _LINKS)
def test_all_links_of_a_page_are_joined_as_each_of_them(links: list[str], written: str) -> None:
    for base in (Base(PAGE), Base("http://h.test/x/y?z", written), Base("")):
        assert base.join_all(links) == [base.join(link) for link in links]


def test_a_table_of_links_is_joined_as_each_of_them_is() -> None:
    links = [link for link, _ in JOINS]
    assert Base(PAGE).join_all(links) == [address for _, address in JOINS]
    assert [Base(PAGE).join_all([link]) for link in links] == [[address] for _, address in JOINS]
    assert Base(PAGE).join_all(["a" * LONGEST_LINK, "a" * (LONGEST_LINK + 1)])[1] == ""
