"""`pairtrawl retry`: the rows of a rebuild that came to nothing, once more."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workers.cli import options as flags
from workers.telling.forms import LogForm

Shards = Annotated[Path, typer.Argument(metavar="FOLDER", help="What `pairtrawl rebuild --output` named.")]
Again = Annotated[
    str,
    typer.Option(help="Outcomes whose rows are asked for again: dead, failed, refused, blocked, changed; with commas."),
]


def retry(
    folder: Shards,
    again: Again = "dead,failed",
    removals: flags.Removals = None,
    place: flags.PlaceName = None,
    ray_address: flags.RayAddress = "",
    workers: flags.Workers = 2,
    wait_for_nodes: flags.WaitForNodes = None,
    slice_: flags.SliceName = "",
    islands: flags.Islands = None,
    owner: flags.Owner = "",
    scratch: flags.Scratch = None,
    as_json: flags.AsJson = False,
    log: flags.Log = LogForm.AUTO,
    wandb: flags.Wandb = "",
) -> None:
    """Ask again for the rows of a rebuild that came to nothing. What is there stays, to the byte.

    A shard is made anew only if it has such rows. It can be stopped at any moment, and goes on.
    """
    from workers.asked import Asked
    from workers.rebuild.retrying import retry as try_again
    from workers.slices import parse_slice
    from workers.telling.failing import errors_told

    with errors_told(log):
        asked = Asked(
            place=place or ("ray" if ray_address else "local"), ray_address=ray_address, workers=workers,
            wait_for_nodes=wait_for_nodes, slice=parse_slice(slice_) if slice_ else None, islands=islands, owner=owner,
            scratch=scratch, log=log, wandb=wandb,
        )  # fmt: skip
        outcomes = [one.strip() for one in again.split(",") if one.strip()]
        code = try_again(folder, outcomes, asked, removals=removals, as_json=as_json)
    raise typer.Exit(code)
