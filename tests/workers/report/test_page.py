"""The report page says what the report says, and nothing that strangers wrote can become anything but text."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from crawler.extract.outcome import NoCandidate
from crawler.read.outcome import Skip
from crawler.reasons import REASONS
from crawler.records import Fault
from tests.workers.report.reports import HOSTILE, a_report, hostile_report, some_rows, some_sheets
from workers.report.drawn.contact import Sheet
from workers.report.drawn.page import meaning, render


def parsed(
    report: Mapping[str, Any], *, sheets: Sequence[Sheet] = (), search: Mapping[str, Any] | None = None
) -> LexborHTMLParser:
    return LexborHTMLParser(render(report, sheets, search))


def whole(text: str) -> LexborHTMLParser:
    """A page on which this text stands wherever strangers' words can stand."""
    return parsed(hostile_report(text), sheets=some_sheets(text, text, text), search=some_rows(text, text, text))


def words(page: LexborHTMLParser, selector: str) -> list[str]:
    return [re.sub(r"\s+", " ", node.text()).strip() for node in page.css(selector)]


# --- hostile text -----------------------------------------------------------------------------------------------------


def shape(page: LexborHTMLParser) -> list[tuple[str, tuple[str, ...]]]:
    """Every element with the names of its attributes."""
    return [(str(node.tag), tuple(sorted(node.attributes))) for node in page.css("*")]


def test_nothing_that_strangers_wrote_becomes_an_element_or_an_attribute() -> None:
    assert shape(whole(HOSTILE)) == shape(whole("boats"))


@settings(max_examples=25)
@given(st.text())
def test_no_text_whatsoever_changes_the_shape_of_the_page(text: str) -> None:
    # a letter before it, for an empty text is a part left out
    assert shape(whole(f"x{text}")) == shape(whole("x"))


def test_the_page_can_be_written_as_utf_8_whatever_a_caption_holds() -> None:
    sheets, rows = some_sheets(HOSTILE, HOSTILE, HOSTILE), some_rows(HOSTILE, HOSTILE, HOSTILE)
    assert b"\x00" not in render(hostile_report(HOSTILE), sheets, rows).encode("utf-8")


def test_the_page_loads_nothing_and_runs_nothing_but_our_search() -> None:
    page = whole(HOSTILE)
    assert not page.css("link, iframe, object, embed, base, form")
    (ours,) = (node for node in page.css("script") if node.attributes.get("type") != "application/json")
    assert (files("workers.report.drawn") / "search.js").read_text() in (ours.html or "")
    assert all((node.attributes["src"] or "").startswith("data:image/jpeg;base64,") for node in page.css("img"))
    named = {name for _, names in shape(page) for name in names}
    assert not [name for name in named if name.startswith("on") or name == "style"]
    assert all((node.attributes["href"] or "").startswith("#") for node in page.css("[href]"))
    assert "url(" not in words(page, "style")[0]
    assert "@import" not in words(page, "style")[0]


def test_the_policy_forbids_all_but_our_own_style_and_inline_pictures() -> None:
    (policy,) = (node.attributes["content"] for node in parsed({}).css("meta[http-equiv=Content-Security-Policy]"))
    assert policy is not None
    style = r"default-src 'none'; style-src 'sha256-[\w+/]{43}='; img-src data:; "
    assert re.fullmatch(style + "base-uri 'none'; form-action 'none'", policy)


