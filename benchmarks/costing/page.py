"""docs/costs.md, made from what was kept and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.contest.sides import ROOT
from benchmarks.costing.bill import Line, a_month, lines, on_gpu
from benchmarks.costing.fit import SIZES, Growth, RowBytes, breaks, growth
from benchmarks.costing.funnels import Funnel, funnels
from benchmarks.costing.growth import Point
from benchmarks.costing.prices import Prices
from benchmarks.costing.units import Units, units, whole_crawls
from benchmarks.supercomputer.assumptions import Assumptions, Measured
from benchmarks.supercomputer.stages import polite_hours

PAGE = ROOT / "docs" / "costs.md"
#: rows of a job of a large run (docs/supercomputer.md)
_ROWS_PER_JOB = 20_000
_CAP = 1_000_000
_HEAD = """# Costs

Made by `python benchmarks/costs.py` from what was kept: the newest contests of `benchmarks/history.jsonl`
([results.md](results.md)), the growth in `benchmarks/growth.json`, and `benchmarks/supercomputer/measured.json`. Prices stand in
`benchmarks/costing/prices.py`, what the web is like in `benchmarks/supercomputer/assumptions.py`; change one and run it again.
How long a large run takes, and how it is divided, is in [supercomputer.md](supercomputer.md), which counts with the same shares.
"""
_STAGES = {
    "plan": "plan (candidates)", "seen": "index of what was seen, made anew", "report": "report",
    "pictures": "fetch, decode, score, write (start included)",
}  # fmt: skip

#: whose memory is set and not grown into
_BOUNDED = {"plan": "1.3 times `resources.plan_memory_bytes`", "report": "DuckDB's 1.5 GB at most"}


def markdown(
    kept: Sequence[dict[str, Any]], points: Sequence[Point], measured: Measured, assumed: Assumptions, prices: Prices
) -> str:
    """The page."""
    cost = units(kept, points, measured, assumed)
    runs = funnels(assumed, measured.shard_bytes_per_pair)
    parts = [_HEAD, "## A million kept pairs\n"]
    for run in runs:
        parts += _bill(run, cost, measured, assumed, prices)
    parts += _whole(kept, prices)
    parts += _month(a_month(runs[0], assumed), cost, measured, assumed, prices)
    parts += _grown(points)
    parts += _calculated(points, runs[0], measured, assumed)
    parts += _pieces(cost)
    parts += _assumed(prices, assumed)
    return "\n".join(parts).rstrip() + "\n"


def _bill(run: Funnel, cost: Units, measured: Measured, assumed: Assumptions, prices: Prices) -> list[str]:
    found = lines(run, cost, measured)
    said = [
        f"### {run.name}\n",
        f"{_count(run.candidates)} candidates, {_count(run.rows)} planned, {_count(run.pictures)} pictures decoded and scored, "
        f"{_count(run.pairs)} kept. Shares: {run.source}.\n",
        *_table(found, prices),
    ]
    scoring = next((one for one in found if "CLIP" in one.stage), None)
    if scoring is None:
        return said
    instead = on_gpu(scoring, measured, assumed)
    shards = found[-1].bytes_written
    return [
        *said,
        f"{instead.stage}: {instead.gpu_hours:,.1f} GPU hours and {instead.seconds:,.0f} CPU seconds, {_euros(instead.euros(prices))} in "
        f"place of {_euros(scoring.euros(prices))}. Keeping the shards, {shards / 1e9:,.0f} GB: "
        f"{_euros(shards / 1e12 * prices.terabyte_month)} a month; sending them out once: {_euros(shards / 1e12 * prices.terabyte_out)}.\n",
    ]


def _whole(kept: Sequence[dict[str, Any]], prices: Prices) -> list[str]:
    """Whole crawls, where contests of them were kept: what the stages come to together."""
    found = whole_crawls(kept)
    if not found:
        return []
    rows = [
        "### Whole crawls, measured\n",
        "The same program from archives to shards, without its start; their funnels are those of small inputs in which nearly every "
        "picture is kept.\n",
        "| crawl | CPU seconds for a million kept pairs | euros | from |",
        "|---|---|---|---|",
    ]
    rows += [
        f"| {one.stage} | {one.seconds * 1e6:,.0f} | {_euros(one.seconds * 1e6 * prices.core_second)} | {one.source} |"
        for one in found
    ]
    return [*rows, ""]


def _table(found: Sequence[Line], prices: Prices, hours: bool = False) -> list[str]:
    time, size, name = (3600.0, 1e12, "TB") if hours else (1.0, 1e9, "GB")
    total = Line(
        "all", 0, "", sum(one.seconds for one in found), sum(one.bytes_in for one in found),
        sum(one.bytes_sent for one in found), sum(one.bytes_written for one in found),
    )  # fmt: skip
    rows = [
        f"| stage | pieces | {'core hours' if hours else 'CPU seconds'} | share | {name} in | {name} sent | {name} written | euros |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in (*found, total):
        pieces = f"{_count(one.pieces)} {one.piece}{'' if one.piece == 'MB' else 's'}" if one.pieces else ""
        traffic = [
            f"{amount / size:,.3g}" if amount else "" for amount in (one.bytes_in, one.bytes_sent, one.bytes_written)
        ]
        rows.append(f"| {one.stage} | {pieces} | {one.seconds / time:,.0f} | {one.seconds / total.seconds:.1%} | {' | '.join(traffic)} | "
                    f"{_euros(one.euros(prices))} |")  # fmt: skip
    return [*rows, ""]


def _month(run: Funnel, cost: Units, measured: Measured, assumed: Assumptions, prices: Prices) -> list[str]:
    found = lines(run, cost, measured)
    seconds = sum(one.seconds for one in found)
    scoring = next(one for one in found if "CLIP" in one.stage)
    instead = on_gpu(scoring, measured, assumed)
    shards = found[-1].bytes_written
    euros = sum(one.euros(prices) for one in found)
    days = seconds / assumed.cores_a_node / 86_400
    polite = [polite_hours(run.rows, assumed, 0.99, cap) / 24 for cap in (0, _CAP)]
    return [
        "## A month of Common Crawl\n",
        f"{assumed.archives_a_crawl:,.0f} WAT files of {assumed.archive_bytes / 1e6:,.0f} MB, the shares of LAION-5B: "
        f"{_count(run.candidates)} candidates, {_count(run.rows)} rows, {_count(run.pictures)} pictures, {_count(run.pairs)} pairs.\n",
        *_table(found, prices, hours=True),
        f"- *Without CLIP* {_euros(euros - scoring.euros(prices))}; with CLIP on GPUs {_euros(euros - scoring.euros(prices) + instead.euros(prices))} "
        f"({instead.gpu_hours:,.0f} GPU hours).",
        f"- *Keeping* the shards, {shards / 1e12:,.1f} TB: {_euros(shards / 1e12 * prices.terabyte_month)} a month; sending them out once: "
        f"{_euros(shards / 1e12 * prices.terabyte_out)}.",
        f"- *On one node* of {assumed.cores_a_node:.0f} cores: {days:,.0f} days of CPU.",
        f"- *Manners*: at one request a second and site, 99 % of the rows can have been asked for after {polite[0]:,.0f} days, however many "
        f"nodes there are; with `plan.rows_per_host` at a million after {polite[1]:,.1f}.\n",
    ]  # fmt: skip


def _grown(points: Sequence[Point]) -> list[str]:
    rows = [
        "## How cost grows, measured\n",
        "Made-up tables with all columns of real ones; each point in a process of its own. CPU is of all threads and children. The plan "
        "has its default memory (1 GB) and spills beyond it; its tables lie compressed, and so do those of the index.\n",
        "| stage | rows | CPU seconds | µs a row | peak, MB | left on disk, MB |",
        "|---|---|---|---|---|---|",
    ]
    for stage, name in _STAGES.items():
        rows += [
            f"| {name} | {one.rows:,} | {one.cpu:,.2f} | {one.cpu / one.rows * 1e6:,.1f} | {one.peak_bytes / 1e6:,.0f} | "
            f"{one.disk_bytes / 1e6:,.1f} |"
            for one in sorted((one for one in points if one.stage == stage), key=lambda one: one.rows)
        ]
    machines = sorted({one.machine.partition(", load")[0] for one in points})
    pictures = sorted((one for one in points if one.stage == "pictures"), key=lambda one: one.rows)
    said = [*rows, "", f"On {'; '.join(machines)}, shared with others: seconds of the clock are not told.\n"]
    if len(pictures) > 1:
        each = (pictures[-1].cpu - pictures[0].cpu) / (pictures[-1].rows - pictures[0].rows)
        start = pictures[0].cpu - each * pictures[0].rows
        said.append(f"Fetching and scoring cost the same for each row: {each * 1e3:.1f} ms, and {max(0.0, start):.0f} s to start. "
                    "Jobs know nothing of each other, so no larger run was needed to show it.\n")  # fmt: skip
    return said


def _calculated(points: Sequence[Point], run: Funnel, measured: Measured, assumed: Assumptions) -> list[str]:
    found = [one for one in (growth(points, stage) for stage in ("plan", "seen", "report")) if one]
    rows = [
        "## How cost grows, calculated\n",
        "A power of the rows, through the two largest sizes of each; CPU with an exponent of 1 at least, for each row "
        "has to be looked at. Both sizes of the plan are beyond its memory, so that its exponent is that of sorting on disk; two points "
        "are two points, and at 10^10 a tenth more of it is twice as much.\n",
        "| stage | exponent of CPU, memory, disk | " + " | ".join(f"10^{len(str(size)) - 1}" for size in SIZES) + " |",
        "|---|---|---|---|---|",
    ]
    rows += [
        f"| {_STAGES[one.stage]} | {one.cpu.exponent:.2f}, {one.peak_bytes.exponent:.2f}, {one.disk_bytes.exponent:.2f} | "
        + " | ".join(_at(one, size) for size in SIZES) + " |"
        for one in found
    ]  # fmt: skip
    shard = (run.pairs * run.shard_bytes + (run.rows - run.pairs) * measured.shard_bytes_per_rejected) / run.rows
    of_row = RowBytes(
        measured.plan_spill_bytes_per_row, run.pictures / run.rows * measured.raw_bytes_per_picture, shard
    )
    rows += [
        "| files in `plan/` and `shards/` | 1 | "
        + " | ".join(f"{4 * size / _ROWS_PER_JOB:,.0f}" for size in SIZES)
        + " |",
        f"| shards | 1 | {' | '.join(f'{size * shard / 1e12:,.2f} TB' for size in SIZES)} |",
        "",
        "What ends first, where a run is one run and nothing is divided or moved away:\n",
        "| what | at rows | because |",
        "|---|---|---|",
    ]
    ends = breaks(found, of_row, _ROWS_PER_JOB, assumed)
    rows += [f"| {one.what} | {_count(one.rows)} | {one.why} |" for one in ends]
    return [
        *rows,
        "",
        'So 10¹⁰ rows are several runs: "Files and bytes" in [supercomputer.md](supercomputer.md#files-and-bytes) says into how many parts, '
        "each with a plan of its own and `[duplicates] earlier` naming those before, and which shards are moved away meanwhile. It counts "
        f"with {measured.plan_cpu_seconds_per_million_rows:.1f} s a million candidates, as 600,000 took with a third of the memory; where "
        "the largest size above took longer, plan with that. The report is one of all rows (`--all`); without that it takes a sample of more than 20 million.\n",
    ]


def _at(one: Growth, rows: int) -> str:
    memory = _BOUNDED.get(one.stage, f"{one.peak_bytes.at(rows) / 1e9:,.1f} GB")
    return f"{one.cpu.at(rows) / 3600:,.1f} core hours, {memory}, {one.disk_bytes.at(rows) / 1e9:,.1f} GB left on disk"


def _pieces(cost: Units) -> list[str]:
    rows = ["## What one piece costs\n", "| stage | piece | CPU | from |", "|---|---|---|---|"]
    rows += [f"| {one.stage} | {one.piece} | {_seconds(one.seconds)} | {one.source} |" for one in cost.all()]
    return [*rows, ""]


def _assumed(prices: Prices, assumed: Assumptions) -> list[str]:
    rows = ["## What is assumed\n", "| figure | value | source |", "|---|---|---|"]
    used = ("candidates_per_archive", "archive_bytes", "archives_a_crawl", "unique_share", "asked_share", "success_share",
            "rebuild_success_share", "kept_share", "body_bytes", "gpu_pictures_per_second", "cores_a_node", "walltime_hours",
            "quota_files", "quota_bytes")  # fmt: skip
    known = [*prices.rows(), *(one for one in assumed.rows() if one[0] in used)]
    return [*rows, *(f"| `{name}` | {value:,.6g} | {source} |" for name, value, source in known), ""]


def _euros(amount: float) -> str:
    return f"{amount:,.2f} €" if amount < 100 else f"{amount:,.0f} €"


def _seconds(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs" if seconds else ""


def _count(number: float) -> str:
    for size, unit in ((1e9, " billion"), (1e6, " million")):
        if number >= size:
            return f"{number / size:,.3g}{unit}"
    return f"{number:,.0f}"


def write(text: str, path: Path = PAGE) -> None:
    """Write the page."""
    path.write_text(text, encoding="utf-8")
