"""The report of a run as one HTML file that a person likes to read.

Captions, host names and details of broken archives were written by strangers. All text goes through `html.text`;
the page loads nothing and runs nothing but our search, and its Content-Security-Policy forbids the rest should an
escape ever be missed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from workers.report.drawn.contact import Sheet, sheets_html, shortened
from workers.report.drawn.distributions import scores, sizes
from workers.report.drawn.frame import page_of
from workers.report.drawn.history import history
from workers.report.drawn.html import Part, number_of, share, size, table_of, tables_of, text
from workers.report.drawn.rights import opt_outs, repeated_files
from workers.report.drawn.search import script, search_part
from workers.report.drawn.sections import flow, meaning, outcomes, reasons
from workers.report.drawn.shares import hosts, kinds
from workers.report.drawn.speed import filters, limits

__all__ = ["meaning", "render"]

_LONGEST = 1_000  # characters of any text of a report; report.json has all of them
_ID = 12  # digits of a version's id
#: key under `totals` -> heading; those that begin with "bytes" are sizes
_TOTALS = {
    "rows": "rows", "archives": "archives",
    "pages": "pages", "images": "images", "candidates": "candidates", "planned": "planned",
    "fetched": "fetched", "kept": "pairs kept", "shards": "shards", "raw_shards": "raw shards to score",
    "tables": "tables", "masked": "masked",
    "bytes_read": "of archives read", "bytes_received": "of images received", "bytes_written": "written",
}  # fmt: skip
#: file name in a run's folder -> what is in it
_FILES = {
    "report.json": "Every number of this page.",
    "shards/NNNNN.tar": "The pairs, in webdataset's form.",
    "shards/NNNNN.parquet": "A row for every planned candidate, kept or rejected, with reason and scores: a threshold "
    "can be drawn anew without another crawl.",
    "candidates/NNNNN.parquet": "What each archive held, before any traffic.",
}
#: what for -> lines of Python that do it in the run's folder
_SNIPPETS = {
    "Count the reasons": """\
import duckdb
duckdb.sql("SELECT reason, count(*) FROM 'shards/*.parquet' GROUP BY reason").show()""",
    "Look at rejected pairs": """\
import pandas
pandas.read_parquet("shards/00000.parquet").query("status != 'success'")[["caption", "url", "reason"]]""",
    "Read the pairs as training code does": """\
