"""What is shown to nobody: what lists and takedowns name now, whatever they named when a job was done."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from crawler.job import JobKind
from crawler.settings import Recipe
from filters.redrawn import candidate_of, earlier_of
from workers.assemble import assemble
from workers.showing import names_pictures


@dataclass(frozen=True, slots=True)
class Forbidden:
    """The lists of a recipe, and its register of takedowns. By default nothing is forbidden."""

    of_candidates: tuple[Any, ...] = field(default=(), repr=False)
    of_pictures: tuple[Any, ...] = field(default=(), repr=False)  # judge by what was recorded

    @classmethod
    def of(cls, recipe: Recipe) -> Self:
        """Those of a recipe; they are read now.

        Raises:
            SettingsError: a list cannot be read, or is not to be had here: then nothing is shown at all.
        """
        with tempfile.TemporaryDirectory() as scratch:
            tools = assemble(recipe, Path(scratch), kind=JobKind.FETCH)
        named = [one for _, one in (*tools.candidate_filters, *tools.body_filters, *tools.picture_filters)]
        lists = [one for one in named if names_pictures(one)]
        first = {id(one) for _, one in tools.candidate_filters}
        return cls(
            tuple(one for one in lists if id(one) in first),
            tuple(one for one in lists if id(one) not in first and hasattr(one, "judge_again")),
        )

    def names(self, row: Mapping[str, Any]) -> bool:
        """Whether a row is named, or cannot be told not to be, because too little was recorded of it."""
        candidate, earlier = candidate_of(row), earlier_of(row)
        if any(not one.judge([candidate])[0].keep for one in self.of_candidates):
            return True
        verdicts = [one.judge_again([earlier])[0] for one in self.of_pictures]
        return any(verdict is None or not verdict.keep for verdict in verdicts)
