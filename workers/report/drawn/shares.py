"""Parts of the report page about where pairs come from and what they are: hosts, languages, licences, formats."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workers.report.drawn.drawing import bar, found_and_kept, key
from workers.report.drawn.html import Part, counts_of, grid, largest_first, number_of, share, table_of, tables_of, text

#: lines of a table of values; the rest is summed up in one more
_SHOWN = 15
_LONGEST = 80
#: field of the report -> heading, what the table shows, the name of an empty value
_KINDS = {
    "caption_languages": ("Languages of captions", "Pairs by language, as told from the caption.", "cannot be told"),
    "languages": ("Languages of pages", "Pairs by the language that their page declares.", "none declared"),
    "text_sources": ("Where texts were found", "Pairs by where on the page their text was found.", "unknown"),
    "formats": ("Formats", "Pairs by the format of the file that came.", "unknown"),
    "licences": ("Licences", "Pairs by the licence that their page links. A link is a hint, no proof.", "none linked"),
}  # fmt: skip


def hosts(report: Mapping[str, Any]) -> Part:
    """The hosts with most rows, and how large hosts are."""
    rows = found_and_kept(tables_of(report, "top_hosts"), "host")
    told = f"Image hosts with most rows: {key('kept')} kept, {key('lost')} rejected."
    body = grid(told, ("host", "#rows", "", "#kept"), rows) if rows else ""
    return Part("hosts", "Hosts", body + _host_sizes(report))


def kinds(report: Mapping[str, Any]) -> Part:
    """Pairs by language, by where their text was found, by format and by licence."""
    drawn = "".join(_kind(report, field) for field in _KINDS)
    return Part("kinds", "Languages, texts, formats, licences", f'<div class="pair">{drawn}</div>' if drawn else "")


def _kind(report: Mapping[str, Any], field: str) -> str:
    counted = [one for one in largest_first(counts_of(report, field)) if one[1] > 0]
    if not counted:
        return ""
    title, caption, unnamed = _KINDS[field]
    whole, most = sum(count for _, count in counted), counted[0][1]
    shown = counted if len(counted) <= _SHOWN + 1 else counted[:_SHOWN]
    rows = [
        f'<tr><th scope="row"><code><bdi>{text((name or unnamed)[:_LONGEST])}</bdi></code></th>'
        f'<td class="count">{count:,}</td><td class="count">{share(count, whole)}</td>'
        f'<td class="wide">{bar(count, 0, most)}</td></tr>'
        for name, count in shown
    ]
    if rest := counted[len(shown) :]:
        many = sum(count for _, count in rest)
        rows.append(
            f'<tr><th scope="row">{len(rest):,} more</th><td class="count">{many:,}</td>'
            f'<td class="count">{share(many, whole)}</td><td class="wide"></td></tr>'
        )
    return f"<div><h3>{title}</h3>{grid(caption, ('value', '#pairs', '#share', ''), rows)}</div>"


def _host_sizes(report: Mapping[str, Any]) -> str:
    """Hosts by how many rows they have: whether a few hosts are most of the data set."""
    classes = {str(name): one for name, one in table_of(report, "host_sizes").items() if isinstance(one, Mapping)}
    if not classes:
        return ""
    most = max(number_of(one, "rows") for one in classes.values())
    whole = sum(number_of(one, "rows") for one in classes.values())
    rows = []
    for name, one in classes.items():
        many, kept = number_of(one, "rows"), number_of(one, "kept")
        rows.append(
            f'<tr><th scope="row">{text(name)}</th><td class="count">{number_of(one, "hosts"):,}</td>'
            f'<td class="count">{many:,}</td><td class="count">{share(many, whole)}</td>'
            f'<td class="wide">{bar(kept, max(0, many - kept), most)}</td><td class="count">{kept:,}</td></tr>'
        )
    told = f"Hosts by how many rows they have, and how many of these rows were {key('kept')} kept or {key('lost')} not."
    headings = ("a host of", "#hosts", "#rows", "#share", "", "#kept")
    return f"<h3>Large hosts and small ones</h3>{grid(told, headings, rows)}"
