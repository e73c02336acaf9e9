"""Edges of bins grow, are finite, cover every value, and are few."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from workers.report.edges import BINARY, DECIMAL, RATIOS, even_edges, ladder, scale

ANY = st.floats(allow_nan=False, allow_infinity=False)


def powers_of_ten(low: float, high: float) -> Sequence[float]:
    return ladder(low, high, DECIMAL)


def powers_of_two(low: float, high: float) -> Sequence[float]:
    return ladder(low, high, BINARY, 2)


def ratios(low: float, high: float) -> Sequence[float]:
    return scale(low, high, RATIOS)


@given(ANY, ANY, st.sampled_from([even_edges, powers_of_ten, powers_of_two, ratios]))
def test_edges_grow_are_finite_and_cover_the_values(
    one: float, other: float, edges_of: Callable[[float, float], Sequence[float]]
) -> None:
    low, high = sorted((one, other))
    edges = edges_of(low, high)
    assert all(before < after for before, after in pairwise(edges))
    assert all(map(math.isfinite, edges))
    assert len(edges) >= 2
    assert edges[0] <= low
    assert edges[-1] >= high


@given(ANY, ANY, st.integers(5, 100))
def test_bins_in_even_steps_are_about_as_many_as_asked_for(one: float, other: float, about: int) -> None:
    low, high = sorted((one, other))
    assert len(even_edges(low, high, about)) <= 2 * about + 4


@given(st.floats(-100, 100, width=32), st.floats(-100, 100, width=32))
@example(0.0, 0.2800000011920929)
@example(-0.30000001192092896, 0.25)
def test_even_steps_are_even_also_where_an_end_lies_a_hair_beyond_an_edge(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assume(high - low > 1e-6)
    edges = even_edges(low, high)
    steps = [after - before for before, after in pairwise(edges)]
    assert max(steps) == pytest.approx(min(steps), rel=1e-3)


def test_steps_are_round_and_an_edge_is_the_number_that_people_write() -> None:
    edges = even_edges(-0.02, 0.4755)
    assert 0.28 in edges
    assert 50 <= len(edges) - 1 <= 100
    assert edges[0] == -0.02
    assert edges[-1] == 0.48


def test_one_value_is_in_the_middle_of_one_bin() -> None:
    low, high = even_edges(0.3, 0.3)
    assert low < 0.3 < high


def test_sides_of_pictures_have_the_edges_that_recipes_name() -> None:
    assert ladder(16, 250, BINARY, 2) == (16, 24, 32, 48, 64, 96, 128, 192, 256)


def test_bytes_span_powers_of_ten() -> None:
    edges = ladder(0, 12_000_000, DECIMAL)
    assert edges[:3] == (0, 1, 1.5)
    assert 5_000 in edges
    assert edges[-1] == 15_000_000


@pytest.mark.parametrize("edges_of", [even_edges, powers_of_ten, ratios])
@pytest.mark.parametrize(("low", "high"), [(math.nan, 1), (0, math.inf), (2, 1)])
def test_no_edges_are_drawn_where_there_is_no_range(
    edges_of: Callable[[float, float], Sequence[float]], low: float, high: float
) -> None:
    with pytest.raises(ValueError, match="no bins"):
        edges_of(low, high)
