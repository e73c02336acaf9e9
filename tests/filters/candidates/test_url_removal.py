from __future__ import annotations

from pathlib import Path

import can_ada
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import SettingsError
from filters.candidates.url_removal import Listed, UrlRemoval, build, parse
from tests.builders import a_candidate


def removal(tmp_path: Path, text: str) -> UrlRemoval:
    (tmp_path / "list").write_bytes(text.encode())
    return build(path="list", folder=tmp_path)


def keeps(filter_: UrlRemoval, image_url: str, page_url: str = "http://pages.test/") -> bool:
    return filter_.judge([a_candidate(image_url=image_url, page_url=page_url)])[0].keep


# entry, address of an image that it removes
NAMED = [
    ("http://a.test/x.jpg", "http://a.test/x.jpg"),
    ("http://a.test/x.jpg", "https://a.test/x.jpg"),
    ("https://A.Test:443/x.jpg#part", "https://a.test/x.jpg"),
    ("http://a.test/b/../x.jpg", "http://a.test/x.jpg"),
    ("http://bücher.test/ü.jpg", "http://xn--bcher-kva.test/%C3%BC.jpg"),
    ("http://a.test/x.jpg", "http://a.test./x.jpg"),
    ("http://a.test:8080/x.jpg?v=1", "http://a.test:8080/x.jpg?v=1"),
    ("http://user:pass@a.test/x.jpg", "http://a.test/x.jpg"),
    ("a.test", "http://a.test/anything"),
    ("a.test", "https://cdn.img.a.test:8443/anything"),
    ("A.TEST.", "http://a.test/anything"),
    (".a.test", "http://a.test/anything"),
    ("*.a.test", "http://b.a.test/anything"),
    ("bücher.test", "http://www.xn--bcher-kva.test/x"),
    ("a.test", "http://a.test./x"),
    ("192.0.2.7", "http://192.0.2.7/x"),
    ("# note\r\n\r\na.test\r\n", "http://a.test/x"),
]


@pytest.mark.parametrize(("entry", "image_url"), NAMED)
def test_what_the_list_names_is_removed(tmp_path: Path, entry: str, image_url: str) -> None:
    assert not keeps(removal(tmp_path, entry), image_url)


@pytest.mark.parametrize(
    ("entry", "image_url"),
    [
        ("http://a.test/x.jpg", "http://a.test/x.jpg?v=1"),
        ("http://a.test/x.jpg", "http://a.test/X.jpg"),
        ("http://a.test/x.jpg", "http://a.test:8080/x.jpg"),
        ("http://a.test/x.jpg", "http://b.a.test/x.jpg"),
        ("http://a.test/", "http://a.test/x.jpg"),
        ("a.test", "http://nota.test/x"),
        ("a.test", "http://a.test.other.test/x"),
        ("a.test", "http://other.test/a.test"),
        ("b.a.test", "http://a.test/x"),
    ],
)
def test_what_only_looks_like_it_stays(tmp_path: Path, entry: str, image_url: str) -> None:
    assert keeps(removal(tmp_path, entry), image_url)


def test_a_page_that_is_named_takes_its_pictures_along(tmp_path: Path) -> None:
    filter_ = removal(tmp_path, "quiet.test\nhttp://loud.test/private.html")
    assert not keeps(filter_, "http://cdn.test/x.jpg", "http://blog.quiet.test/page")
    assert not keeps(filter_, "http://cdn.test/x.jpg", "https://loud.test/private.html#top")
    assert keeps(filter_, "http://cdn.test/x.jpg", "http://loud.test/public.html")
    assert keeps(filter_, "http://cdn.test/x.jpg", "not an address")


@pytest.mark.parametrize(
    "line",
    ["http://", "ftp://a.test/x", "://a.test", "http://a b/x", "http://a.test/a b.jpg", "a.test/x.jpg", "a.test:80",
     "a.test:", "someone@a.test", "a.test?x", "a.test#x", "a b.test", "0.0.0.0 a.test", "test", "*", ".", "*.",
     "a\\b.test", "a.test\x00", "<html>"],
)  # fmt: skip
def test_what_is_neither_ends_the_run_with_its_line_number(tmp_path: Path, line: str) -> None:
    with pytest.raises(SettingsError, match="line 2: "):
        removal(tmp_path, f"good.test\n{line}\n")


@given(st.text(max_size=20), st.text(max_size=20))
def test_an_address_of_the_list_removes_the_candidate_that_has_it_however_it_was_written(host: str, path: str) -> None:
    try:
        normalised = can_ada.parse(f"http://{host}/{path}").href
    except ValueError:
        return
    ((_, entry),) = parse(normalised)
    assert isinstance(entry, Listed)
    assert not keeps(UrlRemoval(frozenset([entry])), normalised)
