"""Two results of one job, side by side."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from crawler.rows import arrow_schema, columns_with
from crawler.tables import candidate_schema
from workers.tracker.checking.fingerprints import are_same, fingerprint
from workers.tracker.checking.inside.files import required_names
from workers.tracker.checking.inside.tables import opened, rows_of
from workers.tracker.checking.inside.wrong import WrongError
from workers.tracker.checking.orders import Compare, Compared, Look

#: what follows from the bytes of a picture, whoever looks at it
_OF_THE_FILE = ("md5", "sha1", "original_width", "original_height", "format", "frames", "body_bytes")
_HASHES = ("phash", "pdq")
#: bits in which a hash may differ between two decoders of one file
_BITS = 4


def compare(order: bytes) -> Compared:
    """Count what is the same in two results, and what is not."""
    asked = msgspec.json.decode(order, type=Compare)
    try:
        return _candidates(asked) if asked.one.kind == "extract" else _shards(asked)
    except WrongError as error:
        return Compared(wrong=str(error)[:1_000])


def _candidates(asked: Compare) -> Compared:
    """Everything in a candidate table follows from the archive."""
    rows = differing = 0
    schema = candidate_schema()
    one, other = _table(asked.one), _table(asked.other)
    with opened(one, schema, asked.one.bound) as first, opened(other, schema, asked.other.bound) as second:
        for left, right in zip_longest(rows_of(first), rows_of(second)):
            rows += 1
            differing += left is None or right is None or not are_same([fingerprint(left)], [fingerprint(right)])
    return Compared(rows=rows, same=rows - differing, contradictions=differing)


def _shards(asked: Compare) -> Compared:
    """What follows from a picture's bytes must be the same, what the web decides need not."""
    rows = same = different = one_dead = contradictions = 0
    differences: list[float] = []
    detail = ""
    for left, right in zip_longest(_rows(asked.one), _rows(asked.other)):
        rows += 1
        if left is None or right is None or left["content_id"] != right["content_id"]:
            return Compared(wrong="they are not results of one job")
        files = left["sha256"], right["sha256"]
        if None in files:
            same += files[0] is None and files[1] is None
            one_dead += (files[0] is None) != (files[1] is None)
        elif files[0] != files[1]:
            different += 1
        else:
            same += 1
            if what := _contradiction(left, right):
                contradictions += 1
                detail = detail or f"row {rows - 1}: {what}"
            differences += _differences(left, right, asked)
    return Compared(
        rows=rows, same=same, different=different, one_dead=one_dead, contradictions=contradictions,
        detail=detail, differences=differences,
    )  # fmt: skip


def _contradiction(left: dict[str, Any], right: dict[str, Any]) -> str:
    """The first column in which two looks at one file differ that must not, or ""."""
    for name in _OF_THE_FILE:
        if left[name] != right[name]:
            return name
    for name in _HASHES:
        hashes = left[name], right[name]
        if None in hashes:
            if hashes != (None, None):
                return name
        elif (int(hashes[0], 16) ^ int(hashes[1], 16)).bit_count() > _BITS:
            return name
    return ""


def _differences(left: dict[str, Any], right: dict[str, Any], asked: Compare) -> list[float]:
    """Of the cosine, where both have one by the same model."""
    name = asked.score
    if not name or name not in left or left[name] is None or right[name] is None:
        return []
    return [left[name] - right[name]]


def _rows(look: Look) -> Iterator[dict[str, Any]]:
    scores = (*look.judges.picture_columns, *(look.judges.embedding_columns if look.kind != "fetch" else ()))
    schema = arrow_schema(columns_with(scores))
    if look.kind == "fetch":
        schema = schema.remove(schema.get_field_index("key"))
        for name, kind in (("index", pa.int64()), ("image", pa.binary()), ("extension", pa.string())):
            schema = schema.append(pa.field(name, kind))
    with opened(_table(look), schema, look.bound) as file:
        yield from rows_of(file)


def _table(look: Look) -> Path:
    return Path(look.folder) / next(name for name in required_names(look) if name.endswith(".parquet"))
