"""The report of a run as one HTML file that a person likes to read.

Captions, host names and details of broken archives were written by strangers. All text goes through `html.text`;
the page has no script, loads nothing, and its Content-Security-Policy forbids both should an escape ever be missed.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any

from workers.report.html import number_of, size, table_of, tables_of, text
from workers.report.rights import opt_outs, repeated_files
from workers.report.sections import Example, funnel, gallery, hosts, kinds, meaning, outcomes, reasons, scores, speeds

__all__ = ["Example", "meaning", "render"]

#: key under `totals` -> heading; those that begin with "bytes" are sizes
_TOTALS = {
    "archives": "archives", "pages": "pages", "images": "images", "candidates": "candidates", "planned": "planned",
    "fetched": "fetched", "kept": "pairs kept", "shards": "shards", "raw_shards": "raw shards to score",
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


def render(report: Mapping[str, Any], examples: Sequence[Example] = ()) -> str:
    """The page for a report; parts that the report does not have are left out. Same report, same page.

    Args:
        report: what `workers.report.run.build_report` gives. Values of an unexpected type count as absent.
        examples: pairs for a gallery.
    """
    style = (files("workers.report") / "page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    name = text(report.get("name") or "A run")
    parts = (
        _headline(report, name), _warning(report), funnel(report), outcomes(report), reasons(report), scores(report),
        gallery(examples),
        opt_outs(report), repeated_files(report), hosts(report), kinds(report), speeds(report), _further(report),
    )  # fmt: skip
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{name} - pairtrawl</title>
<style>{style}</style>
</head>
<body>
<main>
{chr(10).join(part for part in parts if part)}
</main>
</body>
</html>
"""


def _headline(report: Mapping[str, Any], name: str) -> str:
    totals = table_of(report, "totals")
    kept, candidates = number_of(totals, "kept"), number_of(totals, "candidates")
    if not any(number_of(totals, field) for field in ("archives", "records", "candidates")):
        sentence = "Nothing has been read yet."
    else:
        share = f" ({100 * kept / candidates:.1f} %)" if candidates else ""
        sentence = f"{kept:,} image-text pairs kept of {candidates:,} candidates{share}."
    facts = "".join(
        f"<div><dt>{heading}</dt><dd>{_fact(field, number_of(totals, field))}</dd></div>"
        for field, heading in _TOTALS.items()
        if field in totals and (totals[field] or field != "raw_shards")
    )
    described = f'<p class="soft">{text(report["description"])}</p>' if report.get("description") else ""
    listed = f'<dl class="numbers">{facts}</dl>' if facts else ""
    return f'<header><p class="name">{name}</p><h1>{sentence}</h1>{described}</header>{listed}'


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


def _further(report: Mapping[str, Any]) -> str:
    names = "".join(f"<div><dt><code>{name}</code></dt><dd>{told}</dd></div>" for name, told in _FILES.items())
    snippets = "".join(f"<p>{told}:</p><pre><code>{escape(code)}</code></pre>" for told, code in _SNIPPETS.items())
    recipe, version = text(report.get("recipe_digest") or "unknown"), text(report.get("version") or "unknown")
    return (
        f'<section><h2>Look further</h2><p>Beside this page lie:</p><dl class="files">{names}</dl>{snippets}</section>'
        f"<footer>Recipe <code>{recipe}</code>, pairtrawl {version}.</footer>"
    )
