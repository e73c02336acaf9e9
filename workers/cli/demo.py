"""`pairtrawl demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workers.cli import options
from workers.telling.forms import LogForm


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the run.")] = Path("runs/demo"),
    fresh: Annotated[bool, typer.Option("--fresh", help="Start over instead of resuming.")] = False,
    place: Annotated[str, typer.Option("--place", help="`ray` or `local`.")] = "ray",
    serve: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65_535,
            metavar="PORT",
            help="Run nothing, and serve the small web on this port of 127.0.0.1 until Ctrl-C, for recipes of your own "
            "(docs/tutorial.md); 0 is any free port.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON, for machines.")] = False,
    log: options.Log = LogForm.AUTO,
) -> None:
    """Watch the main job run on a small web that comes along: needs no network, takes about a minute.

    Real Common Crawl records of pages with 3D emoji and their names, some of them swapped on purpose, and some pages
    with every kind of broken, hostile or unwanted image. Served on loopback, which this recipe alone allows.
    """
    from workers.demo import demo_recipe, inputs
    from workers.demo.web import demo_web
    from workers.session import Asked, run_crawl
    from workers.telling.failing import errors_told

    if serve is not None:
        _serve(serve)
        return
    with errors_told(log), demo_web() as web:
        asked = Asked(fresh=fresh, place=place, log=log)
        code = run_crawl(demo_recipe(web.address), inputs(), output, asked, as_json=as_json)
    raise typer.Exit(code)


def _serve(port: int) -> None:
    """Serve the small web until Ctrl-C, and say where its archives are."""
    import signal

    from workers.demo import inputs
    from workers.demo.web import demo_web

    with demo_web(port) as web:
        typer.echo(f"The demo's web is at {web.address}: hosts that end in .test. Its archives:")
        for name in inputs():
            typer.echo(f"  {name}")
        typer.echo("Ctrl-C ends it.")
        try:
            signal.pause()
        except KeyboardInterrupt:
            typer.echo("Ended.")
