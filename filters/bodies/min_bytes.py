"""Keep bodies of at least `body_bytes` bytes: what is smaller is mostly spacers, icons and trackers.

LAION used 5,000.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from crawler.records import Fetched, Verdict


@dataclass(frozen=True, slots=True)
class MinBytes:
    """Judges by the length of the body as received."""

    body_bytes: Annotated[int, Meta(ge=1)] = 5_000

    def judge(self, batch: Sequence[Fetched]) -> list[Verdict]:
        """One verdict per body, in order."""
        return [Verdict(len(fetched.body) >= self.body_bytes, detail=f"{len(fetched.body)} bytes") for fetched in batch]


build = MinBytes
