"""The page in a real Chromium: by keyboard, by finger, on a phone, with hostile captions, through a kill."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect
from playwright.sync_api import Route as PlaywrightRoute

from tests.workers.labelling.labels import a_sample, a_sitting, served, some_pictures
from workers.labelling.asking import Asking
from workers.labelling.journal import journal_path, read_journal, standing
from workers.labelling.judgement import Word
from workers.local_pages.serving import LocalPages

pytestmark = pytest.mark.slow

DESK: ViewportSize = {"width": 1100, "height": 800}
PHONE: ViewportSize = {"width": 360, "height": 740}
HOSTILE = (
    "<script>window.evil = 1</script><img src=x onerror='window.evil = 2'>",
    '"><svg onload=window.evil=3>',
    "سفينة حمراء في البحيرة",
    "\u202egnp.exe\u202c" + "W" * 4000,
    "</p></main><h1>All judged</h1>",
    "",
)
_AXE = """() => axe.run(document, {resultTypes: ["violations"]}).then((found) => found.violations.map(
    (one) => one.id + ": " + one.nodes.map((node) => node.html.slice(0, 160)).slice(0, 4).join(" | ")))"""


@contextmanager
def a_page(
    browser: Browser, labels: Path, captions: Sequence[str] = (), *, pairs: int = 5, unsafe: Sequence[int] = (),
    size: ViewportSize = DESK, scheme: Literal["light", "dark"] = "light", labeller: str = "ada", around_policy: bool = False,
    expected: Sequence[str] = (),
) -> Iterator[tuple[Page, LocalPages]]:  # fmt: skip
    """A sitting in a window. At its end: the page complained of nothing, and asked nobody else."""
    sample = a_sample(pairs)
    with a_sitting(labels, sample, labeller) as sitting, served(
        Asking(sitting, some_pictures(sample, captions, unsafe=unsafe))
    ) as pages:  # fmt: skip
        context = browser.new_context(
            viewport=size, color_scheme=scheme, reduced_motion="reduce", bypass_csp=around_policy
        )
        page, told = context.new_page(), []
        page.on("console", lambda said: told.append(said.text))
        page.on("pageerror", lambda error: told.append(str(error)))
        page.on(
            "request", lambda asked: None if asked.url.startswith((pages.root, "data:")) else told.append(asked.url)
        )
        try:
            page.goto(pages.address)
            expect(page.locator("#count")).to_have_text(f"{sitting.progress.done} of {pairs}")
            yield page, pages
            assert [one for one in told if not any(known in one for known in expected)] == []
        finally:
            context.close()


def said(labels: Path, labeller: str = "ada") -> list[str]:
    """What stands in a labeller's file, in order."""
    return [one.verdict.value for one in read_journal(journal_path(labels, labeller))]


def test_judging_by_keyboard_writes_the_file_and_the_token_is_in_no_address(browser: Browser, tmp_path: Path) -> None:
    with a_page(browser, tmp_path) as (page, pages):
        assert page.url == f"{pages.root}/"
        for number, key in enumerate(("1", "2", "3", "u"), 1):
            page.keyboard.press(key)
            expect(page.locator("#count")).to_have_text(f"{number} of 5")
            assert len(said(tmp_path)) == number  # on the disk before the page says so
        page.keyboard.press("z")
        expect(page.locator("#count")).to_have_text("3 of 5")
        page.keyboard.press("Backspace")
        expect(page.locator("#count")).to_have_text("2 of 5")
        for number in (3, 4, 5):
            page.keyboard.press("1")
            expect(page.locator("#count")).to_have_text(f"{number} of 5")
        expect(page.get_by_role("heading", name="All judged")).to_be_focused()
    assert said(tmp_path) == [
        "matches", "does_not", "unsafe", "cannot_tell", "undone", "undone", "matches", "matches", "matches",
    ]  # fmt: skip
    lines = read_journal(journal_path(tmp_path, "ada"))
    assert all(0 <= one.seconds < 600 for one in lines)
    assert len(standing(lines)) == 5


def test_a_sitting_goes_on_and_a_second_labeller_starts_anew(browser: Browser, tmp_path: Path) -> None:
    with a_page(browser, tmp_path) as (page, _):
        first = page.locator("#caption").inner_text()
        page.keyboard.press("1")
        expect(page.locator("#count")).to_have_text("1 of 5")
        second = page.locator("#caption").inner_text()
        page.reload()
        expect(page.locator("#caption")).to_have_text(second)
    with a_page(browser, tmp_path) as (page, _):
        expect(page.locator("#caption")).to_have_text(second)
    with a_page(browser, tmp_path, labeller="ben") as (page, _):
        expect(page.locator("#count")).to_have_text("0 of 5")
        assert page.locator("#caption").inner_text() != first


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_captions_of_strangers_are_text_and_the_page_holds_on_a_phone(
    browser: Browser, tmp_path: Path, scheme: Literal["light", "dark"]
) -> None:
    with a_page(browser, tmp_path, HOSTILE, pairs=len(HOSTILE), size=PHONE, scheme=scheme) as (page, _):
        shown = set()
        for number in range(1, len(HOSTILE) + 1):
            shown.add(page.locator("#caption").text_content())
            assert page.evaluate("document.documentElement.scrollWidth") <= 360
            assert page.locator("h1").count() == 1
            if "سفينة" in (page.locator("#caption").text_content() or ""):
                assert page.evaluate("getComputedStyle(document.getElementById('caption')).direction") == "rtl"
            page.get_by_role("button", name="Matches").click()
            expect(page.locator("#count")).to_have_text(f"{number} of {len(HOSTILE)}")
        assert shown == set(HOSTILE)
        assert page.evaluate("window.evil") is None


