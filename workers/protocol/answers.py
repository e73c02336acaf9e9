"""Answers of a self-test, held against the known ones.

Names say how: `size/`, `parse/` exactly, `phash/` and `pdq/` by bits, `score/` by distance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

#: bits in which hashes may differ: decoders round differently, and the bits near the median follow (decision 0016)
_BITS = {"phash": 2, "pdq": 10}
#: how far scores may lie apart. Measured elsewhere: 1.6e-4 by batch size in float16 (openai/CLIP issue 198)
_SCORE_TOLERANCE = 2e-3
_BFLOAT16_TOLERANCE = 1e-2


def wrong(given: Mapping[str, str], known: Mapping[str, str]) -> list[str]:
    """The questions of `known` whose answers in `given` are absent, or not the known ones; sorted. Never raises.

    A machine without models answers none of the questions to models; then they are no fault.

    Args:
        given: what a machine answered; from a stranger.
        known: what is right.
    """
    models = any(name.startswith("score/") for name in given)
    return sorted(
        name
        for name, answer in known.items()
        if (models or not name.startswith("score/")) and not _agree(name, given.get(name, ""), answer)
    )


def _agree(name: str, given: str, known: str) -> bool:
    form = name.partition("/")[0]
    if form in _BITS:
        return _bits_apart(given, known) <= _BITS[form]
    if form == "score":
        tolerance = _BFLOAT16_TOLERANCE if "bfloat16" in name else _SCORE_TOLERANCE
        return abs(_number(given) - _number(known)) <= tolerance  # false for what is no number
    return given == known


def _bits_apart(one: str, other: str) -> float:
    if len(one) != len(other):
        return math.inf
    try:
        return (int(one, 16) ^ int(other, 16)).bit_count()
    except ValueError:
        return math.inf


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
