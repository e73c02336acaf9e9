"""Versions of the client, compared number by number: 0.10 is newer than 0.9 (the first tracker compared texts)."""

from __future__ import annotations

import re


def version_key(version: str) -> tuple[int, ...]:
    """What versions are ordered by: the leading numbers, without trailing zeros.

    >>> version_key("0.9") < version_key("0.10")
    True
    >>> version_key("1.0") == version_key("1")
    True
    """
    numbers = re.match(r"\d+(?:\.\d+)*", version)
    parts = [int(one) for one in numbers[0].split(".")] if numbers else []
    while parts and parts[-1] == 0:
        parts.pop()
    return tuple(parts)
