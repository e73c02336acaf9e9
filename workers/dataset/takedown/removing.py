"""Removals at once: rows cut out of shards by their ids, and masks for what policies leave out.

Both make a child commit and are steps between two published versions: who has the commits before and after a cut sees
exactly what was removed. `takedown.reissuing` makes a version that can be published, and takes the steps away.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from crawler.dataset.diffs import Uids, among
from crawler.dataset.keys import Keys
from crawler.dataset.manifest import Commit, Shard
from crawler.dataset.store import Store
from crawler.dataset.tables import mask_of, packed_mask
from crawler.errors import InputError
from workers.dataset.commits.committing import commit_shards
from workers.dataset.commits.cutting_shards import cut_version_shard
from workers.dataset.removed.register import RegisterFolder
from workers.dataset.takedown.policies import Policy, removed_by
from workers.dataset.version_rows import has_picture, parts_of, pictured, shard_uids
from workers.failpoints import failpoint
from workers.progress import Display


@dataclass(slots=True)
class Done:
    """What a cut or a mask did."""

    commit: str  # the new version; the one before where nothing changed
    rows: int = 0  # that are gone
    shards: int = 0  # that were cut or masked
    of_shards: int = 0


@dataclass(frozen=True, slots=True)
class Publisher:
    """Who makes new versions, of what, and with what on the disk."""

    store: Store
    keys: Keys
    scratch: Path
    display: Display | None = None


def cut(
    publisher: Publisher,
    register: RegisterFolder,
    takedowns: tuple[str, ...],
    *,
    ref: str = "main",
) -> Done:
    """Cut the rows of takedowns out of the newest version of a line, and let the line go on to what is left.

    Args:
        publisher: whose store, keys and disk.
        register: knows which rows they are.
        takedowns: their names; () for all.
        ref: the line of versions.

    Raises:
        SettingsError: there is no such takedown.
        InputError: there is no such line, or a shard cannot be cut.
        RefMovedError: somebody else has committed in the meantime; the same command goes on from there.
    """
    names = takedowns or tuple(one.id for one in register.takedowns())
    uids = register.uids(*(register.takedown(one).id for one in names))
    at, head = head_of(publisher.store, ref)
    done = Done(at)
    shards = without_rows(publisher, head, uids, done)
    _step(publisher, register, done, shards, (ref, at, head), "rows removed")
    return done


def mask(publisher: Publisher, register: RegisterFolder, policies: tuple[Policy, ...], *, ref: str = "main") -> Done:
    """Mask the rows that policies remove in the newest version of a line: no file is written but the masks.

    Raises:
        InputError: there is no such line, or the tables have not the columns that a policy needs.
        RefMovedError: somebody else has committed in the meantime.
    """
    at, head = head_of(publisher.store, ref)
    done = Done(at)
    shards = _masked(publisher, head, policies, done)
    names = "; ".join(policy.name for policy in policies)
    _step(publisher, register, done, shards, (ref, at, head), f"left out: {names}")
    return done


def head_of(store: Store, ref: str) -> tuple[str, Commit]:
    """The newest version of a line.

    Raises:
        InputError: there is no such line.
    """
    at = store.ref(ref)
    if at is None:
        raise InputError(
            f"{store.address}: has no line of versions {ref!r}; it has {', '.join(store.refs()) or 'none'}"
        )
    return store.read_commit(at)


def without_rows(
    publisher: Publisher, version: Commit, uids: Uids, done: Done, *, unmask: bool = False
) -> Iterator[Shard]:
    """The shards of a version without the rows of these ids, which are sorted; what changes is stored on the way.

    `unmask`: masked rows are cut out as well, so that no shard has a mask.
    """
    for shard in _shown(publisher, version, "shards looked through"):
        done.of_shards += 1
        positions, there = shard_uids(publisher.store, shard)
        gone = among(there, uids)
        if not gone.any() and not (unmask and shard.mask):
            yield shard
            continue
        done.rows += int(gone.sum())
        done.shards += 1
        left = cut_version_shard(publisher.store, publisher.keys, shard, positions[~gone], publisher.scratch)
        failpoint("takedown.shard_cut")
        if left is not None:
            yield left


def _step(
    publisher: Publisher,
    register: RegisterFolder,
    done: Done,
    shards: Iterator[Shard],
    line: tuple[str, str, Commit],
    message: str,
) -> None:
    """Commit a step. The register knows it for one before it is there.

    Beside the published versions it shows what was removed; one that nobody knew for a step would stay there for good.
    """
    ref, at, head = line

    def note(step: str) -> None:
        register.note_step(step)
        failpoint("takedown.step_noted")

    made = commit_shards(
        publisher.store, publisher.keys, shards, parents=[at], ref=None, at=None, message=message,
        recipe=head.recipe, inputs=head.inputs, lists=head.lists, note=note,
    )  # fmt: skip
    failpoint("takedown.step_committed")
    if made != at:
        publisher.store.move_ref(ref, at, made)
    done.commit = made


def _masked(publisher: Publisher, version: Commit, policies: tuple[Policy, ...], done: Done) -> Iterator[Shard]:
    columns = ["key", *(name for policy in policies for name in policy.columns)]
    for shard in _shown(publisher, version, "shards judged"):
        done.of_shards += 1
        before = mask_of(publisher.store, shard)
        masked = np.zeros(shard.rows, np.bool_) if before is None else before.copy()
        samples = shard.masked_samples
        keys = pictured(publisher.store, shard)
        for part in parts_of(publisher.store, shard, columns):
            goes = removed_by(policies, part.rows)
            masked[part.positions[goes]] = True
            samples += int((goes & has_picture(part, keys)).sum())
        fresh = int(masked.sum()) - shard.masked
        if not fresh:
            yield shard
            continue
        done.rows += fresh
        done.shards += 1
        stored = publisher.store.objects.put_bytes(packed_mask(masked))
        yield msgspec.structs.replace(shard, mask=stored, masked=int(masked.sum()), masked_samples=samples)


def _shown(publisher: Publisher, version: Commit, title: str) -> Iterator[Shard]:
    shards = publisher.store.shards(version)
    if publisher.display is None:
        yield from shards
        return
    with publisher.display.phase(title, None, "shards") as phase:
        for shard in shards:
            yield shard
            phase.advance(1)
