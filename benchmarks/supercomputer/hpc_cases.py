"""The 22 things that a run on a supercomputer must stand, and the tests that show them on a real SLURM.

A test says which it shows by a comment, `# hpc 5`. `make prove-slurm` runs them all; a number without a test is a failure,
and so is a test that was skipped. What a test records by `record_property` is shown beside its outcome.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from benchmarks.figures import Figures, title
from tests.checklist import named_tests

ROOT = Path(__file__).resolve().parent.parent.parent

CASES = {
    1: "the local SLURM starts, starts again, ends twice, and leaves nothing",
    2: "two hosts with private /tmp and addresses; one of them without internet",
    3: "a Ray island on 2 nodes makes valid shards and leaves nothing behind",
    4: "two islands at once on the same nodes do not disturb each other",
    5: "walltime ends, drains and requeues: shards identical to an uninterrupted run",
    6: "walltime ignored: TIMEOUT, no partial shard, retry finishes the rest",
    7: "preemption: USR1, requeue, finish",
    8: "scancel: no requeue, ends in time, cleaned up",
    9: "a node is lost: requeue by default; the island goes on where fewer nodes will do",
    10: "the head node is lost: requeue and resume, the stale rendezvous ignored",
    11: "out of memory: costs one actor, and the run is right although srun fails",
    12: "a port is taken: the next one; all taken: a clean exit 2",
    13: "another island's token is refused",
    14: "resources that nobody has: exit 2 within a minute",
    15: "array and aftercorr, with one task requeued in between",
    16: "a chain of singletons: later links end at once when nothing is left",
    17: "windows below MaxArraySize, retry's expression, a changed division refused",
    18: "scoring without network; fetching refused where there is no internet",
    19: "Ray on the second network (JSC's names with an i)",
    20: "a GPU actor lands on the GPU partition",
    21: "a user who is not root",
    22: "every script and site: shellcheck, sbatch --test-only, golden output",
}


@dataclass(frozen=True, slots=True)
class Ran:
    """One test as it ran."""

    outcome: str  # "passed", or what pytest calls it
    seconds: float
    told: tuple[str, ...]  # what it recorded, "name value"


def prove_cases(figures: Figures, only: Sequence[int] = ()) -> None:
    """A line for each of the 22."""
    title("22 tests on a real SLURM of two nodes")
    named = named_tests(ROOT / "tests", "hpc")
    wanted = {number: named.get(number, []) for number in (only or CASES)}
    ran = run_tests(sorted({test for tests in wanted.values() for test in tests}))
    for number, tests in wanted.items():
        words, good = told_of(tests, ran)
        figures.add(f"hpc {number}, {CASES[number]}", words, good=good)


def told_of(tests: Sequence[str], ran: Mapping[str, Sequence[Ran]]) -> tuple[str, bool]:
    """What came of a case's tests, in words, and whether all passed."""
    if not tests:
        return "NO TEST names it", False
    runs = [one for test in tests for one in ran.get(test, [])]
    missing = [test.partition("::")[2] for test in tests if not ran.get(test)]
    failed = [one for one in runs if one.outcome != "passed"]
    told = [text for one in runs for text in one.told]
    words = f"{len(runs) - len(failed)} of {len(runs)} tests passed, {sum(one.seconds for one in runs):.0f} s"
    if failed:
        words += f"; {', '.join(sorted({one.outcome for one in failed}))}"
    if missing:
        words += f"; did not run: {', '.join(missing)}"
    if told:
        words += f"; {', '.join(told)}"
    return words, bool(runs) and not failed and not missing


def run_tests(tests: Sequence[str]) -> dict[str, list[Ran]]:
    """Run these tests by pytest; by name what came of each of its parameters. None are run where there are none."""
    if not tests:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        words = [sys.executable, "-m", "pytest", "-q", "-m", "", f"--junitxml={report}", *tests]
        subprocess.run(words, cwd=ROOT, check=False, env=os.environ | {"PAIRTRAWL_REQUIRE_SLURM": "1"})
        return read_report(report.read_text(encoding="utf-8")) if report.exists() else {}


def read_report(text: str) -> dict[str, list[Ran]]:
    """What pytest's own XML report says, by "tests/slurm/test_x.py::test_y"."""
    ran: dict[str, list[Ran]] = {}
    for case in ET.fromstring(text).iter("testcase"):  # noqa: S314 - pytest's own file
        name = f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name', '').partition('[')[0]}"
        bad = [one.tag for one in case if one.tag in {"failure", "error", "skipped"}]
        told = tuple(f"{one.get('name')} {one.get('value')}" for one in case.iter("property"))
        ran.setdefault(name, []).append(Ran(bad[0] if bad else "passed", float(case.get("time", 0)), told))
    return ran
