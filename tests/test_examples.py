"""Every recipe in examples/ loads, with stand-ins for the files that we may not bring."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

import filters
from crawler.settings import Recipe, parse_recipe
from filters.head_filter import HeadFilter
from filters.unsafe_rule import UnsafeRule

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.toml"))
SAFE, RESEARCH = "relaion_research_safe", "relaion_research"


def recipe_of(example: Path, folder: Path) -> Recipe:
    return parse_recipe(example.read_text(encoding="utf-8"), name=example.name, folder=str(folder))


def bring_files(recipe: Recipe) -> None:
    """Stand-ins for the heads and word lists that a recipe names, on its folder."""
    for choice in recipe.filters:
        if "head" in choice.settings:
            head = choice.settings["head"]
            path = Path(recipe.folder) / (head if isinstance(head, str) else head["path"])
            path.parent.mkdir(exist_ok=True)
            widths = {"0.weight": (4, 768), "0.bias": (4,), "1.weight": (1, 4), "1.bias": (1,)}
            save_file({name: np.ones(shape, np.float32) for name, shape in widths.items()}, path)
        if "keywords" in choice.settings:
            path = Path(recipe.folder) / choice.settings["keywords"]
            path.parent.mkdir(exist_ok=True)
            path.write_text("kid\n")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.stem)
def test_every_example_loads_with_all_its_filters(example: Path, tmp_path: Path) -> None:
    recipe = recipe_of(example, tmp_path)
    bring_files(recipe)
    for choice in recipe.filters:
        filters.load(choice.use, choice.settings, folder=recipe.folder)
    assert recipe.name == example.stem.replace("_", "-")
    assert recipe.description


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.stem)
def test_an_example_says_how_it_is_run_and_which_files_it_needs(example: Path) -> None:
    text = example.read_text(encoding="utf-8")
    assert f"--recipe examples/{example.name} " in text
    opening = text.partition("\nname = ")[0]
    for needed in re.findall(r'^(?:head|keywords) = .*?"([^"]+/[^"]+)"', text, re.MULTILINE):
        assert f"#   {needed} " in opening
    for other in re.findall(r"\b((?:examples|docs)/[\w/.-]+\.\w+)", text):
        assert (example.parent.parent / other).is_file()


def test_the_two_releases_of_relaion_differ_in_one_threshold(tmp_path: Path) -> None:
    rules = {}
    settings = {}
    for name in (RESEARCH, SAFE):
        recipe = recipe_of(EXAMPLES[0].with_name(f"{name}.toml"), tmp_path)
        bring_files(recipe)
        (own,) = [choice for choice in recipe.filters if choice.use == "pictures.unsafe_head"]
        built: Any = filters.load(own.use, own.settings, folder=tmp_path)
        assert isinstance(built, HeadFilter)
        assert isinstance(built.rule, UnsafeRule)
        assert built.confidential
        rules[name] = built.rule
        settings[name] = [choice for choice in recipe.filters if choice is not own]
    assert (rules[RESEARCH].threshold, rules[SAFE].threshold) == (1.0, 0.45)
    assert rules[RESEARCH].keyword_threshold == rules[SAFE].keyword_threshold == 0.95
    assert rules[RESEARCH].keywords == rules[SAFE].keywords is not None
    assert settings[RESEARCH] == settings[SAFE]
