"""A real cluster of several nodes on this machine: nodes join and are lost, and the work is done all the same."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from crawler.errors import EngineLostError, SettingsError
from crawler.job import JobKind
from crawler.settings import FilterChoice, Recipe
from tests.fakes.picture_host import Feed, PictureHost, picture_host
from tests.runs import contents
from workers.attempt import Outcome
from workers.blame import Blame
from workers.crawl import Here
from workers.ray_cluster import joined
from workers.ray_pool import Actors, RayPool
from workers.ray_scoring import Scorers
from workers.run_folder import RunFolder
from workers.stop import Stop

pytestmark = [pytest.mark.ray, pytest.mark.slow]
pytest.importorskip("ray")

SMALL = {"include_dashboard": False, "object_store_memory": 80 * 1024 * 1024}
CLIP = FilterChoice(use="pictures.clip_similarity", settings={"threshold": 0.1, "device": "cuda"})


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head with one core; this process has joined it. Tests add nodes and remove them again."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, **SMALL})
    with joined(cluster.address):
        yield cluster
    cluster.shutdown()


@pytest.fixture
def web() -> Iterator[PictureHost]:
    with picture_host() as host:
        yield host


def run_all(pool: RayPool, feed: Feed) -> list[Outcome]:
    return list(pool.run(feed, lambda _rows: None, Stop()))


def until(outcomes: Iterator[Outcome], true: Callable[[], bool]) -> list[Outcome]:
    """Outcomes until something is true."""
    found = []
    while not true():
        found.append(next(outcomes))
    return found


def test_nodes_that_join_are_used_and_one_that_is_lost_costs_nothing(
    cluster: Any, web: PictureHost, tmp_path: Path
) -> None:
    folder = RunFolder(tmp_path / "ray")
    feed = Feed(folder.path, web.recipe())

    def at_work(node: Any) -> bool:
        return any(hand.node == node.node_id and hand.errands for hand in pool._crew.hands)

    with RayPool(feed.recipe, folder, Actors(workers=0), JobKind.CRAWL) as pool:
        outcomes = pool.run(feed, lambda _rows: None, Stop())
        ended = [next(outcomes)]
        assert len(pool._crew.hands) == 1
        node = cluster.add_node(num_cpus=1, **SMALL)
        ended += until(outcomes, lambda: at_work(node))
        assert len(pool._crew.hands) == 2
        cluster.remove_node(node, allow_graceful=False)
        ended += until(outcomes, lambda: not at_work(node))
        feed.enough = True
        ended += outcomes
        assert len(pool._crew.hands) == 1
    assert [one.failure for one in ended if one.failure] == []
    assert sorted(one.job.number for one in ended) == list(range(feed.made))

    oracle = RunFolder(tmp_path / "here")
    twin = Feed(oracle.path, feed.recipe)
    with Here().open(feed.recipe, oracle, JobKind.CRAWL) as run:
        assert all(one.report for one in run([twin.job(one) for one in range(feed.made)], lambda _rows: None, Stop()))
    assert contents(folder.path) == contents(oracle.path)


def test_what_is_fetched_on_one_cluster_and_scored_on_another_is_what_is_crawled(
    cluster: Any, web: PictureHost, tmp_path: Path
) -> None:
    apart, whole = RunFolder(tmp_path / "apart"), RunFolder(tmp_path / "whole")
    for kind, shared in ((JobKind.FETCH, (True, False)), (JobKind.SCORE, (False, True))):
        feed = Feed(apart.path, web.recipe(), kind)
        with RayPool(feed.recipe, apart, Actors(workers=1, worker_cpus=1), kind) as pool:
            assert (pool._company.desk is not None, pool._company.seen != []) == shared
            ended = list(pool.run([feed.job(number) for number in range(2)], lambda _rows: None, Stop()))
        assert [one.failure for one in ended] == ["", ""]
    twin = Feed(whole.path, web.recipe())
    with Here().open(twin.recipe, whole, JobKind.CRAWL) as run:
        assert all(one.report for one in run([twin.job(number) for number in range(2)], lambda _rows: None, Stop()))
    made, wanted = contents(apart.path), contents(whole.path)
    assert (
        {name for name in made if name.endswith(".tar")} == {name for name in wanted if name.endswith(".tar")} != set()
    )
    assert all(made[name] == wanted[name] for name in made if name.endswith((".tar", ".parquet")))


def test_a_job_that_kills_its_worker_is_set_aside_and_no_other_is_blamed(
    cluster: Any, web: PictureHost, tmp_path: Path
) -> None:
    web.asked = lambda path: kill_our_workers() if path.startswith("/1/") else None
    folder = RunFolder(tmp_path / "run")
    feed = Feed(folder.path, web.recipe())
    with RayPool(feed.recipe, folder, Actors(workers=1, worker_cpus=1), JobKind.CRAWL) as pool:
        ended = {
            one.job.number: one
            for one in pool.run([feed.job(number) for number in range(4)], lambda _rows: None, Stop())
        }
    assert len(ended) == 4
    assert "crawl-00001: took 3 actors with it" in ended.pop(1).failure
    assert [one.failure for one in ended.values()] == [""] * 3


def kill_our_workers() -> None:
    """As the kernel does it when memory runs out. Only those of this test's cluster: others may run on this machine."""
    for one in psutil.Process().children(recursive=True):
        if any(word.startswith("ray::Worker.work") for word in one.cmdline()):
            os.kill(one.pid, signal.SIGKILL)


