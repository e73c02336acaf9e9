"""Names of pages in texts of the code, as links between pages."""

from __future__ import annotations

import re
from pathlib import Path

_DOCS = Path(__file__).resolve().parents[2] / "docs"
#: `docs/filters.md`, docs/decisions/0027, docs/decisions/0018-safety.md
_NAMED = re.compile(r"`?docs/((?:decisions/)?[\w-]+)(\.md)?`?")


def linked(text: str) -> str:
    """The text with every page that it names as a link from a page of docs/."""
    return _NAMED.sub(lambda found: _link(found[1]) or found[0], text)


def _link(name: str) -> str:
    pages = sorted(_DOCS.glob(f"{name}*.md")) if "/" in name else [_DOCS / f"{name}.md"]
    if len(pages) != 1 or not pages[0].exists():
        return ""
    target = pages[0].relative_to(_DOCS).as_posix()
    title = re.sub(r"^decisions/0*(\d+).*", r"decision \1", name)
    return f"[{title}]({target})"
