from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.tracker.states import WorkerState
from workers.tracker.trust import Belief, Said, Signal
from workers.tracker.trust.beliefs import (
    is_bound,
    is_whole,
    judged,
    lower_bound,
    state_after,
    updated,
)
from workers.tracker.trust.policy import Policy

POLICY = Policy()


def a_signal(name: str = "parse", said: Said = Said.GOOD) -> Signal:
    return Signal(name, said, 100)


def after(*results: Signal, state: WorkerState = WorkerState.PROBATION) -> tuple[WorkerState, Belief]:
    """The state after results with one signal each, all at once."""
    belief = Belief()
    for one in results:
        belief = updated(belief, [one], 0.0, POLICY)
        state = state_after(state, belief, [one], POLICY)
    return state, belief


def beta_cdf_by_the_rectangle(x: float, a: float, b: float) -> float:
    """Another way to the same number: the density, added up."""
    steps = 20_000
    norm = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    width = x / steps
    return sum(
        width * math.exp(norm + (a - 1) * math.log(t) + (b - 1) * math.log1p(-t))
        for t in ((step + 0.5) * width for step in range(steps))
    )


@pytest.mark.parametrize(("good", "bad"), [(1.0, 11.0), (11.0, 1.0), (60.5, 11.0), (201.0, 1.5), (2.0, 2.0)])
def test_the_lower_bound_leaves_five_percent_below_it(good: float, bad: float) -> None:
    bound = lower_bound(Belief(good, bad))
    assert beta_cdf_by_the_rectangle(bound, good, bad) == pytest.approx(0.05, abs=1e-5)


@pytest.mark.parametrize("good", [1.0, 2.0, 11.0, 101.0, 201.0])
def test_the_lower_bound_of_a_clean_record_is_known_in_closed_form(good: float) -> None:
    assert lower_bound(Belief(good, 1.0)) == pytest.approx(0.05 ** (1 / good), abs=1e-9)


@given(st.floats(1, 500), st.floats(1, 500), st.floats(0.5, 50))
def test_more_good_raises_the_bound_and_more_bad_lowers_it(good: float, bad: float, more: float) -> None:
    bound = lower_bound(Belief(good, bad))
    assert 0.0 <= bound <= 1.0
    assert lower_bound(Belief(good + more, bad)) >= bound
    assert lower_bound(Belief(good, bad + more)) <= bound


@given(st.lists(st.sampled_from(list(Said)), max_size=60), st.floats(-1e9, 1e9))
def test_beliefs_never_fall_below_their_beginning(said: list[Said], seconds: float) -> None:
    belief = Belief()
    for one in said:
        belief = updated(belief, [a_signal(said=one)], seconds)
    assert belief.good >= 1.0
    assert belief.bad >= 1.0


def test_ten_good_results_end_a_probation_and_nine_do_not() -> None:
    assert after(*[a_signal()] * 9)[0] is WorkerState.PROBATION
    assert after(*[a_signal()] * 10)[0] is WorkerState.ACTIVE


def test_some_hundred_and_forty_good_results_make_a_worker_trusted() -> None:
    assert after(*[a_signal()] * 130)[0] is WorkerState.ACTIVE
    assert after(*[a_signal()] * 150)[0] is WorkerState.TRUSTED


def test_a_new_worker_is_quarantined_by_one_invalid_result() -> None:
    assert after(*[a_signal()] * 5, a_signal(said=Said.BAD))[0] is WorkerState.QUARANTINED


def test_a_trusted_worker_becomes_suspect_by_one_and_is_quarantined_by_two() -> None:
    good, bad = a_signal(), a_signal(said=Said.BAD)
    assert after(*[good] * 200, bad)[0] is WorkerState.SUSPECT
    assert after(*[good] * 200, bad, *[good] * 20, bad)[0] is WorkerState.QUARANTINED


