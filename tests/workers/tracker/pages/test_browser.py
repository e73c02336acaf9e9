"""The pages in a real Chromium."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.workers.tracker.pages.busy import EVIL, Busy
from workers.tracker.moves.jobs import is_paused
from workers.tracker.trust import Said
from workers.tracker.web.knowing import COOKIE

pytestmark = pytest.mark.slow

DESKTOP: ViewportSize = {"width": 1100, "height": 800}
PHONE: ViewportSize = {"width": 360, "height": 740}
_BIGGEST_PICTURE = 150_000


@contextmanager
def looking(
    browser: Browser, campaign: Busy, size: ViewportSize = DESKTOP, *, script: bool = True,
    scheme: Literal["light", "dark"] = "light", expected: tuple[int, ...] = (),
) -> Iterator[Page]:  # fmt: skip
    """A window. At its end: nothing was complained of (but pages with an expected status), and nobody else was asked."""
    campaign.clock.now += 10  # pages are kept for a few seconds
    context = browser.new_context(
        viewport=size, java_script_enabled=script, color_scheme=scheme, base_url=campaign.root, reduced_motion="reduce"
    )
    page, complaints, elsewhere = context.new_page(), [], []
    page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    host = urlsplit(campaign.root).netloc
    page.on("request", lambda asked: elsewhere.append(asked.url) if urlsplit(asked.url).netloc != host else None)
    try:
        yield page
        own = [one for one in complaints if not any(f"status of {status}" in one for status in expected)]
        assert own == []
        assert elsewhere == []
    finally:
        context.close()


def pictured(page: Page, pictures: Path | None, name: str) -> None:
    """Keep what the page looks like, where that is asked for."""
    if pictures is None:
        return
    pictures.mkdir(parents=True, exist_ok=True)
    path = pictures / f"tracker-{name}.png"
    taken = Image.open(io.BytesIO(page.screenshot(full_page=True, animations="disabled")))
    taken.convert("RGB").quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(path, optimize=True)
    assert path.stat().st_size < _BIGGEST_PICTURE


def log_in(page: Page, campaign: Busy) -> None:
    page.goto("/operator")
    page.get_by_label("Admin token").fill(campaign.admin)
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("heading", name="Operator")).to_be_visible()


@pytest.mark.parametrize(("width", "scheme"), [("desktop", "light"), ("phone", "dark")])
def test_every_page_is_whole_at_this_size_and_shows_strangers_words_as_words(
    browser: Browser, campaign: Busy, pictures: Path | None, width: str, scheme: Literal["light", "dark"]
) -> None:
    # invariant 25: names, stages and details hold a script, which is shown and does not run
    printer = campaign.machines["printer"].id
    pages = {
        "dashboard": "/", "leaderboard": "/leaderboard", "worker": f"/w/{campaign.machines[EVIL].id}",
        "cheat": f"/w/{printer}", "operator": "/operator", "confirm": f"/operator/workers/{printer}/confirm/revoke",
        "operators-worker": f"/operator/workers?worker={printer}", "nobody": "/w/999999",
    }  # fmt: skip
    evil = {"dashboard", "worker", "operator"}
    with looking(browser, campaign, PHONE if width == "phone" else DESKTOP, scheme=scheme, expected=(401, 404)) as page:
        log_in(page, campaign)
        for name, address in pages.items():
            page.goto(address)
            assert page.evaluate("document.documentElement.scrollWidth") <= (360 if width == "phone" else 1100), name
            assert page.evaluate("window.evil") is None
            assert (EVIL in page.locator("body").inner_text()) == (name in evil), name
            assert page.locator("h1").count() == 1
            assert page.locator("table:not(:has(caption))").count() == 0
            assert page.locator("input:not([type=hidden]):not([id])").count() == 0
            if name in {"dashboard", "operator", "leaderboard", "cheat"}:
                pictured(page, pictures, f"{name}-{width}")


def test_the_dashboard_says_what_is_true(browser: Browser, campaign: Busy) -> None:
    with looking(browser, campaign) as page:
        page.goto("/")
        text = page.locator("main").inner_text()
        done = campaign.count("extract", "committed") + campaign.count("extract", "verified")
        assert page.locator("#live-total").inner_text() == str(60 + 25)
        assert int(page.locator("#live-done").inner_text()) == done
        assert f"{done} of 60 archives" in text
        assert "1 job was set aside after several failures" in text
        assert f"pairtrawl work {campaign.root}" in text
        assert "About" in text
        assert "to go" in text


def test_the_dashboard_is_whole_without_its_script(browser: Browser, campaign: Busy) -> None:
    with looking(browser, campaign, script=False) as page:
        page.goto("/")
        expect(page.get_by_role("heading", name="The way to the data set")).to_be_visible()
        expect(page.locator("#live")).to_be_hidden()
        expect(page.get_by_text("ADDRESS-OF-THIS-PAGE")).to_be_visible()


def test_the_dashboard_changes_while_one_looks(browser: Browser, campaign: Busy) -> None:
    with looking(browser, campaign) as page:
        page.goto("/")
        expect(page.locator("#live")).to_be_visible(timeout=60_000)
        before = int(page.locator("#live-done").inner_text())
        width = page.locator("#progress-bar").get_attribute("width")
        campaign.one_more()
        expect(page.locator("#live-done")).to_have_text(str(before + 1), timeout=60_000)
        assert page.locator("#progress-bar").get_attribute("width") != width


def test_a_worker_reads_in_words_what_was_found(browser: Browser, campaign: Busy) -> None:
    with looking(browser, campaign) as page:
        page.goto(f"/w/{campaign.machines['printer'].id}")
        text = page.locator("main").inner_text()
        assert "12 of 100 rows compared with the archive" in text
        assert "12.0 %" in text
        assert "are not in the archive" not in text  # the checkers' own words are for operators


def test_only_who_knows_the_admin_token_sees_the_operators_page(browser: Browser, campaign: Busy) -> None:
    # invariant 18
    with looking(browser, campaign, expected=(401, 403)) as page:
        for address in ("/operator", "/operator/workers?worker=1", "/operator/workers/1/confirm/ban"):
            answer = page.goto(address)
            assert answer is not None
            assert answer.status == 401
            expect(page.get_by_text("Queues")).to_have_count(0)
        page.get_by_label("Admin token").fill("x" * 43)
        page.get_by_role("button", name="Open").click()
        expect(page.get_by_role("alert")).to_contain_text("not the admin token")
        assert page.context.cookies() == []
        log_in(page, campaign)
        (cookie,) = page.context.cookies()
        assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (
            COOKIE, True, "Strict", "/operator",
        )  # fmt: skip
        assert campaign.admin not in cookie["value"]
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_label("Admin token")).to_be_visible()


def test_an_operator_pauses_drains_and_goes_on(browser: Browser, campaign: Busy) -> None:
    with looking(browser, campaign, expected=(401,)) as page:
        log_in(page, campaign)
        for button, state in (("Pause", "paused"), ("Drain", "drain"), ("Resume", "")):
            page.get_by_role("button", name=button).click()
            expect(page.get_by_role("status")).to_be_visible()
            assert campaign.do(is_paused) == state
        assert page.locator("form[method=get]").count() == 1  # what changes anything is a POST


def test_an_operator_tries_a_job_again(browser: Browser, campaign: Busy) -> None:
    with looking(browser, campaign, expected=(401,)) as page:
        log_in(page, campaign)
        expect(page.get_by_text("IndexError: row 17").first).to_be_visible()
        before = campaign.count("crawl", "ready")
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_role("status")).to_contain_text("tried again")
        assert campaign.count("crawl", "poisoned") == 0
        assert campaign.count("crawl", "ready") == before + 1
        job = campaign.world.row("SELECT id FROM jobs WHERE kind = 'crawl' AND number = 0")["id"]
        campaign.do(lambda tx: tx.run("UPDATE jobs SET state = 'poisoned' WHERE id = ?", job))
        campaign.do(
            lambda tx: tx.run("INSERT INTO job_counts VALUES ('crawl', 0, 'ready', -1), ('crawl', 0, 'poisoned', 1)")
        )


def test_an_operator_quarantines_releases_and_revokes_after_a_second_question(browser: Browser, campaign: Busy) -> None:
    worker = campaign.machines["kitchen computer"].id

    def state() -> str:
        return str(campaign.world.row("SELECT state FROM workers WHERE id = ?", worker)["state"])

    def jobs() -> int:
        return int(campaign.world.row("SELECT SUM(jobs) AS jobs FROM ledger WHERE worker = ?", worker)["jobs"])

    with looking(browser, campaign, expected=(401,)) as page:
        log_in(page, campaign)
        page.get_by_label("Another worker").fill(str(worker))
        page.get_by_role("button", name="Look").click()
        page.get_by_role("link", name="Quarantine").click()
        assert state() != "quarantined"
        page.get_by_label("Why").fill(EVIL)
        page.get_by_role("button", name="Quarantine").click()
        expect(page.get_by_role("status")).to_contain_text("quarantined")
        assert state() == "quarantined"
        page.get_by_role("article").filter(has_text="kitchen").get_by_role("button", name="Release").click()
        expect(page.get_by_role("status")).to_contain_text("may have jobs again")
        assert state() == "active"
        assert jobs() > 0
        page.goto(f"/operator/workers/{worker}/confirm/revoke")
        page.get_by_role("button", name="Revoke its work").click()
        expect(page.get_by_role("status")).to_contain_text("taken back")
        assert jobs() == 0


def test_an_operator_forgives_whom_the_checks_have_quarantined(browser: Browser, campaign: Busy) -> None:
    lease = campaign.world.take_one(campaign.machines["trawler"], "extract")
    campaign.world.finish(campaign.machines["trawler"], lease)
    result = campaign.world.result_of(lease)
    campaign.world.conclude(result, Said.BAD)
    trawler = campaign.machines["trawler"].id
    campaign.do(lambda tx: tx.run("UPDATE trust SET state = 'quarantined' WHERE worker = ?", trawler))
    with looking(browser, campaign, expected=(401,)) as page:
        log_in(page, campaign)
        page.get_by_role("article").filter(has_text="trawler").get_by_role("button", name="Release").click()
        expect(page.get_by_role("status")).to_contain_text("may have jobs again")
        assert campaign.world.take(campaign.machines["trawler"], 1, ("extract",)) != []


def test_an_operator_blocks_a_version(browser: Browser, campaign: Busy) -> None:
    with looking(browser, campaign, expected=(401,)) as page:
        log_in(page, campaign)
        page.get_by_role("button", name="Block").click()
        expect(page.get_by_role("button", name="Allow")).to_be_visible()
        assert campaign.world.row("SELECT state FROM versions")["state"] == "blocked"
        page.get_by_role("button", name="Allow").click()
        expect(page.get_by_role("button", name="Block")).to_be_visible()


def test_a_page_that_is_printed_has_no_buttons(browser: Browser, campaign: Busy) -> None:
    with looking(browser, campaign) as page:
        page.goto("/")
        page.emulate_media(media="print")
        expect(page.locator("nav")).to_be_hidden()
        expect(page.get_by_role("heading", name="The way to the data set")).to_be_visible()
