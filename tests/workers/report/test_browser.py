"""The report page in a real Chromium: it asks for nothing, runs nothing of strangers, and everybody can read it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.workers.report.reports import HOSTILE, a_report, hostile_report, some_rows, some_sheets
from workers.report.drawn.page import render

pytestmark = pytest.mark.slow

#: rules of axe-core that are looked at: what WCAG 2.2 AA asks for, and what is good practice
_AXE = """() => axe.run(document, {resultTypes: ["violations"]}).then((found) => found.violations.map(
    (one) => one.id + ": " + one.nodes.map((node) => node.html.slice(0, 160)).slice(0, 4).join(" | ")))"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="module")
def whole(folder: Path) -> Path:
    """A page with everything on it."""
    path = folder / "whole.html"
    path.write_text(render(a_report(), some_sheets(), some_rows()), encoding="utf-8")
    return path


@contextmanager
def looking(
    browser: Browser, path: Path, *, width: int = 1200, scheme: Literal["light", "dark"] = "light", script: bool = True,
    around_policy: bool = False,
) -> Iterator[Page]:  # fmt: skip
    """A window with the page. At its end: nothing was complained of, forbidden or asked for."""
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, java_script_enabled=script,
        bypass_csp=around_policy, reduced_motion="reduce",
    )  # fmt: skip
    page = context.new_page()
    told: list[str] = []
    page.on("console", lambda said: told.append(said.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    address = path.as_uri()
    page.on("request", lambda asked: None if asked.url.startswith((address, "data:")) else told.append(asked.url))
    try:
        page.goto(address)
        yield page
        assert told == []
    finally:
        context.close()


@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (360, "dark")])
def test_the_page_opens_without_a_word_and_is_no_wider_than_its_window(
    browser: Browser, whole: Path, width: int, scheme: Literal["light", "dark"]
) -> None:
    with looking(browser, whole, width=width, scheme=scheme) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        expect(page.get_by_role("heading", level=1)).to_have_text(
            "6,894 image-text pairs kept of 15,142 candidates (45.5 %)."
        )
        assert page.locator("table:not(:has(caption))").count() == 0


def test_search_finds_words_in_any_script_case_and_width(browser: Browser, whole: Path) -> None:
    with looking(browser, whole) as page:
        told, found = page.locator("#search-told"), page.locator("#search-found li > bdi")
        page.get_by_role("search").get_by_label("Words").fill("ÖSTERREICH gruss")
        expect(told).to_have_text("1 of 4 rows, the sample")
        expect(found).to_have_text("Ein Gruß aus Österreich")
        page.get_by_role("search").get_by_label("Words").fill("البحيرة")
        expect(found).to_have_text("قارب على البحيرة")
        assert page.evaluate("getComputedStyle(document.querySelector('#search-found li > bdi')).direction") == "rtl"
        page.get_by_role("search").get_by_label("Words").fill("full BOAT")
        expect(found).to_have_text("ＦＵＬＬ width boat")
        page.get_by_role("search").get_by_label("Words").fill("boat")
        expect(told).to_have_text("2 of 4 rows, the sample")
        page.get_by_role("search").get_by_label("Rows").select_option("kept")
        expect(found).to_have_text("a boat")
        page.get_by_role("search").get_by_label("Words").fill("")
        page.get_by_role("search").get_by_label("Rows").select_option("all")
        page.get_by_role("search").get_by_label("Host").fill("BILDER.")
        expect(found).to_have_text("Ein Gruß aus Österreich")
        page.get_by_role("search").get_by_label("Host").fill("nowhere")
        expect(told).to_have_text("0 of 4 rows, the sample")


def test_search_is_done_with_the_keyboard_alone(browser: Browser, whole: Path) -> None:
    with looking(browser, whole) as page:
        page.get_by_role("search").get_by_label("Words").focus()
        page.keyboard.type("boat")
        page.keyboard.press("Enter")
        expect(page.locator("#search-told")).to_have_text("2 of 4 rows, the sample")
        page.keyboard.press("Tab")
        expect(page.get_by_role("search").get_by_label("Host")).to_be_focused()
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid"


def test_the_page_is_whole_without_scripts(browser: Browser, whole: Path) -> None:
    with looking(browser, whole, script=False) as page:
        expect(page.get_by_text("needs scripts, which are switched off here")).to_be_visible()
        expect(page.locator("#search-form")).to_be_hidden()
        expect(page.get_by_role("heading", name="Reasons")).to_be_visible()
        page.get_by_role("link", name="Hosts", exact=True).click()
        expect(page.get_by_role("heading", name="Hosts", exact=True)).to_be_in_viewport()


@pytest.mark.parametrize("text", [HOSTILE, "\u202edrow " * 9 + "\u2067", "long " * 20_000, "\ud83d\ude00\ud800"])
def test_what_strangers_wrote_neither_runs_nor_breaks_the_page(browser: Browser, folder: Path, text: str) -> None:
    path = folder / "hostile.html"
    page_of = render(hostile_report(text), some_sheets(text, text, text), some_rows(text, text, text))
    path.write_text(page_of, encoding="utf-8")
    with looking(browser, path, width=360) as page:
        page.get_by_role("search").get_by_label("Rows").select_option("all")
        page.get_by_role("search").get_by_label("Host").fill(".test" if text != HOSTILE else "script")
        expect(page.locator("#search-found li").first).to_be_visible()
        assert page.evaluate("window.evil") is None
        assert page.locator("img[src='x']").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert len(page_of) < 400_000


def test_axe_finds_nothing_in_light_dark_and_print(browser: Browser, whole: Path) -> None:
    axe = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
    with looking(browser, whole, around_policy=True) as page:
        page.get_by_role("search").get_by_label("Words").fill("boat")
        expect(page.locator("#search-told")).to_have_text("2 of 4 rows, the sample")
        page.evaluate(axe)
        for scheme, media in (("light", "screen"), ("dark", "screen"), ("light", "print")):
            page.emulate_media(color_scheme=scheme, media=media)  # type: ignore[arg-type] # literals, one by one
            found: list[Any] = page.evaluate(_AXE)
            assert found == [], (scheme, media)


def test_the_page_prints_on_a4_without_its_search(browser: Browser, whole: Path, folder: Path) -> None:
    with looking(browser, whole) as page:
        printed = page.pdf(path=folder / "whole.pdf", prefer_css_page_size=True)
        assert printed.startswith(b"%PDF")
        assert b"/MediaBox [0 0 594.95996 841.91998]" in printed or b"/MediaBox [0 0 595" in printed
        page.emulate_media(media="print")
        expect(page.locator("#search")).to_be_hidden()
        cut = page.evaluate(
            "[...document.querySelectorAll('figure, .chart')].filter((one) => getComputedStyle(one).breakInside !== 'avoid').length"
        )
        assert cut == 0
