"""The rows that a page embeds for its search: data, whatever strangers wrote."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.workers.report.reports import HOSTILE, some_rows
from workers.report.drawn.search import rows_of, script, search_part


def embedded(html: str) -> str:
    (found,) = re.findall(r'<script type="application/json" id="search-rows">(.*?)</script>', html, re.DOTALL)
    return str(found)


@given(st.text(max_size=100))
def test_what_is_embedded_is_what_was_given_and_nothing_but_data(caption: str) -> None:
    for text in (caption, HOSTILE + caption):
        rows = {"rows": [[text, text, 1, text, 0.5]], "of": 1}
        held = embedded(search_part(rows).body)
        assert not set("<>&\u2028\u2029") & set(held)
        assert [tuple(one) for one in json.loads(held)] == rows_of(rows)


def test_long_captions_are_cut_and_odd_rows_left_out() -> None:
    rows: dict[str, Any] = {"rows": [["x" * 100_000, "h", 1, "", None], "row", [1], ["a", None, 0, None, float("nan")]]}
    first, second = rows_of(rows)
    assert len(first[0]) < 300
    assert second == ("a", "", 0, "", None)
    assert "Captions and hosts of all 2 rows." in search_part(rows).body


def test_the_part_says_of_how_many_rows_the_sample_is_and_where_all_are_searched() -> None:
    body = search_part(some_rows()).body
    assert "4 of 12,137 rows: random samples of 2 kept and of 2 rejected ones" in body
    assert "pairtrawl report PLACE --find WORDS" in body


def test_the_script_writes_text_only_and_ends_no_element() -> None:
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|Function\(", script())
    assert "</" not in script()
    assert "<!--" not in script()
