"""Histograms, curves and clouds of points: numbers stand where they lie, and nonsense is no drawing."""

from __future__ import annotations

import math
import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from workers.report.drawn.axes import bins_of, powers, short, ticks
from workers.report.drawn.curves import Curve, Point, curve_svg, points_svg, value_at
from workers.report.drawn.histograms import Line, helps, histogram_svg

DRAWING = re.compile(r"(<svg.*</svg>)?", re.DOTALL)
FLOATS = st.floats(-1e9, 1e9)


def shown(svg: str, selector: str) -> list[str]:
    return [node.text() for node in LexborHTMLParser(svg).css(selector)]


# --- axes -------------------------------------------------------------------------------------------------------------


@settings(max_examples=50)
@given(FLOATS, FLOATS, st.integers(1, 10))
def test_ticks_are_few_and_lie_between_the_ends(low: float, high: float, about: int) -> None:
    low, high = min(low, high), max(low, high)
    found = ticks(low, high, about)
    assert 1 <= len(found) <= 4 * about + 1
    assert found == sorted(found)
    room = (high - low) * 1e-6 + abs(low) * 1e-9 + 1e-9
    assert all(low - room <= one <= high + room for one in found)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (-1, 1, [-1, -0.5, 0, 0.5, 1]),
        (0, 0, [0]),
        (3, 4, [3, 3.2, 3.4, 3.6, 3.8, 4]),
    ],
)
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high) == expected


def test_numbers_beside_an_axis_are_short() -> None:
    assert [short(one) for one in (0, 0.28, 1_500, 20_000, 3_400_000, -2e9, 64)] == [
        "0", "0.28", "1,500", "20k", "3.4M", "-2G", "64",
    ]  # fmt: skip
    assert powers(5_000) == [1, 10, 100, 1000]
    assert powers(0) == [1]


@settings(max_examples=50)
@given(st.lists(FLOATS, min_size=2, max_size=9), FLOATS)
def test_a_value_stands_between_the_edges_of_its_bin(edges: list[float], value: float) -> None:
    bins = bins_of(edges)
    if bins is None:
        assert any(high <= low for low, high in pairwise(edges))
        return
    place = bins.place(value)
    assert 0 <= place <= 1
    for number, (low, high) in enumerate(pairwise(edges)):
        if low <= value < high:
            assert number / bins.count - 1e-9 <= place <= (number + 1) / bins.count + 1e-9


# --- histograms -------------------------------------------------------------------------------------------------------


@settings(max_examples=50)
@given(
    st.lists(st.floats()), st.lists(st.integers(0, 10**9)), st.lists(st.integers(0, 10**9)), st.lists(st.floats()),
    st.sampled_from([None, True, False]),
)  # fmt: skip
def test_a_histogram_of_anything_is_a_drawing_or_nothing(
    edges: list[float], kept: list[int], lost: list[int], at: list[float], log: bool | None
) -> None:
    drawn = histogram_svg("score", edges, kept, lost, [Line(one, "here") for one in at], log=log)
    assert DRAWING.fullmatch(drawn)
    assert "nan" not in drawn


def test_a_histogram_says_every_column_and_its_sum() -> None:
    drawn = histogram_svg("similarity", [0, 0.25, 0.5, 1], [0, 2_345, 4_549], [5_106, 0, 0])
    assert shown(drawn, "title") == [
        "0 to 0.25: 0 kept, 5,106 rejected", "0.25 to 0.5: 2,345 kept, 0 rejected", "0.5 to 1: 4,549 kept, 0 rejected",
    ]  # fmt: skip
    (svg,) = LexborHTMLParser(drawn).css("svg")
    assert svg.attributes["aria-label"] == "similarity: 6,894 kept and 5,106 rejected, between 0 and 1"


