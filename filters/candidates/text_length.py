"""Keep candidates whose caption has at least `min_characters` and at most `max_characters` characters.

Characters are Unicode code points of the cleaned caption. LAION used at least 5 and no upper bound.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from msgspec import Meta

from crawler.errors import SettingsError
from crawler.records import Candidate, Verdict
from filters.lines import Line
from filters.redrawn import Redrawn, literal


@dataclass(frozen=True, slots=True)
class TextLength:
    """Judges by the number of characters; `max_characters` None is no upper bound."""

    min_characters: Annotated[int, Meta(ge=0)] = 5
    max_characters: Annotated[int, Meta(ge=1)] | None = None

    def __post_init__(self) -> None:
        if self.max_characters is not None and self.max_characters < self.min_characters:
            raise SettingsError(
                f"max_characters = {self.max_characters} is less than min_characters = {self.min_characters}: "
                "nothing could stay"
            )

    def judge(self, batch: Sequence[Candidate]) -> list[Verdict]:
        """One verdict per candidate, in order."""
        return [self._judge_one(len(candidate.caption.text)) for candidate in batch]

    def redrawn(self) -> Redrawn:
        """By the caption: DuckDB's length counts code points, too."""
        asked = f"length(caption) >= {literal(self.min_characters)}"
        if self.max_characters is not None:
            asked += f" AND length(caption) <= {literal(self.max_characters)}"
        return Redrawn(asked, ("caption",))

    def _judge_one(self, characters: int) -> Verdict:
        long_enough = characters >= self.min_characters
        short_enough = self.max_characters is None or characters <= self.max_characters
        return Verdict(long_enough and short_enough, detail=f"{characters} characters")


def lines(settings: Mapping[str, Any]) -> tuple[Line, ...]:
    """The shortest caption that stays, and the longest."""
    shortest = Line("caption characters", settings["min_characters"], "from")
    longest = settings["max_characters"]
    return (shortest,) if longest is None else (shortest, Line("caption characters", longest, "below"))


build = TextLength
