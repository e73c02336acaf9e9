"""Drawing a sample: in one pass over the tables, whatever their size, and without opening a tar.

What the data set holds is sampled by the smallest of numbers that the seed makes of each row's id: every set of rows is
as likely as every other, and the same seed gives the same sample again. What filters rejected has no picture but for
the thumbnails that jobs kept, which are again those of the smallest numbers, shard by shard.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crawler.errors import InputError
from crawler.statuses import SUCCESS
from workers.dataset.columns import strings, uids_of
from workers.labelling.design import KEPT, Sample, Stratum, borderline_of, rejected_by
from workers.labelling.places import Place
from workers.labelling.thumbnails import Thumbnail, random_part, thumbnails_of

BANDS = ("all", "kept", "rejected", "borderline")


@dataclass(slots=True)
class _Pass:
    """What one pass over the rows has found."""

    most: int
    seed: int
    kept: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    #: of the kept rows so far those of the smallest numbers
    numbers: NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, np.uint64))
    uids: NDArray[np.uint8] = field(default_factory=lambda: np.empty((0, 16), np.uint8))

    def see(self, uids: NDArray[np.uint8], kept: NDArray[np.bool_]) -> None:
        """Take rows, of which some are kept."""
        self.kept += int(kept.sum())
        numbers = numbers_of(uids[kept], self.seed)
        if len(self.numbers) == self.most and self.most:
            near = numbers < self.numbers.max()
            uids, numbers = uids[kept][near], numbers[near]
        else:
            uids = uids[kept]
        all_numbers, all_uids = np.concatenate([self.numbers, numbers]), np.concatenate([self.uids, uids])
        _, first = np.unique(all_uids, axis=0, return_index=True)  # a pair that stands in two tables is one pair
        order = first[np.argsort(all_numbers[first], kind="stable")][: self.most]
        self.numbers, self.uids = all_numbers[order], all_uids[order]


def numbers_of(uids: NDArray[np.uint8], seed: int) -> NDArray[np.uint64]:
    """A number for each id, N x 16, that looks random and is not: the same for the same seed.

    SplitMix64's last steps (Steele, Lea, Flood 2014), over both halves of the id.
    """
    halves = np.ascontiguousarray(uids).view("<u8").reshape(-1, 2)
    with np.errstate(over="ignore"):  # arithmetic modulo 2**64 is what is meant
        start = _mixed(np.array([seed % 2**64], np.uint64) + np.uint64(0x9E3779B97F4A7C15))
        return _mixed(_mixed(halves[:, 0] ^ start) + halves[:, 1])


def draw_sample(place: Place, *, asked: int, band: str = "all", seed: int = 0) -> Sample:
    """A sample of a place. Of "all" half is of the data set itself, and half of what each filter rejected.

    Args:
        place: where the rows are.
        asked: pairs; fewer where there are not so many.
        band: "kept", "rejected" (as random as thumbnails allow), "borderline" (nearest to a line, so that it stands for
            nothing but itself), or "all" of the first two.
        seed: another one gives another sample of the kept rows.

    Raises:
        InputError: there is nothing to show: no such rows, or no picture was kept of them.
    """
    thumbnails = thumbnails_of(place) if band != KEPT else []
    rejected = _rejected(thumbnails, place) if band in {"all", "rejected"} else []
    shares = _shares(asked if band == "rejected" else asked // 2, [len(one.ids) for one in rejected])
    of_kept = asked - sum(shares) if band in {"all", KEPT} else 0
    found = _one_pass(place, _Pass(of_kept, seed))
    strata = [Stratum(KEPT, found.kept, _hex(found.uids))]
    strata += [one.stratum(found.reasons, share) for one, share in zip(rejected, shares, strict=True)]
    if band == "borderline":
        strata = _borderline(thumbnails, asked)
    strata = [one for one in strata if one.content_ids]
    if not strata:
        raise InputError(f"{place.address}: has nothing to show of the band {band!r}: {_why(band, found)}")
    return Sample(seed=seed, asked=asked, band=band, strata=tuple(strata))


def _one_pass(place: Place, found: _Pass) -> _Pass:
    for part in place.rows("status", "reason"):
        rows = part.num_rows
        if "status" in part.column_names:
            kept = np.asarray(strings(part, "status").to_numpy(zero_copy_only=False) == SUCCESS)
        else:
            kept = np.ones(rows, np.bool_)  # lists and exports hold nothing else
        found.see(uids_of(part), kept)
        if "reason" in part.column_names:
            found.reasons.update(one for one in strings(part, "reason").to_pylist() if one is not None)
    return found


class _Rejected(NamedTuple):
    """What can be shown of the rows that a filter has rejected."""

    name: str  # of the filter, as a reason is
    ids: tuple[str, ...]  # a random sample of them, in a random order
    blurred: int  # how many more of the sample are blurred for good

    def stratum(self, reasons: Mapping[str, int], share: int) -> Stratum:
        """The first so many of them; they stand for the rows that are not blurred, as far as the sample tells."""
        seen = len(self.ids) + self.blurred
        of = max(reasons.get(self.name, 0), seen)
        return Stratum(rejected_by(self.name), round(of * len(self.ids) / seen), self.ids[:share])


def _rejected(thumbnails: Sequence[Thumbnail], place: Place) -> list[_Rejected]:
    """By filter, in the order in which they come."""
    by_filter: dict[str, list[Thumbnail]] = defaultdict(list)
    for one in thumbnails:
        if one.filter and one.band == "rejected":
            by_filter[one.filter].append(one)
    found = []
    for use, there in by_filter.items():
        sample, blurred = random_part(there, place), {one.content_id for one in there if one.blurred}
        clear = tuple(one for one in sample if one not in blurred)
        if clear:
            found.append(_Rejected(use.rpartition(".")[2], clear, len(sample) - len(clear)))
    return found


def _borderline(thumbnails: Sequence[Thumbnail], asked: int) -> list[Stratum]:
    """Of each filter rows on both sides of its line: as many as jobs kept, which stand for nothing else."""
    there: dict[str, set[str]] = defaultdict(set)
    for one in thumbnails:
        if one.filter and one.band == "borderline" and not one.blurred:
            there[one.filter].add(one.content_id)
    shares = _shares(asked, [len(ids) for ids in there.values()])
    return [
        Stratum(borderline_of(use.rpartition(".")[2]), len(ids), tuple(sorted(ids)[:share]))
        for (use, ids), share in zip(there.items(), shares, strict=True)
    ]


def _shares(whole: int, there: Sequence[int]) -> list[int]:
    """`whole` in parts as equal as can be, of which none is larger than what is there."""
    shares = [0] * len(there)
    left = sorted(range(len(there)), key=lambda place: there[place])
    for number, place in enumerate(left):
        shares[place] = min(there[place], (whole - sum(shares)) // (len(left) - number))
    return shares


def _hex(uids: NDArray[np.uint8]) -> tuple[str, ...]:
    return tuple(bytes(one).hex() for one in uids)


def _why(band: str, found: _Pass) -> str:
    if band == KEPT or not found.reasons.total():
        return "no row was kept"
    return "no picture of a rejected row was kept; set output.thumbnails in the recipe before a run"


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
