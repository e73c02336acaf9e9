"""Contact sheets say how many they are of how many, and how they were chosen."""

from __future__ import annotations

import re

import pytest
from selectolax.lexbor import LexborHTMLParser

from tests.workers.report.reports import HOSTILE, some_sheets
from workers.report.drawn.contact import Sheet, Tile, sheet_html, sheets_html


def words(html: str, selector: str) -> list[str]:
    return [re.sub(r"\s+", " ", node.text()).strip() for node in LexborHTMLParser(html).css(selector)]


def test_a_sheet_says_how_many_of_how_many_and_how_they_were_chosen() -> None:
    html = sheets_html(some_sheets())
    assert words(html, "h3") == ["pictures.clip_similarity"]
    assert words(html, "h4") == [
        "kept 2 of 6,894", "borderline: nearest to the threshold, on either side 2 of 40", "rejected the only one",
    ]  # fmt: skip
    assert "a random sample" in words(html, "p")[0]


def test_a_picture_has_its_caption_what_became_of_it_its_score_and_its_host() -> None:
    assert words(sheets_html(some_sheets()), "figcaption")[0] == "a boatkept, similarity 0.31images.test"
    assert words(sheets_html(some_sheets()), "figcaption .no") == ["clip_similarity", "clip_similarity"]


def test_a_blurred_picture_is_marked_and_counted() -> None:
    html = sheets_html(some_sheets())
    assert words(html, ".mark") == ["blurred"]
    assert "1 blurred" in " ".join(words(html, "p"))


def test_a_caption_of_any_length_is_cut() -> None:
    html = sheet_html(Sheet("f", "kept", (Tile(b"", "x" * 100_000, host="h" * 100_000),), 1))
    assert len(html) < 2_000


def test_captions_are_isolated_from_what_stands_around_them() -> None:
    html = sheet_html(Sheet("f", "kept", (Tile(b"", HOSTILE),), 1))
    (caption,) = LexborHTMLParser(html).css("figcaption bdi[dir=auto]")
    assert "\u202e" in caption.text()
    assert "<img src=x" in caption.text()


def test_a_sheet_that_is_alone_with_its_name_has_one_heading() -> None:
    html = sheets_html([Sheet("kept", "kept", (Tile(b"1"),), 9)])
    assert words(html, "h3, h4") == ["kept 1 of 9"]


@pytest.mark.parametrize("tiles", [(), (Tile(b""),)])
def test_a_note_of_why_pictures_are_missing_is_seen_with_and_without_pictures(tiles: tuple[Tile, ...]) -> None:
    html = sheets_html([Sheet("f", "kept", tiles, 9, note="the list <b>x</b> cannot be read")])
    assert "the list &lt;b&gt;x&lt;/b&gt; cannot be read" in html
    assert "<h3><code>f</code></h3>" in html
    assert ("random sample" in html) is bool(tiles)


def test_sheets_without_pictures_are_left_out() -> None:
    assert sheets_html([Sheet("f", "kept", (), 9)]) == ""
