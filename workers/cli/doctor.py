"""`pairtrawl doctor`."""

from __future__ import annotations

from typing import Annotated

import typer


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON, for machines.")] = False,
) -> None:
    """Check this installation part by part: what works, what does not, and what to do about it."""
    import json

    from rich.console import Console
    from rich.markup import escape

    from workers.checkup import checkup

    findings = checkup()
    if as_json:
        typer.echo(json.dumps([{"part": one.part, "state": one.state, "detail": one.detail} for one in findings]))
    else:
        console = Console(soft_wrap=True)
        colours = {"works": "green", "absent": "yellow", "broken": "red"}
        for one in findings:
            console.print(f"[{colours[one.state]}]{one.state:7}[/] {one.part:16} {escape(one.detail)}", highlight=False)
    if any(one.state == "broken" for one in findings):
        raise typer.Exit(2)
