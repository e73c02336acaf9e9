"""`pairtrawl work`: give this machine's spare time to a campaign."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def work(
    tracker: Annotated[str, typer.Argument(metavar="URL", help="The tracker: https://tracker.example.org")],
    name: Annotated[str, typer.Option(help="What you and this machine are called on the campaign's pages.")] = "",
    account: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="File with your account's token, for a second machine. Default: a new account.",
            show_default=False,
        ),
    ] = None,
    invitation: Annotated[
        str, typer.Option(help="The word that the operators gave you, where a campaign asks for one.")
    ] = "",
    folder: Annotated[
        Path | None,
        typer.Option(help="Where keys and finished work are kept. Default: ~/.pairtrawl/HOST.", show_default=False),
    ] = None,
    cpus: Annotated[
        int | None, typer.Option(min=1, help="Cores to use at most. Default: all.", show_default=False)
    ] = None,
    memory: Annotated[
        float | None,
        typer.Option(
            min=0.5, metavar="GB", help="Memory to use at most. Default: all but a fifth.", show_default=False
        ),
    ] = None,
    disk: Annotated[
        float | None,
        typer.Option(
            min=0.1, metavar="GB", help="Disk to use at most. Default: half of what is free.", show_default=False
        ),
    ] = None,
    bandwidth: Annotated[
        float | None,
        typer.Option(
            min=0.01, metavar="MB/S", help="Upload no faster, and download about so fast.", show_default=False
        ),
    ] = None,
    hours: Annotated[
        str, typer.Option(metavar="22-6", help="Begin jobs in these hours of the day only, by this machine's clock.")
    ] = "",
    kinds: Annotated[
        str, typer.Option(help="Do these kinds only, separated by commas: extract, fetch, score, crawl.")
    ] = "",
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many. Default: when told to.", show_default=False)
    ] = None,
    public_key: Annotated[
        str, typer.Option(metavar="HEX", help="The campaign's key, if you know it. Default: that of the first visit.")
    ] = "",
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="Tests only: the tracker and its web are on this very machine.")
    ] = False,
    root: Annotated[bool, typer.Option("--root", help="Run as root all the same. Better not.")] = False,
    status: Annotated[bool, typer.Option("--status", help="Only show what is in the folder.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Say what happens as JSON, one object a line.")] = False,
) -> None:
    """Give this machine's spare time to a campaign: take jobs, do them, upload what they made. Ctrl-C stops it."""
    from workers.home.asked import AskedWork, Limits, parse_hours, parse_kinds

    asked = AskedWork(
        tracker=tracker,
        folder=folder,
        name=name,
        account_file=account,
        invitation=invitation,
        public_key=public_key.strip().lower(),
        limits=Limits(
            cpus=cpus,
            memory_bytes=_bytes(memory),
            disk_bytes=_bytes(disk),
            bytes_per_second=bandwidth * 1e6 if bandwidth else None,
            hours=parse_hours(hours) if hours else None,
            kinds=parse_kinds(kinds),
        ),
        jobs=jobs,
        allow_private=allow_private,
        as_root=root,
        as_json=as_json,
    )
    if status:
        from workers.home.status import show_status

        show_status(asked)
        return
    from workers.home.session import work as do_work

    raise typer.Exit(do_work(asked))


def _bytes(gigabytes: float | None) -> int | None:
    return int(gigabytes * 1e9) if gigabytes is not None else None
