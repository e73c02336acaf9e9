"""Two versions into one: shards first, rows where both changed a shard, against the version that both came from.

What only one side did is done. Where both did something to the same row there is a conflict, which is named; a merge
with conflicts is made only when it is said whose word counts. What either side's removals name stays removed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from crawler.dataset.cutting import Positions
from crawler.dataset.keys import Keys
from crawler.dataset.manifest import Commit, Shard
from crawler.dataset.store import Store
from crawler.dataset.uids import among
from workers.dataset.commits.committing import commit_shards
from workers.dataset.commits.cutting_shards import cut_version_shard
from workers.dataset.commits.tombstones import refused_by
from workers.dataset.comparing.conflicts import Conflict, ConflictsError, Decision, Side, decide
from workers.dataset.comparing.joining import ShardRows, Uids, is_same, joined
from workers.progress import Display

Take = Literal["ours", "theirs"]


@dataclass(slots=True)
class Merged:
    """What a merge did."""

    commit: str
    how: Literal["nothing", "forward", "merged"]  # "forward": our line had nothing of its own
    conflicts: list[Conflict] = field(default_factory=list)  # settled by whom the caller said


@dataclass(frozen=True, slots=True)
class _Task:
    """What becomes of the shards of one name."""

    base: Shard | None
    ours: Shard | None
    theirs: Shard | None


def merge(
    store: Store,
    keys: Keys,
    version: str,
    *,
    ref: str,
    scratch: Path,
    take: Take | None = None,
    message: str = "",
    display: Display | None = None,
) -> Merged:
    """Merge a version into a line of versions.

    Args:
        store: where both are.
        keys: the publisher's.
        version: theirs: a ref, tag or id.
        ref: ours: the line that moves on.
        scratch: a folder of this machine for shards until they are stored.
        take: whose word counts where both did something to a row; None: conflicts end the merge.
        message: what is new.
        display: shows progress.

    Raises:
        ConflictsError: both did something to the same rows; nothing was made.
        RefMovedError: somebody else has moved the ref.
        InputError, DatasetError, StoreUnavailableError, OSError: as `cut_version_shard`.
    """
    at = store.ref(ref)
    ours_id, ours = store.read_commit(ref)
    theirs_id, theirs = store.read_commit(version)
    above_ours = [one for one, _ in store.history(ours_id)]
    if theirs_id in above_ours:
        return Merged(ours_id, "nothing")
    above_theirs = [one for one, _ in store.history(theirs_id)]
    if ours_id in above_theirs:
        store.move_ref(ref, at, theirs_id)
        return Merged(theirs_id, "forward")
    base = next((one for one in above_theirs if one in set(above_ours)), None)
    common = None if base is None else store.read_commit(base)[1]
    work = _Merging(store, keys, (common, ours, theirs), take, scratch)
    conflicts = work.conflicts()
    if conflicts and take is None:
        raise ConflictsError(conflicts)
    with display.phase("merge", None, "shards") if display else nullcontext() as phase:
        shards = []
        for shard in work.shards():
            shards.append(shard)
            if phase is not None:
                phase.advance(1)
    made = commit_shards(
        store,
        keys,
        sorted(shards, key=lambda one: one.name),
        parents=[ours_id, theirs_id],
        ref=ref,
        at=at,
        message=message,
        recipe=ours.recipe if ours.recipe == theirs.recipe else "",
        inputs=tuple(dict.fromkeys((*ours.inputs, *theirs.inputs))),
        lists=tuple(dict.fromkeys((*ours.lists, *theirs.lists))),
    )
    return Merged(made, "merged", conflicts)


class _Merging:
    """One merge. Decisions are made from leaves and ids; a shard is read only where it is cut."""

    def __init__(
        self,
        store: Store,
        keys: Keys,
        commits: tuple[Commit | None, Commit, Commit],
        take: Take | None,
        scratch: Path,
    ) -> None:
        self._store = store
        self._keys = keys
        self._commits = commits
        _, ours, theirs = commits
        self._take: Take = take or "ours"
        self._scratch = scratch
        #: ids that the other side removed for good
        self._refused = {
            "ours": refused_by(store, theirs, but=ours),
            "theirs": refused_by(store, ours, but=theirs),
        }
        self._names: _Names | None = None

    def conflicts(self) -> list[Conflict]:
        """All of them; nothing is written."""
        found = []
        for task in self._tasks():
            if self._whole_side(task) is None:
                found += self._decision(task).conflicts
        return found

    def shards(self) -> Iterator[Shard]:
        """The shards of the merged version, in no order. Those that are new in it are stored on the way."""
        self._names = _Names(shard.name for commit in self._commits if commit for shard in self._store.shards(commit))
        for task in self._tasks():
            side = self._whole_side(task)
            if side is None:
                yield from self._joined_rows(task)
                continue
            shard = task.ours if side == "ours" else task.theirs
            if shard is not None:
                keep = self._allowed(side, ShardRows(self._store, shard), None)
                left = self._cut(shard, keep)
                if left is not None:
                    yield left

    def _tasks(self) -> Iterator[_Task]:
        base, ours, theirs = self._commits
        before = iter(self._store.shards(base)) if base else iter(())
        ahead = next(before, None)
        for one, other in joined(self._store.shards(ours), self._store.shards(theirs)):
            name = one.name if one is not None else other.name if other is not None else ""
            while ahead is not None and ahead.name < name:  # both took it out
                ahead = next(before, None)
            is_there = ahead is not None and ahead.name == name
            yield _Task(ahead if is_there else None, one, other)

    def _whole_side(self, task: _Task) -> Take | None:
        """Whose shard is taken as it is; None where rows have to be looked at."""
        if is_same(task.ours, task.theirs) or is_same(task.base, task.theirs):
            return "ours"
        if task.base is None and task.theirs is None:
            return "ours"
        if is_same(task.base, task.ours) or (task.base is None and task.ours is None):
            return "theirs"
        return None

    def _decision(self, task: _Task) -> Decision:
        return decide(
            task.ours.name if task.ours else task.theirs.name if task.theirs else "",
            *(Side.of(self._store, shard) for shard in (task.base, task.ours, task.theirs)),
            take=self._take,
        )

    def _joined_rows(self, task: _Task) -> Iterator[Shard]:
        """Our shard without what they removed, and a further one of what they have that we have not."""
        decision = self._decision(task)
        assert self._names is not None
        if task.ours is not None and len(decision.from_ours):
            rows = ShardRows(self._store, task.ours)
            left = self._cut(task.ours, self._allowed("ours", rows, decision.from_ours))
            if left is not None:
                yield left
        if task.theirs is not None and len(decision.from_theirs):
            rows = ShardRows(self._store, task.theirs)
            is_free = task.ours is None or not len(decision.from_ours)
            name = task.theirs.name if is_free else self._names.next_like(task.theirs.name)
            left = self._cut(task.theirs, self._allowed("theirs", rows, decision.from_theirs), name)
            if left is not None:
                yield left

    def _allowed(self, side: Take, rows: ShardRows, chosen: Positions | None) -> Positions | None:
        """Positions of the chosen rows (None: of all) that the other side's removals do not name; None for all."""
        refused: Uids = self._refused[side]
        if not len(refused):
            return None if chosen is None else rows.positions[chosen]
        allowed = ~among(rows.uids, refused)
        if chosen is None:
            return None if allowed.all() else rows.positions[allowed]
        left: Positions = rows.positions[chosen][allowed[chosen]]
        return left

    def _cut(self, shard: Shard, keep: Positions | None, name: str | None = None) -> Shard | None:
        if keep is None:
            return shard
        return cut_version_shard(self._store, self._keys, shard, keep, self._scratch, name=name)


class _Names:
    """New names for shards, behind all that there are and as long as they are."""

    def __init__(self, taken: Iterator[str]) -> None:
        self._taken = set(taken)
        self._next = 1 + max((int(name) for name in self._taken if name.isdecimal()), default=-1)

    def next_like(self, name: str) -> str:
        while True:
            made = f"{self._next:0{len(name)}d}" if name.isdecimal() else f"{name}-{self._next}"
            self._next += 1
            if made not in self._taken:
                self._taken.add(made)
                return made
