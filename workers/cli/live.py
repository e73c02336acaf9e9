"""`pairtrawl live`: a page about a run, which changes while the run goes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def live(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run: what --output named.")] = Path(
        "runs/crawl"
    ),
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Where to listen; 0: any free port.")] = 0,
    token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Keep the page's key in this file, so that it stays the same: for Prometheus, which asks for /metrics "
            "with it. Default: a new key each time.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Watch a run while it goes, in a browser: what is done, how fast, what is kept, what failed; metrics at /metrics.

    It only reads the folder, so it works wherever the run does: here, on Ray, in slices, under SLURM. Ctrl-C ends it.
    """
    import asyncio

    from workers.live.keys import kept_gate
    from workers.live.serving import Live
    from workers.live.watching import RunWatch
    from workers.local_pages.serving import serve_local

    gate = kept_gate(token_file) if token_file else None

    async def serve() -> None:
        shown = Live(RunWatch(folder))
        try:
            await serve_local(shown.routes, port=port, say=typer.echo, gate=gate)
        finally:
            await shown.close()

    asyncio.run(serve())
