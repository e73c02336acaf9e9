"""What a job finds at its end that the data set has already: the same file again, or nearly the same picture.

Within the job the first row stays: which one that is depends on the plan, not on the order in which servers answered.
Only then the other jobs are asked, so that what they hold changes nothing but the rows that are the very same file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

import numpy as np
from numpy.typing import NDArray

from crawler.job.remembered import Remembered
from crawler.picture.pdq import LEAST_QUALITY
from crawler.records import Fault
from crawler.seen import Seen
from crawler.seen.keys import Keys, keys_of
from crawler.settings import Duplicates

#: which of these keys are somebody else's; the job has the others from now on
Claim = Callable[[Keys], NDArray[np.bool_]]

#: rows compared at a time, and with how many: distances that fit the processor's cache
_ROWS_AT_ONCE = 64
_KEPT_AT_ONCE = 2048


@contextmanager
def claiming(seen: Seen, shard: str) -> Iterator[Claim]:
    """What a job claims with, while it ends: what it claimed is confirmed after the block, which must commit the shard.

    Where the block ends with an error the claims are free.

    Raises:
        RunFolderError, IndexLostError: as `Seen`; raised after the block, the shard is committed nevertheless.
    """
    with ExitStack() as unless_committed:
        unless_committed.callback(seen.release, shard)
        yield partial(seen.claim, shard)
        unless_committed.pop_all()
    seen.confirm(shard)


def duplicates(samples: Iterable[Remembered], settings: Duplicates, claim: Claim) -> list[tuple[int, Fault]]:
    """The rows to take back, in order, each with why: `REPEATED_FILE` or `LOOK_ALIKE`.

    `samples` may come in any order and are taken in that of their rows.
    """
    left = sorted(samples)
    found: list[tuple[int, Fault]] = []
    if settings.files == "first":
        again = _repeated([one.sha256 for one in left])
        left = _without(left, again, Fault.REPEATED_FILE, found)
    if settings.look_alike_bits >= 0:
        left = _without(left, look_alikes(left, settings.look_alike_bits), Fault.LOOK_ALIKE, found)
    if settings.files == "first":
        taken = claim(keys_of([one.sha256 for one in left]))
        _without(left, taken.tolist(), Fault.REPEATED_FILE, found)
    return sorted(found)


def look_alikes(samples: Sequence[Remembered], bits: int) -> list[bool]:
    """For each sample whether its PDQ differs in at most `bits` bits from one that comes and stays before it.

    Pictures whose quality is below 50 look like nothing. Exact; takes the square of the number of samples: 10,000 need
    half a second, 100,000 a minute.
    """
    answer = [False] * len(samples)
    meant = [place for place, one in enumerate(samples) if one.pdq_quality >= LEAST_QUALITY]
    words = _words([samples[place].pdq for place in meant])
    kept = np.empty_like(words)
    number = 0
    for first in range(0, len(meant), _ROWS_AT_ONCE):
        block = words[:, first : first + _ROWS_AT_ONCE]
        alike = np.zeros(block.shape[1], np.bool_)
        for start in range(0, number, _KEPT_AT_ONCE):
            alike |= _within(block, kept[:, start : min(start + _KEPT_AT_ONCE, number)], bits).any(axis=1)
        among_themselves = _within(block, block, bits)
        for place in range(block.shape[1]):
            stays_before = among_themselves[place, :place] & ~alike[:place]
            alike[place] |= stays_before.any()
            answer[meant[first + place]] = bool(alike[place])
        new = block[:, ~alike]
        kept[:, number : number + new.shape[1]] = new
        number += new.shape[1]
    return answer


def _within(some: NDArray[np.uint64], others: NDArray[np.uint64], bits: int) -> NDArray[np.bool_]:
    """Which of `others` (4 x M) lie within so many bits of which of `some` (4 x N): N x M.

    Half of the words are compared first: of unrelated pictures nearly none is left then.
    """
    near = _distances(some[:2], others[:2]) <= bits
    rows, columns = np.nonzero(near)
    if len(rows):
        different = some[2:, rows] ^ others[2:, columns]
        rest = np.bitwise_count(different).sum(axis=0, dtype=np.int64)
        half = np.bitwise_count(some[:2, rows] ^ others[:2, columns]).sum(axis=0, dtype=np.int64)
        near[rows, columns] = rest + half <= bits
    return near


def _distances(some: NDArray[np.uint64], others: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """Bits in which two words of each differ: N x M, 128 at the most."""
    first: NDArray[np.uint8] = np.bitwise_count(some[0][:, None] ^ others[0][None, :])
    first += np.bitwise_count(some[1][:, None] ^ others[1][None, :])
    return first


def _words(hashes: Sequence[int]) -> NDArray[np.uint64]:
    """256-bit numbers as four rows of 64 bits: 4 x N."""
    raw = np.frombuffer(b"".join(one.to_bytes(32, "big") for one in hashes), ">u8")
    return np.ascontiguousarray(raw.reshape(len(hashes), 4).T.astype(np.uint64))


def _repeated(files: Sequence[str]) -> list[bool]:
    first: dict[str, int] = {}
    return [first.setdefault(file, place) != place for place, file in enumerate(files)]


def _without(
    samples: list[Remembered], out: Sequence[bool], fault: Fault, found: list[tuple[int, Fault]]
) -> list[Remembered]:
    """The samples that stay; those that do not are noted in `found`."""
    found += [(one.row, fault) for one, goes in zip(samples, out, strict=True) if goes]
    return [one for one, goes in zip(samples, out, strict=True) if not goes]
