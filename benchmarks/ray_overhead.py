"""What Ray costs: the same jobs in one process and on Ray with one worker, taking turns; start-up aside.

    python benchmarks/ray_overhead.py [--rounds 2] [--jobs 8] [--rows-per-job 300] [--kind crawl|extract]

CRAWL: a planned run is copied for each round and crawled, with the small CLIP model, from a local web server. EXTRACT:
archives of pages are read. A round is local, Ray, local, Ray; the smallest of each counts, for a busy machine only adds.
The clock runs from the end of the first job to the end of the last (benchmarks/supercomputer/clocking.py): start-up,
imports, models and the start of Ray are before it. CPU is that of all processes: on Ray of the driver, the worker, the
scoring actor, the desk, and Ray's own daemons, which tick whether there is work or not.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.contest.machine import machine  # noqa: E402 - as above
from benchmarks.figures import Figures, title  # noqa: E402 - the repository's own folder comes first
from benchmarks.supercomputer.clocking import Clocked, clocked  # noqa: E402 - as above
from benchmarks.supercomputer.inputs import (  # noqa: E402 - as above
    copy_of,
    make_input,
    pictures_with_texts,
    planned,
    write_recipe,
)
from benchmarks.supercomputer.local_web import local_web  # noqa: E402 - as above

#: Ray may cost so much more than one process, as a share
LIMIT = 0.10
PLACES = {"local": ["--place", "local"], "Ray": ["--place", "ray", "--workers", "1", "--scorers", "1"]}


@dataclass(frozen=True, slots=True)
class Overhead:
    """The best of some rounds in both places."""

    kind: str
    local: Clocked
    ray: Clocked

    @property
    def wall(self) -> float:
        """Share by which a job takes longer on Ray; negative where it is faster."""
        return self.ray.seconds_per_job / self.local.seconds_per_job - 1

    @property
    def cpu(self) -> float:
        """The same in CPU time of all processes."""
        return self.ray.cpu_seconds_per_job / self.local.cpu_seconds_per_job - 1


def crawl_overhead(work: Path, corpus: Path, rounds: int, jobs: int, rows_per_job: int) -> Overhead:
    """CRAWL with the small model."""
    what, pairs = pictures_with_texts(work, corpus)
    rows = jobs * rows_per_job
    source = make_input(work / "overhead-crawl", what, pairs[:rows], rows)
    with local_web(source.pictures) as address:
        recipe = write_recipe(work / "overhead.toml", address, rows_per_job=rows_per_job, models=True)
        base = planned(work / "overhead-planned", source, recipe)
        print(f"crawl: {rows} rows in {jobs} jobs, {what}", flush=True)

        def once(place: str) -> Clocked:
            run = copy_of(base, "overhead-run")
            words = ["crawl", *map(str, source.archives), "-o", str(run), "-r", str(recipe), *PLACES[place]]
            return clocked(words, run / "shards", "*_stats.json")

        return _in_turns("crawl", once, rounds)


def extract_overhead(work: Path, corpus: Path, rounds: int, jobs: int, rows_per_job: int) -> Overhead:
    """EXTRACT: as many archives as jobs. Reading is fast, so each holds many more rows than a crawl job fetches."""
    what, pairs = pictures_with_texts(work, corpus)
    rows = jobs * rows_per_job
    source = make_input(work / "overhead-extract", what, pairs, rows, archives=jobs)
    recipe = write_recipe(work / "overhead-extract.toml", "127.0.0.1:9", rows_per_job=rows_per_job, models=False)
    print(f"extract: {rows} rows in {jobs} archives, {what}", flush=True)
    made = 0

    def once(place: str) -> Clocked:
        nonlocal made
        made += 1
        run = work / f"overhead-extracted-{made}"
        words = ["extract", *map(str, source.archives), "-o", str(run), "-r", str(recipe), *PLACES[place]]
        return clocked(words, run / "candidates", "*.json")

    return _in_turns("extract", once, rounds)


def _in_turns(kind: str, once: Callable[[str], Clocked], rounds: int) -> Overhead:
    seen: dict[str, list[Clocked]] = {place: [] for place in PLACES}
    for _ in range(rounds):
        for place, clocks in seen.items():
            clocks.append(once(place))
            one = clocks[-1]
            print(f"  {kind}, {place}: {one.seconds_per_job:.2f} s and {one.cpu_seconds_per_job:.2f} CPU s a job over "
                  f"{one.jobs} jobs; the whole command {one.total_seconds:.0f} s", flush=True)  # fmt: skip
    best = {place: _best(clocks) for place, clocks in seen.items()}
    return Overhead(kind, best["local"], best["Ray"])


def _best(clocks: Sequence[Clocked]) -> Clocked:
    """The smallest wall and the smallest CPU time, each by itself: another's work on the machine only adds to them."""
    return Clocked(
        jobs=clocks[0].jobs,
        seconds=min(one.seconds for one in clocks),
        cpu_seconds=min(one.cpu_seconds for one in clocks),
        total_seconds=min(one.total_seconds for one in clocks),
        total_cpu_seconds=min(one.total_cpu_seconds for one in clocks),
    )


MEASURES = {"crawl": (crawl_overhead, 300), "extract": (extract_overhead, 100_000)}


def prove_overhead(work: Path, figures: Figures, corpus: Path, rounds: int = 2, jobs: int = 8) -> None:
    """Both kinds; each must stay below the limit in wall time and in CPU time."""
    title("overhead of Ray against one process, one worker")
    for measure, rows_per_job in MEASURES.values():
        one = measure(work, corpus, rounds, jobs, rows_per_job)
        for unit, share, local, ray in (
            ("wall", one.wall, one.local.seconds_per_job, one.ray.seconds_per_job),
            ("CPU of all processes", one.cpu, one.local.cpu_seconds_per_job, one.ray.cpu_seconds_per_job),
        ):
            figures.add(f"{one.kind}, {unit}: seconds a job, local, Ray; overhead", f"{local:.2f}, {ray:.2f}; {share:+.1%}",
                        good=share < LIMIT)  # fmt: skip


def main(words: Sequence[str]) -> int:
    """Measure and print; 0 when the overhead is below the limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=ROOT.parent / "shared" / "corpus", help="folder of the corpus")
    parser.add_argument("--kind", choices=MEASURES, help="one kind of job alone")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--rows-per-job", type=int)
    asked = parser.parse_args(words)
    print(machine(), flush=True)
    good = True
    with tempfile.TemporaryDirectory(prefix="ray-overhead-") as name:
        for kind, (measure, rows_per_job) in MEASURES.items():
            if asked.kind in {None, kind}:
                one = measure(Path(name), asked.corpus, asked.rounds, asked.jobs, asked.rows_per_job or rows_per_job)
                print(f"{kind}: wall {one.wall:+.1%}, CPU of all processes {one.cpu:+.1%}", flush=True)
                good = good and max(one.wall, one.cpu) < LIMIT
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
