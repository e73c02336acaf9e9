"""The candidate table: what `extract` writes, `plan` sorts and `fetch` reads. The border to pyarrow for candidates.

One row per candidate, kept or rejected by a filter; docs/formats.md explains every column.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from crawler.errors import InputError
from crawler.records import Candidate, Caption, ImageSource, TextSource, Tongue
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
            pa.field("caption_language", pa.string(), nullable=False),
            pa.field("caption_language_confidence", pa.float64(), nullable=False),
            pa.field("caption_script", pa.string(), nullable=False),
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
        self._writer = pq.ParquetWriter(
            path,
            candidate_schema(),
            compression="zstd",
            use_dictionary=_OFTEN_THE_SAME,  # type: ignore[arg-type]  # the stubs know the bool only
        )
        self._candidates: list[Candidate] = []
        self._reasons: list[str | None] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._flush()
        self._writer.close()

    def write(self, candidates: Sequence[Candidate], reasons: Sequence[str | None]) -> None:
        """Append rows; `reasons[i]` is the filter that rejected candidate i, or None."""
        if len(candidates) != len(reasons):
            raise ValueError(f"{len(candidates)} candidates, {len(reasons)} reasons")
        self._candidates += candidates
        self._reasons += reasons
        if len(self._candidates) >= ROWS_PER_GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._candidates:
            self._writer.write_table(candidate_table(self._candidates, self._reasons))
            self._candidates, self._reasons = [], []


#: columns in which values come again and again; for the others Parquet would build a dictionary in vain
_OFTEN_THE_SAME = [
    "caption_source", "image_source", "host", "page_url", "archive", "offset", "position", "licence", "language",
    "caption_language", "caption_script", "opt_outs.list.element", "other_captions.list.element.source",
    "base_url", "reason",
]  # fmt: skip


def candidate_table(candidates: Sequence[Candidate], reasons: Sequence[str | None]) -> pa.Table:
    """Candidates as rows of the table, `reasons[i]` in the row of candidate i.

    Built column by column: a dictionary for each row takes three times as long.
    """
    columns: dict[str, list[Any]] = {
        "content_id": [one.content_id for one in candidates],
        "url": [one.image_url for one in candidates],
        "caption": [one.caption.text for one in candidates],
        "caption_source": [one.caption.source for one in candidates],
        "image_source": [one.image_source for one in candidates],
        "other_captions": [
            [{"source": other.source, "text": other.text} for other in one.other_captions] if one.other_captions else ()
            for one in candidates
        ],
        "host": [_host_of_origin(one.image_url[: one.image_url.find("/", 8)]) for one in candidates],
        "page_url": [one.page_url for one in candidates],
        "archive": [one.archive for one in candidates],
        "offset": [one.offset for one in candidates],
        "position": [one.position for one in candidates],
        "licence": [one.licence for one in candidates],
        "language": [one.language for one in candidates],
        "caption_language": [one.tongue.language for one in candidates],
        "caption_language_confidence": [one.tongue.confidence for one in candidates],
        "caption_script": [one.tongue.script for one in candidates],
        "opt_outs": [one.opt_outs for one in candidates],
        "written_src": [one.written_src for one in candidates],
        "written_text": [one.written_text for one in candidates],
        "base_url": [one.base_url for one in candidates],
        "reason": list(reasons),
    }
    return pa.Table.from_pydict(columns, candidate_schema())


@lru_cache(maxsize=4096)  # the images of a page have few hosts
def _host_of_origin(origin: str) -> str:
    return host_of(origin)


def row_candidate(row: Mapping[str, Any]) -> Candidate:
    """The candidate of a row of `candidate_table`.

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
        tongue=Tongue(row["caption_language"], row["caption_language_confidence"], row["caption_script"]),
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
