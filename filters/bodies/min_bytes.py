"""Keep bodies of at least `body_bytes` bytes: what is smaller is mostly spacers, icons and trackers.

LAION used 5,000.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from msgspec import Meta

from crawler.records import Fetched, Verdict
from filters.lines import Line
from filters.redrawn import Redrawn, literal


@dataclass(frozen=True, slots=True)
class MinBytes:
    """Judges by the length of the body as received."""

    body_bytes: Annotated[int, Meta(ge=1)] = 5_000

    def judge(self, batch: Sequence[Fetched]) -> list[Verdict]:
        """One verdict per body, in order."""
        return [Verdict(len(fetched.body) >= self.body_bytes, detail=f"{len(fetched.body)} bytes") for fetched in batch]

    def redrawn(self) -> Redrawn:
        """By what was received."""
        return Redrawn(f"body_bytes >= {literal(self.body_bytes)}", ("body_bytes",))


def lines(settings: Mapping[str, Any]) -> tuple[Line, ...]:
    """The smallest body that stays."""
    return (Line("bytes", settings["body_bytes"], "from"),)


build = MinBytes
