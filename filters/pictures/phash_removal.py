"""Drop pictures whose perceptual hash lies within `radius` bits of one in the list (or lists) at `path`.

One pHash a line, 16 hex digits as `str(imagehash.phash(picture))` writes them; of a CSV file the first column counts.
`#` starts a comment. The file may be gzipped. The hash is taken from the whole picture, before any crop; mirrored and
rotated copies are not found. With 10 million entries a radius of 4 drops one unrelated picture in 3 million, 6 one in
22,000, 8 one in 360, which is why 8 is the most.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from crawler.records import Picture, Verdict
from filters.lists import BadLineError, first_column, lines, read_lists
from filters.phash import is_degenerate, smallest_distance

_PHASH = re.compile(r"[0-9a-f]{16}")
_HEADINGS = {"phash", "hash", "hash_value"}


@dataclass(frozen=True, slots=True, eq=False)
class PhashRemoval:
    """Judges by distance to the nearest listed hash."""

    listed: NDArray[np.uint64] = field(repr=False)
    radius: int

    def judge(self, batch: Sequence[Picture]) -> list[Verdict]:
        """One verdict per picture, in order. It never says which entry matched, nor how closely."""
        return [Verdict(not self._is_listed(picture.hashes.phash)) for picture in batch]

    def _is_listed(self, phash: int) -> bool:
        """A picture too plain to have a hash is not looked up: it would match other plain pictures."""
        return not is_degenerate(phash) and smallest_distance(self.listed, phash) <= self.radius


def build(
    *, path: str | tuple[str, ...], radius: Annotated[int, Meta(ge=0, le=8)] = 4, folder: Path = Path()
) -> PhashRemoval:
    """The filter for the list or lists at `path`.

    Raises:
        SettingsError: a list cannot be read to its last line (see `filters.lists`).
    """
    return PhashRemoval(np.array(sorted(set(read_lists(path, folder, parse))), dtype=np.uint64), radius)


def parse(text: str) -> Iterator[tuple[int, int | BadLineError]]:
    """Line number, and the hash that the line holds."""
    for place, (number, line) in enumerate(lines(text)):
        word = first_column(line).lower()
        if place == 0 and word in _HEADINGS:
            continue
        yield number, _phash(word.removeprefix("phash:").strip())


def _phash(word: str) -> int | BadLineError:
    if not _PHASH.fullmatch(word):
        return BadLineError(f"{len(word)} characters that are not 16 hex digits")
    phash = int(word, 16)
    if is_degenerate(phash):
        return BadLineError("the hash of a flat or empty picture, which would match every such picture")
    return phash
