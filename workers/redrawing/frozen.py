"""The candidates of finished runs as their tables hold them, and which recipe judged them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filters
from crawler.errors import RunFolderError
from crawler.settings import FilterChoice, Recipe
from filters.lines import lines_of
from workers.run_folder import RunFolder
from workers.score_rows import tables_of


@dataclass(frozen=True, slots=True)
class Frozen:
    """Tables that one recipe made."""

    tables: tuple[Path, ...]
    recipe: Recipe | None  # None where nobody says which

    @property
    def order(self) -> tuple[FilterChoice, ...]:
        """The filters of the recipe as they run; none where it is not known."""
        return in_order(self.recipe) if self.recipe else ()


def in_order(recipe: Recipe) -> tuple[FilterChoice, ...]:
    """The filters of a recipe as they run: those that judge by embeddings come last.

    Raises:
        SettingsError: there is no such filter.
    """
    for one in recipe.filters:
        filters.settings_of(one.use, one.settings)
    return tuple(sorted(recipe.filters, key=lambda one: filters.judges_embeddings(one.use)))


def frozen_at(places: Sequence[Path]) -> tuple[Frozen, ...]:
    """What lies at these places: folders of runs, parquet files, folders of such files; by recipe, in their order.

    Raises:
        InputError: a place holds no table.
        RunFolderError: a run does not say which recipe it is of.
    """
    recipes: dict[str, Recipe | None] = {}
    tables: dict[str, list[Path]] = {}
    for place in places:
        recipe = _recipe_at(place)
        digest = f"{recipe.digest} {recipe.folder}" if recipe else ""
        recipes.setdefault(digest, recipe)
        known = tables.setdefault(digest, [])
        known += [table for table in tables_of([place]) if table not in known]
    return tuple(Frozen(tuple(tables[digest]), recipe) for digest, recipe in recipes.items())


def lines_at(places: Sequence[Path]) -> dict[str, list[dict[str, Any]]]:
    """Where the recipes of runs draw their lines, by what they draw them in; nothing where no recipe is known.

    Raises:
        RunFolderError: a run does not say which recipe it is of.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for place in places:
        recipe = _recipe_at(place)
        for choice in recipe.filters if recipe else ():
            for line in lines_of(choice.use, choice.settings):
                own = found.setdefault(line.column, [])
                if line._asdict() not in own:
                    own.append(line._asdict())
    return found


def _recipe_at(place: Path) -> Recipe | None:
    if not place.is_dir():
        return None
    pinned = RunFolder.at(place).pinned()
    if pinned is None:
        return None
    if unknown := [one.use for one in pinned.recipe.filters if one.use not in filters.names()]:
        raise RunFolderError(f"{place}: was judged by {', '.join(unknown)}, which this version does not have")
    return pinned.recipe
