"""What a sitting says at its end, for people: the way from records to pairs, the reasons, and where to look."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from workers.crawl import Summary
from workers.run_folder import RunFolder
from workers.slice_status import SliceStatus


def a_console(*, to_stderr: bool = False) -> Console:
    """Where people read: as wide as their terminal, or wide enough for the table of stages in a log."""
    file = sys.stderr if to_stderr else sys.stdout
    return Console(file=file, soft_wrap=True, highlight=False, width=None if file.isatty() else 150)


def print_json(tree: Any) -> None:  # noqa: ANN401 - whatever JSON can hold
    """For machines."""
    sys.stdout.write(json.dumps(tree, indent=2) + "\n")


def show(console: Console, report: dict[str, Any], summary: Summary, folder: RunFolder, *, why: str = "") -> None:
    """The end of a sitting that had the run for itself; `why` it was stopped, if it was."""
    table = Table(title=None, box=None, pad_edge=False)
    for heading, side in (("stage", "left"), ("found", "right"), ("kept", "right"), ("rejected", "left")):
        table.add_column(heading, justify=side)  # type: ignore[arg-type]  # its names of sides are a Literal
    for stage in report["stages"]:
        reasons = sorted(stage["rejected"].items(), key=lambda item: (-item[1], item[0]))
        shown = ", ".join(f"{reason} {number:,}" for reason, number in reasons)
        table.add_row(stage["stage"], f"{stage['found']:,}", f"{stage['kept']:,}", escape(shown))
    console.print(table)
    tell_end(line_printer(console), report, summary, folder, why=why)


def line_printer(console: Console) -> Callable[[str], None]:
    """Prints lines as they are, for addresses hold brackets, as markup does."""
    return lambda line: console.print(line, highlight=False, markup=False)


def tell_end(
    say: Callable[[str], None], report: dict[str, Any], summary: Summary, folder: RunFolder, *, why: str = ""
) -> None:
    """The same in lines, without the table."""
    told = [f"Incomplete: {archive['detail']}" for archive in report["archives"]["incomplete"]]
    told += _left(summary, why) or _unfinished(report["totals"])
    told += _outcomes(report)
    told += _what_is_there(report["totals"], folder)
    for line in told:
        say(line)


def _outcomes(report: dict[str, Any]) -> list[str]:
    """How the rows of a rebuild ended."""
    counted = [f"{number:,} {outcome}" for outcome, number in report.get("outcomes", {}).items() if number]
    return [f"Rows of the list: {', '.join(counted)}."] if counted else []


def tell_end_of_slice(say: Callable[[str], None], status: SliceStatus, summary: Summary, *, why: str = "") -> None:
    """The end of a sitting at a slice, in lines."""
    told = [
        *_left(summary, why),
        f"Slice {status.slice}/{status.slices} of {status.stage}: {status.done:,} of {status.jobs:,} jobs are done, "
        f"{summary.finished:,} of them in this sitting ({status.rows:,} rows).",
    ]
    for line in told:
        say(line)


def _left(summary: Summary, why: str) -> list[str]:
    """What is left to do, as far as this sitting knows, and how."""
    told = []
    failed = len(summary.failures)
    if summary.taken_over:
        told.append("Another sitting took this slice over; this one stopped. Nothing is to be done.")
    elif summary.stopped:
        told.append(f"Drained{f' ({why})' if why else ''}: jobs that were in flight are committed, and work is left. "
                    "Run the same command to go on.")  # fmt: skip
    if failed:
        told.append(f"{failed} job{'s' if failed > 1 else ''} failed (above). Run the same command to try again; "
                    "--without-failed goes on without archives that cannot be read.")  # fmt: skip
    if summary.waiting:
        told.append(f"{summary.waiting:,} raw shards are missing yet: fetch them with `pairtrawl fetch`, where there "
                    "is internet, then run the same command.")  # fmt: skip
    return told


def _unfinished(totals: dict[str, int]) -> list[str]:
    """Of a sitting that did all it was asked for, or of none."""
    shards, raw, jobs = totals["shards"], totals["raw_shards"], totals["jobs"]
    if shards + raw < jobs:
        return [f"Not finished: {shards} of {jobs} shards are made{f', {raw} more are fetched' if raw else ''}."]
    return []


def _what_is_there(totals: dict[str, int], folder: RunFolder) -> list[str]:
    told = []
    if totals["raw_shards"]:
        told.append(f"{totals['raw_shards']:,} raw shards in {folder.raw}/ wait for `pairtrawl score`.")
    elif totals["candidates"] and not totals["shards"]:
        told.append(f"{totals['candidates']:,} candidates in {folder.candidates}/; `pairtrawl crawl` with the same "
                    "arguments fetches their images.")  # fmt: skip
    return [
        *told,
        f"{totals['kept']:,} image-text pairs in {totals['shards']} shards under {folder.shards}/. "
        f"Open {folder.page} in a browser to see what was kept and why the rest was not.",
    ]
