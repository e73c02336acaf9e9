"""Drop pictures whose perceptual hash lies within `radius` bits of one in the list (or lists) at `path`.

A pHash of 64 bits, 16 hex digits as `str(imagehash.phash(picture))` writes them; docs/filters.md describes the forms of
lists. The hash is taken from the whole picture, before any crop; mirrored and rotated copies are not found. With 10
million entries a radius of 4 drops one unrelated picture in 3 million, 6 one in 22,000, 8 one in 360, which is why 8 is
the most. Where a list has PDQ hashes, `pictures.pdq_removal` finds more and errs less.

| setting | unit and meaning |
|---|---|
| `path` | file of the list, or several; they stand on the recipe's folder |
| `radius` | bits in which a picture's hash may differ from one that is listed, 0 to 8 |
| `kind` | "phash": what a value is that does not say so itself |
| `form` | "text", "csv", "json" or "xml"; "auto" looks at the content |
| `columns` | of tables: for "phash", "value", "kind", "status" its heading, or its number from 1 |
| `key` | file of the key of a confidential list |
| `max_age_days` | days since a confidential list was issued, at most |
| `most_share` | share of a job's pictures, 0 to 1, at most; none is 0.001 for confidential lists and 1 for others |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
from msgspec import Meta

from crawler.records import Earlier, Picture, Verdict
from filters.hamming import HammingIndex
from filters.lists import (
    MAX_AGE_DAYS,
    Form,
    Kind,
    ListColumns,
    ListPath,
    Lists,
    MaxAgeDays,
    MostShare,
    Named,
    load_lists,
)
from filters.lists.entries import most_bits
from filters.redrawn import Redrawn, judging_earlier

_BYTES = 8
_FEWEST_ONES, _MOST_ONES = most_bits(Kind.PHASH)


@dataclass(frozen=True, slots=True, eq=False)
class PhashRemoval:
    """Judges by distance to the nearest listed hash."""

    #: nothing of the picture but this hash: see `crawler.job.judging.needs_of`
    needs: ClassVar[frozenset[str]] = frozenset(("phash",))

    listed: Lists = field(repr=False)
    radius: int
    most_share: float
    _index: HammingIndex = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Build the index."""
        object.__setattr__(self, "_index", HammingIndex(self.listed.rows(Kind.PHASH), self.radius))

    def __reduce__(self) -> tuple[Any, ...]:
        """What it is made of and not the index, which holds the list."""
        return type(self), (self.listed, self.radius, self.most_share)

    @property
    def confidential(self) -> bool:
        """Whether nothing may be written of what the list takes out."""
        return self.listed.confidential

    def judge(self, batch: Sequence[Picture]) -> list[Verdict]:
        """One verdict per picture, in order. It never says which entry matched, nor how closely."""
        return self._verdicts([picture.hashes.phash for picture in batch])

    def judge_again(self, batch: Sequence[Earlier]) -> list[Verdict | None]:
        """The same of pictures that were received before; None where no pHash was recorded."""
        verdicts = iter(self._verdicts([one.known.phash for one in batch if one.known.phash is not None]))
        return [None if one.known.phash is None else next(verdicts) for one in batch]

    def redrawn(self) -> Redrawn:
        """By what was recorded: as `judge_again`."""
        return judging_earlier(self.judge_again, "phash")

    def _verdicts(self, hashes: Sequence[int]) -> list[Verdict]:
        asked = np.frombuffer(b"".join(phash.to_bytes(_BYTES) for phash in hashes), np.uint8).reshape(-1, _BYTES)
        near = self._index.within(asked)
        return [Verdict(not (is_near and says_something(phash))) for phash, is_near in zip(hashes, near, strict=True)]


def says_something(phash: int) -> bool:
    """Whether a picture is not too plain to be looked up: it would match other plain pictures.

    Flat colours, gradients and drawings on white all hash to values with few or many set bits. Such entries of lists
    are not used, either.
    """
    return _FEWEST_ONES <= phash.bit_count() <= _MOST_ONES


def build(  # noqa: PLR0913 - a setting is an argument
    *,
    path: ListPath,
    radius: Annotated[int, Meta(ge=0, le=8)] = 4,
    kind: str = "",
    form: Form = "auto",
    columns: ListColumns = None,
    key: str = "",
    max_age_days: MaxAgeDays = MAX_AGE_DAYS,
    most_share: MostShare = None,
    folder: Path = Path(),
) -> PhashRemoval:
    """The filter for the list or lists at `path`.

    Raises:
        SettingsError: a list cannot be read to its end (see `filters.lists`).
    """
    listed = load_lists(Named(path, kind, columns, key, max_age_days, form), folder, frozenset({Kind.PHASH}))
    return PhashRemoval(listed, radius, listed.share(most_share))
