from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protego import Protego

from crawler.rights.path_patterns import PathPattern, path_of
from crawler.urls import normalise


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("/", "/a", True),
        ("/a", "/a/b", True),
        ("/a", "/b", False),
        ("/a$", "/a", True),
        ("/a$", "/ab", False),
        ("/*.jpg", "/a/b.jpg?c", True),
        ("/*.jpg$", "/a/b.jpg?c", False),
        ("/*.jpg$", "/a.jpg/b.jpg", True),
        ("/*b*b$", "/b", False),
        ("/a*", "/a", True),
        ("*", "/a", True),
        ("*$", "/a", True),
        ("", "/a", True),
        ("$", "/a", False),
        ("/foo-%24", "/foo-$", True),
        ("/foo-%2A", "/foo-*", True),
        ("/foo-%2A", "/foo-bar", False),
        ("/a$b", "/a$b", True),
        ("/%7Eme", "/~me", True),
        ("/~me", "/%7Eme", True),
        ("/a%2Fb", "/a/b", False),
        ("/a%2fb", "/a%2Fb", True),
        ("/schön", "/sch%C3%B6n", True),
        ("/a b", "/a%20b", True),
    ],
)
def test_patterns_match_as_in_robots_txt(pattern: str, path: str, matches: bool) -> None:
    assert PathPattern(pattern).matches(path_of(normalise(f"http://boats.test{path}"))) is matches


@pytest.mark.parametrize("url", ["http://boats.test", "http://boats.test/", "http://boats.test/#b"])
def test_the_top_of_a_site_is_a_slash(url: str) -> None:
    assert path_of(url) == "/"


def test_a_query_is_part_of_the_path() -> None:
    assert path_of("http://boats.test:8080/a?b=c#d") == "/a?b=c"


_TEXTS = st.text(st.sampled_from("/ab*$%24Ff~ö .?"), max_size=12)


@given(_TEXTS, _TEXTS)
def test_any_text_is_a_pattern_and_two_readers_agree(pattern: str, path: str) -> None:
    url = normalise(f"http://boats.test/{path}")
    ours = PathPattern(f"/{pattern}").matches(path_of(url))
    protego = not Protego.parse(f"User-agent: *\nDisallow: /{pattern.strip() or '*'}").can_fetch(url, "*")
    # protego undoes the escapes of "$", "*" and "?" too; we leave them, as RFC 9309 section 2.2.2 has it. And to it a "$"
    # at the end of a pattern may also be a "$" in the address
    if "%" not in pattern + path and "$" not in path and pattern == pattern.strip():
        assert ours == protego


@given(st.text(max_size=50), st.text(max_size=50))
def test_no_text_makes_it_raise(pattern: str, path: str) -> None:
    PathPattern(pattern).matches(path_of(f"http://boats.test/{path}"))


@given(st.text(max_size=50))
def test_a_path_is_spelled_once(path: str) -> None:
    once = path_of(f"http://boats.test/{path}")
    assert path_of(f"http://boats.test{once}") == once
