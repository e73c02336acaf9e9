"""Whether a version is what its publisher signed: every bit of its manifest, its lists and its shards.

What a purge has taken out is no fault: the leaves of the purged rows are there still, and what stands in for the files
that held them is signed, too.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field

import msgspec

from crawler.dataset.canonical import digest_of
from crawler.dataset.manifest import Commit, Shard
from crawler.dataset.store import Store
from crawler.errors import DatasetError
from workers.dataset.commits.checking import check_shard
from workers.dataset.commits.committing import Tally
from workers.progress import Display

#: shards that are read at once
_AT_ONCE = 4


@dataclass(slots=True)
class Verified:
    """What was found out about versions."""

    versions: list[str] = field(default_factory=list)
    shards: int = 0  # that there are, each counted once
    looked_at: int = 0  # of them
    rows: int = 0  # of those that were looked at
    purged: Counter[str] = field(default_factory=Counter)  # rows by takedown
    authors: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)  # each names the file


def verify(
    store: Store,
    wanted: str,
    *,
    author: str = "",
    sample: int | None = None,
    history: bool = False,
    display: Display | None = None,
) -> Verified:
    """Look at a version, or at all that it came from, too. What is wrong is told, not raised.

    Args:
        store: where it is.
        wanted: ref, tag or id.
        author: the public key by which it must be signed; "" for whichever it names.
        sample: look only at so many shards of each version, chosen anew each time; manifests and lists always.
        history: also at every version before it; shards that versions share are looked at once.
        display: shows progress.

    Raises:
        InputError: there is no such version.
        StoreUnavailableError, OSError: the store failed.
    """
    told = Verified()
    seen: set[str] = set()
    try:
        start, _ = store.read_commit(wanted)
        for found, commit in store.history(start):
            told.versions.append(found)
            told.authors.add(commit.author)
            if author and commit.author != author:
                told.problems.append(f"{store.address}: commits/{found}.json is signed by {commit.author}")
            _verify_version(store, found, commit, told, seen, sample, display)
            if not history:
                break
    except DatasetError as error:
        told.problems.append(str(error))
    return told


def _verify_version(
    store: Store,
    found: str,
    commit: Commit,
    told: Verified,
    seen: set[str],
    sample: int | None,
    display: Display | None,
) -> None:
    try:
        _check_objects(store, commit)
        total = _check_list(store, found, commit)
    except DatasetError as error:
        told.problems.append(str(error))
        return
    chosen = None if sample is None else frozenset(random.SystemRandom().sample(range(total), min(sample, total)))
    count = total if chosen is None else len(chosen)
    with display.phase(f"verify {found[:12]}", count, "shards") if display else nullcontext() as phase:
        todo = _unseen(store.shards(commit), chosen, told, seen)
        for shard, problems, purged in _looks(store, todo, {commit.author, store.about.author}):
            told.looked_at += 1
            told.rows += shard.rows
            told.purged.update(purged)
            told.problems += problems
            if phase is not None:
                phase.advance(1)


def _check_objects(store: Store, commit: Commit) -> None:
    """Raises DatasetError where a file beside the shards is not what the manifest says."""
    for stored in (commit.shards, *commit.tombstones, *commit.descriptions.values()):
        store.objects.checked(stored)


def _check_list(store: Store, found: str, commit: Commit) -> int:
    """How many shards the list has. Raises DatasetError where root or sums are not the manifest's."""
    tally = Tally()
    total = sum(1 for _ in tally.counted(store.shards(commit)))
    said = (commit.root, commit.rows, commit.samples, commit.bytes)
    if (tally.root, tally.rows, tally.samples, tally.bytes) != said:
        raise DatasetError(f"{store.address}: commits/{found}.json has another root, or other sums, than its shards")
    return total


def _unseen(shards: Iterable[Shard], chosen: frozenset[int] | None, told: Verified, seen: set[str]) -> Iterator[Shard]:
    for place, shard in enumerate(shards):
        of = digest_of(msgspec.structs.replace(shard, name="", lineage=None))  # by all of its files
        told.shards += of not in seen
        if of not in seen and (chosen is None or place in chosen):
            yield shard
        seen.add(of)


def _looks(store: Store, shards: Iterator[Shard], authors: set[str]) -> Iterator[tuple[Shard, list[str], Counter[str]]]:
    """What is found at each shard; a few are read at a time."""
    waiting: deque[tuple[Shard, Future[tuple[list[str], Counter[str]]]]] = deque()
    pool = ThreadPoolExecutor(_AT_ONCE)
    try:
        for shard in shards:
            waiting.append((shard, pool.submit(check_shard, store, shard, authors)))
            if len(waiting) > 2 * _AT_ONCE:
                looked, future = waiting.popleft()
                yield looked, *future.result()
        while waiting:
            looked, future = waiting.popleft()
            yield looked, *future.result()
    finally:
        pool.shutdown(cancel_futures=True)
