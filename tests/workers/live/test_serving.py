"""The live page over HTTP: for whoever has the key, of one look for all, and as long as the server is there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp

from tests.workers.live.runs import a_run, a_shard, told
from tests.workers.telling.stories import a_story
from workers.live.serving import Live
from workers.live.watching import RunWatch
from workers.local_pages.serving import LocalPages, local_pages

Story = Callable[[aiohttp.ClientSession, LocalPages], Awaitable[None]]


def served(run: Path, story: Story, *, seconds: float = 0.02) -> None:
    async def life() -> None:
        live = Live(RunWatch(run), seconds=seconds)
        async with local_pages(live.routes) as pages:
            key = {"Authorization": f"Bearer {pages.gate.token}"}
            async with aiohttp.ClientSession(pages.root, headers=key) as session:
                await story(session, pages)
            await live.close()

    asyncio.run(life())


def test_the_page_is_whole_and_may_run_its_own_script_only(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run")

    async def story(session: aiohttp.ClientSession, _pages: LocalPages) -> None:
        async with session.get("/") as answer:
            page = await answer.text()
            policy = answer.headers["Content-Security-Policy"]
        assert "small in run" in page
        assert "http-equiv" in page.partition("<main")[0]  # without scripts it asks for itself again
        assert "unsafe" not in policy
        assert "connect-src 'self'" in policy

    served(run, story)


def test_nobody_looks_without_the_key(tmp_path: Path) -> None:
    async def story(_session: aiohttp.ClientSession, pages: LocalPages) -> None:
        async with aiohttp.ClientSession() as stranger:
            for path in ("/", "/events", "/metrics", "/report"):
                async with stranger.get(f"{pages.root}{path}") as answer:
                    assert answer.status == 401

    served(tmp_path, story)


def test_the_stream_tells_what_is_new(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run")

    async def story(session: aiohttp.ClientSession, _pages: LocalPages) -> None:
        async with session.get("/events") as answer:
            assert answer.content_type == "text/event-stream"
            while True:
                line = await answer.content.readline()
                if line.startswith(b"data: "):
                    sections = json.loads(line.removeprefix(b"data: "))
                    if "1 of 10 shards" in sections["steps"]:
                        return
                    a_shard(run, 0)

    served(run, story)


def test_of_a_hundred_who_ask_at_once_one_looks(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run")
    a_shard(run, 0)
    watch = RunWatch(run)
    looks = []
    look = watch.look
    watch.look = lambda: (looks.append(1), look())[1]  # type: ignore[method-assign,func-returns-value]  # counts its calls

    async def life() -> None:
        live = Live(watch, seconds=60)
        await asyncio.gather(*(live.seen() for _ in range(100)))

    asyncio.run(life())
    assert len(looks) == 1


def test_metrics_and_the_report_are_there_as_they_stand(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run")
    told(run / "timeline.jsonl", a_story())

    async def story(session: aiohttp.ClientSession, _pages: LocalPages) -> None:
        async with session.get("/metrics") as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            assert 'pairtrawl_jobs{kind="crawl",state="ready"} 10.0' in await answer.text()
        async with session.get("/report") as answer:
            assert answer.status == 404
        (run / "report.html").write_text("<!doctype html><p>the report")
        async with session.get("/report") as answer:
            assert await answer.text() == "<!doctype html><p>the report"
            assert "Content-Security-Policy" not in answer.headers  # it brings its own

    served(run, story)
