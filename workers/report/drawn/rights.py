"""Sections of the report page about what others said and sent: opt-outs, and files that stand for many pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workers.report.drawn.drawing import found_and_kept
from workers.report.drawn.html import Part, grid, number_of, tables_of, text

_DIGITS = 16  # of a hash, enough to find it in the list; report.json has all of them
_LONGEST = 120  # characters of an address


def opt_outs(report: Mapping[str, Any]) -> Part:
    """What pages, answers and sites said about the use of their images."""
    rows = found_and_kept(tables_of(report, "opt_outs"), "signal")
    told = "Signals as they were heard, and rows that carry them. Which of them refuse is the recipe's choice."
    body = grid(told, ("signal", "#rows", "", "#kept"), rows) if rows else ""
    return Part("opt-outs", "What people asked for", body)


def repeated_files(report: Mapping[str, Any]) -> Part:
    """Files under many addresses."""
    rows = [
        f'<tr><th scope="row"><code>{text(str(one.get("sha256", ""))[:_DIGITS])}</code></th>'
        f'<td class="count">{number_of(one, "addresses"):,}</td><td class="count">{number_of(one, "captions"):,}</td>'
        f'<td class="count">{number_of(one, "kept"):,}</td>'
        f"<td><code><bdi>{text(str(one.get('example', ''))[:_LONGEST])}</bdi></code></td></tr>"
        for one in tables_of(report, "repeated_files")
    ]
    told = (
        "The same bytes under several addresses with several captions: notices such as 'not available', logos, "
        "advertisements. report.json has the whole hashes; a removal list takes them."
    )
    headings = ("sha256", "#addresses", "#captions", "#kept", "one of them")
    return Part("repeated", "One file, many addresses", grid(told, headings, rows) if rows else "")
