"""`pairtrawl label`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from workers.labelling.places import Place


class Band(StrEnum):
    """Which rows are asked about."""

    ALL = "all"
    KEPT = "kept"
    REJECTED = "rejected"
    BORDERLINE = "borderline"


#: more would not fit into memory as pictures, and nobody judges as many in one sitting
_MOST = 5_000


def label(
    place: Annotated[
        str,
        typer.Argument(
            help="Folder of a run or rebuild, a DATASET store, or a folder of parquet files with their tars."
        ),
    ],
    *,
    labeller: Annotated[
        str, typer.Option("--labeller", help="Who judges: the name of your file. Default: your user name.")
    ] = "",
    sample: Annotated[int, typer.Option(min=1, max=_MOST, help="How many pairs.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Another one gives another sample.")] = 0,
    band: Annotated[
        Band,
        typer.Option(
            help="all: half of what was kept, half of what each filter rejected, as far as thumbnails were kept. "
            "borderline: nearest to the lines of filters."
        ),
    ] = Band.ALL,
    labels: Annotated[
        Path | None,
        typer.Option(
            help="Where labels lie. Default: labels/ in the run or store, or beside the tables.", show_default=False
        ),
    ] = None,
    version: Annotated[
        str,
        typer.Option(
            "--version", help="Of a DATASET: line of versions, tag, or id. Default: main.", show_default=False
        ),
    ] = "",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: a free one.")] = 0,
    report: Annotated[
        bool,
        typer.Option("--report", help="Serve nothing: say what the judgements so far tell of data set and filters."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The report as JSON, for machines.")] = False,
) -> None:
    """Judge a random sample of pairs on a local page (matches, does not, unsafe), or report what was judged.

    Ctrl-C ends it; the same command goes on. Every labeller gets the same pairs, in an order of his own.
    """
    import getpass
    from importlib.metadata import version as installed_version

    from workers.labelling.places import place_of
    from workers.progress import Display
    from workers.sitting_told import a_console, line_printer

    where = place_of(place, version=version, labels=labels)
    if report or as_json:
        _report(where, as_json=as_json)
        return
    from workers.labelling.session import Asked, label

    console = a_console()
    asked = Asked(where, labeller or getpass.getuser(), sample, seed, band.value, port, installed_version("pairtrawl"))
    label(asked, Display(console), line_printer(console))


def _report(where: Place, *, as_json: bool) -> None:
    from crawler.errors import InputError
    from workers.labelling.judged import Judged
    from workers.labelling.places import filters_in_order
    from workers.labelling.precision import judged_report
    from workers.labelling.telling import as_text
    from workers.sitting_told import print_json

    judged = Judged.read(where.labels)
    if not judged.by_pair:
        raise InputError(f"{where.labels}: holds no judgements yet; begin with `pairtrawl label {where.address}`")
    found = judged_report(judged, filters_in_order(where.filters))
    if as_json:
        print_json(found)
        return
    for line in as_text(found):
        typer.echo(line)
