"""`pairtrawl report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from workers.progress import Display
    from workers.report.places import Place

_DEFAULT = "runs/crawl"


def report(
    place: Annotated[
        str,
        typer.Argument(
            metavar="PLACE",
            help="Folder of a run or rebuild (what --output named), a store of versions (a folder, or "
            "s3://BUCKET/PREFIX), a parquet file, or a folder of such files: img2dataset's output, a published list.",
        ),
    ] = _DEFAULT,
    *,
    version: Annotated[
        str, typer.Option("--version", help="Of a store: line of versions, tag, id. Default: main.", show_default=False)
    ] = "",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The page; the numbers lie beside it, as .json. Default: report.html in the run's folder; of other "
            "places in this one.",
            show_default=False,
        ),
    ] = None,
    sheets: Annotated[int, typer.Option(min=0, help="Pictures on each contact sheet of the page.")] = 24,
    recipe: Annotated[
        Path | None,
        typer.Option(
            "--recipe", "-r", help="Of places that are no run: draw the thresholds of this recipe.", show_default=False
        ),
    ] = None,
    stored: Annotated[
        bool, typer.Option("--stored", help="Of a store: only the statistics stored with the version; reads no table.")
    ] = False,
    every_shard: Annotated[
        bool,
        typer.Option(
            "--all", help="Of a run of more than 20 million rows: ask every shard, not a random part of them."
        ),
    ] = False,
    words: Annotated[
        str,
        typer.Option(
            "--find",
            metavar="WORDS",
            help="List rows whose caption has these words; write no page.",
            show_default=False,
        ),
    ] = "",
    host: Annotated[
        str, typer.Option(help="List rows of this host and its subdomains; write no page.", show_default=False)
    ] = "",
    rejected: Annotated[bool, typer.Option("--rejected", help="List rejected rows, instead of kept ones.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Most rows to list.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON, for machines.")] = False,
    cache: Annotated[
        Path | None,
        typer.Option(
            "--cache", help="Of a bucket: where downloads lie. Default: a folder below ~/.cache.", show_default=False
        ),
    ] = None,
) -> None:
    """Make the page and the numbers of a run, a version or tables (report.html, report.json), or find rows in them."""
    from workers.progress import Display
    from workers.report.places import place_at
    from workers.sitting_told import a_console

    there = place_at(place, version=version, cache=cache)
    display = Display(a_console(to_stderr=True))
    if words.split() or host or rejected:
        _list(there, display, words, host, rejected=rejected, limit=limit, as_json=as_json)
        return
    from workers.report.telling import make

    make(
        there, display,
        output=output, sheets=sheets, recipe=recipe, stored=stored, every_shard=every_shard, as_json=as_json,
    )  # fmt: skip


def _list(place: Place, display: Display, words: str, host: str, *, rejected: bool, limit: int, as_json: bool) -> None:
    from workers.report.finding import find
    from workers.report.places import rows_at
    from workers.report.telling import print_found
    from workers.sitting_told import a_console, print_json

    with rows_at(place, display) as rows:
        found, of = find(rows, words, host=host, rejected=rejected, limit=limit)
    if as_json:
        print_json({"of": of, "rows": [one.as_dict() for one in found]})
    else:
        print_found(a_console(), found, of)