def test_a_suspect_comes_back_by_good_work_alone() -> None:
    good, bad = a_signal(), a_signal(said=Said.BAD)
    assert after(*[good] * 200, bad, *[good] * 50)[0] is WorkerState.SUSPECT
    assert after(*[good] * 200, bad, *[good] * 130)[0] is WorkerState.ACTIVE
    patient = updated(after(*[good] * 200, bad)[1], [], 1e9)
    assert patient.bad == after(*[good] * 200, bad)[1].bad  # waiting does not help


def test_nothing_but_structure_is_no_evidence() -> None:
    for name in ("structure", "population"):
        assert after(*[a_signal(name)] * 500) == (WorkerState.PROBATION, Belief())


def test_right_scores_do_not_speak_for_who_was_to_fetch() -> None:
    score = [a_signal("score")]
    assert updated(Belief(), score, kind="score").good == 2.0
    assert updated(Belief(), score, kind="crawl") == Belief()
    assert is_bound([a_signal("canary")], "crawl")
    assert not is_bound(score, "crawl")


def test_what_could_not_be_looked_at_counts_for_neither() -> None:
    before = after(*[a_signal()] * 20)
    again = updated(before[1], [a_signal(said=Said.NOTHING)])
    assert (again.good, again.bad) == (before[1].good, before[1].bad)


def test_odd_results_count_in_sum() -> None:
    odd = a_signal("web", Said.ODD)
    assert after(odd)[0] is WorkerState.PROBATION
    assert after(odd, odd, odd)[0] is WorkerState.QUARANTINED
    assert after(*[a_signal()] * 12, odd)[0] is WorkerState.PROBATION  # one is an accident
    assert after(*[a_signal()] * 40, odd, odd, odd)[0] is WorkerState.SUSPECT
    assert after(*[a_signal()] * 40, odd, *[a_signal()] * 40)[0] is WorkerState.ACTIVE


def test_a_replica_that_differs_is_held_against_neither() -> None:
    differs = a_signal("replica", Said.ODD)
    assert updated(Belief(9.0, 1.0), [differs]) == Belief(9.0, 1.0)


def test_silence_takes_trust_and_leaves_distrust() -> None:
    quiet = updated(Belief(101.0, 6.0), [], POLICY.half_life_seconds)
    assert quiet.good == pytest.approx(51.0)
    assert quiet.bad == 6.0


def test_who_comes_back_after_a_year_is_new_again_and_not_suspect() -> None:
    state, belief = after(*[a_signal()] * 200)
    assert state is WorkerState.TRUSTED
    later = updated(belief, [a_signal()], 365 * 86_400.0)
    assert state_after(state, later, [a_signal()]) is WorkerState.PROBATION
    holiday = updated(belief, [a_signal()], 20 * 86_400.0)
    assert state_after(state, holiday, [a_signal()]) is WorkerState.ACTIVE


def test_a_clock_that_went_back_is_no_silence() -> None:
    assert updated(Belief(101.0, 1.0), [], -1e6) == Belief(101.0, 1.0)


def test_nobody_but_an_operator_ends_a_quarantine() -> None:
    for state in (WorkerState.QUARANTINED, WorkerState.BANNED, WorkerState.SUSPENDED):
        assert after(*[a_signal()] * 300, state=state)[0] is state


def test_all_looks_say_the_worst_that_one_says() -> None:
    assert judged([a_signal(), a_signal(said=Said.ODD), a_signal(said=Said.BAD)]) is Said.BAD
    assert judged([a_signal(), a_signal(said=Said.ODD)]) is Said.ODD
    assert judged([a_signal(said=Said.NOTHING), a_signal()]) is Said.GOOD
    assert judged([a_signal(said=Said.NOTHING)]) is Said.NOTHING
    assert judged([]) is Said.NOTHING


def test_a_whole_check_is_a_comparison_of_everything_without_any_doubt() -> None:
    assert is_whole([a_signal(), a_signal("replica")])
    assert not is_whole([a_signal()])
    assert not is_whole([a_signal("gold"), a_signal("web", Said.ODD)])
