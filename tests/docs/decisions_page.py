"""docs/decisions/README.md, the list of decisions, written from their headings."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).resolve().parents[2] / "docs/decisions"
_OPENING = """\
# Decisions

Why things are as they are: one page each, with the question, the numbers, the answer, and what would change our mind.
Written by `python tests/test_docs.py` from their headings.

"""


def decisions_page() -> str:
    """The whole page."""
    return _OPENING + "".join(f"- [{_heading(path)}]({path.name})\n" for path in sorted(_FOLDER.glob("[0-9]*.md")))


def _heading(path: Path) -> str:
    number, _, title = path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ").partition(": ")
    return f"{number}: {title[:1].upper()}{title[1:]}"
