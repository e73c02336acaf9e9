from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import can_ada
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import SettingsError
from filters.candidates.url_removal import UrlRemoval, build
from tests.builders import a_candidate


def removal(tmp_path: Path, text: str, **more: Any) -> UrlRemoval:
    (tmp_path / "list").write_bytes(text.encode())
    return build(path="list", folder=tmp_path, **more)


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


@given(host=st.text(max_size=20), path=st.text(max_size=20))
def test_an_address_of_the_list_removes_the_candidate_that_has_it_however_it_was_written(
    host: str, path: str, tmp_path_factory: Any
) -> None:
    try:
        normalised = can_ada.parse(f"http://{host}/{path}").href
    except ValueError:
        return
    assert not keeps(removal(tmp_path_factory.mktemp("lists"), normalised), normalised)


BOAT = "https://Www.Boats.test/lake/boat.jpg?size=2"
SPELT = [
    BOAT,
    "https://www.boats.test/lake/boat.jpg?size=2",
    "http://www.boats.test/lake/boat.jpg?size=2",
    "www.boats.test/lake/boat.jpg?size=2",
    "https://boats.test/lake/boat.jpg?size=2",
    "boats.test/lake/boat.jpg",
    "https://www.boats.test/lake/boat.jpg/",
]


# checklist 38
@pytest.mark.parametrize("spelt", SPELT)
@pytest.mark.parametrize("name", ["md5", "sha1", "sha256"])
def test_a_hash_of_any_usual_spelling_names_an_address(tmp_path: Path, spelt: str, name: str) -> None:
    digest = hashlib.new(name, spelt.encode())
    filter_ = removal(tmp_path, f"url_{name}\n{digest.hexdigest()}\n")
    assert not keeps(filter_, BOAT)
    assert not keeps(filter_, "http://cdn.test/x.jpg", BOAT)
    assert keeps(filter_, "https://www.boats.test/lake/other.jpg?size=2", "https://boats.test/")
    if name == "sha1":
        base32 = base64.b32encode(digest.digest()).decode()
        assert not keeps(removal(tmp_path, base32, kind="url_sha1"), BOAT)


# checklist 38
def test_a_hash_of_the_link_as_its_page_wrote_it_counts_too(tmp_path: Path) -> None:
    written = "http://boats.test/%7Elake/bo at.jpg"
    filter_ = removal(tmp_path, hashlib.md5(written.encode()).hexdigest(), kind="url_md5")
    candidate = a_candidate(image_url="http://boats.test/~lake/bo%20at.jpg", written_src=written)
    assert not filter_.judge([candidate])[0].keep


def test_addresses_domains_and_hashes_of_one_table_work_together(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"http://c.test/x.jpg").hexdigest()
    filter_ = removal(tmp_path, f"type,value\nurl,http://a.test/x.jpg\ndomain,b.test\nurl_sha256,{digest}\n")
    asked = [
        "http://a.test/x.jpg",
        "http://img.b.test/y",
        "http://c.test/x.jpg",
        "http://a.test/y.jpg",
        "http://c.test/",
    ]
    assert [keeps(filter_, url) for url in asked] == [False, False, False, True, True]
