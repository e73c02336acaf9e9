"""`pairtrawl demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the run.")] = Path("runs/demo"),
    fresh: Annotated[bool, typer.Option("--fresh", help="Start over instead of resuming.")] = False,
    place: Annotated[str, typer.Option("--place", help="`ray` or `local`.")] = "ray",
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON, for machines.")] = False,
) -> None:
    """Watch the main job run on a small web that comes along: needs no network, takes about a minute.

    Real Common Crawl records of pages with 3D emoji and their names, some of them swapped on purpose, and some pages
    with every kind of broken, hostile or unwanted image. Served on loopback, which this recipe alone allows.
    """
    from workers.demo import demo_recipe, inputs
    from workers.demo.web import demo_web
    from workers.session import Asked, run_crawl

    with demo_web() as web:
        code = run_crawl(demo_recipe(web.address), inputs(), output, Asked(fresh=fresh, place=place), as_json=as_json)
    raise typer.Exit(code)
