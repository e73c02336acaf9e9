"""How soon each scripted cheat is caught, what that costs, and how seldom an honest worker is doubted: docs/trust.md.

    python benchmarks/trust_power.py [tries]

Moves, policy and beliefs are the real ones; what a look finds is drawn by its power (tests/workers/tracker/cheating).
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.workers.tracker.cheating.menu import MENU, against
from tests.workers.tracker.cheating.simulation import Simulation
from workers.tracker.checking.chance import tail
from workers.tracker.states import WorkerState
from workers.tracker.trust import Belief, Said, Signal
from workers.tracker.trust.beliefs import state_after, updated
from workers.tracker.trust.policy import Policy


def samples() -> None:
    """What a sample of so many finds, where a share of rows is wrong."""
    print("a look of k things finds a lie in this share of rows, in one job")
    print(f"{'k':>6}" + "".join(f"{share:>9.1%}" for share in (0.001, 0.01, 0.05, 0.5)))
    for many in (50, 64, 100):
        print(f"{many:>6}" + "".join(f"{1 - (1 - share) ** many:>9.1%}" for share in (0.001, 0.01, 0.05, 0.5)))
    print(f"web: 19 of 50 by chance, where 15 % change: {tail([0.15] * 50, 19):.1e}")


def cheats(tries: int) -> None:
    """Lies judged before the quarantine."""
    print(f"\n{'cheat':52}{'median':>8}{'99 %':>8}{'bound':>8}   of {tries} tries")
    for cheat in MENU:
        found = []
        for seed in range(tries):
            simulation, volunteer = against(cheat, seed)
            assert simulation.problems() == []
            found.append(simulation.lies_judged[volunteer.worker])
        found.sort()
        print(f"{cheat.name:52}{found[tries // 2]:>8}{found[int(tries * 0.99)]:>8}{cheat.within:>8}")


def cost() -> None:
    """Results for a job, with honest workers alone."""
    print("\nresults for each job that is in the data set, honest workers alone")
    for name, known in (("strangers", False), ("trusted", True)):
        simulation = Simulation(1, kind="crawl", canaries=3)
        simulation.add_jobs(300)
        for number in range(6):
            volunteer = simulation.join(f"honest {number}")
            if known:
                simulation.trusted(volunteer)
        simulation.finish(most=20_000)
        jobs = len(simulation.data_set())
        states = Counter(simulation.state(one).value for one in simulation.volunteers)
        print(f"  {name:12}{sum(simulation.judged.values()) / jobs:.3f}   {dict(states)} after {jobs} jobs")


def honest(results: int) -> None:
    """How often chance makes an honest worker suspect, or quarantines it."""
    draw, policy = random.Random(1), Policy()  # noqa: S311 - a world, no secret
    for chance in (1e-4, 1e-3, 1e-2):
        told: Counter[WorkerState] = Counter()
        for _ in range(results // 1_000):
            belief, state = Belief(), WorkerState.PROBATION
            worst = WorkerState.PROBATION
            for _ in range(1_000):
                signals = [Signal("web", Said.ODD if draw.random() < chance else Said.GOOD, 50)]
                belief = updated(belief, signals, 600.0, policy, "crawl")
                state = state_after(state, belief, signals, policy)
                if state in {WorkerState.SUSPECT, WorkerState.QUARANTINED}:
                    worst = state
                if state is WorkerState.QUARANTINED:
                    break
            told[worst] += 1
        print(f"  {chance:.0e} odd by chance: suspect {told[WorkerState.SUSPECT]}, quarantined "
              f"{told[WorkerState.QUARANTINED]} of {results // 1_000} workers with 1,000 results each")  # fmt: skip


if __name__ == "__main__":
    samples()
    cheats(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
    cost()
    print("\nhonest workers")
    honest(200_000)
