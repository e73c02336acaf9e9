"""A row of the shard's table: img2dataset's columns first, by its names and in its order, then ours.

Every candidate of a job has a row, kept or rejected. What was never learnt about it is null: a picture that was not
downloaded has no size, which is not a size of zero. docs/formats.md says what each column means.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal

from crawler.records import Candidate, Fault, Fetched, Hashes, Header, Rejected, Sample

if TYPE_CHECKING:
    import pyarrow as pa

#: of a kept row; the others are below
SUCCESS = "success"
NOT_DOWNLOADED = "failed_to_download"
NOT_RESIZED = "failed_to_resize"
#: ours: a filter or the plan turned it down; img2dataset's readers take everything but `success` for absent
FILTERED = "filtered"

_URLOPEN = "<urlopen error {}>"

#: what img2dataset's `status` and `error_message` are for each fault; its own strings where it has one
STATUS_OF_FAULT: dict[Fault, tuple[str, str]] = {
    Fault.DUPLICATE: (FILTERED, "duplicate"),
    Fault.SEEN_EARLIER: (FILTERED, "seen in an earlier run"),
    Fault.HOST_CAP: (FILTERED, "too many rows of one host"),
    Fault.URL_REFUSED: (NOT_DOWNLOADED, "URL refused"),
    Fault.PAGE_OPTED_OUT: (NOT_DOWNLOADED, "Use of image disallowed by its page"),
    Fault.ROBOTS_REFUSED: (NOT_DOWNLOADED, "Use of image disallowed by robots.txt"),
    Fault.ROBOTS_UNKNOWN: (NOT_DOWNLOADED, "robots.txt unreachable"),
    Fault.SITE_OPTED_OUT: (NOT_DOWNLOADED, "Use of image disallowed by its site"),
    Fault.HOST_BUSY: (NOT_DOWNLOADED, "host busy"),
    Fault.HOST_DOWN: (NOT_DOWNLOADED, "host down"),
    Fault.ADDRESS_REFUSED: (NOT_DOWNLOADED, "address refused"),
    Fault.DNS_FAILED: (NOT_DOWNLOADED, _URLOPEN.format("[Errno -2] Name or service not known")),
    Fault.CONNECT_FAILED: (NOT_DOWNLOADED, _URLOPEN.format("[Errno 111] Connection refused")),
    Fault.TLS_FAILED: (NOT_DOWNLOADED, _URLOPEN.format("[SSL] TLS failed")),
    Fault.TIMEOUT: (NOT_DOWNLOADED, _URLOPEN.format("timed out")),
    Fault.TOO_SLOW: (NOT_DOWNLOADED, "too slow"),
    Fault.PROTOCOL_ERROR: (NOT_DOWNLOADED, "protocol error"),
    Fault.HTTP_GONE: (NOT_DOWNLOADED, "HTTP Error: gone"),
    Fault.HTTP_FORBIDDEN: (NOT_DOWNLOADED, "HTTP Error: forbidden"),
    Fault.HTTP_RATE_LIMITED: (NOT_DOWNLOADED, "HTTP Error: rate limited"),
    Fault.HTTP_SERVER_ERROR: (NOT_DOWNLOADED, "HTTP Error: server error"),
    Fault.HTTP_OTHER: (NOT_DOWNLOADED, "HTTP Error"),
    Fault.TOO_MANY_REDIRECTS: (NOT_DOWNLOADED, "too many redirects"),
    Fault.BODY_TOO_LARGE: (NOT_DOWNLOADED, "body too large"),
    Fault.BODY_TRUNCATED: (NOT_DOWNLOADED, "body truncated"),
    Fault.BODY_EMPTY: (NOT_DOWNLOADED, "body empty"),
    Fault.BAD_ENCODING: (NOT_DOWNLOADED, "bad content encoding"),
    # the words of img2dataset
    Fault.IMAGE_OPTED_OUT: (NOT_DOWNLOADED, "Use of image disallowed by X-Robots-Tag directive"),
    Fault.NOT_AN_IMAGE: (NOT_RESIZED, "Image decoding error"),
    Fault.FORMAT_REFUSED: (NOT_RESIZED, "image format refused"),
    Fault.TOO_MANY_PIXELS: (NOT_RESIZED, "image area too large"),
    Fault.IMAGE_BROKEN: (NOT_RESIZED, "Image decoding error"),
    Fault.DECODER_KILLED: (NOT_RESIZED, "Image decoding error"),
    Fault.PLACEHOLDER: (FILTERED, "placeholder image"),
    Fault.REPEATED_FILE: (FILTERED, "repeated file"),
    Fault.LOOK_ALIKE: (FILTERED, "look-alike"),
}

_HTTP_FAULTS = frozenset((
    Fault.HTTP_GONE, Fault.HTTP_FORBIDDEN, Fault.HTTP_RATE_LIMITED, Fault.HTTP_SERVER_ERROR, Fault.HTTP_OTHER,
))  # fmt: skip
#: a status code in the detail makes the message img2dataset's, such as "HTTP Error 404: Not Found"
_HTTP_CODE = re.compile(r"\b[1-5][0-9]{2}\b")

#: filters that img2dataset has too, with its words
_MESSAGE_OF_FILTER = {"min_side": "image too small", "aspect": "aspect ratio too large"}

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
Scores = Sequence[tuple[str, float | str]]


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


def kept_row(key: str, sample: Sample) -> Row:
    """The row of a picture that is in the tar."""
    candidate = sample.fetched.candidate
    return (
        _of_candidate(candidate)
        | _of_fetched(sample.fetched)
        | _of_header(sample.header)
        | _of_hashes(sample.hashes)
        | dict(sample.scores)
        | {"key": key, "status": SUCCESS, "width": sample.width, "height": sample.height}
    )


def rejected_row(key: str, rejected: Rejected, facts: Facts | None) -> Row:
    """The row of a candidate that is not in the tar, with all that was learnt about it."""
    status, message = status_of(rejected)
    row = _of_candidate(rejected.candidate)
    if rejected.opt_outs:
        row["header_opt_outs"] = [_utf8(one) for one in rejected.opt_outs]
    if facts is not None:
        row |= _of_facts(facts)
    return row | {"key": key, "status": status, "error_message": message, "reason": str(rejected.reason)}


def taken_back_row(row: Row, fault: Fault) -> Row:
    """The row of a picture that was kept, now as one that is not in the tar."""
    status, message = STATUS_OF_FAULT[fault]
    kept = {name: value for name, value in row.items() if name not in ("width", "height")}
    return kept | {"status": status, "error_message": message, "reason": fault.value}


def status_of(rejected: Rejected) -> tuple[str, str]:
    """img2dataset's status and error message for a rejection; a filter's status is "filtered"."""
    try:
        fault = Fault(rejected.reason)
    except ValueError:
        return FILTERED, _MESSAGE_OF_FILTER.get(rejected.reason, f"filtered: {rejected.reason}")
    status, message = STATUS_OF_FAULT[fault]
    if fault in _HTTP_FAULTS and (found := _HTTP_CODE.search(rejected.detail)):
        message = _http_error(int(found[0]))
    return status, message


def _http_error(code: int) -> str:
    """The words of urllib for a status code, which are img2dataset's."""
    try:
        return f"HTTP Error {code}: {HTTPStatus(code).phrase}"
    except ValueError:
        return f"HTTP Error {code}"


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
