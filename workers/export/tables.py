"""Exports that are parquet tables in a published form, and the plain list of addresses."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

from crawler.commit import atomic_path
from crawler.errors import InputError, SettingsError
from workers.export.choice import Choice
from workers.export.forms import Form
from workers.export.parts import Part, Pin, open_output, parts_of, write_pin
from workers.export.places import Place, open_table
from workers.export.rows import batches_of

pc: Any = pyarrow.compute  # its stubs take no plain texts and numbers

#: rows of a part's tables, rejected ones included: some 200 MB of LAION's columns
ROWS_PER_PART = 2_000_000
_ROWS_PER_GROUP = 100_000
#: WHATWG takes these out of an address before it reads it, so without them the address is the same, and fits on a line
_BREAKS = r"[\t\n\r]"

Told = Callable[[int], None]


def export_table(
    place: Place, folder: Path, form: Form, choice: Choice, *, told: Told, rows_per_part: int = ROWS_PER_PART
) -> Mapping[str, int]:
    """Write `folder/part-NNNNN.parquet` in the form; what is there from an earlier try stays.

    `told` hears of each shard that is done. Returns counts: rows, parts, and the parts that were written now.

    Raises:
        RunFolderError: the folder holds something else.
        InputError: a table cannot be read, or does not fit into the form.
        OSError: the disk is full.
    """
    options = {"where": choice.where, "kept_only": choice.kept_only, "rows_per_part": rows_per_part}
    options["columns"] = [one.name for one in form.columns]
    pin = Pin(form.name, place.identity, options)
    open_output(folder, pin)
    parts = written = rows = 0
    for part in parts_of(place, rows_per_part):
        path = folder / f"{part.name}.parquet"
        if path.exists():
            rows += pq.read_metadata(path).num_rows
        else:
            rows += _write_part(path, part, form, choice)
            written += 1
        parts += 1
        told(len(part.shards))
    write_pin(folder, Pin(pin.form, pin.place, pin.options, {"rows": rows, "parts": parts}))
    return {"rows": rows, "parts": parts, "written": written}


def column_types(place: Place, names: Sequence[str]) -> list[tuple[str, pa.DataType]]:
    """The types of these columns, by the first table.

    Raises:
        SettingsError: it lacks one of them.
        InputError: it cannot be read.
    """
    if not names:
        return []
    for shard in place.shards():
        with open_table(shard.table()) as file:
            schema = file.schema_arrow
        if missing := [name for name in names if name not in schema.names]:
            raise SettingsError(f"--column {missing[0]}: no such column; there are {', '.join(schema.names)}")
        return [(name, schema.field(name).type) for name in names]
    return []


def _write_part(path: Path, part: Part, form: Form, choice: Choice) -> int:
    rows = 0
    with atomic_path(path) as temporary, pq.ParquetWriter(temporary, form.schema, compression=form.compression) as file:
        waiting: list[pa.Table] = []
        waits = 0
        for number, shard in part.shards:
            for batch in batches_of(shard, number, form.reads, choice):
                try:
                    waiting.append(form.table(batch))
                except pa.ArrowException as error:
                    raise InputError(f"{shard.table()}: does not fit into the form {form.name}: {error}") from error
                waits += batch.num_rows
                if waits >= _ROWS_PER_GROUP:
                    file.write_table(pa.concat_tables(waiting))
                    rows, waiting, waits = rows + waits, [], 0
        if waiting:
            file.write_table(pa.concat_tables(waiting))
    return rows + waits


def export_urls(place: Place, path: Path, choice: Choice, *, told: Told) -> Mapping[str, int]:
    """Write an address a line, in the order of the rows; compressed where the name ends in `.gz`.

    Line breaks and tabs within an address are left out, as browsers do; an empty one has no line. Returns counts:
    lines, and rows that have none.

    Raises:
        InputError: a table cannot be read.
        OSError: the disk is full.
    """
    lines = without = 0
    with atomic_path(path) as temporary, _opened(temporary, path) as file:
        for number, shard in enumerate(place.shards()):
            for batch in batches_of(shard, number, ("url",), choice):
                urls = pc.replace_substring_regex(pc.cast(batch.column(0), pa.string()), _BREAKS, "")
                some = urls.filter(pc.greater(pc.binary_length(urls), 0).fill_null(False))
                lines += len(some)
                without += batch.num_rows - len(some)
                if len(some):
                    file.write("\n".join(some.to_pylist()).encode())
                    file.write(b"\n")
            told(1)
    return {"lines": lines, "without": without}


@contextmanager
def _opened(temporary: Path, path: Path) -> Iterator[BinaryIO]:
    with temporary.open("wb", buffering=1 << 20) as file:
        if path.suffix != ".gz":
            yield file
            return
        # without time and name: the same rows are the same bytes
        with gzip.GzipFile("", "wb", compresslevel=6, fileobj=file, mtime=0) as packed:
            yield cast("BinaryIO", packed)