def test_an_unsafe_picture_is_blurred_until_it_is_asked_for(browser: Browser, tmp_path: Path) -> None:
    with a_page(browser, tmp_path, pairs=3, unsafe=(0, 1, 2)) as (page, _):
        asked: list[str] = []
        page.on("request", lambda one: asked.append(one.url))
        expect(page.get_by_role("button", name="Show it")).to_be_visible()
        assert (page.locator("#picture").get_attribute("src") or "").endswith("/blurred")
        page.keyboard.press("Space")
        expect(page.get_by_role("button", name="Show it")).to_be_hidden()
        page.keyboard.press("Space")  # once more, by mistake: no answer has the focus
        assert (page.locator("#picture").get_attribute("src") or "").endswith("/clear")
        page.keyboard.press("2")
        expect(page.locator("#count")).to_have_text("1 of 3")
        expect(page.get_by_role("button", name="Show it")).to_be_visible()  # each one by itself
        assert sum(one.endswith("/clear") for one in asked) == 1  # none was fetched ahead
    assert said(tmp_path) == ["does_not"]


def test_the_host_is_told_only_when_it_is_asked_for(browser: Browser, tmp_path: Path) -> None:
    with a_page(browser, tmp_path) as (page, _):
        assert ".test" not in page.content()
        assert ".test" not in page.evaluate("fetch('/state').then((answer) => answer.text())")
        page.get_by_role("button", name="Show the host").click()
        expect(page.locator("#host")).to_contain_text(".test")
        page.keyboard.press("1")
        expect(page.locator("#host")).to_have_text("Show the host")


def test_keys_can_be_switched_off(browser: Browser, tmp_path: Path) -> None:
    with a_page(browser, tmp_path) as (page, _):
        page.get_by_label("Keys").uncheck()
        page.keyboard.press("1")
        page.get_by_role("button", name="Does not").click()
        expect(page.locator("#count")).to_have_text("1 of 5")
    assert said(tmp_path) == ["does_not"]


def test_a_judgement_that_was_not_saved_is_said_and_can_be_given_again(browser: Browser, tmp_path: Path) -> None:
    with a_page(browser, tmp_path, expected=("Failed to load", "net::")) as (page, _):
        page.route("**/judge", lambda route: route.abort())
        page.keyboard.press("1")
        expect(page.get_by_role("alert")).to_contain_text("Not saved")
        expect(page.locator("#count")).to_have_text("0 of 5")
        page.unroute("**/judge")
        page.keyboard.press("2")
        expect(page.locator("#count")).to_have_text("1 of 5")
        expect(page.get_by_role("alert")).to_be_hidden()
    assert said(tmp_path) == ["does_not"]


def test_an_answer_that_was_lost_on_its_way_is_no_second_judgement(browser: Browser, tmp_path: Path) -> None:
    with a_page(browser, tmp_path, expected=("Failed to load", "net::")) as (page, _):

        def lose(route: PlaywrightRoute) -> None:
            route.fetch()  # the server has it on its disk, and the browser never hears of it
            route.abort()

        page.route("**/judge", lose)
        page.keyboard.press("1")
        expect(page.get_by_role("alert")).to_contain_text("Not saved")
        assert said(tmp_path) == ["matches"]
        page.unroute("**/judge")
        page.keyboard.press("1")
        expect(page.locator("#count")).to_have_text("1 of 5")
    assert said(tmp_path) == ["matches"]


def test_two_windows_do_not_judge_a_pair_twice(browser: Browser, tmp_path: Path) -> None:
    with a_page(browser, tmp_path, expected=("409",)) as (page, pages):
        other = page.context.new_page()
        other.goto(f"{pages.root}/")
        expect(other.locator("#count")).to_have_text("0 of 5")
        page.keyboard.press("1")
        expect(page.locator("#count")).to_have_text("1 of 5")
        other.keyboard.press("2")
        expect(other.get_by_role("alert")).to_contain_text("judged already")
        expect(other.locator("#count")).to_have_text("1 of 5")
    assert said(tmp_path) == ["matches"]


def test_everybody_can_use_it(browser: Browser, tmp_path: Path) -> None:
    axe = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
    with a_page(browser, tmp_path, unsafe=(0, 1, 2, 3, 4), around_policy=True) as (page, _):
        page.evaluate(axe)
        assert page.evaluate(_AXE) == []
        page.keyboard.press("Space")
        page.keyboard.press("1")
        expect(page.get_by_role("status")).to_contain_text("Saved: Matches.")
        expect(page.get_by_role("status")).to_contain_text("Pair 2 of 5")
        assert page.evaluate(_AXE) == []
        words = [Word.MATCHES, Word.DOES_NOT, Word.UNSAFE, Word.CANNOT_TELL]
        assert page.locator("#answers button").evaluate_all("all => all.map(one => one.dataset.word)") == words
