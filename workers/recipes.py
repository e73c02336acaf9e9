"""Which recipe a command works with."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import msgspec

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


def difference(old: Recipe, new: Recipe) -> str:
    """The first setting in which two recipes differ, for the message."""
    one, other = msgspec.to_builtins(old), msgspec.to_builtins(new)
    for section, value in one.items():
        if value == other[section] or section in {"resources", "folder", "inputs", "description"}:
            continue
        if section == "filters":
            uses = {choice["use"]: choice for choice in value}
            changed = [choice["use"] for choice in other[section] if uses.get(choice["use"]) != choice]
            gone = [use for use in uses if use not in {choice["use"] for choice in other[section]}]
            return f"filter `{(changed + gone or ['order'])[0]}` differs"
        if not isinstance(value, dict):
            return f"`{section}` differs"
        for key, setting in value.items():
            if setting != other[section][key]:
                return f"`{section}.{key}` was {setting!r} and is {other[section][key]!r}"
    return "it was made by another version"
