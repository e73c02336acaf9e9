"""`LocalSeen` keeps the contract, whatever of its folder is lost in between."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from crawler.seen import NothingSeen, Seen
from crawler.seen.keys import keys_of
from crawler.seen.opening import open_seen
from crawler.settings import Recipe
from tests.contract_seen import STORIES, Stage, Story, sha


@contextmanager
def closed_well(recipe: Recipe, run: Path) -> Iterator[Seen]:
    seen = open_seen(recipe, run)
    yield seen
    seen.close()


@contextmanager
def killed(recipe: Recipe, run: Path) -> Iterator[Seen]:
    yield open_seen(recipe, run)


@contextmanager
def deleted(recipe: Recipe, run: Path) -> Iterator[Seen]:
    with closed_well(recipe, run) as seen:
        yield seen
    shutil.rmtree(run / "seen")


@pytest.mark.parametrize("way", [closed_well, killed, deleted])
@pytest.mark.parametrize("story", STORIES)
def test_the_contract(story: Story, way: object, tmp_path: Path) -> None:
    story(Stage(tmp_path, way))  # type: ignore[arg-type]  # parametrize has lost the type


def test_a_recipe_that_keeps_every_file_needs_no_index(tmp_path: Path) -> None:
    seen = open_seen(Recipe(), tmp_path)
    assert isinstance(seen, NothingSeen)
    for shard in ("00000", "00001"):
        assert seen.claim(shard, keys_of([sha("a"), sha("a")])).tolist() == [False, False]
        seen.confirm(shard)
    seen.release("00002")
    seen.close()
    assert not list(tmp_path.iterdir())
