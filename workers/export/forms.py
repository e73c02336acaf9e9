"""The published forms of tables: names, types and order of columns, and where their values come from.

Pure: a batch of our rows in, a table of the form out. What we do not know of a row is null, in a column of the right
type, and `Form.unknown` names the columns that always are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute

pc: Any = pyarrow.compute  # its stubs take no plain texts and numbers

#: a batch of our rows in, a column of the form out, of as many rows
Make = Callable[[pa.RecordBatch], Any]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a form."""

    name: str
    type: pa.DataType
    make: Make | None  # None: nothing that we know
    reads: tuple[str, ...] = ()  # our columns that `make` looks at


@dataclass(frozen=True, slots=True)
class Form:
    """A table in somebody else's words."""

    name: str
    columns: Sequence[Column]
    compression: Literal["snappy", "zstd"]
    notes: Mapping[str, str]  # for people, and into the metadata of each file

    @property
    def schema(self) -> pa.Schema:
        """As each file has it."""
        noted: dict[bytes | str, bytes | str] = {f"pairtrawl.{key}": text for key, text in self.notes.items()}
        return pa.schema([(one.name, one.type) for one in self.columns], metadata=noted)

    @property
    def reads(self) -> tuple[str, ...]:
        """Our columns that are looked at."""
        return tuple(dict.fromkeys(name for one in self.columns for name in one.reads))

    @property
    def unknown(self) -> tuple[str, ...]:
        """Columns that are always null."""
        return tuple(one.name for one in self.columns if one.make is None)

    def table(self, batch: pa.RecordBatch) -> pa.Table:
        """The rows in this form.

        Raises:
            pa.ArrowException: a column of ours holds what the form has no room for.
        """
        arrays = [
            _nulls(batch, one.type) if one.make is None else one.make(batch).cast(one.type) for one in self.columns
        ]
        return pa.Table.from_arrays(arrays, schema=self.schema)


def _nulls(batch: pa.RecordBatch, kind: pa.DataType) -> Any:  # noqa: ANN401 - as above
    return pa.array([None] * batch.num_rows, kind)


def taken(name: str, *others: str) -> Make:
    """The column of ours of the first of these names that the batch has; nulls where it has none."""

    def make(batch: pa.RecordBatch) -> Any:  # noqa: ANN401 - an array of arrow, whose stubs want to know of what
        for one in (name, *others):
            if one in batch.schema.names:
                return batch.column(one)
        return _nulls(batch, pa.null())

    return make


def text_of(name: str, *, absent: str = "") -> Make:
    """A column of ours as text, with a word for null and for empty."""

    def make(batch: pa.RecordBatch) -> Any:  # noqa: ANN401 - an array of arrow, whose stubs want to know of what
        if name not in batch.schema.names:
            return pa.array([absent] * batch.num_rows, pa.string())
        text = pc.cast(batch.column(name), pa.string()).fill_null(absent)
        return pc.if_else(pc.equal(text, ""), absent, text)

    return make


def score_of(name: str, model: str = "") -> Make:
    """A score of ours; only of rows whose score was made by a model of this beginning, such as "ViT-B-32"."""

    def make(batch: pa.RecordBatch) -> Any:  # noqa: ANN401 - an array of arrow, whose stubs want to know of what
        if name not in batch.schema.names:
            return _nulls(batch, pa.float64())
        values = pc.cast(batch.column(name), pa.float64())
        if not model:
            return values
        if f"{name}_model" not in batch.schema.names:
            return _nulls(batch, pa.float64())
        made_by = pc.cast(batch.column(f"{name}_model"), pa.string())
        ours = pc.starts_with(made_by, model).fill_null(False)
        return pc.if_else(ours, values, pa.scalar(None, pa.float64()))

    return make
