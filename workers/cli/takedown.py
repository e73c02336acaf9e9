"""`pairtrawl dataset takedown`: what has to go, goes, and stays away.

Nothing that names what is removed is an argument: command lines end in histories and in lists of processes.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli.dataset_options import AsJson, Cache, KeysFolder, StoreAddress
from workers.cli.lists import columns_of
from workers.cli.takedown_options import Line, Names, Register, Scratch, publisher_of

if TYPE_CHECKING:
    from workers.dataset.removed.register import Takedown

takedown = typer.Typer(
    help="Removals: match stored columns with lists, keep a private register, cut shards, mask by policy.",
    no_args_is_help=True,
)

_Files = list[Path] | None


def _files(help_: str) -> object:
    return typer.Option(metavar="FILE", help=help_, show_default=False)


@takedown.command("add")
def add(
    store: StoreAddress,
    register: Register,
    *,
    reason: Annotated[
        str, typer.Option(help="illegal, privacy, copyright, opt_out, poisoned or other; kept, and never published.")
    ],
    authority: Annotated[str, typer.Option(help="On whose word: an office, or the number of a ticket or letter.")],
    hashes: Annotated[_Files, _files("MD5, SHA-1 (hex, base32) and SHA-256 of files as received; any form.")] = None,
    urls: Annotated[_Files, _files("Addresses, domains, or hashes of addresses (see --kind).")] = None,
    hosts: Annotated[_Files, _files("Domains, with all below them.")] = None,
    pdq: Annotated[_Files, _files("PDQ hashes: within 31 bits, turned and mirrored forms too.")] = None,
    phash: Annotated[_Files, _files("pHashes of 64 bits: within 4 bits.")] = None,
    ids: Annotated[Path | None, _files("Ids of rows, one a line.")] = None,
    id_column: Annotated[str, typer.Option(help="The column of --ids.")] = "content_id",
    worker: Annotated[str, typer.Option(help="Rows of the shards of this worker.")] = "",
    since: Annotated[str, typer.Option(help="Rows fetched from this time on (2026-11-22T18:00, UTC).")] = "",
    until: Annotated[str, typer.Option(help="Rows fetched before this time.")] = "",
    kind: Annotated[str, typer.Option(help="What entries of --urls are that do not say it: url_md5, ...")] = "",
    columns: Annotated[
        list[str] | None, typer.Option("--columns", help='Of lists that are tables: KIND=HEADING, as in "lists check".')
    ] = None,
    key: Annotated[Path | None, typer.Option(help="Key file of confidential lists (.ptlist).")] = None,
    version: Annotated[str, typer.Option(help="Match one version only.", show_default=False)] = "",
    every_version: Annotated[
        bool, typer.Option("--every-version", help="Match all versions that are stored, refs or not: the default.")
    ] = False,
    with_copies: Annotated[
        bool, typer.Option("--with-copies/--without-copies", help="Also rows with the same bytes as one that matches.")
    ] = True,
    so_many: Annotated[bool, typer.Option("--yes-so-many", help="Take out more than one row in a thousand.")] = False,
    as_json: AsJson = False,
    cache: Cache = None,
) -> None:
    """Match what is stored with lists, and keep what must go in the register. Nothing of the data set changes.

    No picture and no link is opened. Only numbers are shown; what matched is in the register alone.
    """
    from crawler.dataset.store import open_store
    from crawler.errors import SettingsError
    from workers.dataset.removed.register import Reason, RegisterFolder
    from workers.dataset.takedown.matching import Span
    from workers.dataset.takedown.takedowns import Request, add, shown
    from workers.progress import Display
    from workers.sitting_told import a_console

    if version and every_version:
        raise SettingsError("--version and --every-version contradict each other")
    if reason not in [one.value for one in Reason]:
        raise SettingsError(f"--reason {reason!r}: has to be one of {', '.join(Reason)}")
    given = {"hashes": hashes, "urls": urls, "hosts": hosts, "pdq": pdq, "phash": phash}
    span = Span(worker, _time(since, "--since"), _time(until, "--until"))
    request = Request(
        Reason(reason), authority, {name: tuple(files) for name, files in given.items() if files}, ids, id_column,
        span if span != Span() else None, kind, columns_of(columns), str(key.resolve()) if key else "", with_copies,
    )  # fmt: skip
    done = add(
        open_store(store, cache=cache), RegisterFolder.create(register), request,
        version=version, so_many=so_many, display=Display(a_console(to_stderr=True)),
    )  # fmt: skip
    if as_json:
        _print_json(shown(done.takedown))
        return
    for line in _lines(done.takedown):
        typer.echo(line)
    for what, rows in sorted(done.blind.items()):
        typer.echo(f"  not compared: {rows:,} rows have no {what}")
    typer.echo("next: pairtrawl dataset takedown cut, then dataset reissue (docs/takedown.md)")


@takedown.command("list")
def list_(register: Register, *, as_json: AsJson = False) -> None:
    """List takedowns and re-issues, in numbers."""
    from workers.dataset.removed.register import RegisterFolder
    from workers.dataset.takedown.takedowns import shown

    folder = RegisterFolder.open(register)
    if as_json:
        _print_json([*map(shown, folder.takedowns()), *folder.reissues()])
        return
    done = {name for one in folder.reissues() if one.commit for name in one.takedowns}
    for one in folder.takedowns():
        typer.echo(f"{_lines(one)[0]}{'' if one.id in done else ' (not re-issued yet)'}")
    for issue in folder.reissues():
        typer.echo(f"{issue.id}: {issue.base[:12]} -> {issue.commit[:12] or 'decided, and not made'}")


@takedown.command("show")
def show(
    register: Register, name: Annotated[str, typer.Argument(metavar="TAKEDOWN")], *, as_json: AsJson = False
) -> None:
    """Say what a takedown is, in numbers: never an address, a hash or an id."""
    from workers.dataset.removed.register import RegisterFolder
    from workers.dataset.takedown.takedowns import shown

    found = RegisterFolder.open(register).takedown(name)
    if as_json:
        _print_json(shown(found))
        return
    for line in _lines(found):
        typer.echo(line)


@takedown.command("cut")
def cut(
    store: StoreAddress,
    register: Register,
    keys: KeysFolder,
    names: Names = None,
    *,
    ref: Line = "main",
    scratch: Scratch = None,
    cache: Cache = None,
) -> None:
    """Cut rows of takedowns out of the newest version, by byte ranges, into a child commit.

    Serve that version, and do not publish it: beside the one before it shows what was removed. `reissue` does that.
    """
    from workers.dataset.removed.register import RegisterFolder
    from workers.dataset.takedown.removing import cut

    done = cut(publisher_of(store, keys, scratch, cache), RegisterFolder.open(register), tuple(names or ()), ref=ref)
    typer.echo(f"{ref} is at {done.commit}: {done.shards:,} of {done.of_shards:,} shards cut")


@takedown.command("mask")
def mask(
    store: StoreAddress,
    register: Register,
    keys: KeysFolder,
    *,
    policy: Annotated[Path, typer.Option(metavar="FILE", help="TOML file of policies (docs/takedown.md).")],
    ref: Line = "main",
    scratch: Scratch = None,
    cache: Cache = None,
) -> None:
    """Mask what policies leave out of the newest version, in a child commit: no shard is written."""
    from workers.dataset.removed.register import RegisterFolder
    from workers.dataset.takedown.policies import load_policies
    from workers.dataset.takedown.removing import mask

    policies = load_policies(policy)
    done = mask(publisher_of(store, keys, scratch, cache), RegisterFolder.create(register), policies, ref=ref)
    typer.echo(f"{ref} is at {done.commit}: {done.rows:,} rows masked in {done.shards:,} of {done.of_shards:,} shards")


def _time(written: str, flag: str) -> int | None:
    if not written:
        return None
    try:
        time = dt.datetime.fromisoformat(written)
    except ValueError as error:
        raise typer.BadParameter(f"{written!r} is no time; write it as 2026-11-22T18:00", param_hint=flag) from error
    return int((time if time.tzinfo else time.replace(tzinfo=dt.UTC)).timestamp())


def _lines(found: Takedown) -> list[str]:
    from workers.dataset.takedown.takedowns import told

    rows = told(found.rows, confidential=found.confidential)
    day = dt.datetime.fromtimestamp(found.made_at, dt.UTC).date()
    head = f"{found.id}: {found.reason}, {day}, {found.authority}: {rows} of {found.of_rows:,} rows match"
    entries = ", ".join(f"{count:,} {kind}" for kind, count in found.entries.items()) or "no lists"
    by_kind = ", ".join(
        f"{told(count, confidential=found.confidential)} by {kind}" for kind, count in found.by_kind.items() if count
    )
    return [head, f"  named: {entries}", f"  matched: {by_kind or 'nothing'}"]


def _print_json(value: object) -> None:
    import json

    import msgspec

    typer.echo(json.dumps(msgspec.to_builtins(value), indent=2))
