"""The documentation: built without a warning, its commands run, its pages opened where nothing else can be reached."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path

from benchmarks.figures import Figures, title
from benchmarks.report.browser import looking

ROOT = Path(__file__).resolve().parents[2]
#: pages that are opened: prose and outputs, wide tables made from the code, a page from outside of docs/
_OPENED = ("index.html", "tutorial.html", "recipe.html", "commands.html", "slurm.html", "decisions/index.html")
#: for the search to have read its index, on a machine that is busy with other tests
_PATIENCE_MS = 120_000
_EVERYBODY = ("index.html", "tutorial.html", "recipe.html")  # read by axe, too
#: what the theme breaks, and no page of ours can mend: the list of pages is there twice, for wide and narrow screens
_OF_THE_THEME = frozenset({"landmark-unique"})


def prove_docs(work: Path, figures: Figures) -> None:
    """Build the site, run every command on its pages, open some of them in a Chromium."""
    title("The documentation as a site")
    site = work / "site"
    began = time.monotonic()
    words = ("-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(site))
    built = subprocess.run([sys.executable, *words], cwd=ROOT, check=False, text=True, capture_output=True)
    pages = list(site.rglob("*.html"))
    figures.add(
        "docs: pages of the site; warnings; seconds to build it",
        f"{len(pages)}; {'none' if built.returncode == 0 else built.stderr[-300:]}; {time.monotonic() - began:.1f}",
        good=built.returncode == 0 and len(pages) > 50,
    )
    _prove_commands(work, figures)
    with _served(site) as address:
        _prove_pages(address, figures)


def _prove_commands(work: Path, figures: Figures) -> None:
    from tests.docs.fates import fates

    report = work / "docs.xml"
    began = time.monotonic()
    words = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "", "tests/docs", "tests/test_docs.py")
    done = subprocess.run(
        [sys.executable, *words, f"--junitxml={report}"], cwd=ROOT, check=False, text=True, capture_output=True
    )
    suites = list(ET.parse(report).getroot().iter("testsuite"))  # noqa: S314 - written by our own pytest just now
    failed = sum(int(one.get(kind, "0")) for one in suites for kind in ("failures", "errors", "skipped"))
    counted = fates()
    figures.add(
        "docs: commands run; looked up (make, pip); run by other tests; of other programs",
        "; ".join(str(counted[fate]) for fate in ("run", "looked up", "tested elsewhere", "no command of ours")),
        good=counted["run"] > counted.total() / 2,
    )
    figures.add(
        "docs: tests of them; failed or skipped; seconds",
        f"{sum(int(one.get('tests', '0')) for one in suites)}; {failed}; {time.monotonic() - began:.0f}",
        good=done.returncode == 0 and not failed,
    )


def _prove_pages(address: str, figures: Figures) -> None:
    elsewhere: list[str] = []
    complaints: list[str] = []
    barriers: list[str] = []
    axe = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
    with looking() as page:
        page.on("request", lambda asked: elsewhere.append(asked.url) if not asked.url.startswith(address) else None)
        page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        for name in _OPENED:
            page.goto(f"{address}/{name}", wait_until="networkidle")
            if name in _EVERYBODY:
                page.evaluate(axe)
                barriers += [
                    f"{name}: {one}" for one in page.evaluate(_BROKEN_RULES) if _rule(one) not in _OF_THE_THEME
                ]
        page.goto(f"{address}/index.html?q=seconds_between_requests", wait_until="networkidle")
        page.locator(".md-search-result__link").first.wait_for(state="attached", timeout=_PATIENCE_MS)
        found = page.locator(".md-search-result__link").count()
    figures.add(
        f"docs: requests of {len(_OPENED)} pages and a search for anything elsewhere; complaints of the browser; pages found",
        f"{len(elsewhere)}; {len(complaints)}; {found}",
        good=not elsewhere and not complaints and found > 0,
    )
    figures.add(f"docs: barriers that axe finds on {len(_EVERYBODY)} pages", _first(barriers), good=not barriers)


_BROKEN_RULES = (
    "() => axe.run(document, {resultTypes: ['violations']}).then((told) => told.violations.map("
    "(one) => `${one.id}: ${one.nodes.length} times, ${one.nodes[0].html.slice(0, 160)}`))"
)


def _rule(barrier: str) -> str:
    return re.split(r":", barrier, maxsplit=1)[0]


def _first(barriers: Sequence[str]) -> str:
    return f"{len(barriers)}{': ' if barriers else ''}{'; '.join(barriers[:9])}"


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    """The address of a folder, served on loopback."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_said: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()
