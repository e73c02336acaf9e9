"""Keep candidates whose caption has most of its letters in one of `scripts`.

| setting | unit and meaning |
|---|---|
| `scripts` | ISO 15924 codes: "Latn", "Cyrl", "Arab", "Hani" (Chinese), "Jpan" (with kana), "Hang" and others |
| `unknown` | "keep" or "drop": captions without letters, or in letters that are not known |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from crawler.errors import SettingsError
from crawler.records import Candidate, Verdict
from crawler.tongue import SCRIPTS
from filters.redrawn import Redrawn, one_of


@dataclass(frozen=True, slots=True)
class Script:
    """Judges by the script of the caption."""

    scripts: tuple[str, ...] = ("Latn",)
    unknown: Literal["keep", "drop"] = "drop"

    def __post_init__(self) -> None:
        never = [code for code in self.scripts if code not in SCRIPTS]
        if never or not self.scripts:
            what = f"{', '.join(map(repr, never))} would never be told" if never else "names none"
            raise SettingsError(f"scripts: {what}; there are {', '.join(sorted(SCRIPTS))}")

    def judge(self, batch: Sequence[Candidate]) -> list[Verdict]:
        """One verdict per candidate, in order; its detail is the script."""
        kept = {*self.scripts, ""} if self.unknown == "keep" else set(self.scripts)
        return [Verdict(one.tongue.script in kept, detail=one.tongue.script or "script unknown") for one in batch]

    def redrawn(self) -> Redrawn:
        """By what was told of the caption; a rebuild may not have asked."""
        kept = (*self.scripts, "") if self.unknown == "keep" else self.scripts
        return Redrawn(one_of("caption_script", kept), ("caption_script",))


build = Script
