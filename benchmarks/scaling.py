"""Pairs a second with 1, 2 and 4 actors on this machine, and on 1 and 2 nodes of a real SLURM on this machine.

    python benchmarks/scaling.py [--corpus ../shared/corpus] [--only slow|busy] [--no-slurm]

Two inputs. *Slow web*: each answer is late by a second and a worker may have 16 downloads open, so that an actor mostly
waits, as on the real web, and more actors help on few cores. *Busy*: answers come at once, so cores are what limits.
All nodes of the local SLURM share this machine's cores: two nodes here show that nothing is lost on the way between
them, not that they are faster. The clock runs while all actors are at work (benchmarks/supercomputer/clocking.py).
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from rich.console import Console  # noqa: E402 - the repository's own folder comes first
from rich.table import Table  # noqa: E402 - as above

from benchmarks.contest.machine import machine  # noqa: E402 - as above
from benchmarks.figures import Figures, title  # noqa: E402 - as above
from benchmarks.supercomputer.clocking import clocked, steady  # noqa: E402 - as above
from benchmarks.supercomputer.inputs import (  # noqa: E402 - as above
    Input,
    copy_of,
    make_input,
    pictures_with_texts,
    planned,
    write_recipe,
)
from benchmarks.supercomputer.local_web import local_web  # noqa: E402 - as above
from tests.slurm.cluster import SCRIPT, Cluster, NoClusterError, a_cluster  # noqa: E402 - as above

ACTORS = (1, 2, 4)
#: actors of a node of the local SLURM, which claims two cores
ACTORS_A_NODE = 2
NODES = (1, 2)
#: the login node of tests/slurm/local-cluster.sh, which all its nodes reach
_LOGIN = "10.77.0.1"
_JOB_SECONDS = 600.0
#: two workers and a scorer import torch, 700 MB each, beside Ray
_NODE_MIB = "7000"


@dataclass(frozen=True, slots=True)
class Web:
    """A kind of input."""

    key: str
    name: str
    what: str
    late_seconds: float
    downloads: int  # open at a time, of a worker
    rows_per_job: int
    jobs: int
    limit: str  # what must limit it


WEBS = {
    one.key: one
    for one in (
        Web(
            "slow",
            "slow web",
            "each answer a second late, 16 downloads open a worker",
            1.0,
            16,
            60,
            12,
            "the web's delay",
        ),
        Web("busy", "busy", "answers at once, 256 downloads open a worker", 0.0, 256, 150, 12, "cores"),
    )
}


@dataclass(frozen=True, slots=True)
class Speed:
    """Rows fetched, judged and written a second, all of them kept or not."""

    place: str
    actors: int
    rows_per_second: float
    cpu_share: float | None  # CPU seconds of all processes for a second of the clock; None where it was not read


def on_this_machine(work: Path, source: Input, web: Web) -> list[Speed]:
    """Each number of actors on a Ray of its own."""
    found = []
    with local_web(source.pictures, web.late_seconds) as address:
        recipe = _recipe(work, address, web)
        base = planned(work / f"{web.key}-planned", source, recipe)
        for actors in ACTORS:
            run = copy_of(base, f"{web.key}-{actors}")
            words = ["crawl", *map(str, source.archives), "-o", str(run), "-r", str(recipe), "--place", "ray"]
            one = clocked([*words, "--workers", str(actors), "--scorers", "1"], run / "shards", "*_stats.json", actors)
            speed = one.jobs * web.rows_per_job / one.seconds
            found.append(Speed("this machine", actors, speed, one.cpu_seconds / one.seconds))
            print(f"  {web.name}, {actors} actor(s): {speed:.1f} rows/s", flush=True)
    return found


def on_slurm(cluster: Cluster, source: Input, web: Web) -> list[Speed]:
    """One island on each number of nodes, by the batch script that users submit."""
    found = []
    work = cluster.shared
    starter = [str(SCRIPT), "exec"]
    with local_web(source.pictures, web.late_seconds, _LOGIN, starter, cluster.environment) as address:
        recipe = _recipe(work, address, web)
        base = planned(work / f"{web.key}-planned", source, recipe)
        for nodes in NODES:
            run = copy_of(base, f"{web.key}-{nodes}-nodes")
            actors = nodes * ACTORS_A_NODE
            variables = {
                "PAIRTRAWL_HOME": str(ROOT), "PAIRTRAWL_VENV": sys.prefix, "PAIRTRAWL_RUN": str(run),
                "PAIRTRAWL_RECIPE": str(recipe), "PAIRTRAWL_INPUTS": "\n".join(map(str, source.archives)),
                "PAIRTRAWL_WORKERS": str(actors), "PAIRTRAWL_SCORERS": "1",
            }  # fmt: skip
            # --signal of the script warns ten minutes before the end: a shorter walltime would drain at once
            job = cluster.sbatch(
                f"--nodes={nodes}", "--time=60", "--mem=0", str(ROOT / "slurm" / "hybrid.sbatch"), **variables
            )
            state = cluster.wait(job, _JOB_SECONDS)
            if state != "COMPLETED":
                raise AssertionError(f"the job on {nodes} nodes ended {state}: {cluster.said()[-3000:]}{_log(work)}")
            jobs, first, last = steady(run / "shards", "*_stats.json", actors)
            speed = jobs * web.rows_per_job / (last - first)
            found.append(Speed(f"SLURM, {nodes} node{'s' if nodes > 1 else ''}", actors, speed, None))
            print(f"  {web.name}, {nodes} nodes: {speed:.1f} rows/s", flush=True)
    return found


def _log(folder: Path) -> str:
    """The ends of what the batch scripts have said."""
    return "".join(
        f"\n==> {one.name}\n{one.read_text(errors='replace')[-2000:]}" for one in sorted(folder.glob("*.log"))
    )


def _recipe(work: Path, address: str, web: Web) -> Path:
    return write_recipe(
        work / f"{web.key}.toml", address, rows_per_job=web.rows_per_job, models=True, downloads=web.downloads
    )


def show(speeds: dict[str, list[Speed]]) -> None:
    """All of it in one table."""
    table = Table(title=f"Scaling, {os.cpu_count()} cores in all, whatever the nodes claim", title_justify="left")
    for heading in (
        "input",
        "where",
        "actors",
        "rows a second",
        "times one actor",
        "CPU seconds a second",
        "limited by",
    ):
        table.add_column(heading)
    for name, found in speeds.items():
        for one in found:
            cpu = "not read" if one.cpu_share is None else f"{one.cpu_share:.2f}"
            table.add_row(WEBS[name].name, one.place, str(one.actors), f"{one.rows_per_second:.1f}",
                          f"{one.rows_per_second / found[0].rows_per_second:.2f}", cpu, WEBS[name].limit)  # fmt: skip
    Console(width=140).print(table)


def measure(work: Path, corpus: Path, only: str | None, *, slurm: bool) -> dict[str, list[Speed]]:
    """Speeds by kind of input.

    Raises:
        NoClusterError: no SLURM can be started here.
        AssertionError: a run failed; what it said.
    """
    what, pairs = pictures_with_texts(work, corpus)
    speeds: dict[str, list[Speed]] = {}
    webs = {name: web for name, web in WEBS.items() if only in {None, name}}
    for name, web in webs.items():
        rows = web.rows_per_job * web.jobs
        print(f"{web.name}: {web.what}; {rows} rows in {web.jobs} jobs, {what}", flush=True)
        speeds[name] = on_this_machine(work, make_input(work / f"{name}-input", what, pairs[:rows], rows), web)
    if slurm:
        with a_cluster(SLURM_LOCAL_MEM=_NODE_MIB) as cluster:
            for name, web in webs.items():
                rows = web.rows_per_job * web.jobs
                source = make_input(cluster.shared / f"{name}-input", what, pairs[:rows], rows)
                speeds[name] += on_slurm(cluster, source, web)
    return speeds


def prove_scaling(work: Path, figures: Figures, corpus: Path) -> None:
    """The table, and that more actors help where the web is what limits."""
    title("scaling: 1, 2 and 4 actors, 1 and 2 nodes")
    try:
        speeds = measure(work, corpus, None, slurm=True)
    except NoClusterError as error:
        figures.add("scaling", f"NO FIGURE: {error}", good=False)
        return
    show(speeds)
    for name, found in speeds.items():
        one, *_, four = (speed.rows_per_second for speed in found if speed.place == "this machine")
        told = ", ".join(f"{speed.rows_per_second:.0f}" for speed in found)
        # four actors that mostly wait are near four times as fast; where cores limit, they must not be slower
        least = 2.5 if name == "slow" else 0.8
        figures.add(f"scaling, {WEBS[name].name} ({WEBS[name].limit} limits): rows a second, 1, 2, 4 actors; 1, 2 nodes with 2 each",
                    f"{told} (4 actors {four / one:.2f} x)", good=four / one >= least)  # fmt: skip


def main(words: Sequence[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=ROOT.parent / "shared" / "corpus", help="folder of the corpus")
    parser.add_argument("--only", choices=WEBS, help="one kind of input alone")
    parser.add_argument("--no-slurm", action="store_true", help="this machine alone")
    asked = parser.parse_args(words)
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory(prefix="scaling-") as name:
        try:
            show(measure(Path(name), asked.corpus, asked.only, slurm=not asked.no_slurm))
        except NoClusterError as error:
            print(f"NO FIGURE: {error}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
