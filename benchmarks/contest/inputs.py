"""What contests run on: real archives and pictures from the folder of corpora where there is one, the demo's otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.contest.sides import ROOT


@dataclass(frozen=True, slots=True)
class Inputs:
    """Where input lies, and where a stage may put what it makes of it."""

    corpus: Path | None
    work: Path
    quick: bool = False

    def folder(self, name: str) -> Path:
        """A folder of its own for a stage."""
        made = self.work / name
        made.mkdir(parents=True, exist_ok=True)
        return made


def corpus_folder(asked: Path | None) -> Path | None:
    """The folder of corpora that is asked for, or lies beside the repository."""
    if asked:
        return asked
    beside = ROOT.parent / "shared" / "corpus"
    return beside if beside.exists() else None
