"""`pairtrawl seen`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def seen(
    folder: Annotated[Path, typer.Argument(help="Folder of a run: what --output named.")] = Path("runs/crawl"),
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Make them anew from the tables of the shards.")] = False,
) -> None:
    """Check the indexes of what a run has seen (its recipe's `[duplicates]`) against the tables of its shards."""
    from crawler.errors import RunFolderError
    from crawler.seen import opening
    from workers.run_folder import RunFolder

    run = RunFolder.at(folder)
    pinned = run.pinned()
    if pinned is None:
        raise RunFolderError(f"{folder}: holds no run; name the folder that --output named")
    with run.held():
        if rebuild:
            for name, rows in opening.rebuild(pinned.recipe, folder).items():
                typer.echo(f"{name}: made anew, {rows:,} keys")
            return
        checked = opening.check(pinned.recipe, folder)
    if not checked:
        typer.echo(f"{folder}: has no index")
    for name, same in checked.items():
        typer.echo(f"{name}: {'is' if same else 'is not'} what the shards say")
    if not all(checked.values()):
        raise RunFolderError(f"{folder}/seen: is not what the shards say; make it anew with --rebuild")
