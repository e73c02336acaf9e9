"""Which rows must not be shown any more, though a run has kept them: what its lists and its register name by now."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from crawler.dataset.uids import Uids, among
from crawler.settings import Recipe
from filters import load, settings_of
from filters.redrawn import candidate_of, earlier_of, redrawn_of
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

    A list of the recipe was asked when the run was made, so that a row of which it cannot tell any more, for a hash was
    not kept, is none that it names. Of the register, which may be younger, such a row is.

    Raises:
        SettingsError, TakedownError, OSError: one of them cannot be read.
    """
    of_filters = [
        _of_filter(load(choice.use, choice.settings, folder=recipe.folder))
        for choice in recipe.filters
        if "most_share" in settings_of(choice.use, choice.settings)  # which lists have, and nothing else
    ]
    register = register_of(recipe)
    return Blocklists((*of_filters, *(() if register is None else _of_register(register))))


def _of_register(register: Path) -> Iterator[_Names]:
    yield _by_uid(RegisterFolder.open(register).uids())
    for stage, asked in (("candidates", _by_candidate), ("bodies", _by_hashes), ("pictures", _by_hashes)):
        if (removed := removed_at(register, stage)) is not None:
            yield asked(removed)


def _of_filter(built: Any) -> _Names:  # noqa: ANN401 - any list filter
    if hasattr(built, "judge_again"):
        return lambda rows: [
            word is not None and not word.keep for word in built.judge_again([earlier_of(row) for row in rows])
        ]
    again = redrawn_of(built).again
    assert again is not None, built  # every list filter judges rows, by what was recorded or by addresses
    return lambda rows: [keep is False for keep in again(rows)]


def _by_uid(uids: Uids) -> _Names:
    def names(rows: Sequence[Told]) -> list[bool]:
        found = [False] * len(rows)
        known = [place for place, row in enumerate(rows) if len(row.get("content_id") or "") == 32]
        own = np.frombuffer(bytes.fromhex("".join(rows[place]["content_id"] for place in known)), np.uint8)
        for place, named in zip(known, among(own.reshape(-1, 16), uids), strict=True):
            found[place] = bool(named)
        return found

    return names


def _by_candidate(removed: Any) -> _Names:  # noqa: ANN401 - `removals.Removed`
    return lambda rows: [not one.keep for one in removed.judge([candidate_of(row) for row in rows])]


def _by_hashes(removed: Any) -> _Names:  # noqa: ANN401 - `removals.Removed`
    return lambda rows: [one is None or not one.keep for one in removed.judge_again([earlier_of(row) for row in rows])]
