"""`pairtrawl dataset`: versions of a data set: make a store, commit, look, verify, tag, check out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli.dataset_options import AsJson, Cache, KeysFolder, StoreAddress, Version

if TYPE_CHECKING:
    from workers.dataset.commits.verifying import Verified

dataset = typer.Typer(
    help="Versions of a data set: content-addressed shards under signed manifests, on this disk or on S3.",
    no_args_is_help=True,
)


@dataset.command("init")
def init(
    store: StoreAddress,
    keys: KeysFolder,
    *,
    name: Annotated[str, typer.Option(help="Of the data set: what manifests, cards and indexes call it.")],
) -> None:
    """Make a store, and the key folder where there is none. Keep the keys apart, and a copy of them safe."""
    from crawler.dataset.keys import new_keys
    from crawler.dataset.store import new_store

    made = new_store(store, name, new_keys(keys))
    typer.echo(f"{store}: a store of versions of {made.about.name!r}, published by {made.about.author}")
    typer.echo(f"{keys}: its keys. Whoever has them can publish in your name; without them nobody can go on.")


@dataset.command("commit")
def commit(
    store: StoreAddress,
    folder: Annotated[Path, typer.Argument(help="A run, a campaign, a rebuild, or img2dataset's shards.")],
    keys: KeysFolder,
    *,
    message: Annotated[str, typer.Option("--message", "-m", help="What is new, for the log.")] = "",
    ref: Annotated[str, typer.Option(help="The line of versions to go on with; made where there is none.")] = "main",
    prefix: Annotated[
        str, typer.Option(help="Put before the shards' names: for a further run, whose numbers begin at 0 again.")
    ] = "",
    replace: Annotated[
        bool, typer.Option("--replace", help="Shards of the folder take the place of others of their names.")
    ] = False,
    exact: Annotated[
        bool, typer.Option("--exact", help="The version has the folder's shards alone; else those before stay.")
    ] = False,
    cache: Cache = None,
) -> None:
    """Commit what is done in a folder. What is stored is not stored again; where nothing changed there is no commit."""
    from crawler.dataset.keys import open_keys
    from crawler.dataset.store import open_store
    from workers.dataset.commits.committing import commit_run
    from workers.progress import Display
    from workers.sitting_told import a_console

    opened = open_store(store, cache=cache)
    before = opened.ref(ref)
    made = commit_run(
        opened,
        open_keys(keys),
        folder,
        ref=ref,
        message=message,
        prefix=prefix,
        replace=replace,
        exact=exact,
        display=Display(a_console()),
    )
    found, manifest = opened.read_commit(made)
    if made == before:
        typer.echo(f"{ref} is at {found[:12]} as before: nothing has changed")
        return
    typer.echo(f"{ref} is at {found}")
    typer.echo(f"{manifest.rows:,} rows, {manifest.samples:,} pictures, {manifest.bytes:,} bytes; root {manifest.root}")


@dataset.command("log")
def log(store: StoreAddress, *, version: Version = "main", as_json: AsJson = False, cache: Cache = None) -> None:
    """List the versions that one came from, the latest first."""
    import json

    from crawler.dataset.store import open_store
    from workers.dataset.commits.telling import log_lines, log_records

    opened = open_store(store, cache=cache)
    if as_json:
        typer.echo(json.dumps(list(log_records(opened, version)), indent=2))
        return
    for line in log_lines(opened, version):
        typer.echo(line)


@dataset.command("show")
def show(store: StoreAddress, *, version: Version = "main", as_json: AsJson = False, cache: Cache = None) -> None:
    """Say what a version is, and which lines and tags there are."""
    import json

    from crawler.dataset.store import open_store
    from workers.dataset.commits.telling import show_lines, show_record

    opened = open_store(store, cache=cache)
    if as_json:
        typer.echo(json.dumps(show_record(opened, version), indent=2))
        return
    for line in show_lines(opened, version):
        typer.echo(line)


@dataset.command("verify")
def verify(
    store: StoreAddress,
    *,
    version: Version = "main",
    author: Annotated[
        str, typer.Option(help="Public key by which it must be signed. Without it a store is believed about that.")
    ] = "",
    sample: Annotated[
        int | None, typer.Option(min=1, help="Look at so many shards only, chosen by chance; manifests always.")
    ] = None,
    history: Annotated[bool, typer.Option("--history", help="Also every version that it came from.")] = False,
    as_json: AsJson = False,
    cache: Cache = None,
) -> None:
    """Compare every bit of a version with what its publisher signed; leave with 2 if one differs, and name its file."""
    import json

    import msgspec

    from crawler.dataset.store import open_store
    from workers.dataset.commits.verifying import verify as look
    from workers.exit_codes import ExitCode
    from workers.progress import Display
    from workers.sitting_told import a_console

    display = None if as_json else Display(a_console())
    opened = open_store(store, cache=cache)
    told = look(opened, version, author=author, sample=sample, history=history, display=display)
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(told), indent=2))
    else:
        _say(told)
    if told.problems:
        raise typer.Exit(ExitCode.YOURS)


def _say(told: Verified) -> None:
    for problem in told.problems:
        typer.echo(f"WRONG  {problem}")
    for takedown, rows in sorted(told.purged.items()):
        typer.echo(
            f"{rows:,} rows were purged under {takedown}: their leaves are there, and what is left was looked at"
        )
    looked = f"{told.looked_at:,} of {told.shards:,} shards, {told.rows:,} rows"
    typer.echo(f"{len(told.versions):,} versions, {looked}, signed by {', '.join(sorted(told.authors)) or 'nobody'}")
    typer.echo(
        f"{len(told.problems)} files are not what they were" if told.problems else "every bit is as it was signed"
    )


@dataset.command("tag")
def tag(
    store: StoreAddress,
    name: Annotated[str, typer.Argument(help="The tag: letters, digits, dots, dashes and underscores.")],
    *,
    version: Version = "main",
    cache: Cache = None,
) -> None:
    """Give a version a name, for good: a tag is never moved."""
    from crawler.dataset.store import open_store

    opened = open_store(store, cache=cache)
    found, _ = opened.read_commit(version)
    opened.tag(name, found)
    typer.echo(f"{name} is {found}")


@dataset.command("checkout")
def checkout(
    store: StoreAddress,
    output: Annotated[Path, typer.Argument(help="A folder, new or of a checkout that was stopped.")],
    *,
    version: Version = "main",
    cache: Cache = None,
) -> None:
    """Write a version into a folder, as img2dataset would have: tars and tables, without what was taken out of them."""
    from crawler.dataset.store import open_store
    from workers.dataset.commits.checking_out import check_out
    from workers.progress import Display
    from workers.sitting_told import a_console

    found, manifest = check_out(open_store(store, cache=cache), version, output, display=Display(a_console()))
    typer.echo(f"{output}: version {found[:12]}, {manifest.rows:,} rows, {manifest.samples:,} pictures")
