from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.lists.rows import SortedRows, sorted_rows, without


def rows(values: list[bytes], width: int) -> SortedRows:
    return sorted_rows(np.frombuffer(b"".join(values), dtype=np.uint8).reshape(-1, width))


# few different bytes, so that many rows begin alike
@st.composite
def sets(draw: st.DrawFn) -> tuple[int, list[bytes], list[bytes]]:
    width = draw(st.sampled_from([8, 16, 20, 32]))
    row = st.lists(st.sampled_from([0, 1, 255]), min_size=3, max_size=3).map(bytes)
    one = st.tuples(row, row).map(lambda ends: ends[0] + bytes(width - 6) + ends[1])
    return width, draw(st.lists(one, max_size=30)), draw(st.lists(one, max_size=10))


@given(sets())
def test_rows_are_a_set_in_order(drawn: tuple[int, list[bytes], list[bytes]]) -> None:
    width, put_in, asked = drawn
    held = rows(put_in, width)
    assert [row.tobytes() for row in held.rows()] == sorted(set(put_in))
    found = held.has(np.frombuffer(b"".join(asked), dtype=np.uint8).reshape(-1, width))
    assert list(found) == [one in put_in for one in asked]
    left = without(held, rows(asked, width))
    assert [row.tobytes() for row in left.rows()] == sorted(set(put_in) - set(asked))


# checklist 41
@pytest.mark.parametrize("size", [0, 1, 2])
def test_small_sets_are_searched_whole(size: int) -> None:
    values = [bytes([number]) * 16 for number in (1, 2, 3)]
    found = rows(values[:size], 16).has(np.frombuffer(b"".join(values), dtype=np.uint8).reshape(-1, 16))
    assert list(found) == [place < size for place in range(3)]


def test_a_set_shows_nothing_of_its_rows() -> None:
    assert repr(rows([b"secret-secret-se"], 16)) == "SortedRows(longest_tie=1)"
