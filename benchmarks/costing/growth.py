"""How the stages grow that do not cost the same for each row: plan, index of what was seen, report; and that others do not.

    python benchmarks/costs.py --measure [--sizes 10000 100000] [--stages plan seen]

Each point is measured in a process of its own, which prints it: CPU seconds of all its threads and children, seconds of
the clock, the peak of memory, bytes on disk. Tables are made up (benchmarks/report/big_tables.py) before the clock runs.
"""

from __future__ import annotations

import atexit
import hashlib
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow.parquet as pq

from benchmarks.contest.machine import machine
from benchmarks.contest.sides import ROOT
from benchmarks.duplicates import some_keys
from benchmarks.report.big_addresses import addresses
from benchmarks.report.big_captions import a_pool
from benchmarks.report.big_columns import arrow, choose, pc
from benchmarks.report.big_tables import write_tables
from benchmarks.small_crawl import pairtrawl
from benchmarks.supercomputer.inputs import make_input, pictures_with_texts, planned, write_recipe
from benchmarks.supercomputer.local_web import local_web
from crawler.plan import PlanFolder, plan
from crawler.seen.index import Index
from crawler.seen.local import LocalSeen
from crawler.settings import Plan
from crawler.tables import candidate_schema

KEPT = ROOT / "benchmarks" / "growth.json"
SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
#: stages that cost the same for each row: enough to show it
FEW = (1_000, 10_000)
_ROWS_PER_TABLE = 100_000
#: ids a candidate among which is drawn evenly: 66 of a hundred are the first of theirs, as LAION-5B's were
_OF_PAIRS = 1.09
_JOB = 10_000
#: stages that are commands of their own
_CHILDREN = ("report", "pictures")


class Point(msgspec.Struct, frozen=True):
    """One stage at one size."""

    stage: str
    rows: int
    cpu: float  # seconds, all threads and children
    wall: float  # seconds
    peak_bytes: int
    disk_bytes: int  # what the stage leaves, or where it spills the most that lay there
    when: str
    machine: str


def read(path: Path = KEPT) -> list[Point]:
    """What was measured last of each stage and size; nothing where there is no file."""
    return msgspec.json.decode(path.read_bytes(), type=list[Point]) if path.exists() else []


