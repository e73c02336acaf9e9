"""Drop pictures whose PDQ hash lies within `radius` bits of one in the list (or lists) at `path`.

PDQ is Meta's perceptual hash of 256 bits, 64 hex digits; docs/filters.md describes the forms of lists. The hash is of
the whole picture, before any crop. A picture of a quality below 50 is too plain to be looked up, and an entry of such a
quality is not used. Copies that were compressed, resized, turned or mirrored are found; a crop or a border moves up to
half of the bits, and is not. 31 bits are what PDQ's makers call a confident match, and the most here: among ten million
entries one unrelated picture in 10^30 has such a neighbour. Ten million entries take 1.1 GB and 10 s of each process.

| setting | unit and meaning |
|---|---|
| `path` | file of the list, or several; they stand on the recipe's folder |
| `radius` | bits in which a picture's hash may differ from one that is listed, 0 to 31 |
| `turned` | whether the seven mirrored and rotated forms of a picture are looked up, too |
| `resized` | whether a picture below 1,200 pixels a side is looked up as if enlarged, too: its original is found |
| `kind` | "pdq": what a value is that does not say so itself |
| `form` | "text", "csv", "json" or "xml"; "auto" looks at the content |
| `columns` | of tables: for "pdq", "value", "quality", "kind", "status" its heading, or its number from 1 |
| `key` | file of the key of a confidential list |
| `max_age_days` | days since a confidential list was issued, at most |
| `most_share` | share of a job's pictures, 0 to 1, at most; none is 0.001 for confidential lists and 1 for others |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from msgspec import Meta

from crawler.picture.pdq import BITS, LEAST_QUALITY, forms_of
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
from filters.redrawn import Redrawn, Told, earlier_of, judging_earlier
from filters.turned import turned_hashes

#: what PDQ's makers recommend for a confident match (pdq/README.md); above it unrelated pictures come into reach
_CONFIDENT = 31


@dataclass(frozen=True, slots=True, eq=False)
class PdqRemoval:
    """Judges by distance to the nearest listed hash."""

    listed: Lists = field(repr=False)
    radius: int
    turned: bool
    resized: bool
    most_share: float
    _index: HammingIndex = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Build the index."""
        object.__setattr__(self, "_index", HammingIndex(self.listed.rows(Kind.PDQ), self.radius))

    def __reduce__(self) -> tuple[Any, ...]:
        """What it is made of and not the index, which holds the list."""
        return type(self), (self.listed, self.radius, self.turned, self.resized, self.most_share)

    @property
    def confidential(self) -> bool:
        """Whether nothing may be written of what the list takes out."""
        return self.listed.confidential

    @property
    def needs(self) -> frozenset[str]:
        """What of a picture it looks at: its forms are made of its pixels."""
        return frozenset(("pdq", "pixels") if self.turned or self.resized else ("pdq",))

    def judge(self, batch: Sequence[Picture]) -> list[Verdict]:
        """One verdict per picture, in order. It never says which entry matched, nor how closely."""
        asked = [
            (place, bits)
            for place, picture in enumerate(batch)
            if picture.hashes.pdq_quality >= LEAST_QUALITY
            for bits in self._forms(picture)
        ]
        rows = np.frombuffer(b"".join(bits.to_bytes(BITS // 8) for _, bits in asked), np.uint8)
        near = self._index.within(rows.reshape(-1, BITS // 8))
        listed = {asked[row][0] for row in np.flatnonzero(near)}
        return [Verdict(place not in listed) for place in range(len(batch))]

    def judge_again(self, batch: Sequence[Earlier]) -> list[Verdict | None]:
        """The same of pictures that were received before, by their hashes alone; None where none was recorded.

        Turned forms are made of the hash, which finds nearly all of what the picture itself would.
        """
        verdicts: list[Verdict | None] = []
        for one in batch:
            if one.known.pdq is None or one.known.pdq_quality is None:
                verdicts.append(None)
                continue
            rows = np.frombuffer(one.known.pdq.to_bytes(BITS // 8), np.uint8).reshape(1, -1)
            near = self._index.within(turned_hashes(rows) if self.turned else rows).any()
            verdicts.append(Verdict(one.known.pdq_quality < LEAST_QUALITY or not near))
        return verdicts

    def redrawn(self) -> Redrawn:
        """By what was recorded; of forms that are made of pixels no column tells that they are not listed."""
        if not self.turned and not self.resized:
            return judging_earlier(self.judge_again, "pdq", "pdq_quality")
        return Redrawn(again=self._again, again_reads=("pdq", "pdq_quality"))

    def _again(self, rows: Sequence[Told]) -> list[bool | None]:
        verdicts: list[bool | None] = []
        for known in (earlier_of(row).known for row in rows):
            if known.pdq is None or known.pdq_quality is None:
                verdicts.append(None)
            elif known.pdq_quality < LEAST_QUALITY:
                verdicts.append(True)
            else:
                bits = np.frombuffer(known.pdq.to_bytes(BITS // 8), np.uint8).reshape(1, -1)
                verdicts.append(False if self._index.within(bits).any() else None)
        return verdicts

    def _forms(self, picture: Picture) -> tuple[int, ...]:
        """The picture's own hash, as it was recorded, and those under which a copy may be listed."""
        if not self.turned and not self.resized:
            return (picture.hashes.pdq,)
        return (picture.hashes.pdq, *forms_of(picture.pixels, turned=self.turned, resized=self.resized)[1:])


def build(  # noqa: PLR0913 - a setting is an argument
    *,
    path: ListPath,
    radius: Annotated[int, Meta(ge=0, le=_CONFIDENT)] = _CONFIDENT,
    turned: bool = True,
    resized: bool = True,
    kind: str = "",
    form: Form = "auto",
    columns: ListColumns = None,
    key: str = "",
    max_age_days: MaxAgeDays = MAX_AGE_DAYS,
    most_share: MostShare = None,
    folder: Path = Path(),
) -> PdqRemoval:
    """The filter for the list or lists at `path`.

    Raises:
        SettingsError: a list cannot be read to its end (see `filters.lists`).
    """
    listed = load_lists(Named(path, kind, columns, key, max_age_days, form), folder, frozenset({Kind.PDQ}))
    return PdqRemoval(listed, radius, turned, resized, listed.share(most_share))
