"""Wilson's interval, the same of strata and of weighted samples, and intervals of differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from workers.intervals import Counted, Share, combined, mcnemar, paired_difference, stratified, wilson

counts = st.integers(0, 60)


def a_share(yes: int, of: int) -> Share:
    return Share(yes / of, *wilson(yes, of), of)


def a_stratum(rows: float, yes: int, of: int, weight: float = 1.0) -> Counted:
    return Counted.weighted(rows, yes * weight, (of * weight, of * weight**2), of)


@given(st.integers(1, 500).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_it_is_the_interval_that_scipy_gives(counted: tuple[int, int]) -> None:
    yes, of = counted
    theirs = binomtest(yes, of).proportion_ci(method="wilson")
    assert wilson(yes, of) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


@pytest.mark.parametrize(
    ("yes", "of", "low", "high"),
    # Newcombe, R. G. (1998), Two-sided confidence intervals for the single proportion, table I, method 3
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0000, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_it_is_the_interval_of_the_published_table(yes: int, of: int, low: float, high: float) -> None:
    assert wilson(yes, of) == pytest.approx((low, high), abs=5e-5)


def test_of_nothing_there_is_no_interval() -> None:
    with pytest.raises(ValueError, match="nothing"):
        wilson(0, 0)
    assert stratified([]) is None
    assert stratified([Counted.plain(10, 0, 0)]) is None


def test_one_stratum_is_wilsons_interval_whatever_it_weighs() -> None:
    found = stratified([Counted.plain(7.5, 3, 10)])
    assert found is not None
    assert (found.low, found.high) == pytest.approx(wilson(3, 10))
    assert found.counted == 10


def test_a_stratum_counts_by_the_rows_that_it_stands_for() -> None:
    found = stratified([Counted.plain(9000, 10, 100), Counted.plain(1000, 90, 100)])
    assert found is not None
    assert found.share == pytest.approx(0.9 * 0.1 + 0.1 * 0.9)
    assert found.low < found.share < found.high


def test_ten_of_ten_in_a_large_stratum_leave_room_for_doubt() -> None:
    found = stratified([Counted.plain(9000, 10, 10), Counted.plain(1000, 100, 100)])
    assert found is not None
    assert found.share == 1
    assert found.low < 0.8
    assert found.high == 1


DESIGNS = [
    # what strata stand for, how many rows of each are judged, and the share of each
    ((8000, 2000), (60, 30), (0.9, 0.3)),
    ((8000, 2000), (60, 30), (0.99, 0.97)),
    ((8000, 2000), (60, 30), (0.02, 0.01)),
    ((9000, 1000), (10, 100), (0.97, 0.5)),
    ((5000, 5000), (5, 5), (0.95, 0.9)),
    ((8000, 600, 3400), (20, 10, 10), (0.995, 0.99, 0.98)),
    ((1,) * 5, (4,) * 5, (0.9, 0.7, 0.5, 0.3, 0.1)),
    ((1,) * 10, (5,) * 10, (0.97,) * 10),
    ((1,) * 20, (10,) * 20, (0.01,) * 20),
    ((90, 10), (30, 200), (0.02, 0.9)),
]


@pytest.mark.parametrize(("weights", "sizes", "truths"), DESIGNS)
def test_intervals_of_strata_cover_the_truth_in_about_95_of_100_samples(
    weights: tuple[float, ...], sizes: tuple[int, ...], truths: tuple[float, ...]
) -> None:
    rng = np.random.default_rng(8)
    truth = sum(weight * one for weight, one in zip(weights, truths, strict=True)) / sum(weights)
    covered = 0
    for yes in rng.binomial(sizes, truths, (2000, len(sizes))).tolist():
        found = stratified([Counted.plain(*one) for one in zip(weights, yes, sizes, strict=True)])
        assert found is not None
        covered += found.low <= truth <= found.high
    assert covered / 2000 > 0.92


def test_a_stratum_without_rows_changes_nothing() -> None:
    found = stratified([Counted.plain(0, 0, 0), Counted.plain(10, 3, 10)])
    assert found == stratified([Counted.plain(10, 3, 10)])


def test_a_difference_of_two_samples_is_newcombes() -> None:
    # R. Newcombe, Statistics in Medicine 17 (1998) 873-890, table II, 56/70 and 48/80, method 10
    found = combined([(1, a_share(56, 70)), (-1, a_share(48, 80))])
    assert (round(found.low, 4), round(found.high, 4)) == (0.0524, 0.3339)
    assert found.share == pytest.approx(56 / 70 - 48 / 80)
    assert found.counted == 150


def test_a_sum_of_one_share_is_that_share() -> None:
    share = a_share(7, 20)
    found = combined([(1, share)])
    assert [found.low, found.high] == pytest.approx([share.low, share.high])


@given(counts, counts, counts, counts)
def test_a_paired_difference_has_no_side_of_its_own(both: int, first: int, second: int, neither: int) -> None:
    one = paired_difference(both, first, second, neither)
    other = paired_difference(both, second, first, neither)
    assert one.low <= one.share <= one.high
    assert one.low >= -1 - 1e-12
    assert one.high <= 1 + 1e-12
    if both + first + second + neither:
        assert [one.share, one.low, one.high] == pytest.approx([-other.share, -other.high, -other.low])


def test_answers_that_go_together_are_compared_more_closely() -> None:
    together, apart = paired_difference(50, 10, 0, 40), paired_difference(30, 30, 20, 20)
    assert together.share == apart.share == -0.1
    assert together.high - together.low < apart.high - apart.low
    assert together.high < 0 < apart.high


@given(st.integers(0, 40), st.integers(0, 40))
def test_mcnemars_test_is_a_coin_that_falls_so_often(first: int, second: int) -> None:
    expected = binomtest(first, first + second, 0.5).pvalue if first + second else 1.0
    assert mcnemar(first, second) == pytest.approx(expected)


def test_mcnemars_test_by_hand() -> None:
    assert mcnemar(1, 7) == pytest.approx(2 * (1 + 8) / 2**8)
    assert mcnemar(0, 0) == 1.0


def test_strata_count_by_their_rows_and_not_by_how_many_were_judged() -> None:
    found = stratified([a_stratum(900, 9, 10), a_stratum(100, 0, 90)])
    assert found is not None
    assert found.share == pytest.approx(0.81)
    assert found.low < 0.81 < found.high
    assert found.counted == 100


def test_a_stratum_that_nobody_judged_may_be_anything() -> None:
    found = stratified([a_stratum(500, 50, 50), a_stratum(500, 0, 0)])
    assert found is not None
    assert found.share == pytest.approx(0.75)
    assert found.high == pytest.approx(1.0, abs=0.01)
    assert found.low < 0.5
    assert stratified([a_stratum(500, 0, 0)]) is None
    assert stratified([]) is None


@given(st.integers(0, 30), st.integers(1, 30), st.floats(0.1, 100))
def test_equal_weights_change_nothing(yes: int, no: int, weight: float) -> None:
    one, other = a_stratum(10, yes, yes + no).share, a_stratum(10, yes, yes + no, weight).share
    assert [one.share, one.low, one.high] == pytest.approx([other.share, other.low, other.high], abs=1e-9)


def test_rows_of_different_weight_are_fewer_than_they_look() -> None:
    # ten rows that stand for 1 each, and one that stands for 100
    uneven = Counted.weighted(110, 105, (110, 10 + 100**2), 11)
    assert uneven.of == pytest.approx(110**2 / (10 + 100**2))
    assert uneven.share.low < wilson(105 / 110 * 11, 11)[0]
    assert math.isclose(uneven.share.share, 105 / 110)
