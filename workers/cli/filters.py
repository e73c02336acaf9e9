"""`pairtrawl filters`."""

from __future__ import annotations

from typing import Annotated

import typer


def filters(
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON, for machines.")] = False,
) -> None:
    """List the filters that a recipe can use, with their settings and defaults."""
    import json

    from rich.console import Console
    from rich.markup import escape

    from filters import catalogue

    entries = catalogue()
    if as_json:
        listed = [
            {"use": one.name, "what": one.summary, "settings": [setting._asdict() for setting in one.settings]}
            for one in entries
        ]
        typer.echo(json.dumps(listed, indent=2))
        return
    console = Console(soft_wrap=True)
    for one in entries:
        console.print(f"[bold]{one.name}[/]  {escape(one.summary)}", highlight=False)
        for setting in one.settings:
            value = "needed" if setting.required else json.dumps(setting.default)
            console.print(f"    {setting.name} = {escape(value)}  ({escape(setting.kind)})", highlight=False)
