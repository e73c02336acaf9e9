"""`pairtrawl slurm fetch-weights` and `pack-env`: what nodes will need, made ready where there is internet."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from workers.cli.options import Overrides, RecipeFile


def fetch_weights(recipe: RecipeFile = None, overrides: Overrides = None) -> None:
    """Download the models that a recipe asks, on a machine with internet, for nodes that have none.

    They go into the cache of Hugging Face: HF_HOME must name the same folder here and on the nodes, best one on a file
    system for large files, for home folders are small.
    """
    from workers.recipes import recipe_or_default
    from workers.staging import fetching

    fetched = None
    for fetched in fetching.fetch_weights(recipe_or_default(recipe, overrides or [])):
        typer.echo(f"{fetched.model}: {fetched.size:,} bytes, sha256 {fetched.sha256}, {fetched.weights}")
    if fetched is None:
        typer.echo("No filter of this recipe asks a model; nothing to fetch.")


def pack_env(
    out: Annotated[
        Path,
        typer.Argument(
            help="The archive, for PAIRTRAWL_ENV_PACK: .tar.zst, or .tar.gz where nodes have no zstd, or .tar."
        ),
    ],
    prefix: Annotated[
        Path, typer.Option("--venv", help="The virtual environment. Default: the one that this command runs in.")
    ] = Path(sys.prefix),
) -> None:
    """Put a virtual environment into one file, which each node unpacks once.

    Thirty thousand small files that every node reads at once are a storm for a shared file system; one large file is
    none.
    """
    from workers.staging.environment import pack_environment

    packed = pack_environment(out, prefix)
    typer.echo(
        f"{out}: {packed.files:,} files, {packed.content_bytes / 1e6:,.0f} MB in {packed.archive_bytes / 1e6:,.0f} MB"
    )
