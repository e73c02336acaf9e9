"""A run's indexes: where they lie, what they are made from, and that they can be checked and made anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from crawler.errors import SettingsError
from crawler.seen.keys import PARTITIONS, keys_of
from crawler.seen.opening import check, forget_other_shares, look_up_earlier, open_seen, rebuild, shares
from crawler.settings import Duplicates, Recipe
from tests.builders import a_candidate
from tests.contract_seen import sha, write_shard


def a_recipe(folder: Path, *earlier: str) -> Recipe:
    return Recipe(folder=str(folder), duplicates=Duplicates(earlier=earlier, files="first"))


def some_runs(folder: Path) -> tuple[Recipe, Path]:
    """An earlier run with two shards, and a run with one; both indexes are there."""
    write_shard(folder / "old/shards", 0, ["a", "b"], rejected=["c"])
    write_shard(folder / "old/shards", 1, ["d"])
    write_shard(folder / "run/shards", 0, ["e"])
    recipe, run = a_recipe(folder, "old"), folder / "run"
    open_seen(recipe, run).close()
    look_up_earlier(recipe, run)
    return recipe, run


def test_pairs_that_an_earlier_run_kept_are_known_by_their_content_ids(tmp_path: Path) -> None:
    recipe, run = some_runs(tmp_path)
    seen = look_up_earlier(recipe, run)
    assert seen is not None
    ids = [a_candidate(text).content_id for text in ("a", "b", "c", "gone", "d", "e")]
    assert seen(keys_of(ids)).tolist() == [True, True, False, False, True, False]


def test_a_recipe_without_earlier_runs_looks_nothing_up(tmp_path: Path) -> None:
    assert look_up_earlier(a_recipe(tmp_path), tmp_path / "run") is None
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("earlier", ["nowhere", "empty", "run", "../{}/run"])
def test_an_earlier_run_that_is_none_is_said(tmp_path: Path, earlier: str) -> None:
    (tmp_path / "empty/shards").mkdir(parents=True)
    write_shard(tmp_path / "run/shards", 0, ["a"])
    named = earlier.format(tmp_path.name)
    for use in (look_up_earlier, open_seen):
        with pytest.raises(SettingsError, match=r"duplicates\.earlier: "):
            use(a_recipe(tmp_path, named), tmp_path / "run")


def test_indexes_are_what_their_shards_say_and_can_be_made_anew(tmp_path: Path) -> None:
    recipe, run = some_runs(tmp_path)
    names = ["content_id/0000-4095", "sha256/0000-4095"]
    assert check(recipe, run) == dict.fromkeys(names, True)
    for path in run.glob("seen/sha256/*/*.keys"):  # a bit is turned over on the disk
        content = bytearray(path.read_bytes())
        content[3] ^= 1
        path.write_bytes(content)
    assert check(recipe, run) == dict(zip(names, [True, False], strict=True))
    assert rebuild(recipe, run) == dict(zip(names, [3, 4], strict=True))
    assert check(recipe, run) == dict.fromkeys(names, True)
    assert sorted(path.name for path in (run / "seen").iterdir()) == ["content_id", "sha256"]


@pytest.mark.parametrize("number", [1, 2, 3, 7, PARTITIONS])
def test_shares_are_all_partitions_once(number: int) -> None:
    ranges = shares(number)
    assert np.concatenate([np.array(one) for one in ranges]).tolist() == list(range(PARTITIONS))
    assert max(len(one) for one in ranges) - min(len(one) for one in ranges) <= 1


@pytest.mark.parametrize("number", [0, -1, PARTITIONS + 1])
def test_there_are_no_more_shares_than_partitions(number: int) -> None:
    with pytest.raises(ValueError, match="shares"):
        shares(number)


def test_what_was_indexed_for_other_shares_goes(tmp_path: Path) -> None:
    recipe, run = some_runs(tmp_path)
    halves = shares(2)
    forget_other_shares(run, halves)
    assert not list(run.glob("seen/sha256/*"))
    for parts in halves:
        open_seen(recipe, run, parts).close()
    forget_other_shares(run, halves)
    assert check(recipe, run) == dict.fromkeys(["content_id/0000-4095", "sha256/0000-2047", "sha256/2048-4095"], True)
    seen = open_seen(recipe, run, halves[0])
    low = [file for file in "abcdefgh" if keys_of([sha(file)])["part"][0] < PARTITIONS // 2]
    assert seen.claim("00001", keys_of([sha(one) for one in low])).tolist() == [one in "abde" for one in low]
