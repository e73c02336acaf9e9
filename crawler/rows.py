"""A row of the shard's table: img2dataset's columns first, by its names and in its order, then ours.

Every candidate of a job has a row, kept or rejected. What was never learnt about it is null: a picture that was not
downloaded has no size, which is not a size of zero. docs/formats.md says what each column means.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from crawler.records import Candidate, Fetched, Hashes, Header, Rejected, Sample
from crawler.statuses import SUCCESS, status_of

if TYPE_CHECKING:
    import pyarrow as pa

Kind = Literal["string", "int32", "int64", "float", "bool", "strings", "captions"]

_IMG2DATASET: tuple[tuple[str, Kind], ...] = (
    ("caption", "string"), ("url", "string"), ("key", "string"), ("status", "string"), ("error_message", "string"),
    ("width", "int32"), ("height", "int32"), ("original_width", "int32"), ("original_height", "int32"),
    ("exif", "string"), ("sha256", "string"),
)  # fmt: skip
_OURS_BEFORE_SCORES: tuple[tuple[str, Kind], ...] = (
    ("content_id", "string"), ("md5", "string"), ("sha1", "string"), ("phash", "string"), ("pdq", "string"),
    ("pdq_quality", "int32"),
)  # fmt: skip
_OURS_AFTER_SCORES: tuple[tuple[str, Kind], ...] = (
    ("reason", "string"), ("caption_source", "string"), ("image_source", "string"), ("other_captions", "captions"),
    ("page_url", "string"), ("archive", "string"), ("offset", "int64"), ("position", "int32"),
    ("licence", "string"), ("language", "string"), ("caption_language", "string"),
    ("caption_language_confidence", "float"), ("caption_script", "string"),
    ("page_opt_outs", "strings"), ("header_opt_outs", "strings"),
    ("final_url", "string"), ("content_type", "string"), ("format", "string"), ("frames", "int32"),
    ("made_by", "strings"), ("body_bytes", "int64"), ("fetched_at", "int64"),
)  # fmt: skip
#: in the table only: the tar of a job is the same whenever the web answers the same
_NOT_IN_TAR = frozenset(("fetched_at",))

Row = dict[str, Any]


class Pictured(NamedTuple):
    """A row that is kept so far, with its encoded picture."""

    row: Row
    image: bytes
    extension: str  # of the tar's member, without a dot


@dataclass(frozen=True, slots=True)
class Facts:
    """How far a rejected candidate came and what was learnt on the way, so that thresholds can be re-drawn later."""

    fetched: Fetched
    header: Header | None = None  # None where it was rejected before it was decoded
    hashes: Hashes | None = None  # None where it was rejected before it was hashed
    scores: tuple[tuple[str, float | str], ...] = ()  # of the filters that judged it, the rejecting one included


def columns_with(scores: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """All columns of a table, in order: name and kind. `scores` are those of the recipe's filters ("float", "string").

    Raises:
        ValueError: a score has the name of another column, or a kind that no score has.
    """
    for name, kind in scores:
        if kind not in ("float", "string"):
            raise ValueError(f'score column {name} is "{kind}", which is neither "float" nor "string"')
    columns = (*_IMG2DATASET, *_OURS_BEFORE_SCORES, *scores, *_OURS_AFTER_SCORES)
    names = [name for name, _ in columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"column {', '.join(twice)} exists twice")
    return columns


def arrow_schema(columns: Sequence[tuple[str, str]]) -> pa.Schema:
    """The columns as parquet holds them.

    Scores are doubles: the number that a filter compared must be the number that is read.
    """
    import pyarrow as pa  # noqa: PLC0415 - heavy

    types: dict[str, pa.DataType] = {
        "string": pa.string(),
        "int32": pa.int32(),
        "int64": pa.int64(),
        "float": pa.float64(),
        "strings": pa.list_(pa.string()),
        "captions": pa.list_(pa.struct([("source", pa.string()), ("text", pa.string())])),
    }
    return pa.schema([(name, types[kind]) for name, kind in columns])


def kept_row(sample: Sample) -> Row:
    """The row of a picture that is in the tar."""
    candidate = sample.fetched.candidate
    return (
        _of_candidate(candidate)
        | _of_fetched(sample.fetched)
        | _of_header(sample.header)
        | _of_hashes(sample.hashes)
        | dict(sample.scores)
        | {"status": SUCCESS, "width": sample.width, "height": sample.height}
    )


def rejected_row(rejected: Rejected, facts: Facts | None = None) -> Row:
    """The row of a candidate that is not in the tar, with all that was learnt about it."""
    status, message = status_of(rejected.reason, rejected.detail)
    row = _of_candidate(rejected.candidate)
    if rejected.opt_outs:
        row["header_opt_outs"] = [_utf8(one) for one in rejected.opt_outs]
    if facts is not None:
        row |= _of_facts(facts)
    return row | {"status": status, "error_message": message, "reason": str(rejected.reason)}


def turned_row(row: Row, reason: str, detail: str = "") -> Row:
    """The row of a picture that was kept so far, now as one that is not in the tar."""
    status, message = status_of(reason, detail)
    known = {name: value for name, value in row.items() if name not in ("width", "height")}
    return known | {"status": status, "error_message": message, "reason": str(reason)}


def tar_json(row: Row, columns: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """The row as a sample's json holds it: every key, in order, in every sample.

    Lists are JSON text, as `exif` is in img2dataset: readers that infer types from the first samples (Hugging Face
    `datasets`) would take an empty list for a list of nothing, and fail at the first that is not.
    """
    content = {}
    for name, kind in columns:
        if name in _NOT_IN_TAR:
            continue
        value = row.get(name)
        content[name] = json.dumps(value or [], ensure_ascii=False) if kind in ("strings", "captions") else value
    return content


def _of_candidate(candidate: Candidate) -> Row:
    return {
        "caption": _utf8(candidate.caption.text),
        "url": _utf8(candidate.image_url),
        "content_id": candidate.content_id,
        "caption_source": str(candidate.caption.source),
        "image_source": str(candidate.image_source),
        "other_captions": [{"source": str(one.source), "text": _utf8(one.text)} for one in candidate.other_captions],
        "page_url": _utf8(candidate.page_url),
        "archive": _utf8(candidate.archive),
        "offset": candidate.offset,
        "position": candidate.position,
        "licence": _utf8(candidate.licence),
        "language": _utf8(candidate.language),
        "caption_language": candidate.tongue.language,
        "caption_language_confidence": candidate.tongue.confidence,
        "caption_script": candidate.tongue.script,
        "page_opt_outs": [_utf8(one) for one in candidate.opt_outs],
    }


def _of_facts(facts: Facts) -> Row:
    row = dict(facts.scores) | _of_fetched(facts.fetched)
    if facts.header is not None:
        row |= _of_header(facts.header)
    if facts.hashes is not None:
        row |= _of_hashes(facts.hashes)
    return row


def _of_fetched(fetched: Fetched) -> Row:
    return {
        "header_opt_outs": [_utf8(one) for one in fetched.opt_outs],
        "final_url": _utf8(fetched.final_url),
        "content_type": _utf8(fetched.content_type),
        "body_bytes": len(fetched.body),
        "fetched_at": fetched.fetched_at,
    }


def _of_header(header: Header) -> Row:
    return {
        "original_width": header.width,
        "original_height": header.height,
        "format": header.format,
        "frames": header.frames,
        "made_by": [_utf8(one) for one in header.made_by],
    }


def _of_hashes(hashes: Hashes) -> Row:
    return {
        "sha256": hashes.sha256,
        "md5": hashes.md5,
        "sha1": hashes.sha1,
        "phash": f"{hashes.phash:016x}",
        "pdq": f"{hashes.pdq:064x}",
        "pdq_quality": hashes.pdq_quality,
    }


def _utf8(text: str) -> str:
    """The text without lone surrogates, which headers and archives can hold and neither JSON nor parquet can."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
