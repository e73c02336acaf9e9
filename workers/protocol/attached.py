"""Files that a recipe's filters name, such as public removal lists: they travel with the campaign, by their digests."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from crawler.settings import FilterChoice, Recipe
from workers.protocol.campaign import Campaign

#: settings of filters that name files
FILE_SETTINGS = frozenset({"path", "keywords", "head", "classes"})
#: what may be attached: one or more plain names with / between them, so never `..`, a root, a drive or a hidden file
_NAME = re.compile(r"[0-9A-Za-z_][0-9A-Za-z_.-]{0,99}(/[0-9A-Za-z_][0-9A-Za-z_.-]{0,99}){0,3}")


def files_named(choice: FilterChoice) -> Iterator[str]:
    """The files that a filter's settings name, as they are written."""
    for key in sorted(FILE_SETTINGS & choice.settings.keys()):
        value = choice.settings[key]
        value = value.get("path") if isinstance(value, Mapping) and key == "head" else value
        named = [value] if isinstance(value, str) else value if isinstance(value, (list, tuple)) else []
        yield from (one for one in named if isinstance(one, str) and one)


def may_be_attached(name: str) -> bool:
    """Whether a file may be called so, below the folder of a recipe on somebody else's machine."""
    return _NAME.fullmatch(name) is not None


def attachable(recipe: Recipe) -> dict[str, Path]:
    """The files that a recipe names and that can be attached, by the names that it has for them."""
    names = {name for choice in recipe.filters for name in files_named(choice) if may_be_attached(name)}
    found = {name: Path(recipe.folder) / name for name in sorted(names)}
    return {name: path for name, path in found.items() if path.is_file()}


def is_attached(campaign: Campaign, name: str) -> bool:
    """Whether a campaign brings the file that a filter of its recipe names."""
    return may_be_attached(name) and any(one.name == name for one in campaign.attachments)
