"""Keep pictures whose shorter side has at least `pixels` pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from crawler.records import Picture, Verdict
from filters.lines import Line
from filters.redrawn import Redrawn, literal


@dataclass(frozen=True, slots=True)
class MinSide:
    """Judges by the shorter side of the decoded picture."""

    #: nothing of the picture but what its header tells: see `crawler.job.judging.needs_of`
    needs: ClassVar[frozenset[str]] = frozenset()

    pixels: Annotated[int, Meta(ge=1)] = 64

    def judge(self, batch: Sequence[Picture]) -> list[Verdict]:
        """One verdict per picture, in order."""
        return [self._judge_one(*picture.pixels.size) for picture in batch]

    def redrawn(self) -> Redrawn:
        """By the sides as the file has them: turned upright, they are the same two."""
        pixels = literal(self.pixels)
        sides = ("original_width", "original_height")
        return Redrawn(" AND ".join(f"{side} >= {pixels}" for side in sides), sides)

    def _judge_one(self, width: int, height: int) -> Verdict:
        return Verdict(min(width, height) >= self.pixels, detail=f"{width} x {height}")


def lines(settings: Mapping[str, Any]) -> tuple[Line, ...]:
    """The shortest side that stays."""
    return (Line("shorter side", settings["pixels"], "from"),)


build = MinSide
