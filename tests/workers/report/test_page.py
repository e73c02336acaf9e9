"""The report page says what the report says, and nothing that strangers wrote can become anything but text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from crawler.extract.outcome import NoCandidate
from crawler.read.outcome import Skip
from crawler.reasons import REASONS
from crawler.records import Fault
from tests.builders import image_bytes
from workers.report.drawing import histogram
from workers.report.page import Example, meaning, render

HOSTILE = (
    "</title></style></code>\"'><script>alert(1)</script><img src=x onerror=alert(1)>&lt;b&#x3c;\x00\x1b\ud800\u202e"
)


def a_report(**changes: Any) -> dict[str, Any]:
    report: dict[str, Any] = {
        "name": "boats",
        "description": "boats on lakes",
        "recipe_digest": "0123456789abcdef" * 2,
        "version": "0.1.0",
        "stages": [
            {"stage": "read", "found": 9_120, "kept": 3_040, "rejected": {"not_a_response": 6_080}},
            {"stage": "extract", "found": 20_011, "kept": 15_142, "rejected": {"no_text": 4_869}},
            {"stage": "candidates", "found": 15_142, "kept": 15_000, "rejected": {"text_length": 142}},
            {"stage": "plan", "found": 15_000, "kept": 12_137, "rejected": {"duplicate": 2_863}},
            {"stage": "fetch", "found": 12_137, "kept": 12_000, "rejected": {"http_gone": 100, "timeout": 37}},
            {"stage": "filter pictures", "found": 12_000, "kept": 6_894, "rejected": {"clip_similarity": 5_106}},
        ],
        "archives": {"complete": 6, "incomplete": [], "unread": 0},
        "totals": {"archives": 6, "records": 9_120, "pages": 3_040, "candidates": 15_142, "kept": 6_894,
                   "bytes_received": 76_543_210},
        "reasons": {"clip_similarity": 5_106, "duplicate": 2_863, "text_length": 142, "http_gone": 100, "timeout": 37},
        "top_hosts": [{"host": "images.test", "found": 7_001, "kept": 4_003}],
        "languages": {"en": 4_444, "": 2_450},
        "text_sources": {"alt": 6_001, "figcaption": 893},
        "opt_outs": [{"signal": "x-robots-tag: noai", "found": 321, "kept": 12}],
        "repeated_files": [{"sha256": "ab" * 32, "addresses": 77, "captions": 66, "kept": 5,
                            "example": "http://images.test/missing.png"}],
        "speeds": {"seconds": 61.5, "pairs_per_second": 197.3},
        "scores": {"similarity": {"edges": [0, 0.25, 0.5, 1], "kept": [0, 2_345, 4_549], "rejected": [5_106, 0, 0]}},
        "peak_memory_bytes": {"worker": 312_000_000},
    }  # fmt: skip
    return report | changes


def parsed(report: Mapping[str, Any], *examples: Example) -> LexborHTMLParser:
    return LexborHTMLParser(render(report, examples))


def words(page: LexborHTMLParser, selector: str) -> list[str]:
    return [re.sub(r"\s+", " ", node.text()).strip() for node in page.css(selector)]


def hostile_report(text: str) -> dict[str, Any]:
    return a_report(
        name=text, description=text, recipe_digest=text, version=text,
        stages=[{"stage": text, "found": 3, "kept": 1, "rejected": {text: 2}}],
        archives={"complete": 0, "incomplete": [{"name": text, "detail": text}]},
        top_hosts=[{"host": text, "found": 3, "kept": 1}], languages={text: 1}, text_sources={text: 1},
        opt_outs=[{"signal": text, "found": 3, "kept": 1}],
        repeated_files=[{"sha256": text, "addresses": 3, "captions": 3, "kept": 1, "example": text}],
        speeds={text: 1.5}, peak_memory_bytes={text: 5},
        scores={text: {"edges": [0, 1], "kept": [1], "rejected": [1]}},
    )  # fmt: skip


# --- hostile text -----------------------------------------------------------------------------------------------------


def shape(page: LexborHTMLParser) -> list[tuple[str, tuple[str, ...]]]:
    """Every element with the names of its attributes."""
    return [(str(node.tag), tuple(sorted(node.attributes))) for node in page.css("*")]


def test_nothing_that_strangers_wrote_becomes_an_element_or_an_attribute() -> None:
    plain = parsed(hostile_report("boats"), Example(image_bytes(kind="JPEG"), "boats", 0.5, "boats"))
    hostile = parsed(hostile_report(HOSTILE), Example(image_bytes(kind="JPEG"), HOSTILE, 0.5, HOSTILE))
    assert shape(hostile) == shape(plain)


@given(st.text())
def test_no_text_whatsoever_changes_the_shape_of_the_page(text: str) -> None:
    # a letter before it, for an empty text is a part left out
    plain, hostile = (parsed(hostile_report(f"x{one}"), Example(b"", one, None, f"x{one}")) for one in ("", text))
    assert shape(hostile) == shape(plain)


def test_hostile_captions_are_shown_as_they_are_written() -> None:
    page = parsed({}, Example(b"", "<b>bold</b> & 'quoted'"))
    assert words(page, "figcaption bdi") == ["<b>bold</b> & 'quoted'"]


def test_the_page_can_be_written_as_utf_8_whatever_a_caption_holds() -> None:
    assert b"\x00" not in render(hostile_report(HOSTILE), [Example(b"", HOSTILE)]).encode("utf-8")


def test_the_page_loads_and_runs_nothing() -> None:
    page = parsed(hostile_report(HOSTILE), Example(image_bytes(kind="JPEG"), "a boat"))
    assert not page.css("script, link, iframe, object, embed, base, form")
    assert all((node.attributes["src"] or "").startswith("data:image/jpeg;base64,") for node in page.css("img"))
    named = {name for _, names in shape(page) for name in names}
    assert not [name for name in named if name.startswith("on") or name in {"style", "href"}]
    assert "url(" not in words(page, "style")[0]
    assert "@import" not in words(page, "style")[0]


def test_the_policy_forbids_all_but_our_own_style_and_inline_pictures() -> None:
    (policy,) = (node.attributes["content"] for node in parsed({}).css("meta[http-equiv=Content-Security-Policy]"))
    assert policy is not None
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-[\w+/]{43}='; img-src data:; base-uri 'none'; form-action 'none'",
        policy,
    )


# --- numbers ----------------------------------------------------------------------------------------------------------


def test_the_headline_says_how_many_of_how_many() -> None:
    assert words(parsed(a_report()), "h1") == ["6,894 image-text pairs kept of 15,142 candidates (45.5 %)."]


def test_every_stage_shows_found_kept_and_rejected_which_add_up() -> None:
    report = a_report()
    (table, *_) = parsed(report).css("table")
    shown = [[int(cell.text().replace(",", "")) for cell in row.css("td.count")] for row in table.css("tbody tr")]
    assert shown == [[one["found"], one["kept"], sum(one["rejected"].values())] for one in report["stages"]]
    assert all(found == kept + lost for found, kept, lost in shown)


def test_every_reason_of_every_stage_stands_with_its_count_and_meaning() -> None:
    report = a_report()
    table = parsed(report).css("table")[1]
    rows = [row for row in table.css("tbody tr") if row.css("td")]
    shown = {row.css("code")[0].text(): int(row.css("td.count")[0].text().replace(",", "")) for row in rows}
    assert shown == {reason: count for one in report["stages"] for reason, count in one["rejected"].items()}
    assert REASONS["timeout"] in [row.css("td")[1].text() for row in rows]


def test_bars_are_as_long_as_their_numbers() -> None:
    (table, *_) = parsed(a_report()).css("table")
    kept, lost = table.css("tbody tr")[3].css("rect")
    assert (kept.attributes["width"], lost.attributes["width"]) == ("80.15%", "18.91%")  # of 15,142


def test_hosts_languages_texts_and_speeds_show_the_reports_numbers() -> None:
    shown = set(words(parsed(a_report()), "td.count"))
    assert {"7,001", "4,003", "4,444", "2,450", "6,001", "893", "61.5", "197.3", "312.0 MB"} <= shown


def test_the_histogram_counts_all_that_was_scored() -> None:
    (drawing,) = parsed(a_report()).css("svg.histogram")
    assert drawing.attributes["aria-label"] == "similarity: 6,894 kept and 5,106 rejected, between 0 and 1"
    assert words(parsed(a_report()), "svg.histogram title") == [
        "0 to 0.25: 0 kept, 5,106 rejected", "0.25 to 0.5: 2,345 kept, 0 rejected", "0.5 to 1: 4,549 kept, 0 rejected",
    ]  # fmt: skip


def test_archives_that_were_cut_short_are_a_warning() -> None:
    broken = {"complete": 5, "incomplete": [{"name": "a.warc.gz", "detail": "ends at byte 77"}], "unread": 2}
    told = " ".join(words(parsed(a_report(archives=broken)), ".warning"))
    assert "a.warc.gz: ends at byte 77" in told
    assert "2 not read at all" in told
    assert not parsed(a_report()).css(".warning")


def test_kept_examples_come_before_rejected_ones() -> None:
    examples = Example(b"1", "a stone", 0.1, "clip_similarity"), Example(b"2", "a boat", 0.71)
    assert words(parsed({}, *examples), "figcaption") == ["a boatkept, 0.71", "a stoneclip_similarity, 0.10"]


# --- the page as such -------------------------------------------------------------------------------------------------


def test_the_same_report_gives_the_same_page() -> None:
    turned = dict(reversed(list(a_report().items())))
    assert render(a_report()) == render(turned)


def test_an_empty_report_is_a_page_that_says_so() -> None:
    page = parsed({})
    assert words(page, "h1") == ["Nothing has been read yet."]
    assert not page.css("table")


NONSENSE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(a_report())), NONSENSE))
def test_a_report_of_the_wrong_form_is_still_a_page(changes: dict[str, Any]) -> None:
    render(a_report(**changes)).encode()


@given(st.lists(st.floats()), st.lists(st.integers(0, 10**9)), st.lists(st.integers(0, 10**9)))
def test_a_histogram_of_anything_is_a_drawing_or_nothing(edges: list[float], kept: list[int], lost: list[int]) -> None:
    assert re.fullmatch(r"(<svg.*</svg>)?", histogram("score", edges, kept, lost), re.DOTALL)


def test_every_table_says_what_it_shows() -> None:
    tables = parsed(a_report()).css("table")
    assert len(tables) == 8
    assert all(caption.text().strip() for table in tables for caption in table.css("caption"))
    assert sum(len(table.css("caption")) for table in tables) == len(tables)
    assert all(row.css("th") for table in tables for row in table.css("tr"))


# --- reasons ----------------------------------------------------------------------------------------------------------


def test_every_reason_that_is_no_filter_has_a_meaning_and_no_other_has() -> None:
    assert set(REASONS) == {one.value for kind in (Fault, Skip, NoCandidate) for one in kind}
    assert all(meaning(reason).endswith(".") for reason in REASONS)


def test_a_filter_explains_itself_by_the_first_line_of_its_file() -> None:
    assert meaning("min_side").startswith("The recipe keeps pictures")
    assert meaning("hash_removal").startswith("The recipe drops bodies")


@pytest.mark.parametrize("reason", ["", "never_heard_of", "../__init__", "__init__", "a/b", "min_side\n", "MIN_SIDE"])
def test_what_is_no_reason_has_no_meaning(reason: str) -> None:
    assert not meaning(reason)
