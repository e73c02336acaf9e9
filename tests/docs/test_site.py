"""The site: built without a warning, read as the sources are, and nothing on it comes from anywhere else."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from tests.docs.reading import ROOT

#: tags whose number tells whether a page is structured alike in both places
_TAGS = ("li", "ol", "ul", "table", "tr", "pre", "h1", "h2", "h3", "h4", "blockquote")
#: of the repository -> of the site, where the one is not docs/ of the other
_ELSEWHERE = {"README.md": "readme.md", "slurm/README.md": "slurm.md", "packaging/README.md": "packaging.md",
              "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` builds it: a warning ends it."""
    folder = tmp_path_factory.mktemp("site")
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(words, cwd=ROOT, check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
    return folder


def sources() -> list[str]:
    return sorted([*(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")), *_ELSEWHERE])


def page_of(site: Path, source: str) -> str:
    place = _ELSEWHERE.get(source, source.removeprefix("docs/"))
    return (site / re.sub(r"README\.md$", "index.md", place)).with_suffix(".html").read_text(encoding="utf-8")


def test_every_page_can_be_found_in_the_navigation_or_is_listed_on_one_that_can() -> None:
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    named = set(re.findall(r"[\w/-]+\.md", nav))
    listed = {f"decisions/{one}" for one in re.findall(r"\]\((\S+)\)", (ROOT / "docs/decisions/README.md").read_text())}
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert pages | set(_ELSEWHERE.values()) == named | listed


def test_each_page_has_on_the_site_what_a_host_of_repositories_shows(site: Path) -> None:
    differ = {}
    for source in sources():
        article = page_of(site, source).partition("<article")[2].partition("</article>")[0]
        there = MarkdownIt("commonmark").enable("table").render((ROOT / source).read_text(encoding="utf-8"))
        counted = [{tag: len(re.findall(rf"<{tag}[\s>]", text)) for tag in _TAGS} for text in (article, there)]
        if counted[0] != counted[1]:
            differ[source] = counted
    assert differ == {}


class _Loads(HTMLParser):
    """Addresses that a page loads by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in {"a", "form"} and not (tag == "link" and given.get("rel") in {"canonical", "next", "prev"}):
            self.found += [value for name in ("src", "href", "srcset", "data", "action") if (value := given.get(name))]


def test_no_page_and_no_style_names_anything_elsewhere_to_load(site: Path) -> None:
    found = []
    for page in site.rglob("*.html"):
        reading = _Loads()
        reading.feed(page.read_text(encoding="utf-8"))
        found += [f"{page.name}: {one}" for one in reading.found if "//" in one]
    for style in site.rglob("*.css"):
        found += [
            f"{style.name}: {one}" for one in re.findall(r"(?:url\(|@import )[\"']?(\S*//[^)]*)", style.read_text())
        ]
    assert found == []
    assert len(list(site.rglob("*.html"))) > len(sources())


def test_words_of_pages_are_in_the_index_that_searches_here(site: Path) -> None:
    index = (site / "search/search_index.json").read_text(encoding="utf-8")
    for word in ("seconds_between_requests", "research-safe", "takedown cut", "robots_refused"):
        assert word in index
