"""Which filters the recipes have among them, and what each of these would have said of a row: as SQL, pure.

A row's signature is how far it came (`ARRIVED`, `ENDED`, `UNSURE`) and the verdict of every filter on it (`YES`, `NO`,
`UNKNOWN`). There are few different signatures among millions of rows, so that hundreds of recipes take one pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import filters
from crawler.errors import PairtrawlError
from crawler.records import Fault
from crawler.settings import FilterChoice, Recipe
from filters.redrawn import Redrawn, literal, quoted, redrawn_of
from workers.redrawing.frozen import Frozen, in_order
from workers.redrawing.same_filter import is_same, settings_in_full

#: what a filter says of a row
NO, YES, UNKNOWN = 0, 1, 2
#: how far a row came: all the way to the last filter; to a fault, which no recipe changes; or to a filter before that
UNSURE, ARRIVED, ENDED = 0, 1, 2

Signature = tuple[int, ...]  # how far a row came, then the verdict of each variant

_ENDED = frozenset(fault.value for fault in Fault)


@dataclass(frozen=True, slots=True)
class Variant:
    """One filter with its settings, and how it is redrawn."""

    choice: FilterChoice
    folder: str  # of the recipe
    redrawn: Redrawn

    @property
    def name(self) -> str:
        """As reports have it: without the folder."""
        return self.choice.use.partition(".")[2]


@dataclass(frozen=True, slots=True)
class Ballot:
    """The different filters of some recipes; a recipe is the places of its filters among them, in their order."""

    variants: tuple[Variant, ...]
    recipes: tuple[tuple[int, ...], ...]
    any_model: bool = False  # scores are taken as they are, whoever made them


def ballot_of(recipes: Sequence[Recipe], frozen: Sequence[Frozen], *, any_model: bool = False) -> Ballot:
    """The filters of `recipes`, each once.

    A filter that all runs have is not built where that would read lists: the rows' reasons say what it said.

    Raises:
        SettingsError: a filter, or one of its settings, is not right; the message names the recipe.
        MissingPackageError: a filter needs a package that is not installed.
    """
    variants: list[Variant] = []
    places: dict[tuple[str, str], int] = {}
    chosen = []
    for recipe in recipes:
        own = []
        for choice in in_order(recipe):
            key = (f"{choice.use} {settings_in_full(choice)!r}", recipe.folder)
            if key not in places:
                place = _place(variants, choice, recipe.folder)
                if place == len(variants):
                    variants.append(Variant(choice, recipe.folder, _redrawn(choice, recipe, frozen)))
                places[key] = place
            own.append(places[key])
        chosen.append(tuple(own))
    return Ballot(tuple(variants), tuple(chosen), any_model)


def _place(variants: Sequence[Variant], choice: FilterChoice, folder: str) -> int:
    """Where the same filter of another recipe stands, or the end."""
    same = (place for place, one in enumerate(variants) if is_same(one.choice, one.folder, choice, folder))
    return next(same, len(variants))


def _redrawn(choice: FilterChoice, recipe: Recipe, frozen: Sequence[Frozen]) -> Redrawn:
    frozen_has_it = all(_place_in(one, choice, recipe.folder) is not None for one in frozen)
    reads_lists = bool(choice.settings.get("path") or choice.settings.get("keywords"))
    if frozen_has_it and reads_lists:
        return Redrawn()
    try:
        return redrawn_of(filters.load(choice.use, choice.settings, folder=Path(recipe.folder)))
    except PairtrawlError as error:
        if frozen_has_it:  # its weights may be gone: its verdicts are not
            return Redrawn()
        raise type(error)(f"{recipe.name}: {error}") from error


def _place_in(frozen: Frozen, choice: FilterChoice, folder: str) -> int | None:
    """Where a run's recipe has this very filter, in the order in which filters run."""
    if frozen.recipe is None:
        return None
    own = frozen.recipe.folder
    return next((place for place, one in enumerate(frozen.order) if is_same(one, own, choice, folder)), None)


def verdict_sql(variant: Variant, frozen: Frozen, there: Mapping[str, str], *, any_model: bool = False) -> str:
    """SQL: true, false or null: what `variant` says of a row of `frozen`.

    Where the run had the same filter, its reason says so, and for rows that never came to it the columns do.
    `there` are the columns that the tables have; what has no column is null.
    """
    redrawn = variant.redrawn
    told = redrawn.sql
    if redrawn.maker != "true" and not any_model:
        told = f"CASE WHEN {redrawn.maker} THEN {told} END"
    if missing := [column for column in redrawn.reads if column not in there]:
        told = told if any_model and all(one.endswith("_model") for one in missing) else "NULL::BOOLEAN"
    place = _place_in(frozen, variant.choice, variant.folder)
    if place is None or "reason" not in there:
        return f"({told})"
    later = [one.use.partition(".")[2] for one in frozen.order[place + 1 :]]
    passed = f"status = 'success' OR {_reason_in(later)}"
    return f"(CASE WHEN {_reason_in((variant.name,))} THEN false WHEN {passed} THEN true ELSE {told} END)"


def arrival_sql(there: Mapping[str, str]) -> str:
    """SQL: `ARRIVED`, `ENDED` or `UNSURE`: how far a row came in the run that made it."""
    if "status" not in there:
        return str(ARRIVED)  # a table of pairs
    last = [name.partition(".")[2] for name in filters.names() if name.startswith("pictures.")]
    kept = f"WHEN status = 'success' THEN {ARRIVED}"
    if "reason" not in there:  # img2dataset's own
        return f"(CASE {kept} ELSE {ENDED} END)"
    rejected = f"WHEN {_reason_in(last)} THEN {ARRIVED} WHEN {_reason_in(_ENDED)} OR reason IS NULL THEN {ENDED}"
    return f"(CASE {kept} {rejected} ELSE {UNSURE} END)"


def _reason_in(reasons: Iterable[str]) -> str:
    listed = ", ".join(literal(str(one)) for one in sorted(reasons))
    return f"{quoted('reason')} IN ({listed})" if listed else "false"


def outcome(ballot: Ballot, recipe: int, signature: Signature) -> int:
    """What a recipe would have made of rows with that signature: YES is kept, NO is not, UNKNOWN cannot be told.

    Rows that ended by a fault are kept by none.
    """
    if signature[0] == ENDED:
        return NO
    verdicts = [signature[place + 1] for place in ballot.recipes[recipe]]
    if NO in verdicts:
        return NO
    return YES if signature[0] == ARRIVED and UNKNOWN not in verdicts else UNKNOWN


def reached(ballot: Ballot, recipe: int, signature: Signature) -> int:
    """How many of a recipe's filters would have seen such rows: up to the first that says no."""
    seen = 0
    for place in ballot.recipes[recipe]:
        seen += 1
        if signature[place + 1] == NO:
            break
    return seen


def not_told_by(ballot: Ballot, recipe: int, signature: Signature) -> str:
    """The first filter that keeps a row from being told, by its name; "" where it was never fetched."""
    unknown = (place for place in ballot.recipes[recipe] if signature[place + 1] == UNKNOWN)
    place = next(unknown, None)
    return "" if place is None else ballot.variants[place].choice.use


def asked_again(ballot: Ballot) -> list[int]:
    """The variants that also judge row by row, where SQL cannot say it."""
    return [place for place, one in enumerate(ballot.variants) if one.redrawn.again is not None]
