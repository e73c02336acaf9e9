"""`pairtrawl lists`: keys, confidential lists, and what a list holds, in numbers."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, Literal

import typer

lists = typer.Typer(
    help="Removal lists: make a key, compile a confidential list, count what a list holds. Never shows an entry.",
    no_args_is_help=True,
)

_Kind = Annotated[str, typer.Option(help="What a value is that does not say so itself, such as md5 or pdq.")]
_Columns = Annotated[
    list[str] | None,
    typer.Option("--columns", help='Of a table: KIND=HEADING or KIND=NUMBER, such as md5="MD5 Hash"; may be repeated.'),
]
_Form = Annotated[
    Literal["auto", "text", "csv", "json", "xml"], typer.Option(help="How the list is written; auto looks at it.")
]


@lists.command("new-key")
def new_key(
    file: Annotated[Path, typer.Argument(help="Where to write the key; outside of any git work tree.")],
) -> None:
    """Make a key for confidential lists. Whoever has it can try out what such a list names: keep it on one host."""
    from filters.lists import private_files

    private_files.new_key(file)
    typer.echo(f"{file}: a new key. Only the hosts that screen may have it; without it its lists are lost.")


@lists.command("compile")
def compile_list(
    source: Annotated[list[Path], typer.Argument(help="The list as it was issued: one file, or all its parts.")],
    *,
    key: Annotated[Path, typer.Option(help="Key file, made by `pairtrawl lists new-key`.")],
    output: Annotated[Path, typer.Option(help="The compiled list, FILE.ptlist; one that is there is replaced.")],
    issued: Annotated[str, typer.Option(help="Day on which its maker issued it, YYYY-MM-DD; its age counts from it.")],
    kind: _Kind = "",
    columns: _Columns = None,
    form: _Form = "auto",
    shrink: Annotated[
        bool, typer.Option("--shrink", help="Allow less than 90 % of the entries of the list that is replaced.")
    ] = False,
) -> None:
    """Make a confidential list of a list as it was issued: keyed, encrypted, and readable for its owner only."""
    from filters.lists import compiling

    day = _day(issued)
    mapped = columns_of(columns)
    done = compiling.compile_list(source, compiling.Reading(kind, mapped, form), key, output, day, shrink=shrink)
    _say(done, f"{output}: issued on {day}")


@lists.command("check")
def check(
    file: Annotated[Path, typer.Argument(help="A list of any form.")],
    *,
    key: Annotated[Path | None, typer.Option(help="Key file, to see whether a confidential list is whole.")] = None,
    kind: _Kind = "",
    columns: _Columns = None,
    form: _Form = "auto",
) -> None:
    """Say how many entries of each kind a list has, how many are not used and why, and how old it is."""
    from filters.lists import compiling

    found, issued = compiling.check(file, compiling.Reading(kind, columns_of(columns), form), key)
    if issued is None:
        _say(found, f"{file}: in the open")
        return
    days = (dt.datetime.now(dt.UTC).date() - issued).days
    whole = "whole" if key else "not tried out, for no --key was given"
    _say(found, f"{file}: confidential, issued on {issued} (age in days: {days}), {whole}")


def _say(found: object, heading: str) -> None:
    from filters.lists.compiling import Counted

    assert isinstance(found, Counted)
    typer.echo(heading)
    for kind, count in found.counts.items():
        typer.echo(f"{count:>12,} {kind}")
    if found.skipped:
        typer.echo("not used:")
    for reason, count in found.skipped.items():
        typer.echo(f"{count:>12,} {reason}")


def _day(written: str) -> dt.date:
    try:
        return dt.date.fromisoformat(written)
    except ValueError as error:
        raise typer.BadParameter(f"{written!r} is no day; write it as 2026-11-21", param_hint="--issued") from error


def columns_of(written: list[str] | None) -> dict[str, str | int] | None:
    """What --columns says: of a list that is a table the heading, or the number, of each kind.

    Raises:
        BadParameter: it is no pair.
    """
    pairs = [one.partition("=") for one in written or ()]
    if wrong := [name for name, sign, heading in pairs if not sign or not heading]:
        raise typer.BadParameter(f"{', '.join(wrong)}: write KIND=HEADING or KIND=NUMBER", param_hint="--columns")
    return {name: int(heading) if heading.isdecimal() else heading for name, _, heading in pairs} or None
