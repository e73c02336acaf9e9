"""Which recipe a command works with."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from crawler.errors import SettingsError
from crawler.settings import Recipe, parse_recipe


def recipe_or_default(path: Path | None, overrides: list[str]) -> Recipe:
    """The recipe in a file, or the default one that needs no model, with `key=value` overrides applied.

    Raises:
        SettingsError: the file, or an override, is wrong.
    """
    if path is None:
        text = files("workers").joinpath("default_recipe.toml").read_text(encoding="utf-8")
        return parse_recipe(text, name="the default recipe", overrides=overrides)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read as a recipe: {error}") from error
    return parse_recipe(text, name=str(path), folder=str(path.parent.resolve()), overrides=overrides)
