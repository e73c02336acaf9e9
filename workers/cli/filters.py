"""`pairtrawl filters`: what there is, what thresholds would keep, and which of two recipes is better."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from workers.cli.stability import stability

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


filters.command("stability")(stability)

_Places = Annotated[
    list[Path], typer.Argument(help="Folders of runs, parquet files, or folders of such files.", show_default=False)
]
_Truth = Annotated[
    Path | None,
    typer.Option(help="CSV or parquet: match (1 or 0) for each content_id, or for each url and caption."),
]
_Labels = Annotated[
    bool, typer.Option("--labels", help="Take what people said on `pairtrawl label` of the first place for the truth.")
]
_AnyModel = Annotated[bool, typer.Option("--any-model", help="Take scores as they are, whichever model made them.")]
_Html = Annotated[Path | None, typer.Option(help="Also write a page there.", show_default=False)]


@filters.command("curve")
def curve(
    places: _Places,
    *,
    score: Annotated[
        str | None,
        typer.Option(help="The score column. Default: every one; with a truth `similarity`.", show_default=False),
    ] = None,
    truth: _Truth = None,
    below: Annotated[
        bool, typer.Option("--below", help="Low scores are the good ones, as of unsafe pictures.")
    ] = False,
    lowest: Annotated[float | None, typer.Option("--from", help="The lowest threshold to look at.")] = None,
    highest: Annotated[float | None, typer.Option("--to", help="The highest threshold to look at.")] = None,
    html: _Html = None,
    as_json: _Json = False,
) -> None:
    """Say how many pairs each threshold of a score would keep, and with a truth how well it tells them apart."""
    import dataclasses

    from crawler.commit import write_atomically
    from workers.redrawing import curve_page, spreads
    from workers.redrawing.frozen import lines_at
    from workers.score_rows import tables_of

    of_one = truth is not None or below or lowest is not None or highest is not None
    if html is not None and of_one:
        raise typer.BadParameter("--html shows whole curves; leave out --truth, --below, --from and --to")
    tables = tables_of(places)
    if html is not None or (score is None and not of_one):
        found = spreads.spreads_of(tables, *([score] if score else []), lines=lines_at(places))
        if html is not None:
            write_atomically(html, curve_page.render(found).encode())
        _tell(found, spreads.as_text(found), as_json=as_json)
        return
    from workers.curve import as_text, draw_curve

    drawn = draw_curve(tables, score or "similarity", truth=truth, below=below, between=(lowest, highest))
    _tell(dataclasses.asdict(drawn), as_text(drawn), as_json=as_json)


@filters.command("ab")
def ab(
    a: Annotated[Path, typer.Argument(help="One recipe.", show_default=False)],
    b: Annotated[Path, typer.Argument(help="The other one.", show_default=False)],
    places: _Places,
    *,
    truth: _Truth = None,
    labels: _Labels = False,
    sheets: Annotated[
        int, typer.Option(min=0, max=200, help="Pairs on the contact sheet of each disagreement, on the page.")
    ] = 48,
    any_model: _AnyModel = False,
    html: _Html = None,
    save: Annotated[
        str,
        typer.Option(
            help="Also store page, numbers and recipes in the first place as comparisons/NAME.", metavar="NAME"
        ),
    ] = "",
    as_json: _Json = False,
) -> None:
    """Compare two recipes on what finished runs have: kept by both, by one alone, by neither, or not to be told.

    Nothing is downloaded or scored again.
    """
    from crawler.commit import write_atomically
    from workers.progress import Display
    from workers.recipes import recipe_or_default
    from workers.redrawing import page, telling
    from workers.redrawing.comparison import compare
    from workers.redrawing.keeping import folder_for, keep_comparison, row_by_row
    from workers.sitting_told import a_console

    folder = folder_for(places[0], save) if save else None
    recipes = [recipe_or_default(path, []) for path in (a, b)]
    with row_by_row(Display(a_console(to_stderr=True))) as told:
        found, drawn = compare(
            recipes[0], recipes[1], places, truth=truth, labels=_labels_of(places, asked=labels and truth is None),
            sheets=sheets if html or save else 0, any_model=any_model, told=told,
        )  # fmt: skip
    if html is not None:
        write_atomically(html, page.render(found, drawn).encode())
    if folder is not None:
        keep_comparison(folder, found, page.render(found, drawn), (a, b))
    _tell(found, telling.as_text(found), as_json=as_json)


@filters.command("frontier")
def frontier(
    grid: Annotated[Path, typer.Argument(help="A recipe with a [grid] of settings.", show_default=False)],
    places: _Places,
    *,
    truth: _Truth = None,
    labels: _Labels = False,
    any_model: _AnyModel = False,
    html: _Html = None,
    as_json: _Json = False,
) -> None:
    """Say which recipes of a grid are worth a look: how much each keeps, how good that is, and what it costs."""
    from crawler.commit import write_atomically
    from workers.progress import Display
    from workers.redrawing import frontier as frontiers
    from workers.redrawing import frontier_page
    from workers.redrawing.grid import read_grid
    from workers.redrawing.keeping import row_by_row
    from workers.sitting_told import a_console

    with row_by_row(Display(a_console(to_stderr=True))) as told:
        found = frontiers.frontier(
            read_grid(grid), places, truth=truth, labels=_labels_of(places, asked=labels and truth is None),
            any_model=any_model, told=told,
        )  # fmt: skip
    if html is not None:
        write_atomically(html, frontier_page.render(found).encode())
    _tell(found, frontiers.as_text(found), as_json=as_json)


def _labels_of(places: list[Path], *, asked: bool) -> Path | None:
    """The folder of labels of the first place, if it is asked for."""
    if not asked:
        return None
    from workers.labelling.judged import labels_folder

    return labels_folder(places[0])


def _tell(found: object, lines: Iterable[str], *, as_json: bool) -> None:
    """For machines, or for people."""
    if as_json:
        from workers.sitting_told import print_json

        print_json(found)
        return
    for line in lines:
        typer.echo(line)
