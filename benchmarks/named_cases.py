"""Tests that name what they show by a comment, such as `# hpc 5`: run them, and say for each number what came of it.

A number without a test is a failure, and so is a test that was skipped. What a test records by `record_property` is shown
beside its outcome.
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

from benchmarks.figures import Figures
from tests.checklist import named_tests

ROOT = Path(__file__).resolve().parent.parent
#: what a test needs that is not there must fail here, and not be skipped
_REQUIRED = {"PAIRTRAWL_REQUIRE_SLURM": "1", "PAIRTRAWL_REQUIRE_POSTGRES": "1", "PAIRTRAWL_REQUIRE_CHROMIUM": "1"}


@dataclass(frozen=True, slots=True)
class Ran:
    """One test as it ran."""

    outcome: str  # "passed", or what pytest calls it
    seconds: float
    told: tuple[str, ...]  # what it recorded, "name value"


def prove_named(figures: Figures, word: str, cases: Mapping[int, str], only: Sequence[int] = ()) -> None:
    """A line for each case: its tests are those that say `# WORD NUMBER`."""
    named = named_tests(ROOT / "tests", word)
    wanted = {number: named.get(number, []) for number in (only or cases)}
    ran = run_tests(sorted({test for tests in wanted.values() for test in tests}))
    for number, tests in wanted.items():
        words, good = told_of(tests, ran)
        figures.add(f"{word} {number}, {cases[number]}", words, good=good)


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
        subprocess.run(words, cwd=ROOT, check=False, env=os.environ | _REQUIRED)
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
