"""The processes that do jobs, real ones."""

from __future__ import annotations

import asyncio
import os
import signal
from importlib.resources import files
from pathlib import Path

import psutil
import pytest

from crawler.job import Job, JobKind, run_job
from crawler.settings import Recipe
from tests.fakes.archive_server import archive_server, never_answers, whole
from workers.assemble import assemble
from workers.blame import Blame
from workers.home.crew import Crew
from workers.home.errands import Ended
from workers.home.errors import ChildLostError

ARCHIVE = Path(str(files("workers.demo"))) / "data/archives/CC-MAIN-20261121000000-20261121030000-00001.warc.gz"
RECIPE = Recipe()


def a_crew(path: Path, *, memory_bytes: int = 2**34, private: bool = True, look_seconds: float = 2.0) -> Crew:
    return Crew(
        RECIPE, RECIPE.digest, path / "scratch", tuple(sorted(os.sched_getaffinity(0)))[:1], memory_bytes,
        private_networks=private, look_seconds=look_seconds,
    )  # fmt: skip


def a_job(path: Path, address: str) -> Job:
    path.mkdir(exist_ok=True)
    return Job(kind=JobKind.EXTRACT, number=3, input=address, output=str(path), recipe=RECIPE.digest, form="warc")


def test_a_process_does_jobs_as_everybody_else_and_lives_on_after_one_that_failed(tmp_path: Path) -> None:
    told: list[int] = []

    async def life(root: str) -> None:
        crew = a_crew(tmp_path)
        try:
            ended = await crew.do(a_job(tmp_path / "one", f"{root}/a.warc.gz"), lambda done, _: told.append(done))
            assert ended.report is not None
            (first,) = children()
            again = await crew.do(a_job(tmp_path / "one", f"{root}/a.warc.gz"), lambda *_: None)
            assert again.report == ended.report  # it was done already: its marker is there
            assert children() == [first]
            failed = await crew.do(a_job(tmp_path / "two", f"{root}/missing.warc.gz"), lambda *_: None)
            assert failed.report is None
            assert failed.blame is Blame.INPUT
            assert "missing.warc.gz" in failed.failure
        finally:
            await crew.close()
        assert children() == []

    with archive_server({"/a.warc.gz": [whole(ARCHIVE.read_bytes())]}) as server:
        asyncio.run(life(server.root))
        local = a_job(tmp_path / "local", server.url("/a.warc.gz"))
        run_job(local, assemble(RECIPE, tmp_path / "local-scratch", kind=JobKind.EXTRACT))
    assert (tmp_path / "one/00003.parquet").read_bytes() == (tmp_path / "local/00003.parquet").read_bytes()
    assert told
    assert [path.name for path in (tmp_path / "scratch").iterdir()] == []


def test_an_archive_in_our_own_network_is_not_asked_for(tmp_path: Path) -> None:
    async def life(root: str) -> None:
        crew = a_crew(tmp_path, private=False)
        ended = await crew.do(a_job(tmp_path / "one", f"{root}/a.warc.gz"), lambda *_: None)
        assert "private network" in ended.failure
        await crew.close()

    with archive_server({"/a.warc.gz": [whole(ARCHIVE.read_bytes())]}) as server:
        asyncio.run(life(server.root))
        assert server.asked == []


def test_a_process_that_dies_or_grows_or_is_not_wanted_costs_its_job_and_nothing_else(tmp_path: Path) -> None:
    async def begun(crew: Crew, root: str) -> asyncio.Task[Ended]:
        under_way = asyncio.Event()
        job = a_job(tmp_path / "one", f"{root}/silent.warc.gz")
        doing = asyncio.create_task(crew.do(job, lambda *_: under_way.set()))
        await under_way.wait()
        return doing

    async def life(root: str) -> None:
        crew = a_crew(tmp_path)
        doing = await begun(crew, root)
        os.kill(children()[0].pid, signal.SIGSEGV)
        with pytest.raises(ChildLostError, match="signal 11") as lost:
            await doing
        assert not lost.value.local
        doing = await begun(crew, root)
        doing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await doing
        assert children() == []
        small = a_crew(tmp_path, memory_bytes=1, look_seconds=0)
        with pytest.raises(ChildLostError, match="--memory") as lost:
            await small.do(a_job(tmp_path / "two", f"{root}/silent.warc.gz"), lambda *_: None)
        assert lost.value.local
        assert children() == []

    with archive_server({"/silent.warc.gz": [never_answers()]}) as server:
        asyncio.run(life(server.root))


def children() -> list[psutil.Process]:
    """The processes of jobs that this test has started."""
    found = []
    for one in psutil.Process().children():
        try:
            if "workers.home.child" in one.cmdline() and one.status() != psutil.STATUS_ZOMBIE:
                found.append(one)
        except psutil.Error:
            continue
    return found