def measure(stages: Sequence[str], sizes: Sequence[int] = (), path: Path = KEPT) -> None:
    """Measure, each point in a process of its own, and keep it in place of an older one at once."""
    for stage in stages:
        for rows in sizes or (FEW if stage == "pictures" else SIZES):
            with tempfile.TemporaryDirectory(prefix="growth-") as folder:
                words = [sys.executable, "-m", "benchmarks.costing.growth", stage, str(rows), folder]
                told = subprocess.run(words, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
            point = msgspec.json.decode(told.splitlines()[-1], type=Point)
            print(f"  {stage}, {rows:,} rows: {point.cpu:,.1f} s CPU, {point.peak_bytes / 1e6:,.0f} MB", flush=True)
            others = [one for one in read(path) if (one.stage, one.rows) != (stage, rows)]
            kept = sorted([*others, point], key=lambda one: (one.stage, one.rows))
            path.write_bytes(msgspec.json.format(msgspec.json.encode(kept), indent=1) + b"\n")


def of_plan(rows: int, folder: Path) -> Callable[[], int]:
    """The plan of so many candidates, with the memory and threads that it has unless a recipe says more."""
    tables = _candidates(folder / "candidates", rows)
    planned = PlanFolder(folder / "plan")

    def work() -> int:
        plan(tables, planned, Plan(rows_per_job=_JOB))
        return _bytes(planned.path.glob("*.parquet"))

    return work


def of_seen(rows: int, folder: Path) -> Callable[[], int]:
    """The index of what a run of so many rows kept, made anew; and one more job that asks it."""
    shards = folder / "shards"
    for path in write_tables(shards, rows):
        described = {"bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        path.with_name(f"{path.stem}_stats.json").write_bytes(msgspec.json.encode({"files": {path.name: described}}))

    def work() -> int:
        index = Index(folder / "index", "sha256", [shards])
        index.flush()
        LocalSeen(index, shards).claim("99999", some_keys(_JOB, 9))
        return _bytes((folder / "index").rglob("*"))

    return work


def of_report(rows: int, folder: Path) -> Callable[[], int]:
    """The report of a folder of tables."""
    tables, page = folder / "tables", folder / "report.html"
    write_tables(tables, rows)

    def work() -> int:
        words = [sys.executable, "-m", "workers", "report", str(tables), "--output", str(page)]
        subprocess.run(words, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        return page.stat().st_size

    return work


def of_pictures(rows: int, folder: Path) -> Callable[[], int]:
    """Fetching, decoding, scoring with the small model and writing, of pictures of a few kilobytes from this machine."""
    what, pairs = pictures_with_texts(folder, folder / "no corpus")
    source = make_input(folder / "input", what, pairs, rows)
    web = ExitStack()
    address = web.enter_context(local_web(source.pictures))
    atexit.register(web.close)  # only then does its time belong to its parent
    recipe = write_recipe(folder / "recipe.toml", address, rows_per_job=500, models=True)
    run = planned(folder / "run", source, recipe)

    def work() -> int:
        words = ["crawl", *map(str, source.archives), "-o", str(run), "-r", str(recipe), "--place", "local"]
        done = pairtrawl(words)
        assert done.returncode == 0, done.stderr[-800:]
        return _bytes((run / "shards").rglob("*"))

    return work


STAGES: dict[str, Callable[[int, Path], Callable[[], int]]] = {
    "plan": of_plan, "seen": of_seen, "report": of_report, "pictures": of_pictures,
}  # fmt: skip


def _candidates(folder: Path, rows: int) -> list[Path]:
    """Candidate tables with captions in many languages; hosts are as large as Zipf's law says."""
    folder.mkdir()
    pool = a_pool(np.random.default_rng(0))
    paths = []
    for number, first in enumerate(range(0, rows, _ROWS_PER_TABLE)):
        length = min(_ROWS_PER_TABLE, rows - first)
        paths.append(folder / f"{number:05d}.parquet")
        write: Any = pq.write_table  # its stubs do not know all of it
        write(_candidate_table(number, length, rows, pool.texts), paths[-1], compression="zstd", row_group_size=8_192)
    return paths


def _candidate_table(number: int, length: int, rows: int, texts: Sequence[str]) -> Any:  # noqa: ANN401 - arrow

    rng = np.random.default_rng([7, number])
    columns = addresses(rng, length, number, rows)
    of_pair = arrow.array(rng.integers(int(rows * _OF_PAIRS), size=length)).cast(arrow.string())
    known = {
        **columns, "content_id": pc.utf8_lpad(of_pair, 32, "0"), "caption": choose(rng, texts, length),
        "host": pc.list_element(pc.split_pattern(columns["url"], "/"), 2),
        "written_src": columns["url"], "base_url": columns["page_url"],
        "caption_language_confidence": arrow.array(rng.random(length)), "opt_outs": columns["page_opt_outs"],
        "reason": arrow.nulls(length, arrow.string()),
    }  # fmt: skip
    empty = arrow.array([""] * length)
    schema = candidate_schema()
    return arrow.table([known.get(name, empty).cast(schema.field(name).type) for name in schema.names], schema=schema)


def _bytes(files: Iterable[Path]) -> int:
    return sum(one.stat().st_size for one in files if one.is_file())


def _point(stage: str, rows: int, folder: Path) -> Point:
    work = STAGES[stage](rows, folder)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forgets the peak of making the tables
    began, cpu = time.perf_counter(), _cpu()
    left = work()
    wall, spent = time.perf_counter() - began, _cpu() - cpu
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 if stage in _CHILDREN else _peak()
    return Point(stage, rows, spent, wall, peak, left, time.strftime("%Y-%m-%d", time.gmtime()), machine())


def _peak() -> int:
    told = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) * 1024 for line in told.splitlines() if line.startswith("VmHWM:"))


def _cpu() -> float:
    return sum(
        one.ru_utime + one.ru_stime for one in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


if __name__ == "__main__":
    print(msgspec.json.encode(_point(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))).decode())
    sys.stdout.flush()