def test_empty_bins_at_the_ends_are_not_drawn_but_one_with_a_threshold_is() -> None:
    edges, kept = [0.0, 1, 2, 3, 4, 5], [0, 0, 7, 0, 0]
    assert len(shown(histogram_svg("s", edges, kept, [0] * 5), "title")) == 1
    assert len(shown(histogram_svg("s", edges, kept, [0] * 5, [Line(0.5, "here")]), "title")) == 3


def test_a_threshold_stands_where_it_lies() -> None:
    drawn = histogram_svg("s", [0, 10], [5], [5], [Line(5, "half")])
    (line,) = LexborHTMLParser(drawn).css("line.threshold")
    assert float(line.attributes["x1"] or 0) == pytest.approx(54 + (520 - 54 - 14) / 2)
    assert "half" in shown(drawn, "text.label")


def test_counts_that_differ_much_get_a_logarithmic_axis_on_which_one_row_is_seen() -> None:
    counts = [1, 2, 3, 2, 100_000]
    assert helps(counts)
    assert not helps([10, 20, 30])
    drawn = LexborHTMLParser(histogram_svg("s", [0, 1, 2, 3, 4, 5], counts, [0] * 5))
    heights = [float(one.attributes["height"] or 0) for one in drawn.css("rect.kept")]
    assert min(heights) > 5
    assert heights[-1] == pytest.approx(270 - 46 - 44, abs=0.1)


# --- curves -----------------------------------------------------------------------------------------------------------


@settings(max_examples=50)
@given(st.lists(st.floats()), st.lists(st.floats()), st.lists(st.floats()))
def test_a_curve_of_anything_is_a_drawing_or_nothing(xs: list[float], ys: list[float], at: list[float]) -> None:
    drawn = curve_svg("yield", [Curve("a", tuple(xs), tuple(ys), tuple(ys), tuple(ys))], [Line(one, "") for one in at])
    assert DRAWING.fullmatch(drawn)
    assert "nan" not in drawn


def test_a_threshold_is_read_off_the_curve() -> None:
    curve = Curve("", (0.0, 1.0), (1.0, 0.0))
    assert value_at(curve, 0.25) == 0.75
    assert value_at(curve, -1) == 1.0
    assert value_at(curve, 9) == 0.0
    drawn = curve_svg("yield", [curve], [Line(0.25, "")])
    assert "0.25: 75.0 %" in shown(drawn, "text.label")
    (circle,) = LexborHTMLParser(drawn).css("circle.read")
    assert float(circle.attributes["cx"] or 0) == pytest.approx(54 + 0.25 * 452)


def test_curves_beside_each_other_are_named_and_told_apart_by_more_than_colour() -> None:
    drawn = curve_svg("two", [Curve(name, (0.0, 1.0), (0.0, y)) for name, y in (("A", 0.5), ("B", 1.0))])
    assert {"A", "B"} <= set(shown(drawn, "text"))
    first, second = LexborHTMLParser(drawn).css("polyline")
    assert first.attributes.get("stroke-dasharray") != second.attributes.get("stroke-dasharray")


@settings(max_examples=50)
@given(st.lists(st.tuples(st.floats(), st.floats(), st.sampled_from(["", "best"])), max_size=9))
def test_a_cloud_of_anything_is_a_drawing_or_nothing(points: list[tuple[float, float, str]]) -> None:
    drawn = points_svg("frontier", [Point("p", x, y, kind, y, y) for x, y, kind in points], x_title="cost", y_title="q")
    assert DRAWING.fullmatch(drawn)
    assert "nan" not in drawn


def test_the_best_points_are_joined_and_named() -> None:
    points = [Point("cheap", 1, 0.5, "best"), Point("dear", 9, 0.9, "best"), Point("bad", 5, 0.2)]
    drawn = points_svg("frontier", points, x_title="cost", y_title="quality")
    assert len(LexborHTMLParser(drawn).css("polyline")) == 1
    assert shown(drawn, "text.label") == ["cheap", "dear"]
    assert not math.isnan(float(LexborHTMLParser(drawn).css("circle")[0].attributes["cx"] or "nan"))
