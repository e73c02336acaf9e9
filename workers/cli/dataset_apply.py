"""`pairtrawl dataset apply`: a holder brings a copy to the next version."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli.dataset_options import AsJson, Cache
from workers.exit_codes import ExitCode

if TYPE_CHECKING:
    from workers.dataset.holders.receipts import Receipt

_SHOWN = 20


def apply(
    published: Annotated[Path, typer.Argument(metavar="DIFF", help="The published diff.")],
    keys: Annotated[
        Path,
        typer.Option("--keys", envvar="PAIRTRAWL_KEYS", help="Your own key folder, made if needed: signs the receipt."),
    ],
    *,
    local: Annotated[Path, typer.Option(help="Your copy: a checkout, a run, or shards that img2dataset made.")],
    author: Annotated[
        str, typer.Option(help="The publisher's public key, as you know it from elsewhere; it is asked for once shown.")
    ] = "",
    receipt: Annotated[
        Path | None, typer.Option(help="Where the receipt goes. Default: beside the copy.", show_default=False)
    ] = None,
    store: Annotated[
        str | None, typer.Option(help="The publisher's store, for shards that are new.", show_default=False)
    ] = None,
    other_writer: Annotated[
        bool, typer.Option("--other-writer", help="Take tables with the right rows that your pyarrow writes otherwise.")
    ] = False,
    as_json: AsJson = False,
    cache: Cache = None,
) -> None:
    """Bring your own copy to the next version: shards are cut where they lie. Stopped, the same command goes on."""
    import msgspec

    from crawler.dataset.diffs import open_diff
    from crawler.dataset.keys import new_keys
    from crawler.dataset.store import open_store
    from crawler.errors import SettingsError
    from workers.dataset.holders.applying import Asked, apply_diff
    from workers.progress import Display
    from workers.sitting_told import a_console, print_json

    opened = open_diff(published, author or None)
    if not author:
        raise SettingsError(
            f"{published}: is signed by {opened.author}. Compare it with what the publisher says elsewhere, and name "
            f"it: --author {opened.author}"
        )
    target = receipt or local.resolve().with_name(f"{local.resolve().name}-{opened.diff.to_version[:12]}.receipt.json")
    signed = apply_diff(
        opened,
        Asked(local, target, open_store(store, cache=cache) if store else None, other_writer=other_writer),
        new_keys(keys),
        display=Display(a_console(to_stderr=as_json)),
    )
    if as_json:
        print_json(msgspec.to_builtins(signed))
    else:
        _say_receipt(signed.receipt, target)
    if not signed.receipt.complete:
        raise typer.Exit(ExitCode.WORK_LEFT if signed.receipt.to_fetch else ExitCode.YOURS)


def _say_receipt(told: Receipt, path: Path) -> None:
    typer.echo(
        f"{told.rows_before:,} rows before, {told.rows_after:,} after; {len(told.shards):,} shards were changed,"
    )
    typer.echo(
        f"{told.untouched:,} had none of the removed rows, {len(told.missing):,} of the diff are not in this copy"
    )
    if told.to_fetch:
        typer.echo(f"{len(told.to_fetch):,} shards have to be fetched: run it again with --store")
    if told.unfinished:
        typer.echo(f"not read, for they have no mark and are broken: {', '.join(told.unfinished[:_SHOWN])}")
    if told.left:
        typer.echo(f"may still name removed rows, or describe the version before: {', '.join(told.left)}")
    typer.echo(f"receipt: {path}")
