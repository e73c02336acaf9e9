"""A page in a real Chromium: how long it takes to be there, what it complains of, what it asks for, how it looks."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal

from playwright.sync_api import Page, sync_playwright

#: nothing of a browser's own may look into the network while it is measured
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
#: counts what the policy forbade; begins before the page does
_WATCH = """
window.forbidden = [];
addEventListener("securitypolicyviolation", (event) => forbidden.push(event.violatedDirective + " " + event.blockedURI));
"""
#: a page paints its sheets when they come into view; a picture of the whole page wants all of them
_PAINT_ALL = """
for (const one of document.querySelectorAll(".sheet")) one.style.contentVisibility = "visible";
"""


class NoBrowserError(AssertionError):
    """There is no Chromium on this machine."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What happened when a page was opened."""

    seconds: float  # from asking for the file until it is read, laid out and painted once
    errors: list[str]  # of the console, and of scripts
    requests: list[str]  # for anything but the page itself and what it embeds
    violations: list[str]  # of its Content-Security-Policy


def opened(path: Path) -> Loaded:
    """Open a file, wait until it is painted, and close it again.

    Raises:
        NoBrowserError: there is no Chromium here.
    """
    with looking() as page:
        errors: list[str] = []
        requests: list[str] = []
        page.on("console", lambda said: errors.append(said.text) if said.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        address = path.resolve().as_uri()
        page.on("request", lambda asked: _note(requests, asked.url, address))
        page.add_init_script(_WATCH)
        began = time.monotonic()
        page.goto(address, wait_until="load")
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        seconds = time.monotonic() - began
        violations: list[str] = page.evaluate("window.forbidden")
        return Loaded(seconds, errors, requests, violations)


def screenshot(path: Path, png: Path, *, width: int = 1200, dark: bool = False, print: bool = False) -> None:  # noqa: A002 - the medium's name
    """Write what a page looks like from its top to its end.

    Raises:
        NoBrowserError: there is no Chromium here.
    """
    with looking(width=width, scheme="dark" if dark else "light") as page:
        page.goto(path.resolve().as_uri(), wait_until="load")
        if print:
            page.emulate_media(media="print", color_scheme="light")
        page.evaluate(_PAINT_ALL)
        page.screenshot(path=png, full_page=True, animations="disabled")


def barriers(path: Path, *, dark: bool = False, print: bool = False) -> list[str]:  # noqa: A002 - the medium's name
    """What axe-core finds that keeps people from reading a page, a line for each rule that is broken.

    Raises:
        NoBrowserError: there is no Chromium here.
        ImportError: axe-playwright-python, which brings axe-core along, is not installed.
    """
    axe = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
    with looking(scheme="dark" if dark else "light") as page:
        page.goto(path.resolve().as_uri(), wait_until="load")
        if print:
            page.emulate_media(media="print", color_scheme="light")
        page.evaluate(_PAINT_ALL)
        page.evaluate(axe)
        found: list[str] = page.evaluate(
            "() => axe.run(document, {resultTypes: ['violations']}).then((told) => told.violations.map("
            "(one) => `${one.id}: ${one.nodes.length} times, ${one.nodes[0].html.slice(0, 160)}`))"
        )
        return found


@contextmanager
def looking(*, width: int = 1200, scheme: Literal["light", "dark"] = "light", script: bool = True) -> Iterator[Page]:
    """A fresh window of a fresh browser.

    Raises:
        NoBrowserError: there is no Chromium here.
    """
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        raise NoBrowserError("no Chromium on this machine: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(QUIET))
        try:
            yield browser.new_page(
                viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=script
            )
        finally:
            browser.close()


def _note(requests: list[str], url: str, address: str) -> None:
    if url.partition("#")[0] != address and not url.startswith("data:"):
        requests.append(url)
