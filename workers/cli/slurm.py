"""`pairtrawl slurm`: hand a run to SLURM, see how far it is, submit what is missing, take it back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli import staging
from workers.cli.options import Inputs, Overrides, RecipeFile

if TYPE_CHECKING:
    from workers.slurm_jobs.ledger import Entry, Ordered

slurm = typer.Typer(
    help="The same job on a supercomputer: submit, status, retry, cancel. slurm/README.md tells the whole way.",
    no_args_is_help=True,
)

_Run = Annotated[Path, typer.Argument(help="Folder of the run: what --output named.")]
_Output = Annotated[
    Path, typer.Option("--output", "-o", help="Folder of the run, on a file system that all nodes see.")
]
_SiteName = Annotated[
    str,
    typer.Option("--site", envvar="PAIRTRAWL_SITE", help="A file of slurm/sites, without .env; or a path of your own."),
]
_Stages = Annotated[
    str | None,
    typer.Option(
        help="Which stages, separated by commas: extract, plan, fetch, score, hybrid, rebuild, report. Default: "
        "extract,plan,fetch,score,report; of a recipe with a section [rebuild]: plan,rebuild,report.",
        show_default=False,
    ),
]
_Slices = Annotated[int, typer.Option(min=1, help="Into how many slices the run is divided: one island each.")]
_ExtractSlices = Annotated[
    int | None, typer.Option(min=1, help="Into how many slices reading archives is divided. Default: as --slices.")
]
_AtOnce = Annotated[
    int | None, typer.Option(min=1, help="How many islands run at once; each asks a host so much slower.")
]
_Nodes = Annotated[int | None, typer.Option(min=1, max=8, help="Nodes of one island.")]
_Time = Annotated[str | None, typer.Option(help="Walltime of one sitting, as SLURM writes it: 24:00:00.")]
_Account = Annotated[str | None, typer.Option(help="Account that is charged.")]
_Partition = Annotated[
    str | None, typer.Option(help="Partition of all stages; one stage's: --sbatch fetch:--partition=NAME.")
]
_Options = Annotated[
    list[str] | None,
    typer.Option(
        "--sbatch", metavar="[STAGE:]--NAME=VALUE", help="Any option of sbatch, for all stages or one; repeatable."
    ),
]
_Links = Annotated[
    int, typer.Option(min=1, help="Where PAIRTRAWL_CHAIN=singleton: how many sittings a slice may take.")
]
_Margin = Annotated[int, typer.Option(min=60, help="Seconds before the walltime at which slices begin to drain.")]
_Window = Annotated[
    int | None, typer.Option(min=1, help="Tasks of one array at most. Default: the cluster's MaxArraySize.")
]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Only print what would be submitted.")]
_AsJson = Annotated[bool, typer.Option("--json", help="Print it as JSON, for machines.")]

_ALL, _ALL_OF_REBUILD = "extract,plan,fetch,score,report", "plan,rebuild,report"


@slurm.command("submit")
def submit(
    inputs: Inputs = None,
    *,
    output: _Output,
    recipe: RecipeFile = None,
    overrides: Overrides = None,
    site: _SiteName = "generic",
    stages: _Stages = None,
    slices: _Slices = 1,
    extract_slices: _ExtractSlices = None,
    at_once: _AtOnce = None,
    nodes: _Nodes = None,
    time: _Time = None,
    account: _Account = None,
    partition: _Partition = None,
    sbatch: _Options = None,
    links: _Links = 1,
    margin: _Margin = 600,
    window: _Window = None,
    dry_run: _DryRun = False,
) -> None:
    """Hand a run to SLURM: arrays of islands, one stage after the other. What is done already is not done again."""
    from workers.slurm_jobs import submitting

    named = {"nodes": nodes, "time": time, "account": account, "partition": partition}
    ordered = _ordered(
        inputs, recipe, overrides, site, stages, slices, extract_slices, at_once,
        [*(f"--{name}={value}" for name, value in named.items() if value is not None), *(sbatch or [])],
        links, margin, window,
    )  # fmt: skip
    if dry_run:
        _show(output, ordered, each_task=False)
    else:
        _say(submitting.submit(_checked(output), ordered, submitting.site_of(ordered)), output)


@slurm.command("render")
def render(
    stage: Annotated[list[str], typer.Argument(metavar="STAGE...", help="Stages, as of `submit --stages`.")],
    *,
    output: _Output,
    recipe: RecipeFile = None,
    overrides: Overrides = None,
    inputs: Annotated[list[str] | None, typer.Option("--input", help="An INPUT; may be repeated.")] = None,
    site: _SiteName = "generic",
    slices: _Slices = 1,
    extract_slices: _ExtractSlices = None,
    at_once: _AtOnce = None,
    sbatch: _Options = None,
    links: _Links = 1,
    margin: _Margin = 600,
    window: _Window = None,
) -> None:
    """Print what `submit` would hand in, and what its first task would run on the nodes. Needs no SLURM."""
    ordered = _ordered(
        inputs,
        recipe,
        overrides,
        site,
        ",".join(stage),
        slices,
        extract_slices,
        at_once,
        sbatch or [],
        links,
        margin,
        window,
    )
    _show(output, ordered, each_task=True)


@slurm.command("status")
def status(run: _Run, *, as_json: _AsJson = False) -> None:
    """Show how far each stage of a run is, from its files and the queue. Changes nothing."""
    from workers.slurm_jobs import progress, submitting

    lines = progress.progress(run, *submitting.what_is_known(run))
    if as_json:
        import msgspec

        typer.echo(msgspec.json.encode(lines).decode())
    else:
        from workers.sitting_told import a_console
        from workers.slurm_jobs.table import show_table

        show_table(lines, run, a_console())


@slurm.command("retry")
def retry(run: _Run, *, dry_run: _DryRun = False) -> None:
    """Submit again what is not done: only those slices, as they were ordered."""
    from workers.slurm_jobs import showing, submitting

    ordered, missing = submitting.what_is_missing(run)
    if not missing:
        typer.echo(f"{run}: nothing is missing")
        return
    for stage, slices in missing.items():
        typer.echo(f"{stage}: {len(slices)} of its slices are not done")
    if dry_run:
        typer.echo(showing.rendered(_checked(run), ordered, missing), nl=False)
    else:
        _say(submitting.submit(_checked(run), ordered, submitting.site_of(ordered), missing), run)


@slurm.command("cancel")
def cancel(run: _Run) -> None:
    """End the jobs that were submitted for a run, and no others. What is committed is kept."""
    from workers.slurm_jobs import submitting

    jobs = submitting.cancel(run)
    typer.echo(f"{run}: cancelled {', '.join(map(str, jobs))}" if jobs else f"{run}: none of its jobs waits or runs")


@slurm.command("check")
def check(
    run: _Run,
    *,
    stage: Annotated[str, typer.Option(help="extract, fetch, score, hybrid or rebuild.")],
    part: Annotated[str | None, typer.Option("--slice", metavar="K/N", help="Only this slice.")] = None,
) -> None:
    """Leave with 0 if a stage, or a slice of it, is done, and with 75 if work is left. The batch scripts ask this."""
    from workers.exit_codes import ExitCode
    from workers.slurm_jobs.progress import what_is_left

    left = what_is_left(run, stage, part)
    typer.echo(left or f"{run}: nothing is left of {stage}")
    raise typer.Exit(ExitCode.WORK_LEFT if left else ExitCode.DONE)


slurm.command("fetch-weights")(staging.fetch_weights)
slurm.command("pack-env")(staging.pack_env)


def _ordered(
    inputs: list[str] | None, recipe: Path | None, overrides: list[str] | None, site: str, stages: str | None,
    slices: int,
    extract_slices: int | None, at_once: int | None, options: list[str], links: int, margin: int, window: int | None,
) -> Ordered:  # fmt: skip
    from workers.recipes import recipe_or_default
    from workers.slurm_jobs import ledger, sites

    named = sites.checked_inputs([_from_anywhere(one) for one in inputs or []])
    # a mistake in it is better found here than by a thousand tasks
    is_rebuild = recipe_or_default(recipe, overrides or []).rebuild is not None
    chosen = stages or (_ALL_OF_REBUILD if is_rebuild else _ALL)
    return ledger.Ordered(
        site=str(sites.checked_path(Path(site), "--site")) if "/" in site else site,
        slices=slices, extract_slices=extract_slices, stages=[one for one in chosen.split(",") if one],
        inputs=named, recipe=str(sites.checked_path(recipe, "--recipe")) if recipe else "",
        overrides=overrides or [], options=options, at_once=at_once, window=window, links=links, margin_seconds=margin,
        settings=sites.settings_of_caller(), is_rebuild=is_rebuild,
    )  # fmt: skip


def _from_anywhere(one: str) -> str:
    """An input as it is called from any folder: jobs, and a later retry, may begin in another one."""
    elsewhere = "://" in one or one.startswith(("CC-MAIN-", "-"))
    return one if elsewhere else str(Path(one).absolute())


def _checked(run: Path) -> Path:
    from workers.slurm_jobs.sites import checked_path

    return checked_path(run, "--output")


def _show(output: Path, ordered: Ordered, *, each_task: bool) -> None:
    from workers.slurm_jobs import showing

    run = _checked(output)
    typer.echo(showing.rendered(run, ordered), nl=False)
    if each_task:
        typer.echo(showing.rendered_tasks(run, ordered), nl=False)


def _say(taken: list[Entry], run: Path) -> None:
    for one in taken:
        typer.echo(f"{one.stage}: job {one.job}{f', tasks {one.indices}' if one.indices else ''}")
    typer.echo(f"See how far it is: pairtrawl slurm status {run}")
