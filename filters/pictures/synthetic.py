"""Drop pictures whose file says that a model made them.

`marks` are patterns of what files say (`crawler.picture.made_by` lists it): `*` is anything, `?` one character, and
case does not matter. The default are all marks by which a generator says that it made the whole picture. With
`composites` those go, too, that were edited by a model, or have a part that was made by one. The file's word is not
verified, and most files say nothing: for those there is `pictures.synthetic_head`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import translate
from typing import ClassVar

from crawler.errors import SettingsError
from crawler.records import Picture, Verdict
from filters.redrawn import Redrawn, Told

_MADE = (
    "iptc: trainedAlgorithmicMedia", "iptc: AISystemUsed", "c2pa: trainedAlgorithmicMedia", "c2pa model: *",
    "tc260: 1", "png: *", "jpeg: *", "exif: *", "xmp: *",
)  # fmt: skip
_COMPOSITES = (
    "iptc: compositeWithTrainedAlgorithmicMedia", "iptc: compositeSynthetic",
    "c2pa: compositeWithTrainedAlgorithmicMedia", "c2pa: compositeSynthetic",
    "c2pa edit: *trainedAlgorithmicMedia", "c2pa edit: compositeSynthetic",
    "c2pa ingredient: *trainedAlgorithmicMedia", "c2pa ingredient: compositeSynthetic", "xmp edit: *",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Synthetic:
    """Judges by the marks in a picture's header."""

    #: nothing of the picture but what its header tells: see `crawler.job.judging.needs_of`
    needs: ClassVar[frozenset[str]] = frozenset()

    unwanted: re.Pattern[str]

    def judge(self, batch: Sequence[Picture]) -> list[Verdict]:
        """One verdict per picture, in order; `detail` has the first unwanted mark."""
        return [self._judge_one(picture.header.made_by) for picture in batch]

    def redrawn(self) -> Redrawn:
        """By the marks that were found; most files have none."""
        return Redrawn("CASE WHEN len(made_by) = 0 THEN true END", ("made_by",)).where_null(self._again, "made_by")

    def _again(self, rows: Sequence[Told]) -> list[bool | None]:
        marks = [row.get("made_by") for row in rows]
        return [None if found is None else self._judge_one(found).keep for found in marks]

    def _judge_one(self, marks: Sequence[str]) -> Verdict:
        found = next((mark for mark in marks if self.unwanted.fullmatch(mark)), "")
        return Verdict(not found, detail=found)


def build(*, marks: tuple[str, ...] = _MADE, composites: bool = False) -> Synthetic:
    """The filter for marks that match one of the patterns.

    Raises:
        SettingsError: a pattern matches no mark that there is: it has no colon.
    """
    for pattern in marks:
        if ":" not in pattern and "*" not in pattern:
            raise SettingsError(f'marks: {pattern!r} matches no mark; they are written as "png: parameters"')
    patterns = (*marks, *(_COMPOSITES if composites else ()))
    return Synthetic(re.compile("|".join(translate(pattern) for pattern in patterns) or "(?!)", re.IGNORECASE))
