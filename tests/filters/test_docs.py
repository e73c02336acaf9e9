from __future__ import annotations

import re
from pathlib import Path

import filters

PAGE = (Path(__file__).parents[2] / "docs" / "filters.md").read_text(encoding="utf-8")
ROWS = {row[1]: row[2] for row in re.finditer(r"^\| `(\w+\.\w+)` \|.*\| (.*) \|$", PAGE, re.MULTILINE)}


def test_the_page_has_one_row_for_every_filter() -> None:
    assert sorted(ROWS) == sorted(filters.names())


def test_every_setting_stands_in_its_filters_row_with_its_default() -> None:
    for entry in filters.catalogue():
        settings = dict(re.findall(r"`(\w+)` \((.*?)\)", ROWS[entry.name]))
        assert list(settings) == [setting.name for setting in entry.settings]
        for setting in entry.settings:
            assert settings[setting.name] == ("required" if setting.required else _written(setting.default)), entry.name


def _written(default: object) -> str:
    """A default as the page has it: booleans as TOML has them."""
    if isinstance(default, bool):
        return str(default).lower()
    if default is None:
        return "none"
    return (" ".join(default) if isinstance(default, tuple) else str(default)) or "none"


def test_the_page_links_to_what_exists() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (Path(__file__).parents[2] / "docs" / target).is_file()
