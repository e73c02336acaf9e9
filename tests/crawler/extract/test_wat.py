from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.extract import NoCandidate, extract
from crawler.extract.cc2dataset import derive_cc2dataset
from crawler.records import Candidate, Caption, ImageSource, TextSource, WatPage
from crawler.settings import Extract
from crawler.tongue import tongue_of


def a_wat_page(
    links: Any = (), head: Any = None, headers: Any = None, url: str = "http://pages.test/x/boats.html"
) -> WatPage:
    response = {"Headers": headers or {}, "HTML-Metadata": {"Head": head or {}, "Links": list(links)}}
    record = {"Envelope": {"Payload-Metadata": {"HTTP-Response-Metadata": response}}}
    return WatPage(url, "a.warc.gz", 900, json.dumps(record).encode())


def an_image(url: str, alt: str | None = None, **more: str) -> dict[str, str]:
    return {"path": "IMG@/src", "url": url, **({} if alt is None else {"alt": alt}), **more}


def candidates_of(page: WatPage) -> tuple[Candidate, ...]:
    extraction = extract(page, Extract())
    assert extraction.images == len(extraction.candidates) + sum(count for _, count in extraction.dropped)
    return extraction.candidates


def test_an_image_link_is_a_candidate_with_everything_known_about_it() -> None:
    page = a_wat_page(
        [{"path": "A@/href", "url": "https://creativecommons.org/licenses/by/4.0/", "rel": "license"},
         an_image("../boat.jpg", " A boat\n", title="T")],
        {"Base": "/v2/w/", "Metas": [{"name": "Robots", "content": "NOAI"}]},
        {"CONTENT-LANGUAGE": "de-AT", "X-Robots-Tag": ["noindex", "index"]},
    )  # fmt: skip
    assert candidates_of(page) == (
        Candidate(
            image_url="http://pages.test/v2/boat.jpg",
            image_source=ImageSource.IMG_SRC,
            caption=Caption(TextSource.ALT, "A boat"),
            other_captions=(Caption(TextSource.TITLE, "T"),),
            page_url="http://pages.test/x/boats.html",
            archive="a.warc.gz",
            offset=900,
            position=0,
            licence="https://creativecommons.org/licenses/by/4.0/",
            language="de",
            opt_outs=("x-robots-tag: noindex", "meta robots: noai"),
            written_src="../boat.jpg",
            written_text=" A boat\n",
            base_url="/v2/w/",
            tongue=tongue_of("A boat"),
        ),
    )


def test_the_language_of_the_html_element_stands_among_the_metas() -> None:
    metas = [{"name": "content-language", "content": "en"}, {"name": "HTML@/lang", "content": "de-AT"}]
    (found,) = candidates_of(a_wat_page([an_image("/a.jpg", "Ein Boot")], {"Metas": metas}))
    assert found.language == "de"


def test_previews_and_other_image_attributes_are_read() -> None:
    links = [
        {"path": "IMG@/srcset", "url": "a.jpg 1x, b.jpg 2x", "alt": "A"},
        {"path": "IMG@/data-src", "url": "/c.jpg", "alt": "C"},
        {"path": "IMG@/longdesc", "url": "long.html", "alt": "L"},
    ]
    metas = [{"property": "og:image", "content": "/o.jpg"}, {"property": "og:image:alt", "content": "O"}]
    found = candidates_of(a_wat_page(links, {"Metas": metas}))
    assert [(one.written_src, one.image_source.value, one.caption.text) for one in found] == [
        ("b.jpg", "srcset", "A"), ("/c.jpg", "lazy", "C"), ("/o.jpg", "og_image", "O"),
    ]  # fmt: skip


# checklist 27
def test_values_of_the_wrong_kind_cost_themselves_alone() -> None:
    links = [an_image("a.jpg", "A"), 7, {"path": "IMG@/src", "url": "b.jpg", "alt": None}, {"path": ["x"], "url": {}},
             {"path": "IMG@/src", "url": "c.jpg", "alt": "C", "title": 5}]  # fmt: skip
    page = a_wat_page(links, {"Base": 1, "Metas": [None, {"name": "robots", "content": "noai"}]}, {"A": 5, "B": [1]})
    assert [(one.written_src, one.opt_outs) for one in candidates_of(page)] == [
        ("a.jpg", ("meta robots: noai",)), ("c.jpg", ("meta robots: noai",)),
    ]  # fmt: skip
    for nonsense in (b"[]", b"7", b'{"Envelope": 5}', b'{"Envelope": {"Payload-Metadata": []}}'):
        assert candidates_of(WatPage("http://a.test/", "a", -1, nonsense)) == ()


# checklist 27
@pytest.mark.parametrize(
    "text", [b"", b"{", b"\xff", b'{"Envelope": NaN}', b'{"Envelope": 1e999', b"[" * 100_000, b"{}x"]
)
def test_damaged_json_is_counted(text: bytes) -> None:
    extraction = extract(WatPage("http://a.test/", "a", -1, text), Extract())
    assert (extraction.images, extraction.dropped) == (1, ((NoCandidate.UNREADABLE, 1),))


