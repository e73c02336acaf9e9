"""Arguments that the verbs of removals share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from workers.dataset.takedown.removing import Publisher

Register = Annotated[
    Path,
    typer.Option(
        "--register",
        envvar="PAIRTRAWL_REGISTER",
        metavar="REGISTER",
        help="The private folder of takedowns: outside of the store and of any git work tree.",
    ),
]
Line = Annotated[str, typer.Option("--ref", help="The line of versions that goes on.")]
Names = Annotated[list[str] | None, typer.Argument(metavar="TAKEDOWN...", help="Such as T-2026-11-22-1. Default: all.")]
Scratch = Annotated[
    Path | None,
    typer.Option(help="Folder for files until they are stored; what stays of a shard lies there.", show_default=False),
]


def publisher_of(store: str, keys: Path, scratch: Path | None, cache: Path | None) -> Publisher:
    """Who makes new versions, by what the options say.

    Raises:
        PairtrawlError: there is no such store, or there are no keys.
    """
    import tempfile

    from crawler.dataset.keys import open_keys
    from crawler.dataset.store import open_store
    from workers.dataset.takedown.removing import Publisher
    from workers.progress import Display
    from workers.sitting_told import a_console

    where = scratch or Path(tempfile.gettempdir())
    where.mkdir(parents=True, exist_ok=True)
    return Publisher(open_store(store, cache=cache), open_keys(keys), where, Display(a_console(to_stderr=True)))
