"""Keep candidates whose caption has at least `min_characters` and at most `max_characters` characters.

Characters are Unicode code points of the cleaned caption. LAION used at least 5 and no upper bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from crawler.errors import SettingsError
from crawler.records import Candidate, Verdict


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

    def _judge_one(self, characters: int) -> Verdict:
        long_enough = characters >= self.min_characters
        short_enough = self.max_characters is None or characters <= self.max_characters
        return Verdict(long_enough and short_enough, detail=f"{characters} characters")


build = TextLength
