"""What a run has seen, held by actors: its protocol without Ray, and then with Ray."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from crawler.errors import IndexLostError, RunFolderError, SettingsError
from crawler.seen import NothingSeen, Seen
from crawler.seen.keys import PARTITIONS, keys_of
from crawler.seen.opening import shares
from crawler.settings import Recipe
from tests.contract_seen import STORIES, Claimer, Stage, Story, sha, write_shard
from workers.ray_cluster import joined
from workers.ray_seen import RaySeen, SeenActor, seen_over, start_seen, stop_seen

pytestmark = pytest.mark.ray  # for its errors, at least
pytest.importorskip("ray")


class Handle:
    """An actor's handle without Ray. It can be dead for some calls, and come back with an empty memory."""

    def __init__(self, recipe: Recipe, run: Path, parts: range) -> None:
        self._new = partial(SeenActor, msgspec.json.encode(recipe), str(run), parts.start, parts.stop)
        self._actor = self._new()
        self.deaths = 0
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return _Method(self, name)

    def answer(self, name: str, *args: Any) -> Any:
        from ray.exceptions import RayActorError

        self.calls.append(name)
        if self.deaths:
            self.deaths -= 1
            self._actor = self._new()
            raise RayActorError
        return getattr(self._actor, name)(*args)


class _Method:
    def __init__(self, handle: Handle, name: str) -> None:
        self._handle = handle
        self._name = name

    def remote(self, *args: Any) -> Callable[[], Any]:
        return lambda: self._handle.answer(self._name, *args)


def get(under_way: Callable[[], Any]) -> Any:
    return under_way()


@contextmanager
def three_actors(recipe: Recipe, run: Path) -> Iterator[Seen]:
    seen = RaySeen([Handle(recipe, run, parts) for parts in shares(3)], get=get)
    seen.open()
    yield seen
    seen.close()


@pytest.mark.parametrize("story", STORIES)
def test_actors_keep_the_contract(story: Story, tmp_path: Path) -> None:
    story(Stage(tmp_path, three_actors))


def test_each_actor_is_asked_for_its_own_keys_only(tmp_path: Path) -> None:
    stage = Stage(tmp_path, three_actors)
    handles = [Handle(stage.recipe(), stage.run, parts) for parts in shares(3)]
    files = [str(number) for number in range(300)]
    jobs = Claimer(RaySeen(handles, get=get), stage)
    assert jobs.job(0, *files) == files
    assert jobs.job(1, "x", *files, "y") == ["x", "y"]
    jobs.seen.close()
    lengths = [path.stat().st_size // 8 - PARTITIONS - 1 for path in sorted(stage.run.glob("seen/sha256/*/*.keys"))]
    assert sum(lengths) == 302
    assert all(60 < one < 140 for one in lengths)


def test_an_actor_that_dies_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.ray_seen._PAUSE", 0)
    stage = Stage(tmp_path, three_actors)
    handles = [Handle(stage.recipe(), stage.run, parts) for parts in shares(2)]
    jobs = Claimer(RaySeen(handles, get=get), stage)
    jobs.job(0, *"abcdef")
    handles[0].deaths, handles[1].deaths = 2, 1
    assert jobs.job(1, *"abcdefghi") == list("ghi")
    assert handles[0].calls.count("claim") == 4


def test_an_actor_that_stays_away_ends_the_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.ray_seen._PAUSE", 0)
    handle = Handle(Recipe(), tmp_path, range(PARTITIONS))
    handle.deaths = 10**9
    with pytest.raises(IndexLostError, match="could not be reached"):
        RaySeen([handle], get=get, patience=0).claim("00000", keys_of([sha("a")]))


def test_a_recipe_that_keeps_every_file_starts_no_actor(tmp_path: Path) -> None:
    assert start_seen(Recipe(), tmp_path, 4) == []
    assert isinstance(seen_over([]), NothingSeen)
    stop_seen([])


@contextmanager
def two_on_ray(recipe: Recipe, run: Path) -> Iterator[Seen]:
    actors = start_seen(recipe, run, 2)
    yield seen_over(actors)
    stop_seen(actors)


def a_process_that_is_killed_and_two_runs(stage: Stage) -> None:
    import ray

    write_shard(stage.folder / "old/shards", 0, ["o", "p"])
    with stage.seen("old") as jobs:
        assert jobs.job(0, "a", "b", "o") == ["a", "b"]
        for actor in jobs.seen._actors:  # type: ignore[attr-defined]  # a RaySeen
            ray.kill(actor, no_restart=False)
        assert jobs.job(1, *"abcop") == ["c"]
        assert jobs.taken("00002", *"xyz") == [False] * 3
        assert jobs.taken("00003", *"xyz") == [True] * 3
        with pytest.raises(RunFolderError, match="not committed"):
            jobs.seen.confirm("00003")
    with pytest.raises(SettingsError, match=r"duplicates\.earlier: nowhere"), stage.seen("nowhere"):
        pass


@pytest.mark.slow
def test_real_actors_keep_it_too(tmp_path: Path) -> None:
    with joined(cpus=1):
        a_process_that_is_killed_and_two_runs(Stage(tmp_path, two_on_ray))
    assert len(list((tmp_path / "run/seen/sha256").glob("*/*.keys"))) == 2
