"""A new version that can be published: without what takedowns and policies name, and with real removals buried.

What goes is decided once and kept in the register before anything is committed, so that a run that was killed comes to
the same version. The steps that led there, cuts and masks, are then taken out of the store: beside the published
versions they would show which removals were real.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import numpy as np

from crawler.dataset.canonical import canonical
from crawler.dataset.diffs import OpenDiff, Uids, sorted_uids
from crawler.dataset.manifest import Commit, Stored, Tombstones
from crawler.dataset.store import Store
from crawler.dataset.tables import standing
from crawler.errors import DatasetError
from workers.dataset.columns import Table
from workers.dataset.commits.committing import commit_shards
from workers.dataset.comparing.joining import joined
from workers.dataset.holders.publishing import publish_diff
from workers.dataset.removed.register import RegisterFolder, Reissue
from workers.dataset.removed.requests import lists_of
from workers.dataset.takedown.forgetting import forget_steps
from workers.dataset.takedown.matching import Criteria, Matcher, Source
from workers.dataset.takedown.policies import Policy, removed_by
from workers.dataset.takedown.reissue_plan import NO_UIDS, Plan, decide
from workers.dataset.takedown.removing import Done, Publisher, head_of, without_rows
from workers.dataset.version_rows import parts_of
from workers.failpoints import failpoint


@dataclass(frozen=True, slots=True)
class Reissued:
    """A version that was made to be published."""

    commit: str
    note: Reissue
    diff: OpenDiff | None  # None where none was asked for
    forgotten: int  # steps that are no longer in the store


def reissue(publisher: Publisher, register: RegisterFolder, plan: Plan) -> Reissued:
    """Decide, note it in the register, commit, publish the diff, and take the steps in between out of the store.

    Raises:
        TakedownError: real removals cannot be buried as deep as asked, or decoys would take out implausibly much.
        InputError: there is no such line or version, or nothing to do.
        RefMovedError: somebody else has committed in the meantime; the same command goes on from there.
    """
    store = publisher.store
    ours = (one for one in register.reissues() if one.dataset == store.about.name)
    note = next((one for one in ours if not one.commit), None)
    if note is None:
        note = decide(publisher, register, plan)
        failpoint("reissue.decided")
    commit = _commit(publisher, register, plan, note)
    failpoint("reissue.committed")
    _, after = store.read_commit(commit)
    note = msgspec.structs.replace(note, commit=commit, rows_after=after.rows)
    _reconcile(note)
    register.write(register.path / note.id / "reissue.json", note)
    failpoint("reissue.noted")
    diff = None
    if plan.diff is not None:
        diff = publish_diff(store, publisher.keys, note.base, commit, plan.diff, display=publisher.display)
    return Reissued(commit, note, diff, len(forget_steps(store, register)))


def _commit(publisher: Publisher, register: RegisterFolder, plan: Plan, note: Reissue) -> str:
    """The new version; where an earlier run has committed it already, that one."""
    store = publisher.store
    at, head = head_of(store, plan.ref)
    removed = register.removed(note.id)
    tombstones = _tombstones(store, note, removed)
    line = plan.onto or plan.ref
    onto = store.ref(line)
    if onto is not None and tombstones in store.read_commit(onto)[1].tombstones:
        return onto
    gone = sorted_uids(np.concatenate([removed, register.uids()]))
    fresh = _fresh(store, head, store.read_commit(note.base)[1], plan.policies, register)
    shards = without_rows(publisher, head, sorted_uids(np.concatenate([gone, fresh])), Done(at), unmask=True)
    return commit_shards(
        store, publisher.keys, shards, parents=[note.base], ref=line, at=onto, message="re-issued",
        recipe=head.recipe, inputs=head.inputs,
        lists=tuple(dict.fromkeys((*head.lists, register.in_force()))), tombstones=(tombstones,),
    )  # fmt: skip


def _tombstones(store: Store, note: Reissue, removed: Uids) -> Stored:
    """What is published of the removals: ids in one order, and classes that are nobody's in particular."""
    published = Tombstones(
        id=note.id,
        date=datetime.fromtimestamp(note.made_at, UTC).date().isoformat(),
        uids=tuple(uid.tobytes().hex() for uid in removed),
        policies=note.classes,
        neutral_per_real=note.burial,
    )
    return store.objects.put_bytes(canonical(published))


def _fresh(store: Store, head: Commit, base: Commit, policies: tuple[Policy, ...], register: RegisterFolder) -> Uids:
    """Ids of rows of new shards that policies remove, or that the register's lists name: they were never matched."""
    columns = [name for policy in policies for name in policy.columns]
    found = [NO_UIDS]
    fresh = [other for one, other in joined(store.shards(base), store.shards(head)) if one is None and other]
    for shard in fresh:
        found += [part.uids[removed_by(policies, part.rows)] for part in parts_of(store, shard, columns)]
    if fresh:
        tables = (Source(Table.open(standing(store, shard.table).path)) for shard in fresh)
        found.append(Matcher(Criteria(lists_of(register))).matches(tables, blindly=True).uids)
    return sorted_uids(np.concatenate(found))


def _reconcile(note: Reissue) -> None:
    """Every row of the version before is in the new one, or was removed for one reason that is counted."""
    left = note.rows_before - note.real - note.by_policy - note.decoys
    if note.rows_after < left or (note.rows_after != left and not note.adds):
        raise DatasetError(
            f"{note.id}: {note.rows_before:,} rows without {note.rows_before - left:,} are {left:,}, and the new "
            f"version has {note.rows_after:,}: publish nothing of it, and report this as a bug"
        )
