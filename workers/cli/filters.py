"""`pairtrawl filters`: what there is, and what its thresholds would keep."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

filters = typer.Typer(help="The filters that a recipe can use, and what their thresholds would keep.")

_Json = Annotated[bool, typer.Option("--json", help="Print it as JSON, for machines.")]


@filters.callback(invoke_without_command=True)
def _alone(context: typer.Context, as_json: _Json = False) -> None:
    """List the filters that a recipe can use (as `list` does), or see what a threshold would keep (`curve`)."""
    if context.invoked_subcommand is None:
        list_filters(as_json=as_json)


@filters.command("list")
def list_filters(as_json: _Json = False) -> None:
    """List the filters that a recipe can use, with their settings and defaults."""
    import json

    from rich.console import Console
    from rich.markup import escape

    from filters import catalogue

    entries = catalogue()
    if as_json:
        listed = [
            {"use": one.name, "what": one.summary, "settings": [setting._asdict() for setting in one.settings]}
            for one in entries
        ]
        typer.echo(json.dumps(listed, indent=2))
        return
    console = Console(soft_wrap=True)
    for one in entries:
        console.print(f"[bold]{one.name}[/]  {escape(one.summary)}", highlight=False)
        for setting in one.settings:
            value = "needed" if setting.required else json.dumps(setting.default)
            console.print(f"    {setting.name} = {escape(value)}  ({escape(setting.kind)})", highlight=False)


@filters.command("curve")
def curve(
    places: Annotated[list[Path], typer.Argument(help="Folders of runs, parquet files, or folders of such files.")],
    *,
    score: Annotated[str, typer.Option(help="The score column.")] = "similarity",
    truth: Annotated[
        Path | None,
        typer.Option(help="CSV or parquet: match (1 or 0) for each content_id, or for each url and caption."),
    ] = None,
    below: Annotated[
        bool, typer.Option("--below", help="Low scores are the good ones, as of unsafe pictures.")
    ] = False,
    lowest: Annotated[float | None, typer.Option("--from", help="The lowest threshold to look at.")] = None,
    highest: Annotated[float | None, typer.Option("--to", help="The highest threshold to look at.")] = None,
    as_json: _Json = False,
) -> None:
    """Say how many pairs each threshold of a score would keep, and with a truth how well it tells them apart."""
    import dataclasses
    import json

    from workers.curve import as_text, draw_curve
    from workers.score_rows import tables_of

    drawn = draw_curve(tables_of(places), score, truth=truth, below=below, between=(lowest, highest))
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(drawn), indent=2))
        return
    for line in as_text(drawn):
        typer.echo(line)
