"""When a picture with a probability of being unsafe goes: the one rule of all safety filters.

Re-LAION-5B (LAION, 30 August 2024) was released in two versions. "research" left out pairs whose probability is above
0.95 and whose text has a word of a list; "research-safe" left out, besides, those above 0.45. Both are settings of this
rule, so that the second is a subset of the first whatever the scores.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta

from crawler.errors import SettingsError
from crawler.records import Candidate, Verdict
from filters.lines import Line
from filters.redrawn import Redrawn, Told, candidate_of, literal, number, up_to

if TYPE_CHECKING:
    from filters.keywords import Keywords

#: the filters that have this rule: a picture that they suspect is shown blurred only
SAFETY = frozenset({"pictures.nsfw_onnx", "pictures.unsafe_head", "pictures.unsafe_prompts"})
#: a setting of those filters
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

    def redrawn(self, score: str, maker: str) -> Redrawn:
        """By the column of the scores, if `maker` (SQL) says that they are the filter's own; and by every caption.

        Only where a score lies between the thresholds do captions matter.
        """
        if self.keywords is None:
            return Redrawn(up_to(score, self.threshold), (score, f"{score}_model"), maker)
        always = up_to(score, min(self.threshold, self.keyword_threshold))
        never = f"({number(score)} > {literal(float(self.threshold))} OR isnan({number(score)}))"
        asked = f"CASE WHEN {always} THEN true WHEN {never} THEN false END"
        redrawn = Redrawn(asked, (score, f"{score}_model"), maker)

        def again(rows: Sequence[Told]) -> list[bool | None]:
            return [
                None
                if row.get(score) is None or row.get("caption") is None
                else self.keeps(row[score], candidate_of(row))
                for row in rows
            ]

        return redrawn.where_null(again, score, "caption", "other_captions")

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
    from filters.keywords import load_keywords  # noqa: PLC0415 - heavy: whoever asks which filters are `SAFETY` needs no lists

    return UnsafeRule(threshold, keyword_threshold, load_keywords(keywords, folder))


def unsafe_lines(column: str, settings: Mapping[str, Any]) -> tuple[Line, ...]:
    """The lines that the settings of a filter with this rule draw in its scores."""
    own = Line(column, float(settings["threshold"]), "below")
    suspected = settings["keyword_threshold"]
    return (own,) if suspected is None else (own, Line(column, float(suspected), "below", "with a listed word"))
