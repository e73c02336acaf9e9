"""A contest: sides that do equal work in turns, on pinned cores, and what was promised about their ratio."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from benchmarks.contest.sides import Command, Loop, Round, Running, clear, run_command


class Role(StrEnum):
    """What a side is there for."""

    OURS = "ours"
    PEER = "peer"
    FLOOR = "floor"  # the least that any way must do; what it leaves out is said in its name


class Measure(StrEnum):
    """What is compared, for each unit of work."""

    CPU = "cpu"
    NET_CPU = "net_cpu"  # without what starting costs
    WALL = "wall"
    NET_WALL = "net_wall"  # the same
    PEAK = "peak_bytes"  # of a whole round, not of a unit


@dataclass(frozen=True, slots=True)
class Goal:
    """A promise: how many times what ours costs another side costs; or, of a floor, how many times it ours may cost."""

    words: str
    beside: str  # the name of the other side
    at_least: float = 0.0  # of the other's cost divided by ours
    at_most: float = 0.0  # of ours divided by the other's, where that is a floor
    measure: Measure = Measure.CPU
    lift: str = ""  # what would lift it, where it is missed
    ours: str = ""  # the name of our side, where there are several
    left_out: str = ""  # why it is not measured here: "no GPU"


@dataclass(frozen=True, slots=True)
class Check:
    """Something that must hold for the comparison to be one of equal work."""

    words: str
    value: str
    good: bool


@dataclass(frozen=True, slots=True)
class Contest:
    """Sides, their input, and what is promised of them.

    `check` is given the folder in which the last round's finds lie: for a loop `SIDE.found`, written by its `save`, if
    `saved` says so; for a command its output, folder `SIDE`. It is asked once, after the rounds.
    """

    stage: str
    case: str
    unit: str  # what is counted: "row", "picture"
    inputs: Mapping[str, Any]
    sides: Sequence[tuple[Role, Loop | Command]]
    goals: Sequence[Goal] = ()
    check: Callable[[Path], Sequence[Check]] | None = None
    saved: bool = False
    rounds: int = 7
    cores: Sequence[int] = (1,)
    profile: bool = True  # our side, if it is a loop: where its time goes


@dataclass(slots=True)
class SideResult:
    """All rounds of one side."""

    name: str
    role: str
    versions: dict[str, str]
    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    peak_bytes: list[int] = field(default_factory=list)
    units: list[float] = field(default_factory=list)
    start_cpu: list[float] = field(default_factory=list)  # of commands: on next to nothing
    start_wall: list[float] = field(default_factory=list)
    counts: dict[str, Any] = field(default_factory=dict)  # of the last round

    def cost(self, measure: Measure) -> list[float]:
        """What a unit of work cost in each round."""
        if measure is Measure.PEAK:
            return [float(one) for one in self.peak_bytes]
        if measure in {Measure.WALL, Measure.NET_WALL}:
            start = statistics.median(self.start_wall) if measure is Measure.NET_WALL and self.start_wall else 0.0
            return [(one - start) / units for one, units in zip(self.wall, self.units, strict=True)]
        start = statistics.median(self.start_cpu) if measure is Measure.NET_CPU and self.start_cpu else 0.0
        return [(one - start) / units for one, units in zip(self.cpu, self.units, strict=True)]


@dataclass(slots=True)
class GoalResult:
    """A goal and what came of it: the median of the rounds' ratios, with the least and the largest."""

    words: str
    wanted: str
    value: float
    least: float
    largest: float
    met: bool
    lift: str
    left_out: str = ""  # why nothing was measured


def run(contest: Contest, work: Path, said: Callable[[str], None] = print) -> dict[str, Any]:
    """Hold a contest: a round of each side after the other, in an order that turns; what came of it, as JSON goes.

    Every loop has one round before those that count. A command has a fresh folder for each round.
    """
    results: dict[str, SideResult] = {}
    running: dict[str, Running] = {}
    work.mkdir(parents=True, exist_ok=True)
    with ExitStack() as up:
        for role, side in contest.sides:
            if isinstance(side, Loop):
                running[side.name] = one = Running(side, contest.cores)
                up.callback(one.close)
                results[side.name] = SideResult(side.name, role, one.versions)
                one.once()
            else:
                results[side.name] = SideResult(side.name, role, dict(side.versions))
        sides = [side for _, side in contest.sides]
        for number in range(contest.rounds):
            turn = number % len(sides)
            for side in (*sides[turn:], *sides[:turn]):
                done = _round(side, running, contest.cores, work, results[side.name])
                result = results[side.name]
                result.cpu.append(done.cpu)
                result.wall.append(done.wall)
                result.peak_bytes.append(done.peak_bytes)
                result.units.append(done.units)
                result.counts = dict(done.counts)
            said(f"  {contest.stage}, {contest.case}: round {number + 1} of {contest.rounds}")
        checks: Sequence[Check] = ()
        if contest.check:
            if contest.saved:
                for name, one in running.items():
                    one.save(work / f"{name}.found")
            checks = contest.check(work)
        profile: list[tuple[str, float]] = []
        ours = [side.name for role, side in contest.sides if role is Role.OURS]
        if contest.profile and ours and ours[0] in running:
            profile = running[ours[0]].profile()
    return {
        "stage": contest.stage, "case": contest.case, "unit": contest.unit, "inputs": dict(contest.inputs),
        "cores": list(contest.cores), "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "sides": [asdict(one) for one in results.values()], "checks": [asdict(one) for one in checks],
        "goals": [asdict(judge(goal, results, ours)) for goal in contest.goals], "profile": profile,
    }  # fmt: skip


def judge(goal: Goal, results: Mapping[str, SideResult], ours: Sequence[str]) -> GoalResult:
    """What came of a goal: rounds are compared pair by pair, for a machine is as busy for one as for the other."""
    if goal.left_out:
        wanted = f"at most {goal.at_most:g}" if goal.at_most else f"at least {goal.at_least:g}"
        return GoalResult(goal.words, wanted, 0.0, 0.0, 0.0, met=False, lift=goal.lift, left_out=goal.left_out)
    mine, other = results[goal.ours or ours[0]].cost(goal.measure), results[goal.beside].cost(goal.measure)
    if goal.at_most:
        ratios = [a / b for a, b in zip(mine, other, strict=True)]
        value, wanted = statistics.median(ratios), f"at most {goal.at_most:g}"
        met = value <= goal.at_most
    else:
        ratios = [b / a for a, b in zip(mine, other, strict=True)]
        value, wanted = statistics.median(ratios), f"at least {goal.at_least:g}"
        met = value >= goal.at_least
    return GoalResult(goal.words, wanted, value, min(ratios), max(ratios), met, goal.lift)


def _round(
    side: Loop | Command, running: Mapping[str, Running], cores: Sequence[int], work: Path, result: SideResult
) -> Round:
    if isinstance(side, Loop):
        return running[side.name].once()
    folder = work / side.name
    if side.few:
        clear(folder)
        start = run_command(side, side.few(folder), cores, work)
        result.start_cpu.append(start.cpu)
        result.start_wall.append(start.wall)
    clear(folder)
    done = run_command(side, side.words(folder), cores, work)
    return Round(done.cpu, done.wall, done.peak_bytes, side.count(folder))
