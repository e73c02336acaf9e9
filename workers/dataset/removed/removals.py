"""What a run must not bring back: filters made of the register of takedowns, one for each stage.

They withhold as confidential lists do (docs/decisions/0015): what they turn down is counted under one name, `removed`,
whatever it went by, and nothing of it is written. They have no breaker: how much a takedown takes out was asked when it
was added, and a rebuild of a list may hold all of it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from crawler.commit import write_atomically
from crawler.errors import RunFolderError
from crawler.job.judging import needs_of
from crawler.records import Candidate, Verdict
from crawler.settings import Recipe
from filters import load
from filters.lists.compiled import header_of
from filters.lists.kinds import Kind
from filters.lists.rows import SortedRows, sorted_rows
from filters.lists.urls import URL_KINDS
from workers.dataset.removed.register import RegisterFolder
from workers.dataset.removed.requests import ANY_AGE

NAME = "removed"
_DIGESTS = frozenset({Kind.MD5, Kind.SHA1, Kind.SHA256})
#: filters by the stage that they judge at, and what of a list they compare
_BY_STAGE: dict[str, tuple[tuple[str, frozenset[Kind]], ...]] = {
    "candidates": (("candidates.url_removal", URL_KINDS),),
    "bodies": (("bodies.hash_removal", _DIGESTS), ("bodies.final_url_removal", URL_KINDS)),
    "pictures": (
        ("pictures.pdq_removal", frozenset({Kind.PDQ})),
        ("pictures.phash_removal", frozenset({Kind.PHASH})),
    ),
}


@dataclass(frozen=True, slots=True, eq=False)
class RemovedUids:
    """Drops candidates whose id is one of a takedown's rows, or of a decoy's."""

    uids: SortedRows = field(repr=False)

    def judge(self, batch: Sequence[Candidate]) -> list[Verdict]:
        """One verdict per candidate, in order."""
        asked = np.frombuffer(bytes.fromhex("".join(one.content_id for one in batch)), np.uint8).reshape(len(batch), 16)
        return [Verdict(not gone) for gone in self.uids.has(asked)]


@dataclass(frozen=True, slots=True, eq=False)
class Removed:
    """All that the register names at one stage, as one filter. It shows nothing, and travels as a name of a folder."""

    register: Path
    stage: str
    filters: tuple[Any, ...] = field(repr=False)
    confidential: bool = True
    most_share: float = 1.0

    def judge(self, batch: Sequence[Any]) -> list[Verdict]:
        """One verdict per record, in order. It never says by what."""
        keep = np.ones(len(batch), np.bool_)
        for one in self.filters:
            keep &= np.array([verdict.keep for verdict in one.judge(batch)], np.bool_)  # of none, too
        return [Verdict(bool(kept)) for kept in keep]

    def judge_again(self, batch: Sequence[Any]) -> list[Verdict | None]:
        """The same of pictures that were received before; None where too little was recorded to say."""
        verdicts: list[Verdict | None] = [Verdict(keep=True)] * len(batch)
        for one in self.filters:
            for place, verdict in enumerate(one.judge_again(batch)):
                before = verdicts[place]
                if before is None or before.keep:
                    verdicts[place] = verdict if verdict is None or not verdict.keep else before
        return verdicts

    @property
    def needs(self) -> frozenset[str]:
        """What of a picture its filters look at."""
        return needs_of([(NAME, one) for one in self.filters])

    def __reduce__(self) -> tuple[Any, ...]:
        """Where it is read from, and nothing of what it names."""
        return removed_at, (self.register, self.stage)


def removed_at(register: Path, stage: str) -> Removed | None:
    """The filter for a stage ("candidates", "bodies", "pictures"); None where the register names nothing for it.

    Raises:
        SettingsError: the register cannot be read as a whole.
    """
    folder = RegisterFolder.open(register)
    by_key: dict[Path, list[Path]] = defaultdict(list)
    for path, key in folder.lists():
        by_key[key].append(path)
    filters: list[Any] = []
    for use, kinds in _BY_STAGE[stage]:
        for key, paths in sorted(by_key.items()):
            fitting = [str(one.resolve()) for one in paths if kinds & set(header_of(one).counts)]
            if fitting:
                settings = {"path": fitting, "key": str(key.resolve()), "max_age_days": ANY_AGE, "most_share": 1.0}
                filters.append(load(use, settings))
    if stage == "candidates" and len(uids := folder.uids()):
        filters.append(RemovedUids(sorted_rows(uids)))
    return Removed(register, stage, tuple(filters)) if filters else None


def register_of(recipe: Recipe) -> Path | None:
    """The register that a recipe names; None where it names none."""
    return Path(recipe.folder) / recipe.removals if recipe.removals else None


def note_in(run: Path, recipe: Recipe) -> None:
    """Keep in a run's folder which registers were in force, by name and date, and never go on without one.

    Raises:
        RunFolderError: the run was begun with a register, and the recipe names none.
        SettingsError: the register cannot be read.
    """
    path = run / "removals.json"
    noted: list[dict[str, str]] = json.loads(path.read_text("utf-8")) if path.exists() else []
    register = register_of(recipe)
    if register is None:
        if noted:
            raise RunFolderError(
                f"{run}: was begun with a register of takedowns; say --removals REGISTER, so that what was removed "
                "stays removed"
            )
        return
    now = {"register": register.resolve().name, "in_force": RegisterFolder.open(register).in_force()}
    if now not in noted:
        write_atomically(path, json.dumps([*noted, now], indent=2).encode() + b"\n")


def noted_in(run: Path) -> tuple[str, ...]:
    """What a version says of the registers that a run was made under; () for a run without."""
    path = run / "removals.json"
    if not path.exists():
        return ()
    return tuple(f"{one['register']}: {one['in_force']}" for one in json.loads(path.read_text("utf-8")))
