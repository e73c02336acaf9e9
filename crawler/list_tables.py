"""The table of one job of a rebuild: rows of a published list, in its order, every one of them. The border to pyarrow.

    url, caption, page_url    as the list wrote them, "" where it wrote nothing that can be read
    expected                  what the list recorded of the picture (`crawler.records.Expected`)
    boxes                     what is to be blurred, where the recipe asks for that
    carried                   what goes into the shard as the list has it: columns, and at last `caption` and `url`

It stands where a crawl job has a candidate table. Addresses are not normalised before the job does it: a plan of five
billion rows is made in no time, and read by many.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from crawler.errors import InputError
from crawler.records import Candidate, Caption, Expected, ImageSource, TextSource, Tongue
from crawler.tongue import tongue_of
from crawler.urls import normalise

_ABOUT = b"pairtrawl.list"
#: longer addresses are not normalised: servers refuse them, and so do we
_LONGEST = 8 * 1024
EXPECTED = pa.struct(
    [(name, pa.string()) for name in ("md5", "sha1", "sha256", "sha512", "phash", "perhaps_phash", "pdq")]
    + [("pdq_quality", pa.int32()), ("width", pa.int32()), ("height", pa.int32())]
)
BOXES = pa.list_(pa.list_(pa.float64()))


class AboutList(msgspec.Struct, frozen=True):
    """Where the rows of a table come from."""

    archive: str  # name of the list
    first: int  # number in the list of the table's first row, from 0


def list_table_schema(carried: pa.Schema, about: AboutList | None = None) -> pa.Schema:
    """Columns of the table, whose `carried` has these fields."""
    schema = pa.schema(
        [
            pa.field("url", pa.string(), nullable=False),
            pa.field("caption", pa.string(), nullable=False),
            pa.field("page_url", pa.string(), nullable=False),
            pa.field("expected", EXPECTED, nullable=False),
            pa.field("boxes", BOXES),
            pa.field("carried", pa.struct(list(carried)), nullable=False),
        ]
    )
    return schema if about is None else schema.with_metadata({_ABOUT: msgspec.json.encode(about)})


def read_list_table(path: Path, *, tell_language: bool) -> tuple[list[Candidate], pa.Table]:
    """The rows of a job, and what the shard has beside them: a table of as many rows.

    Raises:
        InputError: the file is missing, broken, or not such a table.
    """
    try:
        with pq.ParquetFile(path) as file:
            table = file.read()
        about = msgspec.json.decode((table.schema.metadata or {})[_ABOUT], type=AboutList)
        carried = _unfolded(table.column("carried"))
        return _candidates(table, about, tell_language=tell_language), carried
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: cannot be read as the table of a rebuild: {error}") from error
    except (KeyError, ValueError) as error:
        raise InputError(f"{path}: is no table of a rebuild: {error!r}") from error


def _unfolded(column: pa.ChunkedArray[Any]) -> pa.Table:
    """The fields of a struct column as columns."""
    schema = pa.schema(list(column.type))
    chunks: list[Any] = column.chunks
    batches = [pa.RecordBatch.from_arrays(chunk.flatten(), schema=schema) for chunk in chunks]
    return pa.Table.from_batches(batches, schema=schema)


def _candidates(table: pa.Table, about: AboutList, *, tell_language: bool) -> list[Candidate]:
    columns: tuple[list[Any], ...] = tuple(
        table.column(name).to_pylist() for name in ("url", "caption", "page_url", "expected", "boxes")
    )
    return [
        Candidate(
            image_url=normalise(url) if len(url) <= _LONGEST else "",
            image_source=ImageSource.LIST,
            caption=Caption(TextSource.LIST, caption),
            other_captions=(),
            page_url=page,
            archive=about.archive,
            offset=offset,
            position=0,
            licence="",
            language="",
            opt_outs=(),
            written_src=url,
            written_text=caption,
            base_url="",
            tongue=tongue_of(caption) if tell_language else Tongue(),
            expected=_expected(recorded),
            boxes=_boxes(rectangles) if rectangles else (),
        )
        for offset, (url, caption, page, recorded, rectangles) in enumerate(zip(*columns, strict=True), about.first)
    ]


def _expected(recorded: Mapping[str, Any]) -> Expected:
    known = {name: value for name, value in recorded.items() if value}
    for kind in ("phash", "perhaps_phash", "pdq"):
        if kind in known:
            known[kind] = int(known[kind], 16)
    return Expected(**known) if known else _NOTHING


_NOTHING = Expected()


def _boxes(rectangles: Iterable[Sequence[float] | None]) -> tuple[tuple[float, float, float, float], ...]:
    """Those that are four numbers with an area inside of the picture, cut to it."""
    found = []
    for one in rectangles:
        if one is None or len(one) != 4 or not all(isinstance(value, float) and value == value for value in one):  # noqa: PLR0124 - NaN
            continue
        left, top, right, bottom = (min(max(value, 0.0), 1.0) for value in one)
        if left < right and top < bottom:
            found.append((left, top, right, bottom))
    return tuple(found)
