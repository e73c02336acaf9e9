"""`pairtrawl report`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def report(
    folder: Annotated[Path, typer.Argument(help="Folder of a run: what --output named.")] = Path("runs/crawl"),
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON, for machines.")] = False,
) -> None:
    """Write the report of a run again (report.json, report.html) and say what it holds; of unfinished runs too."""
    from workers.crawl import Summary
    from workers.report.run import write_report
    from workers.run_folder import RunFolder
    from workers.sitting_told import a_console, show

    run = RunFolder.at(folder)
    written = write_report(run, {})
    if as_json:
        typer.echo(json.dumps(written, indent=2))
    else:
        show(a_console(), written, Summary(), run)
