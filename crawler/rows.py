"""A row of the shard's table: img2dataset's columns first, by its names and in its order, then ours.

Every candidate of a job has a row, kept or rejected. What was never learnt about it is null: a picture that was not
downloaded has no size, which is not a size of zero. docs/formats.md says what each column means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from crawler.columns import CARRIED, NOT_IN_TAR, OF_PAGES, arrow_schema, columns_with
from crawler.outcome import known_of, outcome_of, outcome_of_reason
from crawler.records import Candidate, Expected, Fetched, Hashes, Header, Rejected, Sample
from crawler.statuses import SUCCESS, status_of

__all__ = [
    "Facts", "Pictured", "Row", "SampleJson", "arrow_schema", "candidate_row", "columns_with", "kept_row",
    "rejected_row", "turned_row",
]  # fmt: skip

Row = dict[str, Any]

_ENCODER = msgspec.json.Encoder()


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
    sha512: str = ""  # as in `Sample`


def kept_row(sample: Sample) -> Row:
    """The row of a picture that is in the tar."""
    candidate = sample.fetched.candidate
    row = candidate_row(candidate)
    row |= _of_fetched(sample.fetched)
    row |= _of_header(sample.header)
    row |= _of_hashes(sample.hashes, sample.sha512)
    row |= sample.scores
    row |= {"status": SUCCESS, "width": sample.width, "height": sample.height}
    if candidate.expected is not None:
        row |= _outcome(candidate, known_of(sample.hashes, sample.sha512))
    return row


def rejected_row(rejected: Rejected, facts: Facts | None = None) -> Row:
    """The row of a candidate that is not in the tar, with all that was learnt about it."""
    status, message = status_of(rejected.reason, rejected.detail)
    row = candidate_row(rejected.candidate)
    if rejected.opt_outs:
        row["header_opt_outs"] = [_utf8(one) for one in rejected.opt_outs]
    if facts is not None:
        row |= _of_facts(facts)
    received = known_of(facts.hashes, facts.sha512) if facts is not None and facts.hashes is not None else None
    row |= _outcome(rejected.candidate, received, str(rejected.reason))
    return row | {"status": status, "error_message": message, "reason": str(rejected.reason)}


def turned_row(row: Row, reason: str, detail: str = "") -> Row:
    """The row of a picture that was kept so far, now as one that is not in the tar."""
    status, message = status_of(reason, detail)
    known = {name: value for name, value in row.items() if name not in ("width", "height")}
    if "outcome" in row:
        known["outcome"] = outcome_of_reason(reason).value
    return known | {"status": status, "error_message": message, "reason": str(reason)}


class SampleJson:
    """What the json of a sample says of its row: every column, in order, in every sample.

    In a rebuild the values of the list's own columns stand where its columns do, and what only a page says is left out.

    Lists of ours are JSON text, as `exif` is in img2dataset: readers that infer types from the first samples (Hugging
    Face `datasets`) would take an empty list for a list of nothing, and fail at the first that is not.
    """

    def __init__(self, columns: Sequence[tuple[str, str]], *, rebuild: bool = False) -> None:
        """Of a table with these columns: name and kind."""
        left_out = NOT_IN_TAR | OF_PAGES if rebuild else NOT_IN_TAR
        shown = [(name, kind) for name, kind in columns if name not in left_out or (rebuild and kind == CARRIED)]
        self._names = [name for name, _ in shown]
        self._lists = [name for name, kind in shown if kind in ("strings", "captions")]
        self._unknown = dict.fromkeys(self._names)

    def of(self, row: Row, carried: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
        """Of this row; `carried` are the values of a rebuild's list."""
        known = {**self._unknown, **row}
        for name in self._lists:
            known[name] = _as_text(value) if (value := known[name]) else "[]"
        known.update(carried)
        return {name: known[name] for name in self._names}


def _as_text(value: object) -> str:
    """As `json.dumps` writes it, letters as they are: a space behind each comma and colon."""
    return msgspec.json.format(_ENCODER.encode(value), indent=0).decode()


def _outcome(candidate: Candidate, received: Expected | None, reason: str = "") -> Row:
    """The column that only rows of a rebuild have."""
    if candidate.expected is None:
        return {}
    return {"outcome": outcome_of(candidate.expected, received, reason).value}


def _of_listed(candidate: Candidate) -> Row:
    """What a row of a rebuild says of its candidate beside the columns of its list."""
    row = {
        "caption": _utf8(candidate.caption.text),
        "url": _utf8(candidate.written_src),
        "content_id": candidate.content_id,
        "page_url": _utf8(candidate.page_url),
        "archive": _utf8(candidate.archive),
        "offset": candidate.offset,
    }
    if candidate.tongue.script:
        row["caption_language"] = candidate.tongue.language
        row["caption_language_confidence"] = candidate.tongue.confidence
        row["caption_script"] = candidate.tongue.script
    return row


def candidate_row(candidate: Candidate) -> Row:
    """What a row says of its candidate alone."""
    if candidate.expected is not None:
        return _of_listed(candidate)
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
        row |= _of_hashes(facts.hashes, facts.sha512)
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
        "exif": header.exif or None,
    }


def _of_hashes(hashes: Hashes, sha512: str) -> Row:
    row: Row = {"sha256": hashes.sha256, "md5": hashes.md5 or None, "sha1": hashes.sha1 or None}
    if "phash" in hashes.computed:
        row["phash"] = f"{hashes.phash:016x}"
    if "pdq" in hashes.computed:
        row |= {"pdq": f"{hashes.pdq:064x}", "pdq_quality": hashes.pdq_quality}
    return row | {"sha512": sha512} if sha512 else row


def _utf8(text: str) -> str:
    """The text without lone surrogates, which headers and archives can hold and neither JSON nor parquet can."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