def test_asked_to_stop_it_takes_back_what_is_not_begun(cluster: Any, web: PictureHost, tmp_path: Path) -> None:
    begun, go_on, stop = threading.Event(), threading.Event(), Stop()

    def asked(_path: str) -> None:
        begun.set()
        go_on.wait(60)

    web.asked = asked
    folder = RunFolder(tmp_path / "run")
    feed = Feed(folder.path, web.recipe())

    def tell_it() -> None:
        begun.wait(300)
        stop.ask("the test")
        go_on.set()

    threading.Thread(target=tell_it, daemon=True).start()
    with RayPool(feed.recipe, folder, Actors(workers=1, worker_cpus=1), JobKind.CRAWL) as pool:
        ended = list(pool.run(feed, lambda _rows: None, stop))
    assert 1 <= len(ended) <= 2  # the second may have begun before it was taken back
    assert all(one.report for one in ended)


def test_a_resource_that_nobody_has_is_named_with_what_there_is(cluster: Any, tmp_path: Path) -> None:
    recipe = Recipe(filters=(CLIP,))
    with pytest.raises(SettingsError, match=r"1 node with 1 core and no GPU; 1 scoring actor of 0\.5 cores and 1 GPU"):
        RayPool(recipe, RunFolder(tmp_path), Actors(wait_for_nodes=0), JobKind.CRAWL)
    with pytest.raises(SettingsError, match="3 workers of 2 cores each do not fit"):
        RayPool(Recipe(), RunFolder(tmp_path), Actors(workers=3, worker_cpus=2, wait_for_nodes=0), JobKind.EXTRACT)


def test_a_node_that_does_not_see_the_folder_is_named(
    cluster: Any, web: PictureHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.ray_pool.fingerprint", lambda _pin: "what this machine sees")
    folder = RunFolder(tmp_path / "run")
    feed = Feed(folder.path, web.recipe())
    with (
        pytest.raises(SettingsError, match=r"node .* does not see .*/run\.json .* file system that all nodes share"),
        RayPool(feed.recipe, folder, Actors(workers=1), JobKind.CRAWL) as pool,
    ):
        run_all(pool, feed)


class Echo:
    """An actor that answers more than fits into a message, so that it travels through the object store."""

    def __init__(self, name: str) -> None:
        self._name = name

    def big(self, images: NDArray[np.uint8]) -> tuple[str, NDArray[np.uint8]]:
        return self._name, images

    def stuck(self) -> None:
        threading.Event().wait(600)


def test_what_a_lost_node_held_is_asked_of_another_scorer(cluster: Any) -> None:
    import ray

    actor = ray.remote(Echo)
    node = cluster.add_node(num_cpus=1, resources={"there": 1}, **SMALL)
    there = actor.options(num_cpus=0, resources={"there": 1}, max_restarts=-1, max_concurrency=4).remote("there")
    here = actor.options(num_cpus=0, resources={"node:__internal_head__": 0.001}, max_concurrency=4).remote("here")
    images = np.ones(1_000_000, np.uint8)
    scorers = Scorers([there, here])
    assert scorers.ask("big", images)[0] == "there"
    held = there.big.remote(images)  # its answer is on that node, and nowhere else
    ray.wait([held], fetch_local=False)
    lost = there.stuck.remote()
    cluster.remove_node(node, allow_graceful=False)
    name, answer = scorers.ask("big", images)
    assert name == "here"
    assert np.array_equal(answer, images)
    answers = iter([held, lost])
    twice = Scorers([there, here], get=lambda fresh: ray.get(next(answers, fresh), timeout=120))
    assert twice.ask("big", images)[0] == "here"
    with pytest.raises(EngineLostError, match="could not be reached"):
        Scorers([there], patience=0).ask("big", images)
    for one in (there, here):
        ray.kill(one)


def test_jobs_that_lose_a_process_they_share_are_tried_again(cluster: Any, web: PictureHost, tmp_path: Path) -> None:
    web.asked = lambda path: kill_the_desk() if path == "/0/0" else None
    folder = RunFolder(tmp_path / "run")
    feed = Feed(folder.path, web.recipe())
    with RayPool(feed.recipe, folder, Actors(workers=1, worker_cpus=1), JobKind.CRAWL) as pool:
        ended = list(pool.run([feed.job(number) for number in range(2)], lambda _rows: None, Stop()))
    assert [(one.failure, one.blame) for one in ended] == [("", Blame.NOBODY)] * 2


def kill_the_desk() -> None:
    for one in psutil.Process().children(recursive=True):
        if any(word.startswith(("ray::DeskActor", "ray::SeenActor")) for word in one.cmdline()):
            os.kill(one.pid, signal.SIGKILL)
