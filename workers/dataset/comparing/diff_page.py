"""The difference between two versions as a page: numbers, and shards by name; no row, no address, no id."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files

from workers.dataset.comparing.comparing import ShardDifference, Summary
from workers.report.drawn.html import grid, text

#: shards that are listed; the rest is counted
_LISTED = 2_000
_SAME = "The versions hold the same rows."
_OTHER = "Rows are told apart by what they say; one that only stands elsewhere, or has another key, is no difference."


def render(summary: Summary, dataset: str) -> str:
    """The page; the same summary gives the same page."""
    style = (files("workers.report.drawn") / "page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    title = f"{dataset}: {summary.from_version[:12]} to {summary.to_version[:12]}"
    numbers = (
        ("rows before", summary.rows_before),
        ("rows removed", summary.removed),
        ("rows added", summary.added),
        ("rows changed", summary.changed),
        ("rows after", summary.rows_after),
        ("shards that are the same", summary.shards_same),
        ("shards that are not", len(summary.shards)),
    )
    rows = (f'<tr><th scope="row">{text(what)}</th><td class="count">{number:,}</td></tr>' for what, number in numbers)
    shards = (_row(one) for one in summary.shards[:_LISTED])
    more = len(summary.shards) - _LISTED
    rest = f"<p>and {more:,} more shards</p>" if more > 0 else ""
    headings = ("shard", "", "#rows before", "#rows after", "#only before", "#only after")
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{text(title)} - pairtrawl</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{text(title)}</h1>
<p>{text(_SAME if summary.is_empty else _OTHER)}</p>
{grid("Rows and shards", ("", "#number"), rows)}
{grid("Shards that are not the same", headings, shards)}
{rest}
</main>
</body>
</html>
"""


def _row(one: ShardDifference) -> str:
    cells = (one.rows_before, one.rows_after, one.only_before, one.only_after)
    counts = "".join(f'<td class="count">{number:,}</td>' for number in cells)
    return f'<tr><th scope="row">{text(one.name)}</th><td>{text(one.kind)}</td>{counts}</tr>'
