"""A recipe with a grid of settings, and which of its recipes are worth a look."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import InputError, SettingsError
from tests.workers.redrawing.frozen_runs import a_table, row
from workers.redrawing.frontier import as_text, frontier, on_frontier
from workers.redrawing.frontier_page import render
from workers.redrawing.grid import combinations, read_grid

RECIPE = """
name = "gridded"
[[filters]]
use = "pictures.min_side"
[[filters]]
use = "pictures.clip_similarity"
threshold = 0.28
"""
GRID = "[grid]  # thresholds\nclip_similarity.threshold = [0.2, 0.3]\nmin_side.pixels = [32, 64, 128]\n"


def test_every_combination_is_a_recipe() -> None:
    found = combinations(RECIPE + GRID)
    assert [one.settings for one in found] == [
        {"clip_similarity.threshold": threshold, "min_side.pixels": pixels}
        for threshold in (0.2, 0.3) for pixels in (32, 64, 128)
    ]  # fmt: skip
    assert found[1].name == "clip_similarity.threshold = 0.2, min_side.pixels = 64"
    assert [choice.settings for choice in found[5].recipe.filters] == [{"pixels": 128}, {"threshold": 0.3}]


def test_the_grid_may_stand_anywhere() -> None:
    assert len(combinations(GRID + RECIPE.replace('name = "gridded"', ""))) == 6


def test_values_may_be_texts_and_lists() -> None:
    text = '[[filters]]\nuse = "candidates.language"\n[grid]\nlanguage.unknown = ["keep", "drop"]\n'
    text += 'language.languages = ["en"]\n'
    found = combinations(text.replace('["en"]', '[["en"], ["en", "de"]]'))
    assert [one.recipe.filters[0].settings["languages"] for one in found[:2]] == [["en"], ["en", "de"]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (RECIPE, r"needs a table \[grid\]"),
        (f"{RECIPE}[grid]\n", r"needs a table \[grid\]"),
        (f"{RECIPE}[grid]\nclip_similarity.threshold = 0.2\n", "must be a list of values"),
        (f"{RECIPE}[grid]\nclip_similarity.threshold = []\n", "must be a list of values"),
        (f"{RECIPE}[grid]\nno_such.threshold = [1]\n", "no filter of that name"),
        (f"{RECIPE}[grid]\nclip_similarity.threshold = [2026-01-01]\n", "is no value of a setting"),
        (f"{RECIPE}[grid]\nclip_similarity.routes = [[{{languages = ['en']}}]]\n", "values may be texts"),
        (f"{RECIPE}[grid]\nclip_similarity.threshold = [\n[1], [2]]\n", "as the last table"),
        (f"{RECIPE}[grid]\nmin_side.pixels = {list(range(1, 2_002))}\n", "makes 2,001 recipes"),
        (f"{RECIPE}[grid\n", "not valid TOML"),
    ],
)
def test_a_grid_that_is_none_is_refused(text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        combinations(text)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"gone\.toml: cannot be read"):
        read_grid(tmp_path / "gone.toml")


# the frontier --------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=12))
def test_nobody_beats_the_frontier_and_it_beats_all_others(points: list[tuple[float, ...]]) -> None:
    best = set(on_frontier(points))
    assert best

    def beats(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
        return one != other and all(a >= b for a, b in zip(one, other, strict=True))

    for place, point in enumerate(points):
        assert (place in best) == (not any(beats(other, point) for other in points))
        assert place in best or any(beats(points[other], point) for other in best)


def test_what_was_not_judged_is_on_no_frontier() -> None:
    assert list(on_frontier([None, (1.0, 1.0), None, (0.5, 0.5)])) == [1]


def a_judged_table(tmp_path: Path) -> tuple[Path, Path]:
    """Scores of 0.1 and 0.25 do not match, those of 0.4 do; half of all pictures are small, which makes no difference."""
    rows = [row(n, (0.1, 0.25, 0.4)[n % 3], original_width=(40, 100)[n % 2]) for n in range(60)]
    truth = tmp_path / "truth.csv"
    truth.write_text(
        "content_id,match\n" + "\n".join(f"{one['content_id']},{int(one['similarity'] > 0.3)}" for one in rows)
    )
    return a_table(tmp_path / "t.parquet", rows), truth


def test_a_frontier_is_what_keeps_more_or_errs_less(tmp_path: Path) -> None:
    table, truth = a_judged_table(tmp_path)
    found = frontier(combinations(RECIPE + GRID), [table], truth=truth)
    by_name: dict[str, dict[str, Any]] = {one["name"]: one for one in found["recipes"]}
    told = {
        name: (one["kept"], round(one["precision"]["share"], 2), one["best"])
        for name, one in by_name.items()
        if one["precision"]
    }
    assert told == {
        "clip_similarity.threshold = 0.2, min_side.pixels = 32": (40, 0.5, True),
        "clip_similarity.threshold = 0.2, min_side.pixels = 64": (20, 0.5, False),
        "clip_similarity.threshold = 0.3, min_side.pixels = 32": (20, 1.0, True),
        "clip_similarity.threshold = 0.3, min_side.pixels = 64": (10, 1.0, False),
    }
    none = by_name["clip_similarity.threshold = 0.2, min_side.pixels = 128"]
    assert (none["kept"], none["precision"], none["best"]) == (0, None, False)
    assert (found["rows"], found["judged"]) == (60, 60)
    lines = list(as_text(found))
    assert "6 recipes, 60 rows, 60 of them judged; 2 best" in lines[0]
    assert lines[2].endswith("clip_similarity.threshold = 0.3, min_side.pixels = 32")


def test_a_frontier_needs_a_truth(tmp_path: Path) -> None:
    table, _ = a_judged_table(tmp_path)
    with pytest.raises(InputError, match="needs judged rows"):
        frontier(combinations(RECIPE + GRID), [table])


def test_the_page_has_every_recipe_and_runs_nothing(tmp_path: Path) -> None:
    table, truth = a_judged_table(tmp_path)
    found = frontier(combinations(RECIPE + GRID), [table], truth=truth)
    found["recipes"][0]["name"] = "<script>alert(1)</script>"
    page = render(found)
    assert "<script>" not in page
    assert page.count("&lt;script&gt;alert(1)") >= 1
    assert len(re.findall(r"clip_similarity.threshold = 0.3", page)) >= 2
    assert render(found) == page
