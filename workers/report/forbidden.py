"""Which rows must not be shown any more, though a run has kept them: what its lists and its register name by now."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from crawler.dataset.uids import Uids, among
from crawler.settings import FilterChoice, Recipe
from filters import load, settings_of
from filters.redrawn import candidate_of, earlier_of
from workers.dataset.removed.register import RegisterFolder
from workers.dataset.removed.removals import register_of, removed_at

Told = Mapping[str, Any]
#: which rows it names
_Names = Callable[[Sequence[Told]], list[bool]]


class Forbidden(Protocol):
    """Says what must not be shown."""

    def names(self, rows: Sequence[Told]) -> list[bool]:
        """Which of these rows, with the columns of a shard's table, must not be shown."""
        ...


@dataclass(frozen=True, slots=True)
class Blocklists:
    """Everything that a recipe's lists and its register name."""

    lists: tuple[_Names, ...] = ()

    def names(self, rows: Sequence[Told]) -> list[bool]:
        """Which of these rows are named by any of them."""
        told = [one(rows) for one in self.lists]
        return [any(said) for said in zip(*told, strict=True)] if told else [False] * len(rows)


def blocklists_of(recipe: Recipe) -> Blocklists:
    """The lists of a recipe's filters as they are today, and the register of takedowns that it names.

    A row of which too little was recorded to tell, because a hash was not kept, is one that they name.

    Raises:
        SettingsError, TakedownError, OSError: one of them cannot be read; then nothing may be shown at all.
    """
    of_filters = [
        _of_list(load(choice.use, choice.settings, folder=recipe.folder))
        for choice in recipe.filters
        if _names_rows(choice)
    ]
    register = register_of(recipe)
    return Blocklists((*of_filters, *(() if register is None else _of_register(register))))


def _names_rows(choice: FilterChoice) -> bool:
    """Whether a filter has a list, or withholds by what a candidate says."""
    settings = settings_of(choice.use, choice.settings)
    # what lists have, and nothing else
    return "most_share" in settings or (choice.use.startswith("candidates.") and bool(settings.get("confidential")))


def _of_register(register: Path) -> Iterator[_Names]:
    yield _by_uid(RegisterFolder.open(register).uids())
    for stage in ("candidates", "bodies", "pictures"):
        if (removed := removed_at(register, stage)) is not None:
            yield _by_candidate(removed) if stage == "candidates" else _by_hashes(removed)


def _of_list(built: Any) -> _Names:  # noqa: ANN401 - any list filter
    return _by_hashes(built) if hasattr(built, "judge_again") else _by_candidate(built)


def _by_uid(uids: Uids) -> _Names:
    def names(rows: Sequence[Told]) -> list[bool]:
        found = [False] * len(rows)
        known = [place for place, row in enumerate(rows) if len(row.get("content_id") or "") == 32]
        own = np.frombuffer(bytes.fromhex("".join(rows[place]["content_id"] for place in known)), np.uint8)
        for place, named in zip(known, among(own.reshape(-1, 16), uids), strict=True):
            found[place] = bool(named)
        return found

    return names


def _by_candidate(built: Any) -> _Names:  # noqa: ANN401 - any filter of candidates
    return lambda rows: [not one.keep for one in built.judge([candidate_of(row) for row in rows])]


def _by_hashes(built: Any) -> _Names:  # noqa: ANN401 - any filter that judges by what was recorded
    return lambda rows: [one is None or not one.keep for one in built.judge_again([earlier_of(row) for row in rows])]
