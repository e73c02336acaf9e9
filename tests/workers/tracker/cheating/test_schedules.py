"""Many small campaigns in every order of events that a seed can think of; after each, nothing is wrong."""

from __future__ import annotations

import random

import pytest

from tests.workers.tracker.cheating.menu import MENU
from tests.workers.tracker.cheating.simulation import Simulation, flaky


def a_campaign(seed: int) -> Simulation:
    """Two to four honest or flaky workers, one or two cheats, and a network that loses, repeats and delays."""
    draw = random.Random(seed)
    cheats = draw.sample(MENU, draw.choice((1, 1, 2)))
    simulation = Simulation(
        seed,
        kind=cheats[0].kind,
        canaries=draw.choice((0, 3)),
        lost=draw.choice((0.0, 0.1, 0.3)),
        twice=draw.choice((0.0, 0.2)),
        late=draw.choice((0.0, 0.1)),
    )
    simulation.add_jobs(draw.randrange(2, 5), gold=draw.choice((0, 1)))
    for number in range(draw.randrange(2, 4)):
        simulation.join(f"honest {number}")
    if draw.random() < 0.2:
        simulation.join("flaky", flaky)
    shared = draw.random() < 0.3
    for number, cheat in enumerate(cheats):
        simulation.join(f"cheat {number}", cheat.behaviour, network="one network" if shared else "")
    return simulation


def problems_of(seeds: range) -> list[str]:
    said = []
    for seed in seeds:
        simulation = a_campaign(seed)
        simulation.finish(most=240)
        said += [f"seed {seed}: {problem}" for problem in simulation.problems()]
    return said


# invariants 19, 23, 24, 26, 28
@pytest.mark.slow
def test_two_hundred_schedules_break_nothing() -> None:
    assert problems_of(range(200)) == []


# invariants 19, 23, 24, 26, 28
@pytest.mark.minutes
def test_a_hundred_thousand_schedules_break_nothing() -> None:
    assert problems_of(range(200, 100_200)) == []


def test_the_same_seed_is_the_same_campaign() -> None:
    def told() -> object:
        simulation = a_campaign(3)
        simulation.finish(most=240)
        return simulation.now, simulation.judged, simulation.fallen

    assert told() == told()
