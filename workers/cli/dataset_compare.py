"""`pairtrawl dataset diff`, `merge`, `subset`: versions compared, joined and cut."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from workers.cli.dataset_options import AsJson, Cache, KeysFolder, StoreAddress
from workers.exit_codes import ExitCode

if TYPE_CHECKING:
    from crawler.dataset.keys import Keys
    from workers.dataset.comparing.comparing import Ids, Summary

_Scratch = Annotated[
    Path | None,
    typer.Option(help="Folder for shards until they are stored. Default: this machine's.", show_default=False),
]
_SHOWN = 20


def diff(
    store: StoreAddress,
    before: Annotated[str, typer.Argument(help="A line of versions, a tag, an id, or the first digits of one.")],
    after: Annotated[str, typer.Argument(help="The other one.")] = "main",
    *,
    summary: Annotated[bool, typer.Option("--summary", help="Numbers, and shards by name: the default.")] = False,
    uids: Annotated[
        bool, typer.Option("--uids", help="Ids of rows, one a line, behind - (removed), + (added) or ~ (changed).")
    ] = False,
    html: Annotated[Path | None, typer.Option(help="Also write a page of the numbers there.")] = None,
    publish: Annotated[
        Path | None, typer.Option(help="Also write the signed diff for holders of copies, for `dataset apply`.")
    ] = None,
    keys: Annotated[
        Path | None, typer.Option("--keys", envvar="PAIRTRAWL_KEYS", help="The publisher's, for --publish.")
    ] = None,
    recompute: Annotated[
        bool, typer.Option("--recompute", help="Tell rows apart by reading them: for versions of two publishers.")
    ] = False,
    as_json: AsJson = False,
    cache: Cache = None,
) -> None:
    """Say what differs between two versions: shard by shard, and row by row where shards are not the same."""
    import msgspec

    from crawler.dataset.store import open_store
    from workers.dataset.comparing.comparing import compare
    from workers.dataset.comparing.diff_page import render
    from workers.dataset.holders.publishing import publish_diff
    from workers.progress import Display
    from workers.sitting_told import a_console, print_json

    if summary and uids:
        raise typer.BadParameter("--summary and --uids are two forms of the answer; take one")
    opened = open_store(store, cache=cache)
    display = Display(a_console(to_stderr=True))
    with display.phase("diff", None, "shards") as phase:
        told, ids = compare(
            opened, opened.read_commit(before), opened.read_commit(after), recompute=recompute, phase=phase
        )
    if html is not None:
        from crawler.commit import write_atomically

        write_atomically(html, render(told, opened.about.name).encode())
    if publish is not None:
        publish_diff(opened, _keys(keys), before, after, publish, display=display)
    if as_json:
        print_json(msgspec.to_builtins(told) | ({"uids": _listed(ids)} if uids else {}))
    elif uids:
        for sign, rows in (("-", ids.removed), ("+", ids.added), ("~", ids.changed)):
            sys.stdout.writelines(f"{sign}{row.tobytes().hex()}\n" for row in rows)
    else:
        _say(told)


def merge(
    store: StoreAddress,
    version: Annotated[str, typer.Argument(help="Theirs: a line of versions, a tag, or an id.")],
    keys: KeysFolder,
    *,
    ref: Annotated[str, typer.Option(help="Ours: the line of versions that goes on.")] = "main",
    take: Annotated[
        Literal["ours", "theirs"] | None,
        typer.Option(help="Whose word counts for rows that both changed. Left out, such rows end the merge."),
    ] = None,
    message: Annotated[str, typer.Option("--message", "-m", help="What is new, for the log.")] = "",
    scratch: _Scratch = None,
    as_json: AsJson = False,
    cache: Cache = None,
) -> None:
    """Merge a version into a line of versions. What either published as removed stays removed."""
    import msgspec

    from crawler.dataset.store import open_store
    from workers.dataset.comparing.conflicts import ConflictsError
    from workers.dataset.comparing.merging import merge as merged
    from workers.progress import Display
    from workers.sitting_told import a_console, print_json

    opened = open_store(store, cache=cache)
    display = Display(a_console(to_stderr=as_json))
    try:
        done = merged(
            opened, _keys(keys), version, ref=ref, scratch=_scratch(scratch), take=take, message=message,
            display=display,
        )  # fmt: skip
    except ConflictsError as error:
        if not as_json:
            raise
        print_json({"commit": None, "conflicts": msgspec.to_builtins(error.conflicts)})
        raise typer.Exit(ExitCode.YOURS) from error
    if as_json:
        print_json(msgspec.to_builtins(done))
        return
    said = {"nothing": "has all of it already", "forward": "went forward to it", "merged": "has both"}
    typer.echo(f"{ref} is at {done.commit}: it {said[done.how]}")
    if done.conflicts:
        typer.echo(f"{len(done.conflicts):,} rows that both changed are as {take} had them")


def subset(
    store: StoreAddress,
    ref: Annotated[str, typer.Argument(help="The line of versions that gets the subset; made where there is none.")],
    keys: KeysFolder,
    *,
    version: Annotated[str, typer.Option("--version", help="Of what: a line of versions, a tag, or an id.")] = "main",
    where: Annotated[
        str,
        typer.Option(help="Condition on columns as in SQL: \"punsafe <= 0.45 and language in ('en', 'de')\"."),
    ] = "",
    uids: Annotated[
        Path | None,
        typer.Option(
            help='Ids: DataComp\'s file (numpy, "u8,u8", sorted), or 32 hex digits a line.', show_default=False
        ),
    ] = None,
    share: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Of the ids, drawn by the ids themselves: smaller shares are in larger ones."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**63, help="Another one draws others.")] = 0,
    message: Annotated[str, typer.Option("--message", "-m", help="What it is, for the log.")] = "",
    proof: Annotated[Path | None, typer.Option(help="Also write the proof that it is a subset there.")] = None,
    scratch: _Scratch = None,
    cache: Cache = None,
) -> None:
    """Commit a part of a version. Rows fit all that is asked; shards are cut, and nothing is decoded."""
    from crawler.dataset.store import open_store
    from workers.dataset.comparing.choosing import Choice, listed_ids
    from workers.dataset.comparing.conditions import condition
    from workers.dataset.comparing.proving_subset import prove_subset
    from workers.dataset.comparing.subsetting import subset as chosen
    from workers.progress import Display
    from workers.sitting_told import a_console

    if not where and uids is None and share is None:
        raise typer.BadParameter("say which rows: --where, --uids or --share")
    choice = Choice(
        where=condition(where) if where else None,
        uids=None if uids is None else listed_ids(uids),
        share=share,
        seed=seed,
    )
    opened = open_store(store, cache=cache)
    whole, _ = opened.read_commit(version)
    made = chosen(
        opened, _keys(keys), whole, choice, ref=ref, scratch=_scratch(scratch), message=message,
        display=Display(a_console()),
    )  # fmt: skip
    if proof is not None:
        prove_subset(opened, whole, made, proof)
    _, commit = opened.read_commit(made)
    typer.echo(f"{ref} is at {made}: {commit.rows:,} rows, {commit.samples:,} pictures")


def _keys(folder: Path | None) -> Keys:
    from crawler.dataset.keys import open_keys

    if folder is None:
        raise typer.BadParameter("--keys, or PAIRTRAWL_KEYS, names the publisher's key folder")
    return open_keys(folder)


def _scratch(folder: Path | None) -> Path:
    import tempfile

    return folder or Path(tempfile.gettempdir())


def _listed(ids: Ids) -> dict[str, list[str]]:
    parts = {"removed": ids.removed, "added": ids.added, "changed": ids.changed}
    return {name: [row.tobytes().hex() for row in rows] for name, rows in parts.items()}


def _say(told: Summary) -> None:
    typer.echo(f"{told.from_version[:12]} has {told.rows_before:,} rows, {told.to_version[:12]} {told.rows_after:,}")
    if told.is_empty:
        typer.echo("they hold the same rows" + ("" if told.same_root else ", in other shards or under other keys"))
    else:
        typer.echo(f"removed {told.removed:,}, added {told.added:,}, changed {told.changed:,}")
    typer.echo(f"{told.shards_same:,} shards are the same, {len(told.shards):,} are not")
    for one in told.shards[:_SHOWN]:
        typer.echo(f"  {one.name} {one.kind}: {one.only_before:,} rows only before, {one.only_after:,} only after")
    if len(told.shards) > _SHOWN:
        typer.echo(f"  and {len(told.shards) - _SHOWN:,} more (--json names all)")
