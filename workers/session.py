"""One sitting of the command line at a run: open the folder, run the phases, write the report, say what came of it."""

from __future__ import annotations

import json
import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from crawler.archives import read_listing
from crawler.errors import SettingsError
from crawler.seen.opening import earlier_shards
from crawler.settings import Recipe
from crawler.sources import Source, resolve_inputs
from workers.assemble import etiquette_of, make_sure
from workers.attempt import peak_bytes
from workers.blame import Blame
from workers.crawl import Crawl, Here, Place, Summary
from workers.progress import Display
from workers.run_folder import RunFolder
from workers.run_report import write_report
from workers.stop import stop_on_signals

DONE, WORK_LEFT, YOURS, OURS = 0, 75, 2, 70


@dataclass(frozen=True, slots=True)
class Asked:
    """What the flags of the command asked for."""

    fresh: bool = False
    place: str = "local"
    workers: int = 2
    scorers: int = 1
    without_failed: bool = False
    last_phase: Literal["extract", "plan", "crawl"] = "crawl"


def run_crawl(recipe: Recipe, inputs: list[str], output: Path, asked: Asked, *, as_json: bool = False) -> int:
    """Run the main job, or go on with it. Returns the exit code.

    Raises:
        PairtrawlError: settings, inputs or folder are wrong; nothing was done, and nothing was removed.
    """
    console = a_console(to_stderr=as_json)
    display = Display(console)
    place_to_run = _place(asked)
    remarks = make_sure(recipe, with_models=asked.last_phase == "crawl")
    earlier_shards(recipe, output)
    sources = find_sources(recipe, inputs)
    folder = RunFolder(output)
    with folder.held():
        if asked.fresh:
            folder.clear()
        folder.open(recipe, sources, version("pairtrawl"))
        display.say(f"{recipe.name}: {len(sources)} archive{'s' if len(sources) != 1 else ''} into {output}/")
        for remark in remarks:
            display.say(remark)
        if not recipe.fetch.contact and asked.last_phase == "crawl":
            display.say("No contact set: site owners cannot reach you. Put `contact` under [fetch] in the recipe.")
        with stop_on_signals(display.say) as stop, place_to_run as place:
            crawl = Crawl(recipe, sources, folder, place, display, stop, without_failed=asked.without_failed)
            summary = crawl.run(asked.last_phase)
        report = write_report(folder, summary.peaks | {"driver": peak_bytes()})
    if as_json:
        sys.stdout.write(json.dumps(report, indent=2) + "\n")
    else:
        show(console, report, summary, folder)
    return exit_code(summary)


def exit_code(summary: Summary) -> int:
    """What the command leaves with: the worst thing that happened decides, and a bug of ours is the worst."""
    if Blame.OURS in summary.blames:
        return OURS
    if summary.blames & {Blame.INPUT, Blame.SET_UP}:
        return YOURS
    return DONE if summary.complete else WORK_LEFT


def a_console(*, to_stderr: bool = False) -> Console:
    """Where people read: as wide as their terminal, or wide enough for the table of stages in a log."""
    file = sys.stderr if to_stderr else sys.stdout
    return Console(file=file, soft_wrap=True, highlight=False, width=None if file.isatty() else 150)


def find_sources(recipe: Recipe, inputs: list[str]) -> list[Source]:
    """The archives that the command line names, or else the recipe.

    Raises:
        InputError: an input stands for nothing; SettingsError: there is no input at all.
    """
    asked = inputs or list(recipe.inputs)
    if not asked:
        raise SettingsError("no input: name archives on the command line, or put `inputs` into the recipe")
    etiquette = etiquette_of(recipe)
    with TemporaryDirectory(prefix="pairtrawl-") as folder:
        return resolve_inputs(asked, read_listing=lambda address: read_listing(address, etiquette, Path(folder)))


def _place(asked: Asked) -> AbstractContextManager[Place]:
    """Where jobs will run, once it is entered.

    Raises:
        SettingsError: there is no such place; MissingPackageError: what it needs is not installed.
    """
    match asked.place:
        case "local":
            return nullcontext(Here())
        case "ray":
            from workers.ray_pool import Actors, on_local_ray, require_ray  # noqa: PLC0415 - heavy, and optional

            require_ray()
            return on_local_ray(Actors(workers=asked.workers, scorers=asked.scorers))
        case other:
            raise SettingsError(f"--place {other}: there are `local` and `ray`")


def show(console: Console, report: dict[str, Any], summary: Summary, folder: RunFolder) -> None:
    """The end of a run, for a person: the way from records to pairs, the reasons, and where to look."""
    table = Table(title=None, box=None, pad_edge=False)
    for heading, side in (("stage", "left"), ("found", "right"), ("kept", "right"), ("rejected", "left")):
        table.add_column(heading, justify=side)  # type: ignore[arg-type]
    for stage in report["stages"]:
        reasons = sorted(stage["rejected"].items(), key=lambda item: (-item[1], item[0]))
        shown = ", ".join(f"{reason} {number:,}" for reason, number in reasons)
        table.add_row(stage["stage"], f"{stage['found']:,}", f"{stage['kept']:,}", escape(shown))
    console.print(table)
    for archive in report["archives"]["incomplete"]:
        console.print(f"Incomplete: {archive['detail']}", highlight=False, markup=False)
    totals = report["totals"]
    failed = len(summary.failures)
    if summary.stopped:
        console.print("Stopped with work left. Run the same command to go on.", highlight=False)
    elif failed:
        console.print(f"{failed} job{'s' if failed > 1 else ''} failed (above). Run the same command to try again; "
                      "--without-failed goes on without archives that cannot be read.", highlight=False)  # fmt: skip
    elif totals["shards"] < totals["jobs"]:
        console.print(f"Not finished: {totals['shards']} of {totals['jobs']} shards are made.", highlight=False)
    if totals["candidates"] and not totals["shards"]:
        console.print(f"{totals['candidates']:,} candidates in {folder.candidates}/; `pairtrawl crawl` with the same "
                      "arguments fetches their images.", highlight=False, markup=False)  # fmt: skip
    console.print(
        f"{totals['kept']:,} image-text pairs in {totals['shards']} shards under {folder.shards}/. "
        f"Open {folder.page} in a browser to see what was kept and why the rest was not.",
        highlight=False,
        markup=False,
    )
