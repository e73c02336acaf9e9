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
            written = (
                " ".join(setting.default) if isinstance(setting.default, tuple) else str(setting.default or "none")
            )
            assert settings[setting.name] == ("required" if setting.required else written), entry.name


def test_the_page_links_to_what_exists() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (Path(__file__).parents[2] / "docs" / target).is_file()
