"""Keep candidates whose caption is in one of `languages`, as told from the caption itself.

The page's own claim (the column `language`) is not looked at: captions on one page differ. Captions of fewer than five
words often cannot be told; docs/decisions/0019-language.md has the figures.

| setting | unit and meaning |
|---|---|
| `languages` | ISO 639-1 codes, such as "en" |
| `min_confidence` | 0 to 1; a caption told with less counts as unknown |
| `unknown` | "keep" or "drop": captions whose language cannot be told |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from crawler.errors import SettingsError
from crawler.records import Candidate, Tongue, Verdict
from crawler.tongue import LANGUAGES
from filters.redrawn import Redrawn, literal, one_of


@dataclass(frozen=True, slots=True)
class Language:
    """Judges by the language of the caption."""

    languages: tuple[str, ...] = ("en",)
    min_confidence: Annotated[float, Meta(ge=0, le=1)] = 0.0
    unknown: Literal["keep", "drop"] = "drop"

    def __post_init__(self) -> None:
        never = [code for code in self.languages if code not in LANGUAGES]
        if never or not self.languages:
            what = f"{', '.join(map(repr, never))} would never be told" if never else "names none"
            raise SettingsError(f"languages: {what}; there are {', '.join(sorted(LANGUAGES))}")

    def judge(self, batch: Sequence[Candidate]) -> list[Verdict]:
        """One verdict per candidate, in order; its detail is what was told."""
        return [self._judge_one(candidate.tongue) for candidate in batch]

    def redrawn(self) -> Redrawn:
        """By what was told of the caption; a rebuild may not have asked."""
        language, confidence = "caption_language", "caption_language_confidence"
        unknown = f"({language} = '' OR {confidence} < {literal(float(self.min_confidence))})"
        keeps = (
            f"CASE WHEN {unknown} THEN {literal(self.unknown == 'keep')} ELSE {one_of(language, self.languages)} END"
        )
        told = f"{language} IS NOT NULL AND {confidence} IS NOT NULL"
        return Redrawn(f"CASE WHEN {told} THEN {keeps} END", (language, confidence))

    def _judge_one(self, tongue: Tongue) -> Verdict:
        if not tongue.language or tongue.confidence < self.min_confidence:
            return Verdict(self.unknown == "keep", detail="language unknown")
        return Verdict(tongue.language in self.languages, detail=f"{tongue.language} {tongue.confidence:.2f}")


build = Language