def test_the_columns_of_cc2dataset_come_out_exactly() -> None:
    page = a_wat_page([an_image("../b\\o.jpg", " A ")], {"Base": "sub/dir/"})
    (candidate,) = candidates_of(page)
    url = "http://pages.test/x/sub/b\\o.jpg"
    assert derive_cc2dataset(candidate) == {
        "uid": hashlib.md5(f" A {url}".encode()).hexdigest(),
        "url": url,
        "alt": " A ",
        "cc_filename": "a.warc.gz",
        "page_url": "http://pages.test/x/boats.html",
    }


def test_rows_that_cc2dataset_tells_apart_stay_apart() -> None:
    links = [an_image("a.jpg", "A"), an_image("a.jpg", "A "), an_image("a.jpg#x", "A"), an_image("a.jpg", " "),
             an_image("a.jpg", " ", title="T"), an_image("a.jpg", "A")]  # fmt: skip
    extraction = extract(a_wat_page(links), Extract())
    assert len({derive_cc2dataset(one)["uid"] for one in extraction.candidates}) == 4
    assert dict(extraction.dropped) == {NoCandidate.REPEATED: 2}


_TEXTS = st.one_of(st.text(max_size=8), st.sampled_from(["http://a.test/b", "//c.test", "../d", "", " ", "http://["]))


@given(st.lists(st.tuples(_TEXTS, _TEXTS), max_size=6), _TEXTS)
def test_every_row_that_leads_somewhere_is_derived(pairs: list[tuple[str, str]], base: str) -> None:
    page = a_wat_page([an_image(url, alt) for url, alt in pairs], {"Base": base})
    derived = {(row["url"], row["alt"]) for row in map(derive_cc2dataset, candidates_of(page))}
    expected = {
        (row["url"], alt)
        for url, alt in pairs
        for row in [derive_cc2dataset(_as_written(page, url, alt, base))]
        if alt and _leads_somewhere(page, url, base)
    }
    assert derived >= expected


def _as_written(page: WatPage, url: str, alt: str, base: str) -> Candidate:
    from tests.builders import a_candidate

    return a_candidate(alt, page_url=page.url, archive=page.archive, written_src=url, base_url=base)


def _leads_somewhere(page: WatPage, url: str, base: str) -> bool:
    from crawler.urls import Base

    return bool(Base(page.url, base).join(url))


_KEYS = st.sampled_from(["path", "url", "alt", "Base", "Metas", "Link", "name", "content", "Head", "Links"])
_LEAVES = st.one_of(st.none(), st.booleans(), st.text(max_size=3), st.integers(), st.floats())
_TREES = st.recursive(
    _LEAVES, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_KEYS, inner, max_size=3))
)


# checklist 27
@given(_TREES)
def test_no_description_raises(tree: Any) -> None:
    for page in (
        a_wat_page([tree, an_image("a", "b")], tree, tree),
        a_wat_page(tree if isinstance(tree, list) else ()),
    ):
        candidates_of(page)


_PATHS = st.sampled_from(["IMG@/src", "IMG@/src", "IMG@/longdesc", "IMG@/srcset", "A@/href", "X@/y", ""])
_ANY_LINKS = st.lists(
    st.fixed_dictionaries({"path": _PATHS, "url": _TEXTS, "alt": _TEXTS}, optional={"title": _TEXTS, "rel": _TEXTS}),
    max_size=5,
)


@given(_ANY_LINKS, _TEXTS)
def test_a_page_read_for_its_images_alone_comes_to_what_it_comes_to_in_full(links: list[Any], base: str) -> None:
    # a link of an element that is not listed makes the reader look at everything
    in_full = [*links, {"path": "UNHEARD@/of", "url": "http://a.test/"}]
    head = {"Base": base, "Metas": [{"property": "og:image", "content": "o.jpg"}]}
    assert extract(a_wat_page(links, head), Extract()) == extract(a_wat_page(in_full, head), Extract())


def test_a_licence_is_found_beside_links_that_are_not_looked_at() -> None:
    links = [an_image("a.jpg", "A"), {"path": "A@/href", "url": "//creativecommons.org/licenses/by-sa/3.0/"}]
    (found,) = candidates_of(a_wat_page(links))
    assert found.licence == "https://creativecommons.org/licenses/by-sa/3.0/"


def test_texts_of_several_sources_are_best_first_and_reasons_add_up() -> None:
    links = [an_image("a.jpg", "A", title="T"), an_image("b.jpg", "", title="T"), an_image("c.jpg", "C"), an_image("d.jpg"),
             an_image("data:,", "D"), an_image("e" * 50 + ".jpg", "E"), an_image("a.jpg", "A"), an_image("f.jpg", "F")]  # fmt: skip
    settings = Extract(images_per_page=7, url_characters=50)
    extraction = extract(a_wat_page(links), settings)
    assert [(one.position, one.caption.source.value, one.caption.text) for one in extraction.candidates] == [
        (0, "alt", "A"), (1, "title", "T"), (2, "alt", "C"),
    ]  # fmt: skip
    assert extraction.candidates[0].other_captions == (Caption(TextSource.TITLE, "T"),)
    assert extraction.images == 8
    assert set(extraction.dropped) == {
        (NoCandidate.NO_TEXT, 1), (NoCandidate.NO_ADDRESS, 1), (NoCandidate.URL_TOO_LONG, 1), (NoCandidate.REPEATED, 1),
        (NoCandidate.OVER_LIMIT, 1),
    }  # fmt: skip
