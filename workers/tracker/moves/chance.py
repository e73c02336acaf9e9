"""The moves' only source of chance, so that tests can hold it still: nobody outside can foresee what it gives."""

from __future__ import annotations

import hashlib
import random

#: places of jobs lie in [0, PLACES)
PLACES = 2**31

_source: random.Random = random.SystemRandom()


def lease_id() -> str:
    """128 random bits, as they stand in addresses."""
    return _source.randbytes(16).hex()


def draw() -> float:
    """Uniform in [0, 1)."""
    return _source.random()


def somewhere() -> int:
    """A random place in the order of jobs."""
    return _source.randrange(PLACES)


def place_of(content_id: str) -> int:
    """A job's place in the order in which jobs are handed out: as good as random, for an id is a digest (hex).

    An import in the order of ids writes this index from left to right, too: in random places, each batch of a large
    import would write nearly all of it.
    """
    try:
        leading = int(content_id[:8], 16)
    except ValueError:  # an id of somebody else's making
        leading = int(hashlib.sha256(content_id.encode()).hexdigest()[:8], 16)
    return abs(leading) // 2
