from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from crawler.columns import CARRIED, NOT_IN_TAR, OF_PAGES, columns_with
from crawler.rows import SampleJson

COLUMNS = columns_with((("similarity", "float"),))
LISTS = {
    "strings": st.lists(st.text(max_size=3), max_size=2),
    "captions": st.lists(
        st.fixed_dictionaries({"source": st.text(max_size=2), "text": st.text(max_size=3)}), max_size=2
    ),
}
PLAIN = st.none() | st.text(max_size=5) | st.integers(-9, 9) | st.floats(allow_nan=False)
ROWS = st.fixed_dictionaries({}, optional={name: LISTS.get(kind, PLAIN) for name, kind in COLUMNS})


def plain(row: dict[str, Any], columns: tuple[tuple[str, str], ...], of_list: dict[str, Any] | None) -> dict[str, Any]:
    """The definition, column by column."""
    content = {}
    for name, kind in columns:
        if kind == CARRIED:
            assert of_list is not None
            content[name] = of_list[name]
        elif name not in NOT_IN_TAR and not (of_list is not None and name in OF_PAGES):
            is_list = kind in LISTS
            content[name] = json.dumps(row.get(name) or [], ensure_ascii=False) if is_list else row.get(name)
    return content


@given(ROWS)
def test_every_column_stands_in_order_and_lists_are_text(row: dict[str, Any]) -> None:
    before = dict(row)
    said = SampleJson(COLUMNS).of(row)
    assert list(said.items()) == list(plain(row, COLUMNS, None).items())
    assert row == before


@given(ROWS, st.dictionaries(st.sampled_from(["url", "language", "licence", "NSFW", "fetched_at"]), PLAIN))
def test_in_a_rebuild_the_list_stands_where_its_columns_do(row: dict[str, Any], of_list: dict[str, Any]) -> None:
    columns = (*((name, CARRIED) for name in of_list), *(one for one in COLUMNS if one[0] not in of_list))
    said = SampleJson(columns, rebuild=True).of(row, of_list)
    assert list(said.items()) == list(plain(row, columns, of_list).items())
