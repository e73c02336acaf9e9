"""A published list, cut into the tables of a rebuild's jobs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from crawler.columns import Shown, columns_of_rebuild
from crawler.errors import InputError, SettingsError
from crawler.list_tables import AboutList, list_table_schema
from crawler.read.lists.repair import Repair, as_utf8, wanted_of
from crawler.read.lists.schemas import Schema, columns_of_interest, schema_of
from crawler.read.lists.whole import WholeList, open_whole
from crawler.settings import Recipe


@dataclass(frozen=True, slots=True)
class JobTable:
    """The table of one job, not written yet."""

    table: pa.Table

    def write(self, path: Path) -> None:
        """Put it at `path`, which must not exist.

        Raises:
            OSError: the disk is full.
        """
        # written once, read once or twice: the level that takes least time
        pq.write_table(self.table, path, compression="zstd", compression_level=1, use_dictionary=False)


@dataclass(slots=True)
class Cutting:
    """A list that is being cut; what it came to stands here once `tables` has ended."""

    list: WholeList
    schema: Schema
    repair: Repair
    rows_per_job: int
    name: str
    rows: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def incomplete(self) -> str:
        """Why the list ends too early; "" if it does not."""
        return self.list.incomplete

    def tables(self) -> Iterator[JobTable]:
        """A table of `rows_per_job` rows for each job, the last one of what is left. Holds the rows of one.

        Raises:
            InputError: a column holds what it cannot hold.
            OSError: the list cannot be read.
        """
        held: list[pa.Table] = []
        number = 0
        for part in self._repaired():
            held.append(part)
            number += part.num_rows
            while number >= self.rows_per_job:
                table = pa.concat_tables(held)
                yield self._job(table.slice(0, self.rows_per_job))
                held = [table.slice(self.rows_per_job)]
                number -= self.rows_per_job
        if number:
            yield self._job(pa.concat_tables(held))
        self.counts.update(self.repair.counts)

    def _repaired(self) -> Iterator[pa.Table]:
        for batch in self.list.batches(self.repair.wanted.columns()):
            self.counts["rows that cannot be read"] += batch.broken
            self.counts["values that are not of the type of their column"] += batch.not_of_type
            yield self.repair.repaired(batch.columns)
        self.counts = +self.counts

    def _job(self, table: pa.Table) -> JobTable:
        carried = pa.schema(list(table.schema.field("carried").type))
        schema = list_table_schema(carried, AboutList(self.name, self.rows))
        self.rows += table.num_rows
        return JobTable(table.cast(schema))


def cut_list(path: Path, name: str, recipe: Recipe) -> Cutting:
    """Open the list at `path`, called `name`, and see what it is.

    Raises:
        InputError: it is no list, not clear how to read it, or lacks a column that the recipe names.
        SettingsError: a column to carry has the name of one that a rebuild writes itself.
        OSError: it cannot be read.
    """
    rebuild = recipe.rebuild
    assert rebuild is not None
    opened = open_whole(path, name, recipe.list, guess_types=rebuild.guess_types)
    asked = columns_of_interest(opened.names)
    sample = next(opened.batches(asked), None) if asked else None
    values = {one: as_utf8(sample.columns.column(one), one)[0].to_pylist() for one in asked} if sample else {}
    schema = schema_of(opened.names, name, recipe.list, rebuild, values)
    try:
        wanted = wanted_of(
            schema, opened.names, rebuild.carry,
            captions=rebuild.captions, explicit=rebuild.hashes, boxes=rebuild.boxes_column,
        )  # fmt: skip
        columns_of_rebuild((), list(wanted.carried), Shown.by(recipe))
    except InputError as error:
        raise InputError(f"{name}: {error}") from error
    except ValueError as error:
        raise SettingsError(f"{name}: {error}; leave it out of `carry` under [rebuild]") from error
    return Cutting(opened, schema, Repair(wanted), recipe.plan.rows_per_job, name)