import webdataset
next(iter(webdataset.WebDataset("shards/00000.tar", shardshuffle=False).decode("pil")))""",
}


def render(
    report: Mapping[str, Any],
    sheets: Sequence[Sheet] = (),
    search: Mapping[str, Any] | None = None,
) -> str:
    """The page for a report; parts that the report does not have are left out. Same report, same page.

    Args:
        report: what `workers.report.run.build_report` gives. Values of an unexpected type count as absent.
        sheets: samples of what filters kept and rejected, those of one filter after each other.
        search: rows to search on the page: {"rows": [[caption, host, 1 for kept, reason, score], ...], "of": how many
            rows there are}; None for those that the report has under that name.
    """
    report = _cut(report)
    name = str(report.get("name") or "A run")
    found = search_part(table_of(report, "search") if search is None else search)
    shown = Part("pictures", "Pictures", sheets_html(sheets))
    every = (
        flow(report), outcomes(report), scores(report), filters(report), shown, found,
        sizes(report), kinds(report), hosts(report), opt_outs(report), repeated_files(report), history(report),
        limits(report), reasons(report), _further(report),
    )  # fmt: skip
    there = [one for one in every if one.body]
    return page_of(
        name,
        (
            _headline(report, text(name)),
            _warning(report),
            _sampled(report),
            *(one.html() for one in there),
            _footer(report),
        ),
        scripts=(script(),) if found.body else (),
        outside=_contents(there),
    )


def _cut(value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    """The same without the ends of texts that are longer than any page shows."""
    if isinstance(value, str):
        return shortened(value, _LONGEST)
    if isinstance(value, Mapping):
        return {_cut(name): _cut(one) for name, one in value.items()}
    return [_cut(one) for one in value] if isinstance(value, list | tuple) else value


def _contents(parts: Sequence[Part]) -> str:
    """The table of contents; a link past it comes first."""
    if len(parts) < 2:
        return ""
    items = "".join(f'<li><a href="#{one.slug}">{one.title}</a></li>' for one in parts)
    return (
        '<a class="skip" href="#main">Skip the contents</a>'
        f'<nav class="contents" aria-label="On this page"><ul>{items}</ul></nav>'
    )


def _headline(report: Mapping[str, Any], name: str) -> str:
    totals = table_of(report, "totals")
    kept, candidates, rows = (number_of(totals, field) for field in ("kept", "candidates", "rows"))
    if not any(number_of(totals, field) for field in ("archives", "records", "candidates", "rows")):
        sentence = "Nothing has been read yet."
    elif kept == (rows or candidates) and report.get("kind", "run") != "run":
        sentence = f"{kept:,} image-text pairs."
    else:
        of, unit = rows or candidates, "rows" if rows or report.get("kind") == "tables" else "candidates"
        part = f" ({share(kept, of)})" if of else ""
        sentence = f"{kept:,} image-text pairs kept of {of:,} {unit}{part}."
    heading_of = _TOTALS | ({"candidates": "rows"} if report.get("kind") == "tables" else {})
    facts = "".join(
        f"<div><dt>{heading}</dt><dd>{_fact(field, number_of(totals, field))}</dd></div>"
        for field, heading in heading_of.items()
        if field in totals and (totals[field] or field not in {"raw_shards", "masked"})
    )
    described = f'<p class="soft">{text(report["description"])}</p>' if report.get("description") else ""
    which = f" <code>{text(str(report['id'])[:_ID])}</code>" if report.get("id") else ""
    listed = f'<dl class="numbers">{facts}</dl>' if facts else ""
    return f'<header><p class="name">{name}{which}</p><h1>{sentence}</h1>{described}</header>{listed}'


def _fact(field: str, number: int) -> str:
    return size(number) if field.startswith("bytes") else f"{number:,}"


def _warning(report: Mapping[str, Any]) -> str:
    archives = table_of(report, "archives")
    items = [
        f"<li><code>{text(one.get('name', ''))}</code>: {text(one.get('detail', ''))}</li>"
        for one in tables_of(archives, "incomplete")
    ]
    unread = number_of(archives, "unread")
    if unread:
        items.append(f"<li>{unread:,} not read at all: the run was stopped, or they could not be had.</li>")
    if not items:
        return ""
    return (
        '<section class="warning" role="note"><h2>Some archives were not read to their end</h2>'
        "<p>All that was read before the break is counted here.</p>"
        f"<ul>{''.join(items)}</ul></section>"
    )


def _sampled(report: Mapping[str, Any]) -> str:
    asked = table_of(report, "asked")
    if not asked:
        return ""
    some, of = number_of(asked, "shards"), number_of(asked, "of")
    return (
        f'<p class="soft" role="note">Stages, reasons and totals count all {of:,} shards; scores, sizes, hosts, '
        f"languages and what else is known of single rows are those of {some:,} shards, chosen at random. "
        "<code>pairtrawl report RUN --all</code> asks all.</p>"
    )


def _further(report: Mapping[str, Any]) -> Part:
    if report.get("kind", "run") != "run":
        return Part("further", "Look further", "")
    names = "".join(f"<div><dt><code>{name}</code></dt><dd>{told}</dd></div>" for name, told in _FILES.items())
    snippets = "".join(
        f'<p>{told}:</p><pre tabindex="0"><code>{escape(code)}</code></pre>' for told, code in _SNIPPETS.items()
    )
    return Part("further", "Look further", f'<p>Beside this page lie:</p><dl class="files">{names}</dl>{snippets}')


def _footer(report: Mapping[str, Any]) -> str:
    facts = []
    if report.get("recipe_digest"):
        facts.append(f"Recipe <code>{text(report['recipe_digest'])}</code>, ")
    version = text(report.get("version") or "")
    return f"<footer>{''.join(facts)}pairtrawl {version}</footer>"
