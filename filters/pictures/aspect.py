"""Keep pictures whose longer side is at most `max_ratio` times the shorter: banners and rules are no pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from crawler.records import Picture, Verdict
from filters.lines import Line
from filters.redrawn import Redrawn, literal


@dataclass(frozen=True, slots=True)
class Aspect:
    """Judges by longer side over shorter side, whichever way the picture lies."""

    #: nothing of the picture but what its header tells: see `crawler.job.judging.needs_of`
    needs: ClassVar[frozenset[str]] = frozenset()

    max_ratio: Annotated[float, Meta(ge=1)] = 3.0

    def judge(self, batch: Sequence[Picture]) -> list[Verdict]:
        """One verdict per picture, in order."""
        return [self._judge_one(*sorted(picture.pixels.size)) for picture in batch]

    def redrawn(self) -> Redrawn:
        """By the sides as the file has them: neither is more than so many times the other."""
        ratio, width, height = literal(float(self.max_ratio)), "original_width", "original_height"
        return Redrawn(f"{width} <= {ratio} * {height} AND {height} <= {ratio} * {width}", (width, height))

    def _judge_one(self, shorter: int, longer: int) -> Verdict:
        return Verdict(longer <= self.max_ratio * shorter, detail=f"{longer} : {shorter}")


def lines(settings: Mapping[str, Any]) -> tuple[Line, ...]:
    """The longest picture that stays."""
    return (Line("aspect ratio", settings["max_ratio"], "below"),)


build = Aspect
