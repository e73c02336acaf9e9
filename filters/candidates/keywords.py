"""Drop candidates whose caption holds a word or phrase of the list (or lists) at `path`.

Whole words, in any letter case and with any accents; what hides a word from a plain search (zero-width characters,
full-width letters, Cyrillic look-alikes, "K I D") does not hide it from this one, and "kidney" is not "kid". The forms
of an entry (word, phrase, `stem*`, `=exact`) stand in docs/filters.md.

| setting | unit and meaning |
|---|---|
| `path` | file of the list, or several; they stand on the recipe's folder |
| `confidential` | true: candidates that hit are counted, and written nowhere |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from crawler.records import Candidate, Verdict
from filters.keywords import Keywords, load_keywords
from filters.redrawn import Redrawn, judging_candidates


@dataclass(frozen=True, slots=True)
class ListedWords:
    """Judges by the caption."""

    words: Keywords = field(repr=False)
    confidential: bool = field(default=False, repr=False)

    def judge(self, batch: Sequence[Candidate]) -> list[Verdict]:
        """One verdict per candidate, in order. It never says which word it was."""
        return [Verdict(not self.words.hits(candidate.caption.text)) for candidate in batch]

    def redrawn(self) -> Redrawn:
        """By the caption."""
        return judging_candidates(self.judge, "caption")


def build(*, path: str | tuple[str, ...], confidential: bool = False, folder: Path = Path()) -> ListedWords:
    """The filter for the list or lists at `path`.

    Raises:
        SettingsError: a list is missing, empty, or has a line that is no entry; the line is never quoted.
    """
    return ListedWords(load_keywords(path, folder), confidential)
