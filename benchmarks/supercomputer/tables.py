"""The tables of the calculation of a big run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.supercomputer.assumptions import Assumptions, Measured
from benchmarks.supercomputer.breaking import Load
from benchmarks.supercomputer.host_lines import Lines, by_host, by_job
from benchmarks.supercomputer.quotas import Fit, heaps
from benchmarks.supercomputer.stages import (
    Nodes,
    Stage,
    Volume,
    polite_hours,
    rows_per_second,
    rows_under_cap,
    stages,
)

ISLANDS = (1, 10, 100, 1_000)
#: caps that are tried (`plan.rows_per_host`); 0 is none
CAPS = (0, 10_000_000, 1_000_000, 100_000, 10_000)
#: the cap of the simulation: what a site can be asked for in ten days at a request a second
SIMULATED_CAP = 1_000_000
#: of a simulated job: what matters is how many rows come in a second, and how many ask together
_SIMULATED_ROWS = 20_000


def lines_of(has: Volume, assumed: Assumptions, islands: int, rows_per_second_: float, cap: int = 0) -> Lines:
    """The simulation's settings for so many islands: each as fast as its nodes, and as its share of the way out."""
    of_site = assumed.site_bytes_per_second / (assumed.asked_share * assumed.body_bytes)
    return Lines(
        sites=int(assumed.sites),
        exponent=float(assumed.zipf_exponent),
        rows_per_job=_SIMULATED_ROWS,
        rows_per_second=min(rows_per_second_, of_site / islands),
        seconds_between_requests=float(assumed.seconds_between_requests),
        longest_wait_seconds=float(assumed.longest_wait_seconds),
        most_of_a_site=cap / has.rows,
    )


def show_assumed(console: Console, assumed: Assumptions, measured: Measured) -> None:
    """All figures that the rest is made of."""
    console.print(f"Measured: {measured.machine}; pictures: {measured.pictures}")
    table = _table("Measured here, per job", "what", "value")
    for name in measured.__struct_fields__:
        value = getattr(measured, name)
        if isinstance(value, float):
            table.add_row(name, f"{value:.4g}")
    console.print(table)
    table = _table("Assumed, and whose figure it is", "what", "value", "source")
    for name, value, source in assumed.rows():
        table.add_row(name, f"{value:,.6g}", escape(source))
    console.print(table)


def show_stages(console: Console, has: Volume, nodes: Nodes, assumed: Assumptions, found: list[Stage]) -> None:
    """Time by stage on so many islands."""
    console.print(f"{has.pairs:,.0f} pairs from {has.pictures:,.0f} pictures of {has.rows:,.0f} rows planned of "
                  f"{has.candidates:,.0f} candidates in {has.archives:,.0f} archives "
                  f"({has.archives / assumed.archives_a_crawl:,.0f} monthly crawls)")  # fmt: skip
    table = _table(f"{nodes.islands} islands of {nodes.nodes_an_island} nodes, {assumed.cores_a_node:.0f} cores and "
                   f"{assumed.gpus_a_node:.0f} GPUs a node", "stage", "amount", "core hours", "GPU hours", "hours", "held up by",
                   "hours by resource")  # fmt: skip
    for one in found:
        by = ", ".join(f"{what} {hours:,.1f}" for what, hours in one.hours.items())
        table.add_row(one.name, one.amount, f"{one.core_hours:,.0f}", f"{one.gpu_hours:,.0f}", f"{one.wall_hours:,.1f}",
                      one.bottleneck, by)  # fmt: skip
    console.print(table)


def show_quota(
    console: Console, rows: Sequence[tuple[str, Volume, Fit]], nodes: Nodes, assumed: Assumptions, measured: Measured
) -> None:
    """Files and bytes at the worst moment, by stage, for each size and cut."""
    names = [heap.what for heap in heaps(rows[0][1], rows[0][2].cut, nodes, measured)]
    table = _table(f"Files and TB at the worst moment; quota {assumed.quota_files:,.0f} files, {assumed.quota_bytes / 1e12:.0f} TB "
                   f"(\"fits\" leaves a fifth to others)", "pairs", "rows a job", "parts", "slices a part", "shards leave",
                   *names, "all", "")  # fmt: skip
    for name, has, fit in rows:
        cells = [f"{heap.files:,.0f}\n{heap.bytes / 1e12:,.2f}" for heap in heaps(has, fit.cut, nodes, measured)]
        table.add_row(name, f"{fit.cut.rows_per_job:,}", str(fit.cut.parts), f"{fit.cut.slices:,}",
                      "yes" if fit.cut.shards_leave else "no", *cells, f"{fit.files:,.0f}\n{fit.bytes / 1e12:,.2f}",
                      "fits" if fit.fits else "does not fit")  # fmt: skip
    console.print(table)


