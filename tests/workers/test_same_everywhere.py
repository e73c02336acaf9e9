"""One plan, run in every place, gives the same keys, the same bytes and the same counts."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
from rich.console import Console

from crawler.settings import Recipe
from filters.models.choice import EMBEDDED, ModelChoice
from tests.runs import contents
from workers.crawl import Crawl, Here, Place, Summary
from workers.demo import demo_recipe, inputs
from workers.demo.web import DemoWeb, demo_web
from workers.progress import Display
from workers.ray_cluster import joined
from workers.ray_pool import Actors, OnRay
from workers.report.run import build_report
from workers.run_folder import RunFolder
from workers.session import find_sources
from workers.stop import Stop
from workers.telling.timeline import TimelineFile, read_timeline

pytestmark = [pytest.mark.ray, pytest.mark.clip, pytest.mark.slow]


@pytest.fixture(scope="module")
def web() -> Iterator[DemoWeb]:
    with demo_web() as served:
        yield served


@pytest.fixture(scope="module")
def on_ray() -> Iterator[Place]:
    with joined(cpus=2):
        yield OnRay(Actors(workers=2, scorers=1))


@pytest.fixture(scope="module")
def oracle(web: DemoWeb, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = RunFolder(tmp_path_factory.mktemp("local") / "run")
    assert crawl(small(web), folder, Here()).complete
    return folder


def small(web: DemoWeb) -> Recipe:
    """The demo in small shards, with the vectors of its models, of which captions in Russian have one of their own."""
    recipe = demo_recipe(web.address)
    model = f"local-dir:{ModelChoice(EMBEDDED).model_folder}"
    russian = {"languages": ["ru"], "model": model, "threshold": 0.4}
    return msgspec.structs.replace(
        recipe,
        plan=msgspec.structs.replace(recipe.plan, rows_per_job=100),
        output=msgspec.structs.replace(recipe.output, keep_embeddings=True),
        filters=tuple(
            msgspec.structs.replace(one, settings=one.settings | {"routes": [russian]})
            if one.use == "pictures.clip_similarity"
            else one
            for one in recipe.filters
        ),
    )


def crawl(recipe: Recipe, folder: RunFolder, place: Place, stop: Stop | None = None) -> Summary:
    sources = find_sources(recipe, inputs()[1:2])
    folder.open(recipe, sources, "test")
    timeline = TimelineFile(folder.timeline)
    display = Display(Console(file=io.StringIO()), sinks=[timeline])
    summary = Crawl(recipe, sources, folder, place, display, stop if stop is not None else Stop()).run()
    timeline.close()
    return summary


def told(run: Path) -> list[str]:
    """What was told of a run, but for the time, and for how far it was at which moment."""
    volatile = {"at", "seconds", "rate", "left_seconds", "spent", "under_way", "under_way_rows"}
    events = [msgspec.to_builtins(one) for one in read_timeline(run)]
    lasting = [one for one in events if one["event"] != "phase_progress"]
    return sorted(str({name: value for name, value in one.items() if name not in volatile}) for one in lasting)


#: what a report says of the day on which its run was made; all else depends on recipe and inputs
OF_THE_DAY = {"speeds", "limits", "limit", "timeline", "peak_memory_bytes", "seconds", "cpu_seconds"}


def without_the_day(value: Any) -> Any:
    """A report, as far as two runs of the same have to have it in common."""
    if isinstance(value, dict):
        return {key: without_the_day(inner) for key, inner in value.items() if key not in OF_THE_DAY}
    return [without_the_day(inner) for inner in value] if isinstance(value, list) else value


def test_ray_makes_what_this_process_makes(web: DemoWeb, on_ray: Place, oracle: RunFolder, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    assert crawl(small(web), folder, on_ray).complete
    assert contents(folder.path) == contents(oracle.path)
    assert all((oracle.shards / "thumbnails" / path.name).exists() for path in oracle.shards.glob("*.parquet"))
    models = {path.name for path in (oracle.shards / "embeddings").iterdir()}
    assert models == {"pairtrawl-tiny_float32", "local-dir_pairtrawl-tiny_float32"}
    there, here = build_report(folder), build_report(oracle)
    assert there.keys() == here.keys()
    assert without_the_day(there) == without_the_day(here)
    assert told(folder.path) == told(oracle.path)


def test_an_actor_that_dies_is_replaced_and_its_job_runs_again(
    web: DemoWeb, on_ray: Place, oracle: RunFolder, tmp_path: Path
) -> None:
    folder = RunFolder(tmp_path / "run")
    killed: list[int] = []

    class Murderer(Stop):
        """Asked between jobs whether to stop: says no, and once kills a fetching actor instead."""

        def __bool__(self) -> bool:
            if folder.plan.read() and not killed:
                ours = psutil.Process().children(recursive=True)  # others may run on this machine
                victims = [one for one in ours if is_worker(one)]
                if victims:
                    os.kill(victims[0].pid, signal.SIGKILL)
                    killed.append(victims[0].pid)
            return False

    assert crawl(small(web), folder, on_ray, Murderer()).complete
    assert killed
    assert contents(folder.path) == contents(oracle.path)


def is_worker(process: psutil.Process) -> bool:
    return any(word.startswith("ray::Worker") for word in process.cmdline())


def test_asked_to_stop_it_drains_and_goes_on_later(
    web: DemoWeb, on_ray: Place, oracle: RunFolder, tmp_path: Path
) -> None:
    folder = RunFolder(tmp_path / "run")

    class AfterOneShard(Stop):
        def __bool__(self) -> bool:
            return any(folder.shards.glob("*_stats.json")) if folder.shards.exists() else False

    first = crawl(small(web), folder, on_ray, AfterOneShard())
    done = len(list(folder.shards.glob("*_stats.json")))
    assert first.stopped
    assert 0 < done < len(list(oracle.shards.glob("*_stats.json")))
    assert not list(folder.shards.glob(".*"))
    assert crawl(small(web), folder, on_ray).complete
    assert contents(folder.path) == contents(oracle.path)
