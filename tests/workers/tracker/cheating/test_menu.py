"""Each scripted cheat is caught within the stated number of its lies, and nothing of it stays; nobody else is harmed."""

from __future__ import annotations

import pytest

from tests.workers.tracker.cheating.menu import MENU, Cheat, against
from workers.tracker.states import WorkerState


# invariants 19, 20, 21, 22, 23
@pytest.mark.parametrize("cheat", MENU, ids=lambda cheat: cheat.name)
def test_a_cheat_is_caught_in_time_and_its_lies_are_gone(cheat: Cheat) -> None:
    for seed in range(2):
        simulation, volunteer = against(cheat, seed)
        assert simulation.state(volunteer) is WorkerState.QUARANTINED
        assert simulation.lies_judged[volunteer.worker] <= cheat.within
        assert all(truth.is_honest for truth in simulation.data_set())
        assert simulation.problems() == []


@pytest.mark.minutes
@pytest.mark.parametrize("cheat", MENU, ids=lambda cheat: cheat.name)
def test_a_cheat_comes_through_once_in_a_thousand_tries_at_the_most(cheat: Cheat) -> None:
    late = 0
    for seed in range(1_000):
        simulation, volunteer = against(cheat, seed)
        late += simulation.lies_judged[volunteer.worker] > cheat.within
        assert simulation.problems() == []
    assert late <= 4  # 1 is expected at the most, and more than 4 of it come once in 270 tries
