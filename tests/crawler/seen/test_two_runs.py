"""Two crawls of a web in miniature that overlap: what is left out is exactly what was planted, in both of its kinds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq

from crawler.job.duplicates import claiming, duplicates
from crawler.job.remembered import remembered
from crawler.plan import PlanFolder, Planned, plan
from crawler.records import Candidate, Fault, Hashes, Rejected, Sample
from crawler.rows import rejected_row
from crawler.seen.opening import look_up_earlier, open_seen
from crawler.settings import Duplicates, Output, Plan, Recipe
from crawler.tables import CandidateWriter, read_candidates
from crawler.write import ShardWriter, pictured
from tests.builders import a_candidate, a_fetched, a_picture
from tests.contract_seen import sha

PLAN = Plan(rows_per_job=8)
HEADER = a_picture().header


def pair(address: str, text: str = "") -> Candidate:
    return a_candidate(text or f"what {address} shows", image_url=f"http://h{sum(address.encode()) % 5}.test/{address}")


def file_at(candidate: Candidate) -> str:
    """The web: an address "lake.2" has the same file as "lake"; those that start with "gone" have none."""
    return candidate.image_url.rpartition("/")[2].partition(".")[0]


def crawl(run: Path, recipe: Recipe, pairs: Sequence[Candidate], *, only: int | None = None) -> Planned:
    """A whole run, or its jobs up to `only`; what is committed already is left as it is."""
    run.mkdir(exist_ok=True)
    table = run / "candidates.parquet"
    with CandidateWriter(table) as writer:
        writer.write(pairs, [None] * len(pairs))
    folder = PlanFolder(run / "plan")
    planned = folder.read() or plan([table], folder, PLAN, seen=look_up_earlier(recipe, run))
    seen = open_seen(recipe, run)
    for number in range(planned.jobs if only is None else only):
        shard = f"{number:05d}"
        if (run / f"shards/{shard}_stats.json").exists():
            continue
        (run / "shards").mkdir(exist_ok=True)
        rows = [row for group in read_candidates(folder.job_table(number)) for row in group]
        shown = []
        with ShardWriter(run / "shards", number, PLAN.rows_per_job, Output(), ()) as writer:
            for index, candidate in enumerate(rows):
                if file_at(candidate).startswith("gone"):
                    writer.reject(index, rejected_row(Rejected(candidate, Fault.HTTP_GONE)))
                    continue
                hashes = Hashes("0" * 32, "0" * 40, sha(file_at(candidate)), 0, 0, 0)
                fetched = a_fetched(b"", candidate=candidate)
                sample = pictured(Sample(fetched, HEADER, hashes, b"picture", 80, 60, ()), Output())
                writer.keep(index, sample)
                shown.append(remembered(index, sample.row))
            with claiming(seen, shard) as claim:
                for index, fault in duplicates(shown, recipe.duplicates, claim):
                    writer.take_back(index, fault)
                writer.commit({})
    seen.close()
    return planned


def rows_of(run: Path) -> list[tuple[str, str, str]]:
    """Address, caption and reason (none: kept) of all rows of a run, in the order of its shards."""
    tables = [pq.read_table(path) for path in sorted((run / "shards").glob("*.parquet"))]
    rows = [row for table in tables for row in table.to_pylist()]
    return [(row["url"].rpartition("/")[2], row["caption"], row["reason"] or "") for row in rows]


OLD = [pair(f"old{number}") for number in range(20)] + [pair("gone-then"), pair("lake"), pair("lake.2"), pair("hill")]
NEW = [
    *(pair(f"new{number}") for number in range(15)),
    *(pair(f"old{number}") for number in range(5)),  # planted: the same pair
    pair("old7", "another text"),  # planted: another pair of the same file
    pair("lake.3"),  # planted: the same file at another address
    pair("gone-then", "what gone-then shows"),  # was tried, and is not held
    pair("new1.2"),  # planted: one file twice within the new run
    pair("new3", "another text for 3"),  # planted: as above
]


def test_what_two_runs_have_in_common_is_exactly_what_was_planted(tmp_path: Path) -> None:
    first = Recipe(folder=str(tmp_path), duplicates=Duplicates(files="first"))
    second = Recipe(folder=str(tmp_path), duplicates=Duplicates(earlier=("first",), files="first"))
    planned = crawl(tmp_path / "first", first, OLD)
    assert planned.rejected == {}
    assert Counter(reason for *_, reason in rows_of(tmp_path / "first")) == {"": 22, "http_gone": 1, "repeated_file": 1}

    planned = crawl(tmp_path / "second", second, NEW)
    assert planned.rejected == {"seen_earlier": 5}
    assert planned.candidates == planned.rows + 5 == len(NEW)
    rows = rows_of(tmp_path / "second")
    repeated = {(address, text) for address, text, reason in rows if reason == "repeated_file"}
    assert {("old7", "another text"), ("lake.3", "what lake.3 shows")} <= repeated
    in_pairs = repeated - {("old7", "another text"), ("lake.3", "what lake.3 shows")}
    assert [sorted(address.partition(".")[0] for address, _ in in_pairs)] == [["new1", "new3"]]
    assert Counter(reason for *_, reason in rows) == {"": 15, "repeated_file": 4, "http_gone": 1}
    files = [
        sha(address.partition(".")[0])
        for run in ("first", "second")
        for address, _, reason in rows_of(tmp_path / run)
        if not reason
    ]
    assert len(files) == len(set(files)) == 37


def test_a_run_that_was_interrupted_ends_as_one_that_was_not(tmp_path: Path) -> None:  # invariant 33
    recipes = {
        name: Recipe(folder=str(tmp_path), duplicates=Duplicates(earlier=("first",), files="first"))
        for name in ("whole", "parts")
    }
    crawl(tmp_path / "first", Recipe(folder=str(tmp_path), duplicates=Duplicates(files="first")), OLD)
    crawl(tmp_path / "whole", recipes["whole"], NEW)
    for jobs in (0, 1, 2, None):
        crawl(tmp_path / "parts", recipes["parts"], NEW, only=jobs)
    assert rows_of(tmp_path / "parts") == rows_of(tmp_path / "whole")
    again = tmp_path / "whole/shards/00001_stats.json"  # one shard is made again at the end
    before = rows_of(tmp_path / "whole")
    again.unlink()
    crawl(tmp_path / "whole", recipes["whole"], NEW)
    assert sorted(rows_of(tmp_path / "whole")) == sorted(before)
