"""Runs the tests that name cases of the adversarial checklist, for the proofs."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree as ET

from benchmarks.figures import Figures, title
from tests.checklist import named_tests

ROOT = Path(__file__).resolve().parent.parent


def prove_cases(figures: Figures, cases: Iterable[int]) -> None:
    """These cases: the tests that name them, run now; a case without a test is a failure."""
    title("the adversarial checklist")
    wanted = list(cases)
    by_case = {number: names for number, names in named_tests(ROOT / "tests").items() if number in wanted}
    outcomes = _outcomes(sorted({name.partition("::")[0] for names in by_case.values() for name in names}))
    for number in wanted:
        ran = [passed for name in by_case.get(number, ()) for passed in outcomes.get(name, [])]
        figures.add(f"checklist {number}", f"{sum(ran)} of {len(ran)} tests passed", good=bool(ran) and all(ran))


def _outcomes(files: list[str]) -> dict[str, list[bool]]:
    """Whether each test of these files passed, a value for each of its parameters; none are run where there are none."""
    if not files:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        words = [sys.executable, "-m", "pytest", "-q", "-m", "not minutes", f"--junitxml={report}", *files]
        subprocess.run(words, cwd=ROOT, check=False, stdout=subprocess.DEVNULL)
        outcomes: dict[str, list[bool]] = {}
        for case in ET.parse(report).iter("testcase"):  # noqa: S314 - pytest's own file
            name = f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name', '').partition('[')[0]}"
            outcomes.setdefault(name, []).append(not list(case))
    return outcomes
