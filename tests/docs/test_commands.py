"""Every command on every page is run, in the order of the page, and ends as the page says; so is every snippet."""

from __future__ import annotations

import ast
import html
import re
import tomllib
from pathlib import Path

import pytest

from crawler.settings import parse_recipe
from filters import catalogue
from tests.docs.excused import COMMANDS, SNIPPETS
from tests.docs.fates import TOLD, excuse_for, fates, is_run
from tests.docs.parsing import why_not
from tests.docs.reading import ROOT, Block, Command
from tests.docs.running import Scene, check, ended, run, run_snippet, show_file
from tests.docs.scenes import SCENES
from tests.docs.shared import Shared
from workers.redrawing.grid import combinations

#: the whole of the demo is run there
LONG = {"docs/tutorial.md": pytest.mark.minutes}


def snippets() -> list[tuple[str, int, Block]]:
    return [
        (page, number, block)
        for page, told in TOLD.items()
        for number, block in enumerate((one for one in told if isinstance(one, Block) and one.language == "python"), 1)
    ]


def test_every_page_with_commands_that_can_be_run_has_a_scene_and_no_scene_is_left_over() -> None:
    needed = {page for page, told in TOLD.items() if any(isinstance(one, Command) and is_run(one) for one in told)}
    assert needed == set(SCENES)


@pytest.mark.slow
@pytest.mark.clip
@pytest.mark.parametrize("page", [pytest.param(one, marks=LONG.get(one, ())) for one in sorted(SCENES)])
def test_the_commands_of_a_page_do_what_it_says(page: str, shared: Shared, tmp_path: Path) -> None:
    scene = SCENES[page](shared, tmp_path)
    asked = {(one.page, one.begins) for one in SNIPPETS}
    number = 0
    with ended(scene):
        for told in TOLD[page]:
            if isinstance(told, Command):
                if is_run(told):
                    check(told, scene, run(told, scene))
            elif told.title:
                show_file(told, scene)
            elif told.language == "python":
                number += 1
                if (page, str(number)) not in asked:
                    done = run_snippet(told, scene)
                    assert done.code == 0, done.output


@pytest.mark.parametrize("page", [page for page in TOLD if any(isinstance(one, Command) for one in TOLD[page])])
def test_commands_name_verbs_options_targets_and_extras_that_exist(page: str) -> None:
    assert [f"{one}: {why}" for one in TOLD[page] if isinstance(one, Command) and (why := why_not(one.words))] == []


def test_every_snippet_runs_on_its_page_or_in_a_test_that_is_named() -> None:
    excused = {(one.page, one.begins) for one in SNIPPETS}
    here = {(page, str(number)) for page, number, _ in snippets()}
    assert excused <= here
    assert {page for page, number in here - excused} <= set(SCENES)


def test_every_excuse_is_needed_and_names_a_test_that_exists() -> None:
    commands = [one for told in TOLD.values() for one in told if isinstance(one, Command)]
    assert {excuse_for(one) for one in commands} - {None} == set(COMMANDS)
    for one in (*COMMANDS, *SNIPPETS):
        assert one.why
        if one.test:
            file, _, name = one.test.partition("::")
            assert name in {
                node.name
                for node in ast.walk(ast.parse((ROOT / file).read_text()))
                if isinstance(node, ast.FunctionDef)
            }, one.test


def test_most_commands_are_run() -> None:
    counted = fates()
    others = counted.total() - counted["run"]
    assert counted["run"] > 1.5 * others


@pytest.mark.slow
@pytest.mark.clip
def test_the_snippets_on_a_report_run_in_the_folder_of_its_run(shared: Shared) -> None:
    run_folder = shared.crawled()
    page = (run_folder / "report.html").read_text(encoding="utf-8")
    found = [html.unescape(one) for one in re.findall(r"<pre[^>]*><code>(import .*?)</code></pre>", page, re.DOTALL)]
    assert len(found) >= 3
    done = run_snippet(Block("report.html", 1, "python", "", "\n".join(found)), Scene(run_folder))
    assert done.code == 0, done.output


RECIPES = [
    one for told in TOLD.values() for one in told
    if isinstance(one, Block) and one.language == "toml" and one.page not in {"docs/takedown.md", "docs/trust.md"}
]  # fmt: skip


@pytest.mark.parametrize("block", RECIPES, ids=lambda one: f"{one.page}-{one.line}")
def test_every_piece_of_a_recipe_is_one(block: Block) -> None:
    if block.text.startswith("[filters."):  # part of a table that stands above it
        assert tomllib.loads(block.text)
        return
    if "[grid]" in block.text:  # for `pairtrawl filters frontier`
        assert len(combinations(block.text, name=block.page)) > 1
        return
    recipe = parse_recipe(block.text, name=block.page)
    for choice in recipe.filters:
        known = {setting.name for entry in catalogue() if entry.name == choice.use for setting in entry.settings}
        assert set(choice.settings) <= known, choice.use
