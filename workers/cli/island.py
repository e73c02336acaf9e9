"""`pairtrawl island`: one Ray cluster for one array task, or for one machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workers.cli.options import Log
from workers.telling.forms import LogForm


def island(
    words: Annotated[
        list[str],
        typer.Argument(metavar="-- VERB ...", help="What to run on it: extract, fetch, score, crawl or rebuild."),
    ],
    run: Annotated[
        Path | None, typer.Option("--run", help="Folder of the run; all nodes see it. Default: $PAIRTRAWL_RUN.")
    ] = None,
    min_nodes: Annotated[
        int | None, typer.Option("--min-nodes", min=1, help="Start with so many, if others are late. Default: all.")
    ] = None,
    join_seconds: Annotated[float, typer.Option("--join-seconds", min=1, help="How long to wait for nodes.")] = 300.0,
    drain_seconds: Annotated[
        float | None,
        typer.Option("--drain-seconds", min=0, help="After TERM, when the driver is killed.", show_default="20"),
    ] = None,
    net_suffix: Annotated[
        str | None, typer.Option("--net-suffix", help="What a node's name takes on its fast network: `i`, often.")
    ] = None,
    node_ip: Annotated[str | None, typer.Option("--node-ip", help="This node's address, instead of asking.")] = None,
    node_local: Annotated[
        Path | None,
        typer.Option("--node-local", help="Folder on the node's own disk; a short path.", show_default=False),
    ] = None,
    role: Annotated[
        str, typer.Option("--role", help="What these nodes are for: they have the Ray resource `pairtrawl_ROLE`.")
    ] = "",
    object_store_bytes: Annotated[
        int, typer.Option("--object-store-bytes", min=80_000_000, help="Shared memory for Ray on each node.")
    ] = 200 * 1024 * 1024,
    log: Log = LogForm.AUTO,
) -> None:
    """Run a verb on a Ray cluster of its own: one `srun` starts this on every node. Without SLURM: on this machine.

    The first task is Ray's head and runs the verb; the others serve it. USR1 lets the verb finish what is in flight,
    TERM gives up. The exit code is the verb's; it also stands in RUN/islands/JOB.RESTART.STEP/done.
    """
    from crawler.errors import SettingsError
    from workers.island.launch import launch, to_stderr, verb
    from workers.island.part import Options
    from workers.island.surroundings import here
    from workers.telling.failing import errors_told

    around, wishes = here()
    folder = run or wishes.run
    if folder is None:
        raise SettingsError("which run? give --run, or set PAIRTRAWL_RUN")
    options = Options(
        run=folder.absolute(),
        min_nodes=min_nodes or wishes.min_nodes,
        join_seconds=join_seconds,
        drain_seconds=next(one for one in (drain_seconds, wishes.drain_seconds, 20.0) if one is not None),
        net_suffix=wishes.net_suffix if net_suffix is None else net_suffix,
        node_ip=wishes.node_ip if node_ip is None else node_ip,
        node_local=node_local or wishes.node_local,
        role=role,
        object_store_bytes=object_store_bytes,
    )
    with errors_told(log):
        code = launch(around, options, verb(words, log), to_stderr(around, log))
    raise typer.Exit(code)
