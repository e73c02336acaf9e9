"""`make prove-home`: shows that a tracker and volunteers who need not be trusted make the same data set; figures come last.

    python benchmarks/prove_home.py [--only PART] [--jobs 8570000]

Parts: invariants (reference tests by their numbers, on SQLite and PostgreSQL, with kills at every durable boundary),
defects (of the original tracker, each with a test that it is absent), pages (in Chromium; old clients; uploads), campaign (a tracker, three volunteers, one of whom cheats
and one of whom is killed), trust (how soon each cheat is found), store and web (load). Some half an hour on two quiet cores.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.at_home import http_load, store_load  # noqa: E402 - the repository's own folder comes first
from benchmarks.at_home.cases import DEFECTS, INVARIANTS  # noqa: E402 - as above
from benchmarks.contest.machine import machine  # noqa: E402 - as above
from benchmarks.figures import Figures, title  # noqa: E402 - as above
from benchmarks.named_cases import prove_named, run_tests, told_of  # noqa: E402 - as above


def prove_pages(_work: Path, figures: Figures) -> None:
    """The pages in a real Chromium, and the whole life of each old client."""
    title("pages in a browser, and old clients")
    for what, path in (
        ("pages in Chromium: phone, desktop, print, live counts, operator", "tests/workers/tracker/pages"),
        ("old clients: whole lives over HTTP", "tests/workers/tracker/legacy"),
        ("resumable uploads, by tuspy too", "tests/workers/tracker/uploads"),
    ):
        ran = run_tests([path])
        words, good = told_of(sorted(ran), ran)
        figures.add(what, words, good=good)


def prove_campaign(work: Path, figures: Figures) -> None:
    """A campaign in a box, to its end."""
    title("a campaign in a box: a tracker, a cheat, one who is killed, and one to whom nothing happens")
    began = time.monotonic()
    words = [sys.executable, "-m", "examples.campaign", "--folder", str(work / "box"), "--seed", "7"]
    ran = subprocess.run(words, cwd=ROOT, check=False, stdout=subprocess.PIPE, text=True)
    print(ran.stdout, flush=True)
    for what in (
        "files that differ from the undisturbed data set",
        "rows with what the cheat wrote",
        "times that a volunteer was killed",
    ):
        found = re.search(rf"^{what}\s+(\d+)$", ran.stdout, re.MULTILINE)
        value = int(found[1]) if found else -1
        figures.add(f"campaign: {what}", str(value), good=value > 0 if "killed" in what else value == 0)
    figures.add("campaign: seconds in all", f"{time.monotonic() - began:.0f}", good=ran.returncode == 0)


def prove_trust(_work: Path, figures: Figures) -> None:
    """How many lies of each sort are told before they are found."""
    title("cheats in the simulator")
    ran = subprocess.run(
        [sys.executable, "benchmarks/trust_power.py", "60"], cwd=ROOT, check=False, stdout=subprocess.PIPE, text=True
    )
    print(ran.stdout, flush=True)
    figures.add("trust: the simulator's table stands above", f"exit code {ran.returncode}", good=ran.returncode == 0)


def prove_store(work: Path, figures: Figures, jobs: int) -> None:
    """The database alone."""
    title(f"the database: {jobs:,} jobs")
    told = asyncio.run(store_load.measure(str(work / "tracker.db"), Namespace(jobs=jobs, callers=64, pairs=20_000)))
    figures.add(
        f"import of {jobs:,} jobs: seconds (goal 120), MB",
        f"{told.import_seconds:.0f}, {told.bytes / 1e6:.0f}",
        good=told.import_seconds < 120 * max(1, jobs / 8_570_000),
    )
    figures.add("lease, permit, upload and result of a job, durable: jobs/s (goal 600 of lease and result alone), transactions/s",
                f"{told.rates.per_second:,.0f}, {4 * told.rates.per_second:,.0f}", good=2 * told.rates.per_second > 600)  # fmt: skip
    figures.add(
        "the same: p50, p99 of a transaction, ms; CPU ms",
        f"{1000 * told.rates.within(0.5):.0f}, {1000 * told.rates.within(0.99):.0f}; {told.cpu_ms:.2f}",
        good=True,
    )
    figures.add("open again, and count: seconds (goal 3)", f"{told.open_seconds:.2f}", good=told.open_seconds < 3)


def prove_web(work: Path, figures: Figures, jobs: int) -> None:
    """A served tracker."""
    title("over HTTP")
    asked = Namespace(jobs=jobs, workers=10_000, jobs_seconds=20.0, steady_seconds=60.0, reconnecting=50_000)
    for what, value, good in http_load.measure(work, asked):
        figures.add(what, value, good=good)


def main(words: Sequence[str]) -> int:
    """Everything, one after the other; 0 when all is as promised."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only", choices=["invariants", "defects", "pages", "campaign", "trust", "store", "web"], help="one part alone"
    )
    parser.add_argument("--jobs", type=int, default=8_570_000, help="in the database; Crawling@Home had 8,569,338")
    asked = parser.parse_args(words)
    figures = Figures()
    print(machine(), flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="prove-home-") as name:
        work = Path(name)
        parts: dict[str, Callable[[], object]] = {
            "invariants": lambda: prove_named(figures, "invariant", INVARIANTS),
            "defects": lambda: prove_named(figures, "defect", DEFECTS),
            "pages": lambda: prove_pages(work, figures),
            "campaign": lambda: prove_campaign(work, figures),
            "trust": lambda: prove_trust(work, figures),
            "store": lambda: prove_store(work, figures, asked.jobs),
            "web": lambda: prove_web(work, figures, asked.jobs),
        }
        for part, prove in parts.items():
            if asked.only in {None, part}:
                figures.add(f"load of the machine when `{part}` began", f"{os.getloadavg()[0]:.1f}", good=True)
                prove()
    figures.show("prove-home", time.monotonic() - began)
    return 0 if figures.all_good else 1


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    sys.exit(main(sys.argv[1:]))
