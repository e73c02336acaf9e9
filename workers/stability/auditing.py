"""The audit: every filter of a recipe judges a sample as it is, and after each change that it can see.

The filters are built as for a run (`workers.assemble`), and pictures are decoded where strangers' pictures are.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crawler.errors import InputError
from crawler.job.looking import as_published
from crawler.picture.sandbox import Sandbox, open_sandboxes
from crawler.settings import Recipe
from filters.lines import Line, lines_of
from workers.progress import Display
from workers.stability.changes import Change, changes
from workers.stability.flips import Answers, flips_at_all, flips_of
from workers.stability.judging import BuiltFilter, Seen, built_filters, seen
from workers.stability.pairs import Pair, has_raw_shards, sample_pairs

#: pairs in memory at a time, where no model wants more
_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Audit:
    """What is asked."""

    place: Path  # a run, or tables with pictures beside them
    recipe: Recipe
    pairs: int = 200  # at most
    seed: int = 0
    mirrored: bool = False  # whether pictures are mirrored, too, which may matter


def audit(asked: Audit, display: Display) -> dict[str, Any]:
    """How stable the verdicts of a recipe are, as JSON can say it; the same again for the same pairs and recipe.

    Raises:
        InputError: there are no pairs, or no filters to judge them, or shards cannot be read.
        RunFolderError: a shard is damaged.
        SettingsError, MissingPackageError: a filter cannot be had here.
    """
    if not asked.recipe.filters:
        raise InputError("this recipe has no filters, so that no verdict can flip; name one with --recipe")
    pairs = sample_pairs(asked.place, asked.pairs, asked.seed)
    every = changes(mirrored=asked.mirrored)
    with tempfile.TemporaryDirectory() as scratch, open_sandboxes(as_published(asked.recipe), 1) as (sandbox,):
        auditing = _Auditing(asked.recipe, every, Path(scratch), sandbox)
        at_once = max(_AT_ONCE, *(one.most for one in auditing.filters))
        with display.phase("audit", len(pairs), "pairs") as phase:
            for begin in range(0, len(pairs), at_once):
                auditing.judge(pairs[begin : begin + at_once])
                phase.advance(len(pairs[begin : begin + at_once]))
    if not auditing.done:
        raise InputError(f"{asked.place}: none of {len(pairs):,} pictures can be decoded")
    mattering = {one.name for one in every if one.may_matter}
    answers = list(auditing.answers.values())
    names = [one.name for one in every]
    return {
        "place": str(asked.place),
        "recipe": asked.recipe.name,
        "source": "raw shards" if has_raw_shards(asked.place) else "kept pairs",
        "pairs": auditing.done,
        "left_out": len(pairs) - auditing.done,
        "seed": asked.seed,
        "changes": [{"name": one.name, "what": one.what, "may_matter": one.may_matter} for one in every],
        "filters": [flips_of(one, [name for name in names if name not in mattering]) for one in answers],
        "together": [found for name in names if (found := flips_at_all(answers, name)) is not None],
    }


class _Auditing:
    """Filters of a recipe, those of its changed forms, and what they have said so far."""

    def __init__(self, recipe: Recipe, every: Sequence[Change], scratch: Path, sandbox: Sandbox) -> None:
        self.filters = built_filters(recipe, scratch)
        self.done = 0  # pairs
        self.answers = {one.name: Answers(one.name, lines_for(one.name, recipe)) for one in self.filters}
        self._changes = every
        self._sandbox = sandbox
        self._changed: dict[str, list[BuiltFilter]] = {}
        for one in every:
            if one.setting is not None and (changed := one.of_recipe(recipe)) is not None:
                self._changed[one.name] = built_filters(changed, scratch)

    def judge(self, pairs: Sequence[Pair]) -> None:
        """Have every filter judge some pairs, as they are and changed; those that cannot be decoded are left out."""
        before = [found for pair in pairs if (found := seen(pair, self._sandbox)) is not None]
        if not before:
            return
        for one in self.filters:
            self.answers[one.name].before += one.verdicts(before)
        for change in self._changes:
            self._judge_changed(change, before)
        self.done += len(before)

    def _judge_changed(self, change: Change, before: Sequence[Seen]) -> None:
        judges = [one for one in self._changed.get(change.name, []) if one.folder in change.seen_by]
        if change.setting is None:
            judges = [one for one in self.filters if one.folder in change.seen_by]
        if not judges:
            return
        after = [one.changed(change, self._sandbox) for one in before]
        # a changed file that cannot be decoded any more says nothing of a filter
        whole = [old if new is None else new for old, new in zip(before, after, strict=True)]
        for one in judges:
            verdicts = one.verdicts(whole, shuffled=self.done if change.shuffled else None)
            self.answers[one.name].after.setdefault(change.name, []).extend(verdicts)


def lines_for(name: str, recipe: Recipe) -> tuple[Line, ...]:
    """Where the filter of that name draws lines in its scores; none for one that only measures sizes."""
    settings: Mapping[str, Any] | None = next((one.settings for one in recipe.filters if one.use == name), None)
    return () if settings is None else lines_of(name, settings)
