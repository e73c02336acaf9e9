from __future__ import annotations

import msgspec
import pytest

from workers.tracker.states import WorkerState
from workers.tracker.trust.policy import Policy


def share(wanted: object, draws: int = 10_000) -> float:
    assert callable(wanted)
    return sum(bool(wanted(draw / draws)) for draw in range(draws)) / draws


def test_everything_of_those_who_are_not_known_is_done_twice() -> None:
    for state in (WorkerState.PROBATION, WorkerState.SUSPECT):
        assert share(lambda draw, state=state: Policy().results_wanted(state, draw) == 2) == 1.0


def test_nobody_is_ever_trusted_wholly() -> None:
    trusted = share(lambda draw: Policy().results_wanted(WorkerState.TRUSTED, draw) == 2)
    assert trusted == pytest.approx(0.01)
    with pytest.raises(msgspec.ValidationError, match=r"0\.001.*replica_floor"):
        msgspec.convert({"replica_floor": 0.0}, Policy)
    with pytest.raises(msgspec.ValidationError, match="web_share_of_trusted"):
        msgspec.convert({"web_share_of_trusted": 0}, Policy)


def test_a_known_worker_is_doubted_more_than_a_trusted_one() -> None:
    def policy(state: WorkerState) -> float:
        return share(lambda draw: Policy().results_wanted(state, draw) == 2)

    assert policy(WorkerState.ACTIVE) == pytest.approx(0.05)
    assert policy(WorkerState.ACTIVE) > policy(WorkerState.TRUSTED)


def test_a_new_worker_gets_two_gold_jobs_in_its_probation() -> None:
    assert share(lambda draw: Policy().gives_gold(WorkerState.PROBATION, draw)) * Policy().probation_results == 2.0
    assert share(lambda draw: Policy().gives_gold(WorkerState.TRUSTED, draw)) == pytest.approx(0.005)


def test_the_web_is_asked_about_everything_of_those_who_are_not_known() -> None:
    assert share(lambda draw: Policy().asks_web(WorkerState.SUSPECT, draw)) == 1.0
    assert 0.01 <= share(lambda draw: Policy().asks_web(WorkerState.ACTIVE, draw)) <= 0.05


def test_an_unknown_number_is_an_error() -> None:
    with pytest.raises(msgspec.ValidationError, match="replica_flor"):
        msgspec.convert({"replica_flor": 0.5}, Policy)
