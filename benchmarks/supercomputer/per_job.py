"""What one job costs, on small pieces: the figures that the calculation of a big run is made of.

    python benchmarks/supercomputer/per_job.py [--corpus ../shared/corpus] [--write | --output FILE.json]

`--write` renews measured.json beside this file, which `benchmarks/big_run.py` reads; say so in the commit. Pictures have
the sizes of the web's (benchmarks/supercomputer/inputs.py) and are served from memory by a process of its own, whose
CPU is not counted. CPU is of all processes of the command, start-up aside.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

import msgspec  # noqa: E402 - the repository's own folder comes first
import pyarrow.parquet as pq  # noqa: E402 - as above

from benchmarks.contest.machine import machine  # noqa: E402 - as above
from benchmarks.supercomputer.assumptions import MEASURED_HERE, Measured  # noqa: E402 - as above
from benchmarks.supercomputer.clocking import Clocked, clocked  # noqa: E402 - as above
from benchmarks.supercomputer.inputs import (  # noqa: E402 - as above
    copy_of,
    make_input,
    mean_megapixels,
    planned,
    web_sized,
    write_recipe,
)
from benchmarks.supercomputer.local_web import local_web  # noqa: E402 - as above
from crawler.job import Job, JobKind, finished, run_job  # noqa: E402 - as above
from crawler.plan import PlanFolder, plan  # noqa: E402 - as above
from crawler.settings import Plan, parse_recipe  # noqa: E402 - as above
from crawler.tables import CandidateWriter  # noqa: E402 - as above
from tests.builders import a_candidate  # noqa: E402 - as above
from workers.assemble import assemble  # noqa: E402 - as above
from workers.demo import inputs  # noqa: E402 - as above

_ROWS_PER_JOB, _JOBS = 100, 5
#: with so little memory that most of it goes to disk, as in a large run
_PLANNED_ROWS = 600_000
#: what LAION stored, and examples/laion_like.toml does
_IMAGE_SIZE = 384
#: a WAT file of Common Crawl is hundreds of megabytes: small ones are joined until they are so many bytes
_WAT_BYTES = 12_000_000


def measure(work: Path, corpus: Path) -> Measured:
    """All of it; a minute or two on two cores."""
    pictures = web_sized()
    size = sum(len(body) for body, _ in pictures) / len(pictures)
    told = f"{len(pictures)} JPEG files, mean {mean_megapixels(pictures):.2f} megapixels and {size / 1e3:.0f} kB, kept at {_IMAGE_SIZE}"
    extract, row_bytes = _extract(work, corpus)
    plan_seconds, spill = _plan(work)
    rows = _ROWS_PER_JOB * _JOBS
    source = make_input(work / "web-sized", told, pictures, rows)
    with local_web(source.pictures) as address:
        recipe = write_recipe(
            work / "rules.toml", address, rows_per_job=_ROWS_PER_JOB, models=True, image_size=_IMAGE_SIZE
        )
        base = planned(work / "per-job", source, recipe)
        command = [*map(str, source.archives), "-o", str(base), "-r", str(recipe), "--place", "local"]
        fetched = clocked(["fetch", *command], base / "raw", "*.parquet")
        raw = _bytes(base / "raw") / rows
        scored = clocked(["score", *command], base / "shards", "*_stats.json")
        pairs = _kept(base / "shards")
        marker = _marker_seconds(base, recipe)
    (work / "nothing").mkdir()
    with local_web(work / "nothing") as address:
        recipe = write_recipe(work / "lost.toml", address, rows_per_job=_ROWS_PER_JOB, models=True)
        lost_base = copy_of(planned(work / "lost-planned", source, recipe), "lost")
        words = ["fetch", *map(str, source.archives), "-o", str(lost_base), "-r", str(recipe), "--place", "local"]
        lost = clocked(words, lost_base / "raw", "*.parquet")
    return Measured(
        machine=machine(), pictures=told,
        extract_cpu_seconds_per_megabyte=extract, candidate_bytes_per_row=row_bytes,
        plan_cpu_seconds_per_million_rows=plan_seconds, plan_spill_bytes_per_row=spill,
        fetch_cpu_seconds_per_picture=_per_row(fetched), fetch_cpu_seconds_per_failure=_per_row(lost),
        score_cpu_seconds_per_picture=_per_row(scored),
        raw_bytes_per_picture=raw, shard_bytes_per_pair=_bytes(base / "shards") / max(1, pairs),
        shard_bytes_per_rejected=_bytes(lost_base / "raw") / rows, marker_seconds=marker,
    )  # fmt: skip


def _per_row(one: Clocked) -> float:
    return one.cpu_seconds_per_job / _ROWS_PER_JOB


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _kept(shards: Path) -> int:
    statuses = [pq.read_table(file, columns=["status"]).column("status") for file in shards.glob("*.parquet")]
    return sum(one.to_pylist().count("success") for one in statuses)


def _extract(work: Path, corpus: Path) -> tuple[float, float]:
    """CPU seconds a megabyte of compressed WAT, and bytes of a row in the candidate table."""
    files = sorted(corpus.glob("real-pages/crawl-data/*/segments/*/wat/*.warc.wat.gz"))
    files = files or [Path(one) for one in inputs() if ".wat." in one]
    joined = work / "joined.warc.wat.gz"
    with joined.open("wb") as out:  # gzip files in a row are one gzip file
        while out.tell() < _WAT_BYTES:
            for file in files:
                out.write(file.read_bytes())
    recipe = parse_recipe('[[filters]]\nuse = "candidates.text_length"\nmin_characters = 5\n')
    job = Job(kind=JobKind.EXTRACT, number=0, input=str(joined), output=str(work / "extracted"), recipe="", form="wat")
    tools = assemble(recipe, work / "scratch", kind=JobKind.EXTRACT)
    began = time.process_time()
    run_job(job, tools)
    seconds = time.process_time() - began
    table = work / "extracted" / "00000.parquet"
    return seconds / (joined.stat().st_size / 1e6), table.stat().st_size / pq.read_metadata(table).num_rows


def _plan(work: Path) -> tuple[float, float]:
    """CPU seconds for a million rows, and the most bytes a row that the sort left on disk, where its memory is short."""
    table = work / "many.parquet"
    with CandidateWriter(table) as out:
        for start in range(0, _PLANNED_ROWS, 10_000):
            rows = [a_candidate(f"a picture of the thing with number {number}",
                                image_url=f"http://shop{number % 9973}.test/pictures/{number * 7919:012d}.jpg")
                    for number in range(start, start + 10_000)]  # fmt: skip
            out.write(rows, [None] * len(rows))
    folder = PlanFolder(work / "planned-many")
    with _largest(folder.path / "spill.tmp") as most:
        began = time.process_time()
        plan([table], folder, Plan(rows_per_job=100_000), memory_bytes=300_000_000)
        seconds = time.process_time() - began
    return seconds / _PLANNED_ROWS * 1e6, most[0] / _PLANNED_ROWS


@contextmanager
def _largest(folder: Path) -> Iterator[list[int]]:
    """The largest size of a folder while inside, in bytes, looked at ten times a second."""
    most, over = [0], threading.Event()

    def look() -> None:
        while not over.wait(0.1):
            try:
                most[0] = max(most[0], _bytes(folder))
            except FileNotFoundError:  # went away while we looked
                continue

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield most
    finally:
        over.set()
        thread.join()


def _marker_seconds(run: Path, recipe: Path) -> float:
    read = parse_recipe(recipe.read_text())
    job = Job(kind=JobKind.SCORE, number=0, input="", output=str(run / "shards"), recipe=read.digest)
    began = time.perf_counter()
    for _ in range(200):
        assert finished(job, read) is not None
    return (time.perf_counter() - began) / 200


def main(words: Sequence[str]) -> int:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=ROOT.parent / "shared" / "corpus", help="folder of the corpus")
    parser.add_argument("--write", action="store_true", help=f"renew {MEASURED_HERE.name} beside this file")
    parser.add_argument("--output", type=Path, help="write there")
    asked = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="per-job-") as name:
        measured = measure(Path(name), asked.corpus)
    text = msgspec.json.format(msgspec.json.encode(measured), indent=2) + b"\n"
    print(text.decode())
    for path in (asked.output, MEASURED_HERE if asked.write else None):
        if path:
            path.write_bytes(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
