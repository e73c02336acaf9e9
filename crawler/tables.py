"""The candidate table: what `extract` writes, `plan` sorts and `fetch` reads. The border to pyarrow for candidates.

One row per candidate, kept or rejected by a filter; docs/formats.md explains every column.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from crawler.errors import InputError
from crawler.records import Candidate, Caption, ImageSource, TextSource
from crawler.urls import host_of

#: rows of a row group; one is held in memory while writing and while reading
ROWS_PER_GROUP = 8192


def candidate_schema() -> pa.Schema:
    """Columns of a candidate table, in order."""
    captions = pa.list_(pa.struct([("source", pa.string()), ("text", pa.string())]))
    return pa.schema(
        [
            pa.field("content_id", pa.string(), nullable=False),
            pa.field("url", pa.string(), nullable=False),
            pa.field("caption", pa.string(), nullable=False),
            pa.field("caption_source", pa.string(), nullable=False),
            pa.field("image_source", pa.string(), nullable=False),
            pa.field("other_captions", captions, nullable=False),
            pa.field("host", pa.string(), nullable=False),
            pa.field("page_url", pa.string(), nullable=False),
            pa.field("archive", pa.string(), nullable=False),
            pa.field("offset", pa.int64(), nullable=False),
            pa.field("position", pa.int32(), nullable=False),
            pa.field("licence", pa.string(), nullable=False),
            pa.field("language", pa.string(), nullable=False),
            pa.field("opt_outs", pa.list_(pa.string()), nullable=False),
            pa.field("written_src", pa.string(), nullable=False),
            pa.field("written_text", pa.string(), nullable=False),
            pa.field("base_url", pa.string(), nullable=False),
            pa.field("reason", pa.string()),  # the filter that rejected the row; null where none did
        ]
    )


class CandidateWriter:
    """Writes a candidate table to `path` in row groups; memory holds one group.

    A context manager; the caller makes the path atomic.
    """

    def __init__(self, path: Path) -> None:

        self._writer = pq.ParquetWriter(path, candidate_schema(), compression="zstd")
        self._rows: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._flush()
        self._writer.close()

    def write(self, candidates: Sequence[Candidate], reasons: Sequence[str | None]) -> None:
        """Append rows; `reasons[i]` is the filter that rejected candidate i, or None."""
        self._rows.extend(candidate_row(one, reason) for one, reason in zip(candidates, reasons, strict=True))
        if len(self._rows) >= ROWS_PER_GROUP:
            self._flush()

    def _flush(self) -> None:

        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, candidate_schema()))
            self._rows = []


def candidate_row(candidate: Candidate, reason: str | None) -> dict[str, Any]:
    """A candidate as a row of the table."""
    return {
        "content_id": candidate.content_id,
        "url": candidate.image_url,
        "caption": candidate.caption.text,
        "caption_source": candidate.caption.source.value,
        "image_source": candidate.image_source.value,
        "other_captions": [{"source": one.source.value, "text": one.text} for one in candidate.other_captions],
        "host": host_of(candidate.image_url),
        "page_url": candidate.page_url,
        "archive": candidate.archive,
        "offset": candidate.offset,
        "position": candidate.position,
        "licence": candidate.licence,
        "language": candidate.language,
        "opt_outs": list(candidate.opt_outs),
        "written_src": candidate.written_src,
        "written_text": candidate.written_text,
        "base_url": candidate.base_url,
        "reason": reason,
    }


def row_candidate(row: Mapping[str, Any]) -> Candidate:
    """The candidate of a row: the inverse of `candidate_row`.

    Raises:
        KeyError, ValueError: the row is not one of ours.
    """
    return Candidate(
        image_url=row["url"],
        image_source=ImageSource(row["image_source"]),
        caption=Caption(TextSource(row["caption_source"]), row["caption"]),
        other_captions=tuple(Caption(TextSource(one["source"]), one["text"]) for one in row["other_captions"]),
        page_url=row["page_url"],
        archive=row["archive"],
        offset=row["offset"],
        position=row["position"],
        licence=row["licence"],
        language=row["language"],
        opt_outs=tuple(row["opt_outs"]),
        written_src=row["written_src"],
        written_text=row["written_text"],
        base_url=row["base_url"],
    )


def read_candidates(path: Path) -> Iterator[list[Candidate]]:
    """The candidates of a table, one list per row group; rejected rows are included.

    Raises:
        InputError: the file is missing, broken, or not a candidate table.
    """
    try:
        with pq.ParquetFile(path) as table:
            for group in range(table.num_row_groups):
                yield [row_candidate(row) for row in table.read_row_group(group).to_pylist()]
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{path}: cannot be read as a candidate table: {error}") from error
    except (KeyError, ValueError) as error:
        raise InputError(f"{path}: is not a candidate table of pairtrawl: {error!r}") from error


def count_rows(path: Path) -> int:
    """Rows of a parquet file, from its footer alone."""
    with pq.ParquetFile(path) as table:
        return int(table.metadata.num_rows)
