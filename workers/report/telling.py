"""`pairtrawl report`: where the page goes, and what is said of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from crawler.errors import InputError
from workers.crawl import Summary
from workers.progress import Display
from workers.recipes import recipe_or_default
from workers.report.finding import Found
from workers.report.places import Place, look_at
from workers.report.writing import write
from workers.run_folder import RunFolder
from workers.sitting_told import a_console, print_json, show

#: every page of ours has these words within so many characters
_OURS, _WITHIN = b"pairtrawl", 1 << 20
_LONGEST = 120


class Paths(NamedTuple):
    """Where a report goes."""

    page: Path
    numbers: Path


def paths_for(place: Place, output: Path | None) -> Paths:
    """Where the report of a place goes: as asked; of a run into its folder; of anything else here.

    A store and a folder of tables are not ours to put files into, and a bucket cannot be.

    Raises:
        InputError: the page would have the name of its numbers, or take the place of a page that is not ours.
    """
    if output is not None:
        if output.suffix == ".json":
            raise InputError(f"{output}: names the page, such as report.html; its numbers lie beside it as .json")
        if output.is_dir():
            return Paths(output / "report.html", output / "report.json")
        return Paths(output, output.with_suffix(".json"))
    if isinstance(place, RunFolder):
        return Paths(place.page, place.report)
    page = Path("report.html")
    if page.exists() and not _is_ours(page):
        raise InputError(f"{page}: is here already, and is no page of pairtrawl; say with --output where to write")
    return Paths(page, page.with_suffix(".json"))


def make(
    place: Place,
    display: Display,
    *,
    output: Path | None = None,
    sheets: int = 24,
    recipe: Path | None = None,
    stored: bool = False,
    every_shard: bool = False,
    as_json: bool = False,
) -> None:
    """Write the report of a place and say where it is; `as_json` prints the numbers as well, and nothing else.

    Raises:
        InputError: as `paths_for`, and `look_at`.
        SettingsError: the recipe cannot be read.
        RunFolderError, AccountingError, DatasetError, StoreUnavailableError, OSError: as `look_at`, and `write`.
    """
    paths = paths_for(place, output)
    filters = recipe_or_default(recipe, []).filters if recipe is not None else ()
    looked = look_at(place, display, stored=stored, filters=filters, pictures=sheets, every_shard=every_shard)
    paths.page.parent.mkdir(parents=True, exist_ok=True)
    write(looked, *paths)
    if as_json:
        print_json(looked.report)
        return
    console = a_console()
    if isinstance(place, RunFolder):
        show(console, looked.report, Summary(), place)
    else:
        for line in _told(looked.report):
            console.print(line, markup=False)
    if output is not None or not isinstance(place, RunFolder):
        console.print(f"Report: {paths.page}; its numbers: {paths.numbers}", markup=False)


def print_found(console: Console, found: Sequence[Found], of: int) -> None:
    """Rows that were looked for, as a table. Captions are strangers' words: nothing of them moves the cursor."""
    table = Table(box=None, pad_edge=False)
    for heading in ("caption", "host", "reason", "score", "content id"):
        table.add_column(heading, overflow="fold", justify="right" if heading == "score" else "left")
    for one in found:
        score = "" if one.score is None else f"{one.score:.4f}"
        cells = (one.caption, one.host, one.reason or "kept", score, one.content_id)
        table.add_row(*(Text(_printable(cell)) for cell in cells))
    if found:
        console.print(table)
    console.print(f"{len(found):,} of {of:,} rows" if of > len(found) else f"{of:,} rows", markup=False)


def _told(report: dict[str, Any]) -> list[str]:
    """What the numbers say, in a few lines."""
    totals = report["totals"]
    told = [f"{report['name']}: {totals['kept']:,} pairs kept of {totals['candidates']:,} rows"]
    reasons = list(report.get("reasons", {}).items())[:5]
    if reasons:
        told.append("rejected: " + ", ".join(f"{_printable(str(name))} {count:,}" for name, count in reasons))
    history = report.get("history", [])
    if history:
        told.append(f"version {history[0]['id'][:12]}, the latest of {len(history):,} listed")
    return told


def _printable(text: str) -> str:
    shown = "".join(one if one.isprintable() else "?" for one in text)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}..."


def _is_ours(page: Path) -> bool:
    try:
        with page.open("rb") as file:
            return _OURS in file.read(_WITHIN)
    except OSError:
        return False
