"""Rows of candidate tables in few bytes: the same made here of a record, and in the cell of a volunteer's table."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from workers.tracker.checking.orders import Fingerprint

_CONFIDENCE = "caption_language_confidence"
#: how far two sums of the same floats lie apart at the most
_SAME = 1e-6


def fingerprint(row: Mapping[str, Any]) -> Fingerprint:
    """Of a row of `crawler.tables.candidate_table`, as `to_pylist` gives it."""
    others = {name: value for name, value in row.items() if name != _CONFIDENCE}
    content = msgspec.json.encode(others, order="deterministic")
    return Fingerprint(row["position"], hashlib.sha256(content).hexdigest()[:32], float(row[_CONFIDENCE]))


def are_same(some: list[Fingerprint], others: list[Fingerprint]) -> bool:
    """Whether these are the same rows; their order is not looked at."""
    pairs = zip(sorted(some, key=_place), sorted(others, key=_place), strict=False)
    return len(some) == len(others) and all(
        one.position == other.position
        and one.digest == other.digest
        and abs(one.confidence - other.confidence) <= _SAME
        for one, other in pairs
    )


def _place(one: Fingerprint) -> tuple[int, str]:
    return one.position, one.digest