def test_the_policy_allows_the_one_script_by_its_hash() -> None:
    page = parsed({}, search=some_rows())
    (policy,) = (node.attributes["content"] for node in page.css("meta[http-equiv=Content-Security-Policy]"))
    ours = (files("workers.report.drawn") / "search.js").read_bytes()
    digest = base64.b64encode(hashlib.sha256(ours).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in (policy or "")


# --- numbers ----------------------------------------------------------------------------------------------------------


def test_the_headline_says_how_many_of_how_many() -> None:
    assert words(parsed(a_report()), "h1") == ["6,894 image-text pairs kept of 15,142 candidates (45.5 %)."]


def test_every_stage_shows_found_kept_and_rejected_which_add_up() -> None:
    report = a_report()
    (table, *_) = parsed(report).css("#flow table")
    shown = [[int(cell.text().replace(",", "")) for cell in row.css("td.count")[:3]] for row in table.css("tbody tr")]
    assert shown == [[one["found"], one["kept"], sum(one["rejected"].values())] for one in report["stages"]]
    assert all(found == kept + lost for found, kept, lost in shown)


def test_every_reason_of_every_stage_stands_with_its_count_and_meaning() -> None:
    report = a_report()
    (table,) = parsed(report).css("#reasons table")
    rows = [row for row in table.css("tbody tr") if row.css("td")]
    shown = {row.css("code")[0].text(): int(row.css("td.count")[0].text().replace(",", "")) for row in rows}
    assert shown == {reason: count for one in report["stages"] for reason, count in one["rejected"].items()}
    assert REASONS["timeout"] in [row.css("td")[2].text() for row in rows]


def test_bars_are_as_long_as_their_numbers() -> None:
    (table, *_) = parsed(a_report()).css("#flow table")
    kept, lost = table.css("tbody tr")[3].css("rect")
    assert (kept.attributes["width"], lost.attributes["width"]) == ("80.15%", "18.91%")  # of 15,142


def test_hosts_languages_texts_and_speeds_show_the_reports_numbers() -> None:
    shown = set(words(parsed(a_report()), "td.count"))
    assert {"7,001", "4,003", "4,444", "2,450", "6,001", "893", "61.5", "197.3", "312.0 MB"} <= shown
    assert {"5,111", "1,783", "6,672", "123", "333", "321", "6,906"} <= shown


def test_a_score_has_a_histogram_and_its_yield_curve_with_the_threshold_read_off() -> None:
    page = parsed(a_report())
    histogram, curve = page.css("#scores svg.plot")
    told = histogram.attributes["aria-label"]
    assert told == "similarity: 6,894 kept and 5,106 rejected, between 0 and 1; line at 0.28: \u2265 0.28"
    assert "at 0.28: 57.5 %" in (curve.attributes["aria-label"] or "")  # 6,900 of 12,000
    assert "Share of the 12,000 scored rows" in " ".join(words(page, "#scores figcaption"))


def test_thresholds_of_filters_are_drawn_on_sizes_too() -> None:
    (drawing,) = parsed(a_report()).css("#sizes svg.plot")
    assert "line at 64" in (drawing.attributes["aria-label"] or "")


def test_a_score_that_keeps_what_is_below_has_a_curve_that_rises() -> None:
    score = {"edges": [0, 0.5, 1], "kept": [6, 0], "rejected": [0, 2], "lines": [{"at": 0.5, "keeps": "below"}]}
    own = {"thresholds": [0, 0.5, 1], "kept": [0, 6, 8], "scored": 8}
    for one in (score, score | {"curve": own}):
        (_, curve) = parsed(a_report(scores={"punsafe": one})).css("#scores svg.plot")
        assert "at 0.5: 75.0 %" in (curve.attributes["aria-label"] or "")
        first, *_, last = (curve.css("polyline")[0].attributes["points"] or "").split()
        assert float(first.split(",")[1]) > float(last.split(",")[1])  # y grows downward


def test_the_stage_that_holds_the_run_up_is_named_in_words() -> None:
    (told, *_) = words(parsed(a_report()), "#speed p")
    assert told.startswith("Fetching takes the longest: 92.1 % of the time of all stages: 296 records a second.")


def test_a_filter_shows_what_one_verdict_costs() -> None:
    (_, row, _) = parsed(a_report()).css("#filters tbody tr")
    assert [cell.text() for cell in row.css("td.count")] == ["12,000", "5,106", "42.5 %", "7.38 ms", "14.2 ms"]


def test_a_model_that_filters_share_has_a_line_of_its_own() -> None:
    spent = {"what": "engine:pairtrawl-tiny", "records": 1_000, "seconds": 1.0, "cpu_seconds": 2.0}
    page = parsed(a_report(limits=[{"stage": one, **spent} for one in ("prepare", "filter pictures")]))
    row = page.css("#filters tbody tr")[-1]
    assert [cell.text() for cell in row.css("td.count")] == ["1,000", "", "", "2 ms", "4 ms"]


def test_speeds_are_drawn_over_time() -> None:
    rows, received = parsed(a_report()).css("svg.timeline")
    assert rows.attributes["aria-label"] == "rows a second: at most 70, on average 40, over 30.0 s"
    assert received.css("title")[-1].text() == "10:00:20: 0.61"


def test_outcomes_of_a_rebuild_have_shares_and_the_colours_of_what_they_mean() -> None:
    page = parsed(a_report(outcomes={"identical": 300, "dead": 60, "refused": 40}))
    rows = page.css("#outcomes tbody tr")
    assert [row.css("td.count")[1].text() for row in rows] == ["75.0 %", "15.0 %", "10.0 %"]
    assert [row.css("rect")[0].attributes["class"] for row in rows] == ["band kept", "band web", "band refused"]
    assert rows[1].css("rect")[0].attributes["width"] == "20.00%"


def test_pauses_of_a_run_are_told() -> None:
    told = " ".join(words(parsed(a_report()), "#speed p") + words(parsed(a_report()), "#speed li"))
    assert "Nobody was at work 1 time, 10.0 s together: 10.0 s from 2026-11-22 10:00:10 on" in told
    assert told.endswith("the sitting before: interrupted")


def test_what_the_run_waited_for_is_said_in_the_reports_own_words() -> None:
    page = parsed(a_report(limit={"stage": "decode", "told": "The decoders, which were busy 97% of the time."}))
    assert words(page, "#speed p")[0] == "What it waited for: The decoders, which were busy 97% of the time."


def test_versions_are_a_table_of_rows_over_commits() -> None:
    rows = [re.sub(r"\s+", " ", row.text()).strip() for row in parsed(a_report()).css("#history tbody tr")]
    assert [row.split()[0] for row in rows] == ["b" * 12, "a" * 12]
    assert "6,906" in rows[1]


def test_archives_that_were_cut_short_are_a_warning() -> None:
    broken = {"complete": 5, "incomplete": [{"name": "a.warc.gz", "detail": "ends at byte 77"}], "unread": 2}
    told = " ".join(words(parsed(a_report(archives=broken)), ".warning"))
    assert "a.warc.gz: ends at byte 77" in told
    assert "2 not read at all" in told
    assert not parsed(a_report()).css(".warning")


def test_pairs_of_tables_are_of_rows_and_a_version_that_lost_none_says_only_how_many() -> None:
    tables = {"kind": "tables", "totals": {"candidates": 1_000, "kept": 250, "tables": 3}}
    assert words(parsed(tables), "h1") == ["250 image-text pairs kept of 1,000 rows (25.0 %)."]
    assert words(parsed(tables), "dt") == ["rows", "pairs kept", "tables"]
    version = {"kind": "version", "totals": {"candidates": 250, "kept": 250, "shards": 3, "masked": 0}}
    assert words(parsed(version), "h1") == ["250 image-text pairs."]
    assert words(parsed(version | {"name": "boats", "id": "ab" * 32}), ".name") == ["boats abababababab"]
    assert not parsed(version).css("#further")


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


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from(sorted(a_report())), NONSENSE))
def test_a_report_of_the_wrong_form_is_still_a_page(changes: dict[str, Any]) -> None:
    render(a_report(**changes)).encode()


@settings(max_examples=40)
@given(NONSENSE)
def test_rows_to_search_of_the_wrong_form_are_left_out(rows: Any) -> None:
    render({}, (), {"rows": rows, "of": rows}).encode()


def test_every_part_is_in_the_table_of_contents_and_the_levels_of_headings_leave_none_out() -> None:
    page = parsed(a_report(), sheets=some_sheets(), search=some_rows())
    parts = [node.attributes["id"] for node in page.css("main > section[id]")]
    assert [node.attributes["href"] for node in page.css("nav a")] == [f"#{slug}" for slug in parts]
    assert len(set(parts)) == len(parts) == 14
    levels = [int(str(node.tag)[1]) for node in page.css("h1, h2, h3, h4, h5, h6")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_every_drawing_says_in_words_what_it_shows_or_is_decoration() -> None:
    page = parsed(a_report())
    assert all(
        node.attributes.get("aria-hidden") == "true"
        or (node.attributes.get("role") == "img" and node.attributes["aria-label"])
        for node in page.css("svg")
    )


def test_every_table_says_what_it_shows() -> None:
    tables = parsed(a_report()).css("table")
    assert len(tables) == 15
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
