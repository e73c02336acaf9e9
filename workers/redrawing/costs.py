"""What a recipe would cost, by what the jobs of finished runs spent on each stage and each filter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from crawler.job.markers import read_crawl_reports, read_extract_reports
from crawler.report import Spent, add_up
from workers.redrawing.ballot import ENDED, NO, Ballot, Signature
from workers.run_folder import RunFolder

#: stages of a job between filters of candidates, of bodies and of pictures, and after these
_BEFORE = {"bodies": ("fetch",), "pictures": ("decode",)}
_AFTER = ("encode", "write")
_ENGINE = "engine:"


@dataclass(frozen=True, slots=True)
class Price:
    """What one record costs at one place."""

    what: str  # "fetch", "decode", or a filter such as "pictures.min_side"; "embedding" is the work of models
    records: int  # that it was measured on
    seconds: float  # a record, on the wall of one thread
    cpu_seconds: float  # a record


@dataclass(frozen=True, slots=True)
class Cost:
    """What a recipe would cost."""

    cpu_seconds_a_row: float
    cpu_seconds_a_kept_row: float | None  # None where it keeps none
    unknown: list[str]  # filters that no run has measured, which are left out


def prices_at(places: Sequence[Path]) -> dict[str, Price]:
    """What a record cost at each place in the runs among `places`; nothing where there is no run.

    Raises:
        RunFolderError: a marker of a run is not one of ours.
    """
    spent: list[Spent] = []
    for place in places:
        run = RunFolder.at(place)
        if place.is_dir() and run.pinned() is not None:
            reports = [*read_extract_reports(run.candidates), *read_crawl_reports(run.shards)]
            spent += (one for report in reports for one in report.spent)
    return prices_of(spent)


def prices_of(spent: Iterable[Spent]) -> dict[str, Price]:
    """The same of what was spent, by its name."""
    sums: dict[str, tuple[int, float, float]] = {}
    for one in add_up(spent):
        is_engine = one.what.startswith(_ENGINE)
        name = "embedding" if is_engine else one.what or one.stage
        records, seconds, cpu_seconds = sums.get(name, (0, 0.0, 0.0))
        # a picture is prepared for a model and embedded by it: one record, twice at work
        counted = 0 if is_engine and one.stage == "prepare" else one.records
        sums[name] = (records + counted, seconds + one.seconds, cpu_seconds + one.cpu_seconds)
    return {
        name: Price(name, records, seconds / records, cpu_seconds / records)
        for name, (records, seconds, cpu_seconds) in sums.items()
        if records
    }


def cost_of(
    ballot: Ballot,
    recipe: int,
    counts: Mapping[Signature, int],
    kept: int,
    prices: Mapping[str, Price],
    embedding: frozenset[int],
) -> Cost | None:
    """What a recipe would cost over rows with these signatures; None where nothing was measured.

    A filter is paid for rows that those before it let pass, and the web for rows that come to it. Rows that ended by a
    fault are paid for until they are fetched. `embedding` are the variants that judge by a model's embeddings: of a row
    that comes to one of them the model is paid once.
    """
    rows = sum(counts.values())
    if not prices or not rows:
        return None
    paid = 0.0
    unknown: list[str] = []
    for what, reached in _reached(ballot, recipe, counts, embedding):
        if what in prices:
            paid += prices[what].cpu_seconds * reached
        elif "." in what:
            unknown.append(what)
    paid += sum(prices[what].cpu_seconds * kept for what in _AFTER if what in prices)
    return Cost(paid / rows, paid / kept if kept else None, unknown)


def _reached(
    ballot: Ballot, recipe: int, counts: Mapping[Signature, int], embedding: frozenset[int]
) -> list[tuple[str, int]]:
    """Each step of a recipe, and how many rows come to it."""
    steps: list[tuple[str, int]] = []
    inside = dict(counts)
    folder, is_embedded = "candidates", False
    for place in ballot.recipes[recipe]:
        use = ballot.variants[place].choice.use
        folder, inside = _onward(steps, folder, use.partition(".")[0], inside)
        if place in embedding and not is_embedded:
            steps.append(("embedding", sum(inside.values())))
            is_embedded = True
        steps.append((use, sum(inside.values())))
        inside = {one: number for one, number in inside.items() if one[place + 1] != NO}
    _onward(steps, folder, "pictures", inside)
    return steps


def _onward(
    steps: list[tuple[str, int]], folder: str, to: str, inside: dict[Signature, int]
) -> tuple[str, dict[Signature, int]]:
    """Take rows past the stages between the filters of one folder and those of another."""
    order = ("candidates", "bodies", "pictures")
    for between in order[order.index(folder) + 1 : order.index(to) + 1]:
        steps += ((stage, sum(inside.values())) for stage in _BEFORE[between])
        if between == "bodies":  # what ended, ended there
            inside = {one: number for one, number in inside.items() if one[0] != ENDED}
    return to, inside
