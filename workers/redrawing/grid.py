"""A recipe with a grid of settings: `[grid]` beside the recipe's own tables, a list of values for each setting.

    [grid]
    clip_similarity.threshold = [0.24, 0.26, 0.28]
    min_side.pixels = [64, 128]

Every combination is a recipe.
"""

from __future__ import annotations

import itertools
import json
import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crawler.errors import SettingsError
from crawler.settings import Recipe, parse_recipe, with_overrides

#: more recipes than that are no comparison that anybody looks at
MOST_RECIPES = 2_000
_HEAD = re.compile(r"^\[grid\][ \t]*(?:#.*)?$", re.MULTILINE)
_NEXT = re.compile(r"^\[", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Combination:
    """One recipe of a grid."""

    settings: dict[str, Any]  # those of the grid, such as {"clip_similarity.threshold": 0.26}
    recipe: Recipe

    @property
    def name(self) -> str:
        """Its settings in words."""
        return ", ".join(f"{key} = {json.dumps(value)}" for key, value in self.settings.items())


def read_grid(path: Path) -> list[Combination]:
    """The recipes of a file that has a recipe and a `[grid]`, in the order of its values.

    Raises:
        SettingsError: the file cannot be read, has no grid, or one of its recipes is not right.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read as a recipe: {error}") from error
    return combinations(text, name=str(path), folder=str(path.parent.resolve()))


def combinations(text: str, *, name: str = "grid", folder: str = ".") -> list[Combination]:
    """The same of a text; `name` is what messages call it, and relative paths stand on `folder`.

    Raises:
        SettingsError: as `read_grid`.
    """
    rest, grid = _divided(text, name)
    base = parse_recipe(rest, name=name, folder=folder)
    axes = dict(_axes(grid, name))
    number = math.prod(map(len, axes.values()))
    if number > MOST_RECIPES:
        raise SettingsError(f"{name}: [grid] makes {number:,} recipes; there may be {MOST_RECIPES:,}")
    found = []
    for values in itertools.product(*axes.values()):
        settings = dict(zip(axes, values, strict=True))
        overrides = [f"filters.{key}={_as_toml(value, key, name)}" for key, value in settings.items()]
        found.append(Combination(settings, with_overrides(base, overrides)))
    return found


def _divided(text: str, name: str) -> tuple[str, dict[str, Any]]:
    """The text without its grid, and the grid."""
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{name}: not valid TOML: {error}") from error
    head = _HEAD.search(text)
    grid = tree.pop("grid", None)
    if head is None or not isinstance(grid, dict) or not grid:
        raise SettingsError(
            f"{name}: needs a table [grid] of settings with lists of values, such as "
            "clip_similarity.threshold = [0.26, 0.28]"
        )
    after = _NEXT.search(text, head.end())
    rest = text[: head.start()] + (text[after.start() :] if after else "")
    try:
        alone = tomllib.loads(rest)
    except tomllib.TOMLDecodeError:
        alone = {}
    if alone != tree:  # a list of lists begins a line with "["
        raise SettingsError(f"{name}: write [grid] as the last table of the file, each list on one line")
    return rest, grid


def _axes(grid: Mapping[str, Any], name: str, before: str = "") -> Iterator[tuple[str, list[Any]]]:
    for key, value in grid.items():
        path = f"{before}{key}"
        if isinstance(value, dict):
            yield from _axes(value, name, f"{path}.")
        elif isinstance(value, list) and value:
            yield path, value
        else:
            raise SettingsError(f"{name}: [grid]: {path} must be a list of values")


def _as_toml(value: Any, key: str, name: str) -> str:  # noqa: ANN401 - of TOML
    """A value as it is written: JSON's texts, numbers, truths and lists of these are TOML's, too."""
    if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(one, dict | list) for one in value)):
        raise SettingsError(f"{name}: [grid]: {key}: values may be texts, numbers, true, false, and lists of these")
    try:
        return json.dumps(value)
    except (TypeError, ValueError) as error:  # a date
        raise SettingsError(f"{name}: [grid]: {key}: {value!r} is no value of a setting") from error
