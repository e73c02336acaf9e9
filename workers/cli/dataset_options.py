"""Arguments that the verbs of `pairtrawl dataset` share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

StoreAddress = Annotated[
    str, typer.Argument(metavar="DATASET", help="The store: a folder, or s3://BUCKET/PREFIX (AWS_ENDPOINT_URL).")
]
KeysFolder = Annotated[
    Path,
    typer.Option(
        "--keys",
        envvar="PAIRTRAWL_KEYS",
        help="Folder of the publisher's keys, outside of the store. Whoever has it can publish in your name.",
    ),
]
Version = Annotated[str, typer.Option("--version", help="Line of versions, tag, id, or the first digits of one.")]
Cache = Annotated[
    Path | None,
    typer.Option(
        "--cache", help="Of a bucket: where downloads lie. Default: a folder below ~/.cache.", show_default=False
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print it as JSON, for machines.")]
