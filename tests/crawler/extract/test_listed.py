"""A row of a list becomes candidates like an image of a page: same addresses, same captions, same limits."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.captions import clean
from crawler.extract import NoCandidate, extract
from crawler.records import Candidate, Caption, ImageSource, ListRow, TextSource
from crawler.settings import Extract
from crawler.tongue import tongue_of
from crawler.urls import normalise


def a_row(*images: tuple[str, str], page: str = "") -> ListRow:
    return ListRow(page, "part-00000.parquet", 41, images or (("http://images.test/boat.jpg", "a red boat on a lake"),))


def candidate_of(row: ListRow, **settings: Any) -> Candidate:
    (candidate,) = extract(row, Extract(**settings)).candidates
    return candidate


def test_a_row_is_a_candidate_that_says_where_it_stood() -> None:
    text = "  a red boat &amp; a lake "
    assert candidate_of(a_row(("HTTP://Images.Test/b%20oat.jpg#top", text), page="http://pages.test/1")) == Candidate(
        image_url="http://images.test/b%20oat.jpg",
        image_source=ImageSource.LIST,
        caption=Caption(TextSource.LIST, "a red boat & a lake"),
        other_captions=(),
        page_url="http://pages.test/1",
        archive="part-00000.parquet",
        offset=41,
        position=0,
        licence="",
        language="",
        opt_outs=(),
        written_src="HTTP://Images.Test/b%20oat.jpg#top",
        written_text=text,
        base_url="",
        tongue=tongue_of("a red boat & a lake"),
    )


@pytest.mark.parametrize("text", ["", "  ", "\u200b"])
def test_an_image_without_a_caption_is_a_candidate_with_an_empty_one(text: str) -> None:
    candidate = candidate_of(a_row(("http://images.test/boat.jpg", text)))
    assert candidate.caption == Caption(TextSource.LIST, "")
    assert candidate.written_text == text


@pytest.mark.parametrize(
    ("link", "reason"),
    [
        ("", NoCandidate.NO_ADDRESS),
        ("boat.jpg", NoCandidate.NO_ADDRESS),  # a list has no base, even where it names the page
        ("/boat.jpg", NoCandidate.NO_ADDRESS),
        ("ftp://images.test/boat.jpg", NoCandidate.NO_ADDRESS),
        ("data:image/png;base64,AAAA", NoCandidate.NO_ADDRESS),
        ("http://images.test/" + "a" * 3000, NoCandidate.URL_TOO_LONG),
    ],
)
def test_a_row_without_an_address_is_counted(link: str, reason: NoCandidate) -> None:
    extraction = extract(a_row((link, "a boat"), page="http://pages.test/"), Extract())
    assert extraction.candidates == ()
    assert extraction.images == 1
    assert extraction.dropped == ((reason, 1),)


def test_the_images_of_a_document_have_their_positions() -> None:
    images = [("http://a.test/1", "one"), ("http://a.test/1", "one"), ("", "two"), ("http://a.test/1", "three")]
    extraction = extract(a_row(*images), Extract(images_per_page=4))
    assert [(one.position, one.caption.text) for one in extraction.candidates] == [(0, "one"), (3, "three")]
    assert extraction.dropped == ((NoCandidate.NO_ADDRESS, 1), (NoCandidate.REPEATED, 1))


def test_captions_of_lists_are_masked_too() -> None:
    candidate = candidate_of(a_row(("http://a.test/1", "write to jane@boats.test now")), mask=("email",))
    assert candidate.caption.text == candidate.written_text == "write to [email] now"


def test_a_recipe_that_asks_pages_for_the_text_of_a_list_gets_none() -> None:
    assert candidate_of(a_row(), texts=("alt",)).caption.text == candidate_of(a_row(), texts=("list",)).caption.text


@given(st.text() | st.text().map("http://a.test/{}".format), st.text(st.characters(exclude_categories=["Cs"])))
def test_addresses_and_captions_are_those_of_pages(link: str, text: str) -> None:
    extraction = extract(a_row((link, text)), Extract())
    assert extraction.images == len(extraction.candidates) + sum(number for _, number in extraction.dropped) == 1
    for candidate in extraction.candidates:
        assert normalise(candidate.image_url) == candidate.image_url
        assert candidate.caption.text == clean(text)
