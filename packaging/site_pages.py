"""Hooks of mkdocs.yml: pages that stand outside of docs/ come along, and links lead to them in both places.

Sources stay as they are read on a host of repositories: a link from docs/volunteer.md to ../packaging/README.md is
right there, and here it leads to that page of the site.
"""  # noqa: INP001 - mkdocs reads this file by its path; it is no package

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

_ROOT = Path(__file__).resolve().parent.parent
#: of the repository, and where each stands on the site
_ALONG = {"README.md": "readme.md", "slurm/README.md": "slurm.md", "packaging/README.md": "packaging.md",
          "workers/demo/data/README.md": "demo-data.md",
          "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}  # fmt: skip
_EXAMPLES = {f"examples/{one.name}": f"examples/{one.stem}.md" for one in sorted((_ROOT / "examples").glob("*.toml"))}
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s#]+)(#[^)\s]*)?\)")
_ITEM = re.compile(r"(?:[-*]|\d+\.) +")
#: a sentence that ended with a number, and goes on: no item of a list
_NUMBER = re.compile(r"^( +\d+)\.(?= )")
#: a list may begin with these in the middle of a paragraph; "27. " is a number at the end of a sentence there
_FIRST = ("- ", "* ", "1. ")
_IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages from outside of docs/."""
    for source, target in (_ALONG | _EXAMPLES).items():
        text = (_ROOT / source).read_text(encoding="utf-8")
        if source.endswith(".toml"):
            text = f"# {source}\n\n```toml\n{text}```\n"
        files.append(File.generated(config, target, content=text))
    return files


def on_page_markdown(
    markdown: str,
    page: Page,
    config: MkDocsConfig,  # noqa: ARG001 - mkdocs gives it by its name
    files: Files,
) -> str:
    """Let links lead to pages of the site, and those that lead to files of the repository be the files' names."""
    known = {one.src_uri for one in files}
    here = _source_of(page.file.src_uri)

    def linked(found: re.Match[str]) -> str:
        text, target, anchor = found[1], found[2], found[3] or ""
        if ":" in target:
            return found[0]
        wanted = posixpath.normpath(posixpath.join(posixpath.dirname(here), target))
        place = _place_of(wanted)
        if place in known:
            return f"[{text}]({_relative(place, page.file.src_uri)}{anchor})"
        if (_ROOT / wanted).exists() and not wanted.startswith("docs/"):
            return text if text.startswith("`") or not wanted.endswith(".py") else f"`{wanted}`"
        return found[0]

    def shown(found: re.Match[str]) -> str:
        wanted = posixpath.normpath(posixpath.join(posixpath.dirname(here), found[2]))
        return f"![{found[1]}]({_relative(_place_of(wanted), page.file.src_uri)})"

    return _IMAGE.sub(shown, _outside_fences(linked, indented(markdown)))


def on_post_page(output: str, **_told: object) -> str:
    """Give the theme's dialog a name: a screen reader says it."""
    return output.replace(
        'data-md-component="search" role="dialog"', 'data-md-component="search" role="dialog" aria-label="Search"'
    )


def indented(markdown: str) -> str:
    """The text with lists as Python's Markdown wants them: a blank line before, and what belongs to an item by four.

    CommonMark, which hosts of repositories read, asks for neither.
    """
    lines: list[str] = []
    width, fenced, apart = 0, False, False  # of the item's marker; in a fence of no item; behind the item's first text
    for line in markdown.splitlines():
        item = None if fenced else _ITEM.match(line)
        if line.startswith("```"):
            width, fenced = 0, not fenced
        elif item and (width or item[0].startswith(_FIRST)):
            if lines and lines[-1] and (not width or apart):
                lines.append("")
            width, apart = len(item[0]), False
        elif width and line and not line.startswith(" ") and not lines[-1]:
            width = 0
        elif width:
            apart = apart or not line or line.lstrip().startswith("```")
        inside = width and line.startswith(" " * width)
        lines.append(" " * (4 - width) + _NUMBER.sub(r"\1\\.", line) if inside else line)
    return "\n".join(lines) + "\n"


def _outside_fences(change: Callable[[re.Match[str]], str], markdown: str) -> str:
    """What is code is no link."""
    parts = re.split(r"(^```.*?^```$)", markdown, flags=re.MULTILINE | re.DOTALL)
    return "".join(one if one.startswith("```") else _LINK.sub(change, one) for one in parts)


def _source_of(place: str) -> str:
    """The file of the repository that a page of the site is made of."""
    sources = {target: source for source, target in (_ALONG | _EXAMPLES).items()}
    return sources.get(place, f"docs/{place}")


def _place_of(source: str) -> str:
    """The page of the site that is made of a file of the repository, or a name that none has."""
    if source in {"docs/decisions", "docs/decisions/"}:
        return "decisions/README.md"
    if source == "examples":
        return "examples/laion_like.md"
    return (_ALONG | _EXAMPLES).get(
        source, source.removeprefix("docs/") if source.startswith("docs/") else f"../{source}"
    )


def _relative(place: str, page: str) -> str:
    return posixpath.relpath(place, posixpath.dirname(page) or ".")
