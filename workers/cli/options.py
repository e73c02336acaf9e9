"""What the verbs of a run share: their flags, and how they begin."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.telling.forms import LogForm

if TYPE_CHECKING:
    from workers.stages import Verb

Inputs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="INPUT...",
        help="WARC or WAT files, folders, globs, https:// or s3:// addresses, listings such as wat.paths.gz, or Common "
        "Crawl itself: CC-MAIN-2026-04:wat:0-9. Default: the recipe's `inputs`.",
        show_default=False,
    ),
]
SameInputs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="INPUT...",
        help="Need not be given: the run folder knows its archives. Where they are given, they must be the same.",
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
Removals = Annotated[
    Path | None,
    typer.Option(
        metavar="REGISTER",
        help="The register of takedowns (`pairtrawl dataset takedown`): what was removed stays removed. Also the "
        "recipe's `removals`.",
        show_default=False,
    ),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Start over: remove the run that is in the folder first.")]
PlaceName = Annotated[
    str | None,
    typer.Option(
        "--place", help="Where jobs run: `local` (this process) or `ray`. Default: local.", show_default=False
    ),
]
RayAddress = Annotated[
    str,
    typer.Option(
        "--ray-address",
        metavar="HOST:PORT",
        help="The Ray cluster that runs the jobs, or `auto` for one on this machine; implies `--place ray`. All its "
        "nodes must see the run folder under the same path. Default: RAY_ADDRESS, or a Ray of our own.",
        show_default=False,
    ),
]
Workers = Annotated[
    int,
    typer.Option(
        "--workers",
        "-w",
        min=0,
        help="Ray: actors that parse, or fetch, at most; 0: as many as there is room for.",
    ),
]
WaitForNodes = Annotated[
    float | None,
    typer.Option(
        min=0,
        metavar="SECONDS",
        help="Ray: the cluster grows on demand; ask it for room for the actors, and wait so long. Default: a minute, "
        "for nodes that join by themselves.",
        show_default=False,
    ),
]
Scorers = Annotated[
    int, typer.Option("--scorers", min=1, help="Ray: actors that hold the models, in steps that ask any.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the report as JSON, for machines; of a slice its status.")]
WithoutFailed = Annotated[
    bool, typer.Option("--without-failed", help="Go on although some archives could not be read; they are left out.")
]
SliceName = Annotated[
    str,
    typer.Option(
        "--slice",
        metavar="K/N",
        help="Only share K (from 0) of the N equal shares of the jobs; others may be at work in the folder at the same "
        "time. Needs the plan (but to extract), and writes no report.",
        show_default=False,
    ),
]
Islands = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Slices that run at the same time, on machines that cannot talk to each other: each takes its share of "
        "the rate at which a site is asked. Default: the recipe's `manners.islands`, or all slices.",
        show_default=False,
    ),
]
Owner = Annotated[
    str,
    typer.Option(
        help="Who works on the slice, such as JOB.RESTART of a scheduler. Whoever comes later under another name takes "
        "the slice over. Default: host and process.",
        show_default=False,
    ),
]
Scratch = Annotated[
    Path | None,
    typer.Option(
        help="Folder on a disk of this machine: downloads and half-made shards lie there, not in the run folder.",
        show_default=False,
    ),
]
Log = Annotated[
    LogForm,
    typer.Option(
        "--log",
        envvar="PAIRTRAWL_LOG",
        help="In which form it says how it goes: `lines`, `json` (an object a line, on stderr), or `auto`: bars on a "
        "terminal, lines elsewhere.",
    ),
]
Wandb = Annotated[
    str,
    typer.Option(
        metavar="PROJECT",
        help="Tell this project of Weights & Biases how it goes, too: counts only. Needs the extra `wandb`.",
        show_default=False,
    ),
]
DropRaw = Annotated[bool, typer.Option("--drop-raw", help="Remove each raw shard once its shard is committed.")]


def sit(
    verb: Verb,
    inputs: list[str] | None,
    output: Path,
    recipe: Path | None,
    overrides: list[str] | None,
    *,
    as_json: bool,
    place: str | None = None,
    ray_address: str = "",
    slice_: str = "",
    removals: Path | None = None,
    log: LogForm = LogForm.AUTO,
    **flags: Any,  # noqa: ANN401 - those of `Asked`, by its names
) -> None:
    """Do what was asked for, and leave with its exit code.

    Raises:
        SettingsError: flags contradict each other, or the recipe is wrong.
    """
    import msgspec

    from workers.asked import Asked
    from workers.recipes import recipe_or_default
    from workers.session import run_crawl
    from workers.slices import parse_slice
    from workers.telling.failing import errors_told

    where = place or ("ray" if ray_address else "local")
    with errors_told(log):
        part = parse_slice(slice_) if slice_ else None
        asked = Asked(verb=verb, place=where, ray_address=ray_address, slice=part, log=log, **flags)
        chosen = recipe_or_default(recipe, overrides or [])
        if removals is not None:
            chosen = msgspec.structs.replace(chosen, removals=str(removals.resolve()))
        code = run_crawl(chosen, inputs or [], output, asked, as_json=as_json)
    raise typer.Exit(code)
