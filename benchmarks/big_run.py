"""The run that makes LAION-5B again: nodes, hours, bottleneck, files and bytes, and what breaks first with many islands.

    python benchmarks/big_run.py [--pairs 5.85e9] [--islands 64] [--nodes-an-island 1] [--rows-per-job N] [--parts N]
                                 [--slices N] [--route crawl|rebuild] [--set site_bytes_per_second=1.25e9 ...]

A calculation, and where a formula is not enough (lines at hosts) a seeded simulation. What our jobs cost is read from
benchmarks/supercomputer/measured.json (or `--measured`), which benchmarks/supercomputer/per_job.py makes; what the web
and the machine are like is assumed, each figure with its source, and every one can be set. Without --rows-per-job it
recommends how to cut the run so that it fits the quota. docs/supercomputer.md explains.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.figures import Figures, title  # noqa: E402 - the repository's own folder comes first
from benchmarks.supercomputer.assumptions import (  # noqa: E402 - as above
    MEASURED_HERE,
    Assumptions,
    Measured,
    read_measured,
)
from benchmarks.supercomputer.breaking import loads  # noqa: E402 - as above
from benchmarks.supercomputer.host_lines import by_host, by_job  # noqa: E402 - as above
from benchmarks.supercomputer.quotas import Cut, Fit, judge, recommend  # noqa: E402 - as above
from benchmarks.supercomputer.stages import (  # noqa: E402 - as above
    Nodes,
    Route,
    Volume,
    polite_hours,
    rows_per_second,
    rows_under_cap,
    stages,
    volume,
)
from benchmarks.supercomputer.tables import (  # noqa: E402 - as above
    SIMULATED_CAP,
    lines_of,
    show_assumed,
    show_breaking,
    show_fit,
    show_islands,
    show_politeness,
    show_quota,
    show_stages,
)

SIZES = {"1 million": 1e6, "400 million": 400e6, "5.85 billion": 5.85e9}


def prove_big_run(figures: Figures, measured: Measured) -> None:
    """The lines of the table of `make prove-slurm`, and all tables above them."""
    title("the run that makes LAION-5B again, calculated from measured jobs")
    assumed = Assumptions()
    has, nodes = volume(5.85e9, assumed), Nodes(64)
    fit = recommend(has, nodes, assumed, measured)
    report(Console(width=220), 5.85e9, nodes, assumed, measured, "crawl", fit)
    for one in stages(has, nodes, assumed, measured, fit.cut.parts):
        figures.add(f"LAION-5B again on {nodes.nodes} nodes, {one.name}: core hours, GPU hours; days; held up by",
                    f"{one.core_hours:,.0f}, {one.gpu_hours:,.0f}; {one.wall_hours / 24:,.1f}; {one.bottleneck}", good=True)  # fmt: skip
    days = [polite_hours(has.rows, assumed, 0.99, cap) / 24 for cap in (0, SIMULATED_CAP)]
    left = rows_under_cap(has.rows, assumed, SIMULATED_CAP) / has.rows
    figures.add(f"fetch: days until 99 % can be asked for politely, no cap, {SIMULATED_CAP:,} rows a host (leaves)",
                f"{days[0]:,.0f}, {days[1]:,.1f} ({left:.0%})", good=days[1] < 30)  # fmt: skip
    for name, pairs in SIZES.items():
        best = recommend(volume(pairs, assumed), nodes, assumed, measured)
        figures.add(f"{name} pairs: rows a job, parts, slices a part; files, TB at the worst moment",
                    f"{best.cut.rows_per_job:,}, {best.cut.parts}, {best.cut.slices}; {best.files:,.0f}, {best.bytes / 1e12:,.1f}",
                    good=best.fits)  # fmt: skip
    _prove_islands(figures, has, fit, assumed, measured)


def _prove_islands(figures: Figures, has: Volume, fit: Fit, assumed: Assumptions, measured: Measured) -> None:
    one = rows_per_second(Nodes(1), assumed, measured, has)
    broken = loads(has, fit.cut, 1, assumed, measured, by_job(lines_of(has, assumed, 1, one), 1).new_sites)
    first = [f"{load.what} ({load.breaks_at:,})" for load in broken if load.breaks_at and load.breaks_at <= 1_000]
    figures.add("breaks at up to 1,000 islands, the first first (islands)", "; ".join(first), good=bool(first))
    told = [deal(lines_of(has, assumed, 1_000, one, cap), 1_000).given_up
            for deal in (by_job, by_host) for cap in (0, SIMULATED_CAP)]  # fmt: skip
    figures.add("rows given up at 1,000 islands: dealt by job, capped; by host, capped",
                "{:.1%}, {:.1%}; {:.1%}, {:.1%}".format(*told), good=True)  # fmt: skip


def report(
    console: Console, pairs: float, nodes: Nodes, assumed: Assumptions, measured: Measured, route: Route, fit: Fit
) -> None:
    """All tables."""
    has = volume(pairs, assumed, route)
    show_assumed(console, assumed, measured)
    show_stages(console, has, nodes, assumed, stages(has, nodes, assumed, measured, fit.cut.parts))
    show_politeness(console, has, assumed)
    rows = []
    for name, size in SIZES.items():
        one = volume(size, assumed, route)
        for rows_per_job in (10_000, 100_000):
            slices = max(1, min(2 * nodes.islands, math.ceil(one.rows / rows_per_job)))
            rows.append((name, one, judge(one, Cut(rows_per_job, slices), nodes, assumed, measured)))
        rows.append((f"{name}, recommended", one, recommend(one, nodes, assumed, measured)))
    rows.append((f"{pairs:,.0f}, as asked", has, fit))
    show_quota(console, rows, nodes, assumed, measured)
    for name, _, one_fit in rows:
        if "recommended" in name or "asked" in name:
            show_fit(console, name, one_fit)
    show_islands(console, has, nodes.nodes_an_island, assumed, measured, fit.cut.parts)
    island = rows_per_second(Nodes(1, nodes.nodes_an_island), assumed, measured, has)
    new_sites = by_job(lines_of(has, assumed, 1, island), 1).new_sites
    show_breaking(console, loads(has, fit.cut, nodes.nodes_an_island, assumed, measured, new_sites))


def with_settings(assumed: Assumptions, settings: Sequence[str]) -> Assumptions:
    """The assumptions with some of them set, "name=number" each.

    Raises:
        SystemExit: there is no such figure, or it is no number; the message names it.
    """
    values: dict[str, float] = {}
    names = [name for name, _, _ in assumed.rows()]
    for setting in settings:
        name, _, number = setting.partition("=")
        try:
            values[name] = float(number)
        except ValueError:
            raise SystemExit(f"--set {setting}: must be NAME=NUMBER") from None
        if name not in names:
            raise SystemExit(f"--set {setting}: there is no `{name}`; there are {', '.join(names)}")
    return replace(assumed, **values)


def main(words: Sequence[str]) -> int:
    """Read the flags, calculate, print; 1 where what is asked for, or recommended, does not fit the quota."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=float, default=5.85e9)
    parser.add_argument(
        "--route", choices=["crawl", "rebuild"], default="crawl", help="from archives, or from a published list"
    )
    parser.add_argument("--islands", type=int, default=64)
    parser.add_argument("--nodes-an-island", type=int, default=1)
    parser.add_argument("--rows-per-job", type=int, help="default: what is recommended")
    parser.add_argument("--slices", type=int, help="of a part; with --rows-per-job")
    parser.add_argument("--parts", type=int, default=1, help="runs one after the other; with --rows-per-job")
    parser.add_argument("--measured", type=Path, default=MEASURED_HERE, help="what per_job.py has written")
    parser.add_argument(
        "--set", action="append", default=[], dest="settings", metavar="NAME=NUMBER", help="an assumption"
    )
    asked = parser.parse_args(words)
    assumed, measured = with_settings(Assumptions(), asked.settings), read_measured(asked.measured)
    nodes = Nodes(asked.islands, asked.nodes_an_island)
    has = volume(asked.pairs, assumed, asked.route)
    fit = recommend(has, nodes, assumed, measured)
    if asked.rows_per_job:
        cut = Cut(asked.rows_per_job, asked.slices or 2 * asked.islands, asked.parts)
        fit = judge(has, cut, nodes, assumed, measured)
    report(Console(width=220), asked.pairs, nodes, assumed, measured, asked.route, fit)
    return 0 if fit.fits else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
