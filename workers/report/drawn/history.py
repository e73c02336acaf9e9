"""The part of the report page about a data set's versions: how many rows each of them has, and what came and went."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workers.report.drawn.drawing import bar
from workers.report.drawn.html import Part, grid, number_of, tables_of, text

_LONGEST = 120
_ID = 12  # digits of a version's id


def history(report: Mapping[str, Any]) -> Part:
    """Versions, the newest first, as the report lists them; none for a run."""
    listed = tables_of(report, "history")
    most = max((number_of(one, "rows") for one in listed), default=0)
    rows = [_row(one, most) for one in listed]
    told = "Rows of each version, the newest first; what came and went is compared with the version before it."
    headings = ("version", "when", "what", "#rows", "", "#added", "#removed", "#changed")
    return Part("history", "Versions", grid(told, headings, rows) if rows else "")


def _row(one: Mapping[str, Any], most: int) -> str:
    names = one.get("names")
    named = ", ".join(map(str, names)) if isinstance(names, list | tuple) else str(names or "")
    shown = f"<code>{text(str(one.get('id', ''))[:_ID])}</code>"
    if named:
        shown += f' <span class="small">{text(named[:_LONGEST])}</span>'
    cells = "".join(
        f'<td class="count">{f"{number_of(one, field):,}" if field in one else ""}</td>'
        for field in ("added", "removed", "changed")
    )
    return (
        f'<tr><th scope="row">{shown}</th><td class="when">{text(str(one.get("at", ""))[:16].replace("T", " "))}</td>'
        f"<td><bdi>{text(str(one.get('message') or '')[:_LONGEST])}</bdi></td>"
        f'<td class="count">{number_of(one, "rows"):,}</td><td class="wide">{bar(number_of(one, "rows"), 0, most)}</td>'
        f"{cells}</tr>"
    )
