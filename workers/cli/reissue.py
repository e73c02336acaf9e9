"""`pairtrawl dataset reissue` and `dataset purge`: versions that can be published, and older ones without the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workers.cli.dataset_options import Cache, KeysFolder, StoreAddress
from workers.cli.takedown_options import Line, Register, Scratch, publisher_of


def reissue(
    store: StoreAddress,
    register: Register,
    keys: KeysFolder,
    *,
    policy: Annotated[
        Path | None, typer.Option(metavar="FILE", help="TOML file of policies (docs/takedown.md).", show_default=False)
    ] = None,
    burial: Annotated[int, typer.Option(min=0, help="Neutral removals for each real one, at least.")] = 10_000,
    ref: Line = "main",
    as_: Annotated[str, typer.Option("--as", metavar="REF", help="Put it on another line of versions.")] = "",
    since: Annotated[
        str, typer.Option(metavar="VERSION", help="The version that was published last. Default: found.")
    ] = "",
    diff: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the diff that holders apply.", show_default=False)
    ] = None,
    so_many: Annotated[
        bool, typer.Option("--yes-so-many", help="More than a twentieth of the rows may go as decoys.")
    ] = False,
    scratch: Scratch = None,
    cache: Cache = None,
) -> None:
    """Make a version that can be published: takedowns and policies applied, real removals among neutral ones.

    Rows are numbered anew. Where policies remove too little to hide in, decoys are drawn by the register's key. Where
    `--burial` cannot be reached nothing is published.
    """
    from workers.dataset.removed.register import RegisterFolder
    from workers.dataset.takedown.policies import load_policies
    from workers.dataset.takedown.reissue_plan import Plan
    from workers.dataset.takedown.reissuing import reissue

    plan = Plan(load_policies(policy) if policy else (), burial, ref, onto=as_, base=since, diff=diff, so_many=so_many)
    done = reissue(publisher_of(store, keys, scratch, cache), RegisterFolder.open(register), plan)
    note = done.note
    removed = note.real + note.by_policy + note.decoys
    typer.echo(f"{as_ or ref} is at {done.commit}")
    typer.echo(f"{note.rows_before:,} rows before, {removed:,} removed, {note.rows_after:,} now")
    if done.diff is not None:
        typer.echo(f"{diff}: for holders of {note.base[:12]}; {done.diff.diff.removed:,} ids, signed")
    if done.forgotten:
        typer.echo(f"{done.forgotten} steps in between are no longer in the store")


def purge(
    store: StoreAddress,
    register: Register,
    keys: KeysFolder,
    names: Annotated[list[str], typer.Argument(metavar="TAKEDOWN...", help="Such as T-2026-11-22-1.")],
    *,
    unburied: Annotated[
        bool,
        typer.Option("--unburied", help="Also what no re-issue has buried: redactions in the store then point at it."),
    ] = False,
    also: Annotated[
        list[Path] | None,
        typer.Option(metavar="FOLDER", help="Look through run folders and copies too, and say what is left there."),
    ] = None,
    scratch: Scratch = None,
    cache: Cache = None,
) -> None:
    """Remove bytes and metadata of removed rows from every version. Roots of old versions still verify.

    It can be stopped at any moment, and goes on where it was when it is run again.
    """
    from crawler.errors import DatasetError
    from workers.dataset.removed.register import RegisterFolder
    from workers.dataset.takedown.purging import purge
    from workers.dataset.takedown.remains import remains_in

    folder = RegisterFolder.open(register)
    done = purge(publisher_of(store, keys, scratch, cache), folder, tuple(names), unburied=unburied)
    typer.echo(f"{done.name}: {done.rows:,} rows out of {done.shards:,} shards; {done.objects:,} objects replaced")
    left = [path for one in also or () for path in remains_in(one, folder.uids(*names))]
    for path in left:
        typer.echo(f"{path}: holds rows of the takedown still")
    if left:
        raise DatasetError(f"{len(left)} files beside the store hold rows that were purged; see docs/takedown.md")
