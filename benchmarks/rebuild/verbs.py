"""`pairtrawl dataset ...` as a publisher and a holder call it, and how long each call took."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.small_crawl import pairtrawl


@dataclass(frozen=True, slots=True)
class Said:
    """What a call printed, and its seconds."""

    printed: str
    seconds: float

    def number(self, pattern: str) -> int:
        """The number that the first group of the pattern finds.

        Raises:
            AssertionError: it is not there.
        """
        found = re.search(pattern, self.printed)
        assert found, f"{pattern} is not in: {self.printed[-600:]}"
        return int(found[1].replace(",", ""))

    def commit(self) -> str:
        """The id of the version that a line came to.

        Raises:
            AssertionError: it was not said.
        """
        found = re.search(r"is at ([0-9a-f]{64})", self.printed)
        assert found, self.printed[-600:]
        return found[1]


def call(*words: str | Path, code: int = 0) -> Said:
    """`pairtrawl WORDS`, which must leave with this code.

    Raises:
        AssertionError: it left with another one; the message is the end of what it said.
    """
    began = time.monotonic()
    done = pairtrawl([str(word) for word in words])
    said = done.stdout + done.stderr
    assert done.returncode == code, (
        f"pairtrawl {' '.join(map(str, words[:3]))} left with {done.returncode}: {said[-1500:]}"
    )
    return Said(said, time.monotonic() - began)