def show_fit(console: Console, name: str, fit: Fit) -> None:
    """A recommendation in words."""
    cut = fit.cut
    console.print(f"{name}: plan.rows_per_job = {cut.rows_per_job:,}, {cut.parts} parts, {cut.slices:,} slices a part; a job is "
                  f"{fit.job_seconds / 60:,.0f} min of an actor, so --signal needs {fit.margin_seconds / 60:,.0f} min; a slice is "
                  f"{fit.slice_hours:,.1f} h of an island, "
                  f"the plan of a part {fit.plan_hours:,.1f} h of one process"
                  + (f". {'; '.join(fit.remarks)}" if fit.remarks else ""))  # fmt: skip


def show_islands(
    console: Console, has: Volume, nodes_an_island: int, assumed: Assumptions, measured: Measured, parts: int
) -> None:
    """1 to 1,000 islands: days, and what politeness costs by either way of dealing."""
    alone_rows = rows_per_second(Nodes(1, nodes_an_island), assumed, measured, has)
    table = _table(
        f"More islands. Given up: rows whose turn at a site would come after {assumed.longest_wait_seconds:.0f} s. Simulated: "
        f"{assumed.sites:,.0f} sites, {Lines().jobs} jobs of {_SIMULATED_ROWS:,} rows an island. "
        f"Capped: plan.rows_per_host = {SIMULATED_CAP:,}",
        "islands", "rows/s of an island", "fetch, CPU and network alone, days", "a site's turns for one island, s apart",
        "given up, dealt by job", "the same, capped", "capped, wait x islands / 100", "given up, dealt by host",
        "the same, capped", "largest site asked at once, by job", "rows that are an island's first at their site: by job, by host",
    )  # fmt: skip
    for islands in ISLANDS:
        fetch = next(
            one for one in stages(has, Nodes(islands, nodes_an_island), assumed, measured, parts) if one.name == "fetch"
        )
        alone = max(hours for what, hours in fetch.hours.items() if not what.startswith("manners"))
        free = lines_of(has, assumed, islands, alone_rows)
        job, host = by_job(free, islands), by_host(free, islands)
        capped = lines_of(has, assumed, islands, alone_rows, SIMULATED_CAP)
        patient = replace(capped, longest_wait_seconds=capped.longest_wait_seconds * max(1.0, islands / 100))
        shares = [job, by_job(capped, islands), by_job(patient, islands), host, by_host(capped, islands)]
        table.add_row(f"{islands:,}", f"{free.rows_per_second:,.0f}", f"{alone / 24:,.1f}",
                      f"{islands * free.seconds_between_requests:,.0f}", *[f"{one.given_up:.1%}" for one in shares],
                      f"{job.first_at_once * assumed.requests_at_once:,.0f}", f"{job.new_sites:.0%}, {host.new_sites:.0%}")  # fmt: skip
    console.print(table)


def show_politeness(console: Console, has: Volume, assumed: Assumptions) -> None:
    """The time below which no number of islands gets: a site has one line."""
    table = _table(f"One request a site each {assumed.seconds_between_requests:g} s, however many islands: {assumed.sites:,.0f} sites, "
                   f"Zipf exponent {assumed.zipf_exponent:g}", "cap (plan.rows_per_host)", "rows that it leaves", "days until 90 % are asked for",
                   "99 %", "all")  # fmt: skip
    for cap in CAPS:
        left = rows_under_cap(has.rows, assumed, cap)
        days = [polite_hours(has.rows, assumed, share, cap) / 24 for share in (0.9, 0.99, 1 - 1e-9)]
        table.add_row(f"{cap:,}" if cap else "none", f"{left / has.rows:.1%}", *[f"{one:,.1f}" for one in days])
    console.print(table)


def show_breaking(console: Console, found: Sequence[Load]) -> None:
    """What breaks first."""
    table = _table(
        "What breaks first", "what", *[f"{islands:,}" for islands in ISLANDS], "limit", "breaks at", "remedy"
    )
    for one in found:
        cells = [
            f"{one.bears(islands):,.4g} {one.unit}" + (" !" if one.bears(islands) > one.limit else "")
            for islands in ISLANDS
        ]
        table.add_row(
            one.what,
            *cells,
            f"{one.limit:,.4g} {one.unit}",
            f"{one.breaks_at:,}" if one.breaks_at else "never",
            one.remedy,
        )
    console.print(table)


def _table(name: str, *headings: str) -> Table:
    table = Table(title=name, title_justify="left", show_lines=False)
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="left" if number == 0 else "right", overflow="fold")
    return table
