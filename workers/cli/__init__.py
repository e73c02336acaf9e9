"""The `pairtrawl` command: one module per verb; this one puts them together and turns errors into exit codes.

0 done · 75 stopped or unlucky, work left: run the same command again · 3 likewise, but of a slice, and not one job of
it was done: do not try for ever · 2 your settings, inputs or disk · 70 a job ended with a bug of ours · 1 anything else
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from copy import copy
from importlib.metadata import version as installed_version
from typing import Annotated

import typer

from crawler.errors import PairtrawlError
from workers.blame import Blame, blame_for
from workers.cli import (
    dataset,
    dataset_apply,
    dataset_compare,
    dataset_prove,
    demo,
    doctor,
    export,
    filters,
    island,
    label,
    lists,
    live,
    rebuild,
    reissue,
    report,
    retry,
    seen,
    slurm,
    stability,
    stages,
    takedown,
    tracker,
    work,
)
from workers.exit_codes import ExitCode, code_of

#: made and not let go of before Python looks for cycles. With 700, its own number, looking is a twentieth of every
#: start: modules are many objects, and no garbage
_OBJECTS = 50_000
#: what typer makes of a KeyboardInterrupt before we see it
_INTERRUPTED = 130

app = typer.Typer(
    name="pairtrawl",
    help="Web archives in, a filtered image-text data set out. Start with `pairtrawl demo`.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("crawl")(stages.crawl)
app.command("extract")(stages.extract)
app.command("plan")(stages.plan)
app.command("fetch")(stages.fetch)
app.command("score")(stages.score)
app.command("rebuild", cls=rebuild.DropIn)(rebuild.rebuild)
app.command("retry")(retry.retry)
app.command("report")(report.report)
app.command("label")(label.label)
app.command("live")(live.live)
filters.filters.command("stability")(stability.stability)
app.add_typer(filters.filters, name="filters")
app.add_typer(export.export, name="export")
app.command("seen")(seen.seen)
app.command("demo")(demo.demo)
app.command("doctor")(doctor.doctor)
app.add_typer(lists.lists, name="lists")
dataset.dataset.command("diff")(dataset_compare.diff)
dataset.dataset.command("merge")(dataset_compare.merge)
dataset.dataset.command("subset")(dataset_compare.subset)
dataset.dataset.command("apply")(dataset_apply.apply)
dataset.dataset.add_typer(dataset_prove.prove, name="prove")
dataset.dataset.add_typer(takedown.takedown, name="takedown")
dataset.dataset.command("reissue")(reissue.reissue)
dataset.dataset.command("purge")(reissue.purge)
app.add_typer(dataset.dataset, name="dataset")
app.command("island")(island.island)
app.add_typer(slurm.slurm, name="slurm")
app.add_typer(tracker.tracker, name="tracker")
app.command("work")(work.work)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"pairtrawl {installed_version('pairtrawl')}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Options of the command itself."""


def only(words: Sequence[str]) -> typer.Typer:
    """The command with nothing but the verb that these words begin with; all of it where they begin with none.

    The options of a verb are read from its annotations when the command is made: those of all take 0.15 s.
    """
    verb = words[0] if words else ""
    commands = [one for one in app.registered_commands if one.name == verb]
    groups = [one for one in app.registered_groups if one.name == verb]
    if not commands and not groups:
        return app
    asked = copy(app)
    asked.registered_commands, asked.registered_groups = commands, groups
    return asked


def main() -> None:
    """Run the command; leave with the exit code that the module's docstring lists."""
    gc.set_threshold(_OBJECTS, *gc.get_threshold()[1:])
    try:
        only(sys.argv[1:])()
    except (PairtrawlError, OSError) as error:
        blame = blame_for(error)
        if blame is Blame.OURS:
            raise
        sys.stderr.write(f"pairtrawl: {error}\n")
        sys.exit(code_of(blame))
    except SystemExit as leaving:
        if leaving.code != _INTERRUPTED:
            raise
        sys.stderr.write("Stopped. What was committed is kept; run the same command to go on.\n")
        sys.exit(ExitCode.WORK_LEFT)
