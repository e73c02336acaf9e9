"""The contests of `benchmarks/stages/download.py` beside img2dataset as lines of the proof, with their goals."""

from __future__ import annotations

from pathlib import Path

from benchmarks.contest.contest import run
from benchmarks.contest.inputs import Inputs
from benchmarks.figures import Figures, title
from benchmarks.stages.download import beside_img2dataset


def prove_speed(work: Path, figures: Figures, *, quick: bool) -> None:
    """Both sides by size, by https and on a slow web with dead hosts; `quick` takes a quarter of the pictures."""
    title("speed beside img2dataset")
    inputs = Inputs(None, work / "speed", quick)
    for number, contest in enumerate(beside_img2dataset(inputs)):
        held = run(contest, inputs.folder(f"contest-{number}"))
        name = f"speed, {contest.case}"
        for check in held["checks"]:
            figures.add(f"{name}: {check['words']}", check["value"], good=check["good"])
        for goal in held["goals"]:
            figures.add(f"{name}: {goal['words']} ({goal['wanted']})", f"{goal['value']:.1f} x", good=goal["met"])
