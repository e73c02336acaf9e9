"""What goes wrong inside an actor is told by the driver as it would be told here."""

from __future__ import annotations

from pathlib import Path

import pytest

from crawler.job import Job, JobKind
from crawler.settings import FilterChoice, Recipe
from workers.blame import Blame
from workers.ray_cluster import joined
from workers.ray_pool import Actors, RayPool
from workers.run_folder import RunFolder
from workers.stop import Stop

LIST_THAT_IS_NOT_THERE = FilterChoice(use="pictures.phash_removal", settings={"path": "nothing.txt"})


def test_actors_say_what_they_need_in_whole_cores() -> None:
    assert Actors(workers=8, scorers=1).cpus == 5


@pytest.mark.ray
@pytest.mark.slow
def test_a_worker_that_cannot_be_set_up_says_why_once_and_in_one_line(tmp_path: Path) -> None:
    job = Job(kind=JobKind.CRAWL, number=0, input="none", output=str(tmp_path), recipe="")
    with (
        joined(cpus=2),
        RayPool(
            Recipe(filters=(LIST_THAT_IS_NOT_THERE,)), RunFolder(tmp_path), Actors(workers=1), JobKind.CRAWL
        ) as pool,
    ):
        (outcome,) = pool.run([job], lambda _rows: None, Stop())
    assert outcome.blame is Blame.SET_UP
    assert "nothing.txt" in outcome.failure
    assert "\n" not in outcome.failure
