"""The live page in a real Chromium: it changes while a run goes, strangers' words do not run, and it outlives the run."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.workers.live.runs import EVIL, a_run, a_shard, told
from tests.workers.telling.stories import at, began, progress
from workers.live.serving import Live
from workers.live.watching import RunWatch
from workers.local_pages.serving import local_pages
from workers.telling.events import Failure, PhaseBegan, RunEnded, Said

pytestmark = pytest.mark.slow
_PATIENCE = 60_000


@contextmanager
def served(run: Path) -> Iterator[str]:
    """The page of a run in a thread of its own; its address with the key."""
    there, stop = threading.Event(), threading.Event()
    address = []

    async def life() -> None:
        live = Live(RunWatch(run), seconds=0.1)
        async with local_pages(live.routes) as pages:
            address.append(pages.address)
            there.set()
            await asyncio.to_thread(stop.wait)
            await live.close()

    thread = threading.Thread(target=lambda: asyncio.run(life()))
    thread.start()
    try:
        assert there.wait(60)
        yield address[0]
    finally:
        stop.set()
        thread.join()


@contextmanager
def looking(browser: Browser, address: str, *, script: bool = True) -> Iterator[Page]:
    """A window. At its end: nothing was complained of, and nobody else was asked."""
    context = browser.new_context(java_script_enabled=script, viewport={"width": 1000, "height": 800})
    page, complaints, elsewhere = context.new_page(), [], []
    page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    host = urlsplit(address).netloc
    page.on("request", lambda asked: elsewhere.append(asked.url) if urlsplit(asked.url).netloc != host else None)
    try:
        page.goto(address)
        yield page
        assert complaints == []
        assert elsewhere == []
    finally:
        context.close()


def test_it_changes_while_a_run_goes_and_links_the_report_when_it_has_ended(browser: Browser, tmp_path: Path) -> None:
    run = a_run(tmp_path / "run")
    timeline = run / "timeline.jsonl"
    told(timeline, [began(), PhaseBegan(at=at(0), phase="fetch", unit="pairs", total=100), progress(5, 10, total=100)])
    with served(run) as address, looking(browser, address) as page:
        assert page.url.endswith("/")  # the key is gone from it
        expect(page.locator("#now")).to_contain_text("10 of 100 pairs")
        a_shard(run, 0)
        told(timeline, [progress(12, 40, total=100)])
        expect(page.locator("#now")).to_contain_text("40 of 100 pairs", timeout=_PATIENCE)
        expect(page.locator("#steps")).to_contain_text("1 of 10 shards", timeout=_PATIENCE)
        page.get_by_role("button", name="Hold still").click()
        a_shard(run, 1)
        (run / "report.html").write_text("<!doctype html><title>r</title><h1>The report</h1>")
        told(timeline, [RunEnded(at=at(20), exit_code=0, seconds=20.0)])
        expect(page.get_by_text("This page holds still.")).to_be_visible()
        expect(page.locator("#steps")).to_contain_text("1 of 10 shards")
        page.get_by_role("button", name="Hold still").click()
        expect(page.locator("#steps")).to_contain_text("2 of 10 shards", timeout=_PATIENCE)
        expect(page.get_by_role("status")).to_contain_text("Done.", timeout=_PATIENCE)
        page.get_by_role("link", name="Open the report.").click()
        expect(page.get_by_role("heading", name="The report")).to_be_visible()


def test_words_of_strangers_do_not_run_whether_they_were_there_or_come(browser: Browser, tmp_path: Path) -> None:
    # invariant 25
    run = a_run(tmp_path / "run", name=EVIL)
    timeline = run / "timeline.jsonl"
    told(timeline, [began(name=EVIL), Said(at=at(0), text=EVIL)])
    with served(run) as address, looking(browser, address) as page:
        expect(page.locator("h1")).to_contain_text(EVIL)
        told(timeline, [Failure(at=at(1), text=EVIL)])
        expect(page.locator("#failures")).to_contain_text(EVIL, timeout=_PATIENCE)
        assert page.evaluate("window.evil") is None
        assert page.locator("main img").count() == 0


def test_without_scripts_it_is_whole_and_asks_for_itself_again(browser: Browser, tmp_path: Path) -> None:
    run = a_run(tmp_path / "run")
    with served(run) as address, looking(browser, address, script=False) as page:
        expect(page.locator("#steps")).to_contain_text("3 of 3 archives")
        expect(page.get_by_role("button", name="Hold still")).to_be_hidden()
        a_shard(run, 0)
        expect(page.locator("#steps")).to_contain_text("1 of 10 shards", timeout=_PATIENCE)
