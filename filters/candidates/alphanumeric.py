"""Keep candidates whose caption is made of letters and digits, of any script, for at least `min_share` of it.

White space does not count, on either side; accents and vowel signs count as letters. Rows of signs and
of emoji go, and captions that are mostly mark-up.

| setting | unit and meaning |
|---|---|
| `min_share` | share of the caption's characters that are not white space, 0 to 1 |
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from crawler.records import Candidate, Verdict
from filters.redrawn import Redrawn, judging_candidates

_ASCII_SIGN = re.compile("[!-/:-@\\[-`{-~\x00-\x08\x0e-\x1b\x7f]")
_NO_WORD = re.compile(r"[^\w\s]|_")


@dataclass(frozen=True, slots=True)
class Alphanumeric:
    """Judges by the share of letters and digits; an empty caption has none."""

    min_share: Annotated[float, Meta(ge=0, le=1)] = 0.5

    def judge(self, batch: Sequence[Candidate]) -> list[Verdict]:
        """One verdict per candidate, in order; its detail is the share."""
        return [self._judge_one(candidate.caption.text) for candidate in batch]

    def redrawn(self) -> Redrawn:
        """By the caption."""
        return judging_candidates(self.judge, "caption")

    def _judge_one(self, caption: str) -> Verdict:
        share = share_of_letters(caption)
        return Verdict(share >= self.min_share, detail=f"{share:.2f}")


def share_of_letters(text: str) -> float:
    """The share of letters, their marks and digits among the characters that are not white space, from 0 to 1."""
    characters = sum(map(len, text.split()))
    if not characters:
        return 0.0
    if text.isascii():
        signs = len(_ASCII_SIGN.findall(text))
    else:
        # to `re`, the vowel signs of India and Thailand are no letters
        signs = sum(not unicodedata.category(sign).startswith("M") for sign in _NO_WORD.findall(text))
    return 1 - signs / characters


build = Alphanumeric
