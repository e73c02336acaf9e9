"""`pairtrawl filters stability`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workers.cli.options import Overrides, RecipeFile


def stability(
    place: Annotated[Path, typer.Argument(help="Folder of a run (raw shards, else kept pairs), or tables with tars.")],
    *,
    recipe: RecipeFile = None,
    overrides: Overrides = None,
    sample: Annotated[int, typer.Option(min=1, help="How many pairs, chosen at random.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Another one gives other pairs.")] = 0,
    mirrored: Annotated[bool, typer.Option("--mirrored", help="Mirror pictures, too, which may matter.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON, for machines.")] = False,
) -> None:
    """Say which verdicts flip under changes that should not matter: saving again, resizing, case, batch, precision.

    Without a recipe the run's own is audited.
    """
    from workers.progress import Display
    from workers.recipes import recipe_or_default
    from workers.run_folder import RunFolder
    from workers.sitting_told import a_console, print_json
    from workers.stability.auditing import Audit, audit
    from workers.stability.flips import as_lines

    pinned = RunFolder.at(place).pinned() if recipe is None and not overrides else None
    chosen = recipe_or_default(recipe, overrides or []) if pinned is None else pinned.recipe
    report = audit(Audit(place, chosen, sample, seed, mirrored), Display(a_console(to_stderr=True)))
    if as_json:
        print_json(report)
        return
    for line in as_lines(report):
        typer.echo(line)
