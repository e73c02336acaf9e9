"""`pairtrawl crawl`, and its first two phases on their own: `extract` and `plan`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Inputs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="INPUT...",
        help="WARC or WAT files, folders, globs, https:// or s3:// addresses, listings such as wat.paths.gz, or Common "
        "Crawl itself: CC-MAIN-2026-04:wat:0-9. Default: the recipe's `inputs`.",
        show_default=False,
    ),
]
Output = Annotated[Path, typer.Option("--output", "-o", help="Folder of the run. The same folder again resumes it.")]
RecipeFile = Annotated[
    Path | None,
    typer.Option("--recipe", "-r", help="TOML file that says what the data set is. Default: no similarity filter."),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override a setting: --set fetch.total_seconds=10, --set filters.min_side.pixels=128. May be repeated.",
    ),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Start over: remove the run that is in the folder first.")]
PlaceName = Annotated[str, typer.Option("--place", help="Where jobs run: `local` (this process) or `ray`.")]
Workers = Annotated[int, typer.Option("--workers", "-w", min=1, help="Ray: actors that parse, and then fetch.")]
Scorers = Annotated[int, typer.Option("--scorers", min=1, help="Ray: actors that hold the CLIP model.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the report as JSON, for machines.")]
WithoutFailed = Annotated[
    bool, typer.Option("--without-failed", help="Go on although some archives could not be read; they are left out.")
]


def crawl(
    inputs: Inputs = None,
    output: Output = Path("runs/crawl"),
    recipe: RecipeFile = None,
    overrides: Overrides = None,
    fresh: Fresh = False,
    place: PlaceName = "local",
    workers: Workers = 2,
    scorers: Scorers = 1,
    without_failed: WithoutFailed = False,
    as_json: AsJson = False,
) -> None:
    """Make a data set: archives, candidates, plan, images, filters, webdataset shards, and a report.

    It can be stopped at any moment, and goes on where it was when it is run again.
    """
    from workers.recipes import recipe_or_default
    from workers.session import Asked, run_crawl

    chosen = recipe_or_default(recipe, overrides or [])
    asked = Asked(fresh=fresh, place=place, workers=workers, scorers=scorers, without_failed=without_failed)
    raise typer.Exit(run_crawl(chosen, inputs or [], output, asked, as_json=as_json))


def extract(
    inputs: Inputs = None,
    output: Output = Path("runs/crawl"),
    recipe: RecipeFile = None,
    overrides: Overrides = None,
    fresh: Fresh = False,
    place: PlaceName = "local",
    workers: Workers = 2,
    as_json: AsJson = False,
) -> None:
    """Only read archives: write a candidate table for each, and a report. No image is fetched.

    `pairtrawl crawl` with the same arguments goes on from there.
    """
    from workers.recipes import recipe_or_default
    from workers.session import Asked, run_crawl

    chosen = recipe_or_default(recipe, overrides or [])
    asked = Asked(fresh=fresh, place=place, workers=workers, last_phase="extract")
    raise typer.Exit(run_crawl(chosen, inputs or [], output, asked, as_json=as_json))


def plan(
    inputs: Inputs = None,
    output: Output = Path("runs/crawl"),
    recipe: RecipeFile = None,
    overrides: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Read what archives are not read yet, then cut the candidates into jobs. No image is fetched.

    `pairtrawl crawl` with the same arguments goes on from there.
    """
    from workers.recipes import recipe_or_default
    from workers.session import Asked, run_crawl

    chosen = recipe_or_default(recipe, overrides or [])
    raise typer.Exit(run_crawl(chosen, inputs or [], output, Asked(last_phase="plan"), as_json=as_json))
