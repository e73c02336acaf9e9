"""Which rows go with a re-issue: those that takedowns and policies name, and decoys drawn among all others.

Whoever has two versions sees what is gone. That must not point at what was asked to be removed, so there are `burial`
neutral rows for each real one. A row that a policy would have removed in any case is explained by it; but one that no
policy explains is as good as named if nothing else goes without a reason. Therefore such rows have decoys of their own:
rows without any reason, drawn by a key that only the register has, as many as `burial` asks for, by themselves among
rows with a picture and among rows without one. Copies (rows of the same bytes) go together, real ones and decoys alike,
and the number of decoys is blurred by up to a quarter, or it would tell the number of real rows.

What decoys cannot hide is a removal that shows by what it is: all rows of one site, or of one worker. docs/takedown.md
says what to do about those.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crawler.dataset.diffs import Uids, among, sorted_uids
from workers.dataset.removed.register import TakedownError

#: decoys beyond those that are needed, as a share, at most
_BLUR = 0.25
#: rows that are drawn from, as a multiple of those that are needed: beyond it ranks are not even kept
_DRAWN_FROM = 4
Bools = NDArray[np.bool_]


class Rows(NamedTuple):
    """Some rows of the version that was published last."""

    uids: Uids
    groups: NDArray[np.uint8]  # N x 16: alike for rows of the same bytes
    pictures: Bools  # whether a row has one


class Judged(NamedTuple):
    """The same, and why they go."""

    rows: Rows
    real: Bools  # a takedown names it
    neutral: Bools  # a policy removes it, or a mask took it out


@dataclass(slots=True)
class Counts:
    """Rows with a picture, or those without."""

    rows: int = 0
    real: int = 0  # that no policy explains
    explained: int = 0  # real ones that a policy would have removed as well
    neutral: int = 0  # that a policy removes, and no takedown
    decoys: int = 0

    @property
    def every_real(self) -> int:
        """All that takedowns name."""
        return self.real + self.explained


@dataclass(slots=True)
class Burial:
    """What goes, in numbers and by id."""

    pictured: Counts = field(default_factory=Counts)
    bare: Counts = field(default_factory=Counts)
    real: Uids = field(default_factory=lambda: np.empty((0, 16), np.uint8), repr=False)
    neutral: Uids = field(default_factory=lambda: np.empty((0, 16), np.uint8), repr=False)
    decoys: Uids = field(default_factory=lambda: np.empty((0, 16), np.uint8), repr=False)

    @property
    def removed(self) -> Uids:
        """All ids, in one order."""
        return sorted_uids(np.concatenate([self.real, self.neutral, self.decoys]))

    def total(self, name: str) -> int:
        """A count of both kinds of rows together."""
        return int(getattr(self.pictured, name)) + int(getattr(self.bare, name))

    @property
    def ratio(self) -> float:
        """The least number of neutral rows for each real one, whichever way one looks; infinite without real ones."""
        ratios = [part.decoys / part.real for part in (self.pictured, self.bare) if part.real]
        if self.total("every_real"):
            ratios.append((self.total("neutral") + self.total("decoys")) / self.total("every_real"))
        return min(ratios, default=math.inf)


class _Drawn:
    """Candidates of one kind, with the rank that the key gives them."""

    def __init__(self, limit: int) -> None:
        self._limit = np.uint64(limit)
        self._ranks: list[NDArray[np.uint64]] = []
        self._groups: list[NDArray[np.uint8]] = []

    def add(self, ranks: NDArray[np.uint64], groups: NDArray[np.uint8]) -> None:
        low = ranks <= self._limit
        self._ranks.append(ranks[low])
        self._groups.append(groups[low])

    def groups(self, need: int) -> NDArray[np.uint8]:
        """The groups of the `need` rows of the lowest rank, or of all that there are."""
        ranks = np.concatenate([np.empty(0, np.uint64), *self._ranks])
        groups = np.concatenate([np.empty((0, 16), np.uint8), *self._groups])
        return groups[np.argsort(ranks, kind="stable")[:need]]


def bury(
    judged: Iterable[Judged], again: Callable[[], Iterable[Rows]], *, rows: int, named: int, burial: int, key: bytes
) -> Burial:
    """Choose decoys.

    Args:
        judged: all rows of the version.
        again: gives the same rows anew.
        rows: how many there are.
        named: how many rows takedowns name, at most.
        burial: neutral rows for each real one, at least.
        key: what the draw depends on, besides the rows.

    Raises:
        TakedownError: there are not enough rows to draw from.
    """
    found = Burial()
    most = min(1.0, (_DRAWN_FROM * (1 + _BLUR) * burial * named + 10_000) / max(rows, 1))
    drawn = {has: _Drawn(min(int(most * 2**64), 2**64 - 1)) for has in (True, False)}
    real, neutral = [found.real], [found.neutral]
    for part in judged:
        _count(found, part.rows, part.real, part.neutral)
        real.append(part.rows.uids[part.real])
        neutral.append(part.rows.uids[part.neutral & ~part.real])
        free = ~part.real & ~part.neutral
        for has_picture, draw in drawn.items():
            of_kind = free & (part.rows.pictures == has_picture)
            # by picture, not by row: drawn by rows, pictures of many captions would be decoys more often than not, and
            # real ones would be told by having few
            draw.add(_ranks(part.rows.groups[of_kind], key), part.rows.groups[of_kind])
    found.real = sorted_uids(np.concatenate(real))
    found.neutral = sorted_uids(np.concatenate(neutral))
    pictured, bare = _needed(found, burial, key)
    groups = sorted_uids(np.concatenate([drawn[True].groups(pictured), drawn[False].groups(bare)]))
    other = sorted_uids(np.concatenate([found.real, found.neutral]))
    decoys = [part.uids[among(part.groups, groups) & ~among(part.uids, other)] for part in again()]
    found.decoys = sorted_uids(np.concatenate([found.decoys, *decoys]))
    _count_again(found, again())
    if found.ratio < burial:
        raise TakedownError(
            f"burial = {burial:,} cannot be reached: all rows of the last published version together are decoys for at "
            f"most {int(found.ratio):,} neutral rows to each real one. Publish nothing until there are more rows to "
            "bury among (another policy, or another data set merged in), or lower --burial, knowing that the diff then "
            "points at what was removed"
        )
    return found


def _count(found: Burial, rows: Rows, real: Bools, neutral: Bools) -> None:
    for counts, kind in ((found.pictured, rows.pictures), (found.bare, ~rows.pictures)):
        counts.rows += int(kind.sum())
        counts.real += int((kind & real & ~neutral).sum())
        counts.explained += int((kind & real & neutral).sum())
        counts.neutral += int((kind & ~real & neutral).sum())


def _count_again(found: Burial, every: Iterable[Rows]) -> None:
    """Count what goes by its id: a row that is listed twice is gone twice, whatever the second one says."""
    explained = (found.pictured.explained, found.bare.explained)
    found.pictured, found.bare = Counts(), Counts()
    for rows in every:
        real, neutral, decoys = (among(rows.uids, uids) for uids in (found.real, found.neutral, found.decoys))
        _count(found, rows, real, neutral & ~real)
        found.pictured.decoys += int((decoys & rows.pictures).sum())
        found.bare.decoys += int((decoys & ~rows.pictures).sum())
    for counts, number in zip((found.pictured, found.bare), explained, strict=True):
        counts.real, counts.explained = counts.real - number, number


def _needed(found: Burial, burial: int, key: bytes) -> tuple[int, int]:
    """Decoys with and without a picture."""
    blur = 1 + _BLUR * int.from_bytes(hmac.digest(key, b"blur", "sha256")[:4]) / 2**32
    pictured, bare = (math.ceil(burial * part.real * blur) for part in (found.pictured, found.bare))
    missing = burial * found.total("every_real") - found.total("neutral") - pictured - bare
    if missing > 0:
        # Real rows that a policy explains, where the policies remove little else: among others of their kind.
        if found.pictured.every_real:
            pictured += missing
        else:
            bare += missing
    return pictured, bare


def _ranks(groups: NDArray[np.uint8], key: bytes) -> NDArray[np.uint64]:
    """A number for each row, the same for rows of one group, that nobody can foretell without the key."""
    content = np.ascontiguousarray(groups).tobytes()
    ranks = b"".join(
        hashlib.blake2b(content[at : at + 16], digest_size=8, key=key).digest() for at in range(0, len(content), 16)
    )
    return np.frombuffer(ranks, ">u8").astype(np.uint64)
