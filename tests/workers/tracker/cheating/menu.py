"""Every scripted cheat of tracker.md, I19 to I24: what it does, and within how many of its lies it must be caught.

The bound is such that a cheat comes through it once in a thousand tries, or less; docs/trust.md has the medians.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.workers.tracker.cheating.simulation import Behaviour, Simulation, Volunteer, lying


@dataclass(frozen=True, slots=True)
class Cheat:
    """One kind of cheat in one kind of campaign."""

    name: str
    kind: str
    behaviour: Behaviour
    #: of its results that are lies and were judged, when it is quarantined
    within: int
    canaries: int = 0
    #: begins as a worker that is trusted
    from_trust: bool = False


MENU = (
    Cheat("marks jobs done without work", "crawl", lying("nothing_done", 1.0), 1),
    Cheat("empty results", "extract", lying("empty", 1.0), 1),
    Cheat("constant, random or copied scores", "score", lying("scores", 1.0), 1),
    Cheat("every score raised by 0.02", "score", lying("scores", 1.0), 1),
    Cheat("half of the rows made up", "extract", lying("fabricated", 0.5), 1),
    Cheat("5 % of the rows made up", "extract", lying("fabricated", 0.05), 3),
    Cheat("1 % of the rows made up", "extract", lying("fabricated", 0.01), 10),
    Cheat("one row in a thousand is an advert", "extract", lying("fabricated", 0.001), 80),
    Cheat("a language is left out", "extract", lying("omitted", 0.1), 2),
    Cheat("pictures swapped, with canaries", "crawl", lying("swapped", 0.5), 5, canaries=3),
    Cheat("pictures swapped, without canaries", "crawl", lying("swapped", 0.5), 6),
    Cheat("everything is said to be dead", "crawl", lying("dead", 1.0), 4, canaries=3),
    Cheat("everything is said to be dead, without canaries", "crawl", lying("dead", 1.0), 4),
    Cheat("trusted, then 2 % of the rows", "extract", lying("fabricated", 0.02), 9, from_trust=True),
    Cheat("trusted, then every job made up", "crawl", lying("fabricated", 1.0), 5, canaries=3, from_trust=True),
)


def against(cheat: Cheat, seed: int, *, jobs: int = 60, neighbours: int = 3) -> tuple[Simulation, Volunteer]:
    """A campaign with this cheat among workers that are known and honest, up to its quarantine."""
    simulation = Simulation(seed, kind=cheat.kind, canaries=cheat.canaries)
    for number in range(neighbours):
        simulation.trusted(simulation.join(f"honest {number}"))
    volunteer = simulation.join("cheat", cheat.behaviour)
    if cheat.from_trust:
        simulation.trusted(volunteer)
    for _ in range(200):
        if simulation.free_jobs() < 10:
            simulation.add_jobs(jobs)
        simulation.run(100)
        if volunteer.worker in simulation.fallen:
            break
    return simulation, volunteer
