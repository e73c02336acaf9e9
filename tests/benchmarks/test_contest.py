"""Contests: what is counted, how rounds are compared, and that the page of results says what was kept."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks.contest import history, page
from benchmarks.contest.contest import Check, Contest, Goal, Measure, Role, SideResult, judge, run
from benchmarks.contest.sides import BrokenSideError, Command, Loop

SPINS = """
import time

class Side:
    versions = {"spinning": "1"}

    def __init__(self, asked):
        self._seconds = asked["seconds"]
        self.set_back = 0

    def before(self):
        self.set_back += 1

    def once(self):
        end = time.process_time() + self._seconds
        while time.process_time() < end:
            pass
        return {"units": 2, "set_back": self.set_back}

    def save(self, path):
        with open(path, "w") as file:
            file.write("found")

prepare = Side
"""


def side(name: str, cpu: list[float], units: list[float], start_cpu: list[float] | None = None) -> SideResult:
    """A side after its rounds."""
    wall = [2 * one for one in cpu]
    return SideResult(
        name, "peer", {}, cpu, wall, [1_000_000] * len(cpu), units, start_cpu or [], list(start_cpu or [])
    )


def test_a_ratio_is_the_median_of_the_rounds_ratios_of_what_a_unit_costs() -> None:
    results = {"ours": side("ours", [1, 2, 4], [1, 1, 2]), "theirs": side("theirs", [3, 4, 20], [1, 1, 1])}

    came = judge(Goal("faster", "theirs", at_least=3.5), results, ["ours"])

    assert (came.value, came.least, came.largest, came.met) == (3, 2, 10, False)
    assert judge(Goal("faster", "theirs", at_least=3), results, ["ours"]).met


def test_of_a_floor_it_is_told_how_many_times_it_ours_costs() -> None:
    results = {"ours": side("ours", [1.1, 1.3], [1, 1]), "floor": side("floor", [1, 1], [1, 1])}

    came = judge(Goal("near", "floor", at_most=1.2), results, ["ours"])

    assert came.value == pytest.approx(1.2)
    assert came.wanted == "at most 1.2"


def test_what_starting_costs_is_taken_off_where_that_is_asked() -> None:
    results = {"ours": side("ours", [3], [1], [2]), "theirs": side("theirs", [10], [1], [4])}

    assert judge(Goal("net", "theirs", at_least=1, measure=Measure.NET_CPU), results, ["ours"]).value == 6
    assert judge(Goal("in all", "theirs", at_least=1), results, ["ours"]).value == pytest.approx(10 / 3)


def test_sides_take_turns_and_what_they_do_is_measured(tmp_path: Path) -> None:
    file = tmp_path / "spins.py"
    file.write_text(SPINS)
    output: list[Path] = []

    def words(folder: Path) -> list[str]:
        output.append(folder)
        return [sys.executable, "-c", f"import os; os.mkdir({str(folder)!r}); sum(range(3_000_000))"]

    sides: list[tuple[Role, Loop | Command]] = [
        (Role.OURS, Loop("ours", file, {"seconds": 0.02})),
        (Role.PEER, Loop("theirs", file, {"seconds": 0.06})),
        (Role.PEER, Command("program", words, lambda folder: {"units": len(list(folder.parent.glob("program")))}, {})),
    ]
    contest = Contest(
        "shards", "spinning", "turn", {"turns": 2}, sides, (Goal("less spun", "theirs", at_least=1.5),),
        lambda folder: [Check("found", (folder / "theirs.found").read_text(), good=True)], saved=True, rounds=2, cores=(0,),
        profile=False,
    )  # fmt: skip

    came = run(contest, tmp_path / "work", said=lambda _: None)

    ours, theirs, program = came["sides"]
    assert all(0.02 <= one < 2 for one in ours["cpu"])
    assert all(0.06 <= one < 2 for one in theirs["cpu"])
    assert ours["counts"] == {"units": 2, "set_back": 3}  # before the rounds, too
    assert ours["versions"]["spinning"] == "1"
    assert program["units"] == [1, 1]
    assert all(one > 0 for one in program["cpu"])
    assert output == [tmp_path / "work" / "program"] * 2
    assert came["checks"] == [{"words": "found", "value": "found", "good": True}]
    assert came["goals"][0]["value"] > 0
    json.dumps(came)


def test_a_side_that_breaks_is_told_with_what_it_said(tmp_path: Path) -> None:
    broken = Command(
        "broken", lambda _: [sys.executable, "-c", "raise SystemExit('no input')"], lambda _: {"units": 1}, {}
    )
    contest = Contest("shards", "broken", "turn", {}, [(Role.OURS, broken)], rounds=1, cores=(0,))

    with pytest.raises(BrokenSideError, match=r"broken left with 1: no input"):
        run(contest, tmp_path, said=lambda _: None)


def test_the_newest_result_of_a_contest_is_on_the_page(tmp_path: Path) -> None:
    kept = tmp_path / "history.jsonl"
    for cpu in (2.0, 1.0):
        history.keep([_result(cpu)], kept)

    told = page.markdown(history.read(kept))

    assert "| Shards | small | CPU of theirs over ours, at least 6 | 5.00 (5.00 to 5.00) | **missed** |" in told
    assert "**Missed**: CPU of theirs over ours, at least 6: 5.00 (5.00 to 5.00). A faster disk." in told
    assert "| ours | 1 s | 1 | 2 s | 1 MB |  |" in told


def test_the_page_in_the_docs_is_made_from_the_history_in_the_repository() -> None:
    assert page.PAGE.read_text(encoding="utf-8") == page.markdown(history.read())


def _result(cpu: float) -> dict[str, object]:
    sides = [side("ours", [cpu], [1]), side("theirs", [5 * cpu], [1])]
    machine = {"cpu": "a processor", "cores": 2, "python": "3.11.7", "load": 0.1, "commit": "0123456789"}
    goal = judge(
        Goal("CPU of theirs over ours", "theirs", at_least=6, lift="A faster disk."),
        {one.name: one for one in sides},
        ["ours"],
    )
    return {
        "stage": "shards", "case": "small", "unit": "sample", "inputs": {"samples": 1}, "cores": [1], "when": "2026-11-22T20:00:00Z",
        "machine": machine, "checks": [], "profile": [], "goals": [_fields(goal)], "sides": [_fields(one) for one in sides],
    }  # fmt: skip


def _fields(one: object) -> dict[str, object]:
    return {name: getattr(one, name) for name in one.__slots__}  # type: ignore[attr-defined] # dataclasses with slots
