"""The plan: from candidate tables to fetch jobs of equal size, without duplicates, with every host spread thin.

All of it is one sorted query of DuckDB, which spills to disk: memory does not grow with the crawl. The result depends
on the set of candidates alone (and on what earlier runs hold), not on the order or number of the tables they lie in:

- of pairs that an earlier run kept none stays;
- of pairs with one content id the first by (archive, offset, position) stays;
- of a host with more rows than its cap those with the lowest content ids stay: a fair sample, for ids are hashes;
- row k of n of a host stands at (k - 1/2) / n of the whole plan, so each job gets its share of each host, and two rows
  of one host are as far apart as they can be.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from crawler.commit import atomic_path, write_atomically
from crawler.errors import InputError, RunFolderError, SettingsError
from crawler.records import Fault
from crawler.seen.keys import keys_of
from crawler.seen.opening import LookUp
from crawler.settings import Plan
from crawler.tables import ROWS_PER_GROUP, candidate_schema

MARKER = "plan.json"
#: content ids that are looked up at a time
_IDS_AT_ONCE = 1 << 20


class Planned(msgspec.Struct, frozen=True):
    """What a plan did. `candidates == rows + sum(rejected.values())` always holds."""

    candidates: int
    rejected: dict[str, int]
    rows: int
    rows_per_job: int
    jobs: int
    first: int = 0  # number of the first job


@dataclass(frozen=True, slots=True)
class PlanFolder:
    """Names of the files of a plan."""

    path: Path

    def job_table(self, number: int) -> Path:
        """The candidate table of one job."""
        return self.path / f"{number:05d}.parquet"

    def read(self) -> Planned | None:
        """The finished plan in this folder; None where there is none yet.

        Raises:
            RunFolderError: there is a marker, and it is not one of ours.
        """
        marker = self.path / MARKER
        if not marker.exists():
            return None
        try:
            return msgspec.json.decode(marker.read_bytes(), type=Planned)
        except msgspec.DecodeError as error:
            raise RunFolderError(f"{marker}: was not written by this version of pairtrawl: {error}") from error


def plan(
    tables: list[Path],
    folder: PlanFolder,
    settings: Plan,
    *,
    seen: LookUp | None = None,
    memory_bytes: int = 1_000_000_000,
    threads: int = 2,
) -> Planned:
    """Write one candidate table per job into `folder`, then its marker; whatever an unfinished plan left is replaced.

    Args:
        tables: candidate tables; rows that a filter rejected are passed over.
        folder: where the plan goes.
        settings: job size, host cap, duplicates.
        seen: says which content ids an earlier run kept (`crawler.seen.opening.look_up_earlier`).
        memory_bytes: what the sort may hold before it spills to disk.
        threads: of the sort.

    Raises:
        InputError: a table cannot be read.
        SettingsError: the sort needs more memory than it may have.
    """
    import duckdb  # noqa: PLC0415 - heavy

    folder.path.mkdir(parents=True, exist_ok=True)
    for leftover in folder.path.glob("*.parquet"):
        leftover.unlink()
    spill = folder.path / "spill.tmp"
    options = {"memory_limit": f"{memory_bytes}B", "threads": threads, "temp_directory": str(spill)}
    try:
        spill.mkdir(exist_ok=True)
        with duckdb.connect(config=options) as database:
            query = _Query(database, tables)
            candidates = query.count("*") if tables else 0
            known = query.write_seen(seen, spill / "seen.parquet") if seen and candidates else 0
            query = replace(query, seen=spill / "seen.parquet" if known else None)
            planned = _write_jobs(query, folder, settings, candidates, known)
    except (duckdb.IOException, duckdb.InvalidInputException) as error:
        raise InputError(f"candidate tables cannot be read: {error}") from error
    except duckdb.OutOfMemoryException as error:
        raise SettingsError(
            f"the plan needs more memory than it may have, or more disk in {folder.path}: "
            f"raise resources.plan_memory_bytes in the recipe, {memory_bytes:,} now ({error})"
        ) from error
    finally:
        shutil.rmtree(spill, ignore_errors=True)
    write_atomically(folder.path / MARKER, msgspec.json.format(msgspec.json.encode(planned), indent=2) + b"\n")
    return planned


@dataclass(frozen=True, slots=True)
class _Query:
    """The questions to the database. No text from outside is ever part of a query: file names are parameters."""

    database: Any
    tables: list[Path]
    #: a table of content ids that are left out
    seen: Path | None = None

    def _ask(self, text: str, **parameters: object) -> Any:  # noqa: ANN401 - duckdb ships no types
        """Put a question about the accepted rows, which are called `accepted` in it."""
        files: dict[str, object] = {"tables": [str(one) for one in self.tables]}
        known = ""
        if self.seen is not None:
            files["seen"] = str(self.seen)
            known = "ANTI JOIN read_parquet($seen) AS known USING (content_id)"
        accepted = f"WITH accepted AS (SELECT * FROM read_parquet($tables) AS found {known} WHERE reason IS NULL)"  # noqa: S608 - literals of this module
        return self.database.sql(f"{accepted} {text}", params={**files, **parameters})

    def count(self, what: str) -> int:
        """How many accepted rows, or distinct values of them, there are."""
        ((answer,),) = self._ask(f"SELECT count({what}) FROM accepted").fetchall()  # noqa: S608 - `what` is a literal of this module
        return int(answer)

    def write_seen(self, seen: LookUp, path: Path) -> int:
        """Look all content ids up and write those that were seen as a table; returns how many rows have them."""
        rows = 0
        schema = pa.schema([pa.field("content_id", pa.string(), nullable=False)])
        with pq.ParquetWriter(path, schema) as table:
            for batch in self._ask("SELECT content_id FROM accepted").to_arrow_reader(_IDS_AT_ONCE):
                ids = batch.column("content_id")
                found = ids.filter(pa.array(seen(keys_of(ids.to_pylist()))))
                table.write_table(pa.Table.from_arrays([found.cast(pa.string())], schema=schema))
                rows += len(found)
        return rows

    def spread(self, settings: Plan) -> Iterator[pa.RecordBatch]:
        """The planned rows in their order."""
        answer = self._ask(
            """
            , numbered AS (
                SELECT *, row_number() OVER (PARTITION BY content_id ORDER BY archive, "offset", "position") AS nth
                FROM accepted
            ), ranked AS (
                SELECT *,
                    row_number() OVER (PARTITION BY host ORDER BY content_id, archive, "offset", "position") AS rank
                FROM numbered WHERE nth = 1 OR NOT $unique
            ), capped AS (
                SELECT *, count(*) OVER (PARTITION BY host) AS size FROM ranked WHERE $cap = 0 OR rank <= $cap
            )
            SELECT * EXCLUDE (nth, rank, size) FROM capped
            ORDER BY (rank - 0.5) / size, content_id, archive, "offset", "position"
            """,
            unique=settings.unique,
            cap=settings.rows_per_host,
        )
        yield from answer.to_arrow_reader(ROWS_PER_GROUP)


def _write_jobs(query: _Query, folder: PlanFolder, settings: Plan, candidates: int, seen: int) -> Planned:
    """Cut the stream of planned rows into one table per job. `seen` of the candidates are left out by the query."""
    new = candidates - seen
    unique = query.count("DISTINCT content_id") if settings.unique and new else new
    rows = 0
    jobs = 0
    for table in _cut(query.spread(settings) if new else iter(()), settings.rows_per_job):
        with atomic_path(folder.job_table(jobs)) as path:
            pq.write_table(table.cast(candidate_schema()), path, compression="zstd", row_group_size=ROWS_PER_GROUP)
        rows += table.num_rows
        jobs += 1
    dropped = {Fault.SEEN_EARLIER.value: seen, Fault.DUPLICATE.value: new - unique, Fault.HOST_CAP.value: unique - rows}
    return Planned(
        candidates=candidates,
        rejected={reason: count for reason, count in dropped.items() if count},
        rows=rows,
        rows_per_job=settings.rows_per_job,
        jobs=jobs,
    )


def _cut(batches: Iterator[pa.RecordBatch], size: int) -> Iterator[pa.Table]:
    """Tables of exactly `size` rows, the last one of what is left."""
    held: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        held.append(batch)
        count += batch.num_rows
        while count >= size:
            table = pa.Table.from_batches(held)
            yield table.slice(0, size)
            held = table.slice(size).to_batches()
            count -= size
    if count:
        yield pa.Table.from_batches(held)
