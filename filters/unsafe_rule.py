"""When a picture with a probability of being unsafe goes: the one rule of all safety filters.

Re-LAION-5B (LAION, 30 August 2024) was released in two versions. "research" left out pairs whose probability is above
0.95 and whose text has a word of a list; "research-safe" left out, besides, those above 0.45. Both are settings of this
rule, so that the second is a subset of the first whatever the scores.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from crawler.errors import SettingsError
from crawler.records import Candidate, Verdict
from filters.keywords import Keywords, load_keywords

#: a setting of the filters that have this rule
Probability = Annotated[float, Meta(ge=0, le=1)]


@dataclass(frozen=True, slots=True)
class UnsafeRule:
    """Drops above `threshold`, and above `keyword_threshold` where the caption has a word of the list."""

    threshold: float  # 0 to 1; at 1 nothing goes by its probability alone
    keyword_threshold: float = 1.0  # 0 to 1
    keywords: Keywords | None = None

    def verdict(self, probability: float, candidate: Candidate, name: str, about: str = "") -> Verdict:
        """The word on one picture: `probability` is kept as its score, `name` and `about` go into the detail.

        A picture for which the model gave no number goes: it was not found safe.
        """
        if math.isnan(probability):
            return Verdict(keep=False, detail="the model gave no number")
        detail = f"{name} {probability:.4f}{about}"
        return Verdict(self.keeps(probability, candidate), probability, detail)

    def keeps(self, probability: float, candidate: Candidate) -> bool:
        """Whether a picture of that probability, with the captions of `candidate`, stays."""
        if probability > self.threshold:
            return False
        return not (probability > self.keyword_threshold and self._has_keyword(candidate))

    def _has_keyword(self, candidate: Candidate) -> bool:
        # every caption goes into the row, and says something of the picture
        if self.keywords is None:
            return False
        captions = (candidate.caption, *candidate.other_captions)
        return any(self.keywords.hits(caption.text) for caption in captions)


def unsafe_rule(
    threshold: float, keyword_threshold: float | None, keywords: str | tuple[str, ...], folder: Path
) -> UnsafeRule:
    """The rule that a filter's settings describe; `keywords` names word lists, which stand on `folder`.

    Raises:
        SettingsError: a list cannot be read, or one of `keywords` and `keyword_threshold` is set without the other.
    """
    if keyword_threshold is None and not keywords:
        return UnsafeRule(threshold)
    if keyword_threshold is None:
        raise SettingsError("keywords: needs keyword_threshold, the probability above which a word of the list counts")
    if not keywords:
        raise SettingsError("keyword_threshold: needs keywords, the path of a word list")
    return UnsafeRule(threshold, keyword_threshold, load_keywords(keywords, folder))
