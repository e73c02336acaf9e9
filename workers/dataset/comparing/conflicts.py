"""What becomes of the rows of a shard that two sides changed. Pure, but for reading ids and leaves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from crawler.dataset.manifest import Shard
from crawler.dataset.store import Store
from crawler.errors import PairtrawlError
from workers.dataset.comparing.joining import ShardRows

_SHOWN = 20

Kind = Literal["both_changed", "both_added", "we_changed_they_removed", "we_removed_they_changed"]


class Conflict(msgspec.Struct, frozen=True, order=True):
    """A row to which both sides did something, each something else."""

    shard: str
    uid: str  # 32 hex digits
    kind: Kind


class ConflictsError(PairtrawlError):
    """Two versions cannot be merged without somebody saying whose word counts; the message names the first rows."""

    def __init__(self, conflicts: list[Conflict]) -> None:
        """`conflicts` are all of them."""
        self.conflicts = sorted(conflicts)
        first = "\n".join(f"  shard {one.shard}, row {one.uid}: {one.kind}" for one in self.conflicts[:_SHOWN])
        more = len(conflicts) - _SHOWN
        super().__init__(
            f"{len(conflicts):,} rows were changed on both sides; --take ours or --take theirs settles them:\n{first}"
            + (f"\n  and {more:,} more (--json names all)" if more > 0 else "")
        )


@dataclass(frozen=True, slots=True)
class Side:
    """The rows of a shard on one side: their ids and leaves, in order."""

    uids: tuple[bytes, ...] = ()
    leaves: tuple[bytes, ...] = ()

    @classmethod
    def of(cls, store: Store, shard: Shard | None) -> Self:
        """Those of a shard; a side without the shard has no rows."""
        if shard is None:
            return cls()
        rows = ShardRows(store, shard)
        return cls(tuple(row.tobytes() for row in rows.uids), tuple(row.tobytes() for row in rows.leaves))

    def ids_of(self, leaves: Iterable[bytes]) -> set[bytes]:
        """Ids of the rows with these leaves."""
        wanted = set(leaves)
        return {uid for uid, leaf in zip(self.uids, self.leaves, strict=True) if leaf in wanted}


@dataclass(frozen=True, slots=True)
class Decision:
    """Which rows of each side stay, by their place among the side's rows, ascending."""

    from_ours: NDArray[np.int64]
    from_theirs: NDArray[np.int64]
    conflicts: list[Conflict]


def decide(name: str, base: Side, ours: Side, theirs: Side, *, take: Literal["ours", "theirs"]) -> Decision:
    """Merge the rows of one shard.

    Args:
        name: of the shard.
        base: rows of the version that both came from.
        ours: rows of our side.
        theirs: rows of the other.
        take: whose word counts for a row to which both did something.
    """
    before, here, there = set(base.leaves), set(ours.leaves), set(theirs.leaves)
    our_removed, their_removed = base.ids_of(before - here), base.ids_of(before - there)
    # rows that are new on both sides and say the same are no matter of dispute
    our_new, their_new = ours.ids_of(here - before - there), theirs.ids_of(there - before - here)
    kinds: dict[bytes, Kind] = {}
    for uid in our_new & their_new:
        kinds[uid] = "both_changed" if uid in our_removed | their_removed else "both_added"
    for uid in (our_new & their_removed) - their_new:
        kinds[uid] = "we_changed_they_removed"
    for uid in (their_new & our_removed) - our_new:
        kinds[uid] = "we_removed_they_changed"
    ours_first = take == "ours"
    from_ours = [
        place
        for place, (uid, leaf) in enumerate(zip(ours.uids, ours.leaves, strict=True))
        if leaf in there or (ours_first if uid in kinds else leaf not in before)
    ]
    from_theirs = [
        place
        for place, (uid, leaf) in enumerate(zip(theirs.uids, theirs.leaves, strict=True))
        if leaf not in here and (not ours_first if uid in kinds else leaf not in before)
    ]
    return Decision(
        np.array(from_ours, np.int64),
        np.array(from_theirs, np.int64),
        sorted(Conflict(name, uid.hex(), kind) for uid, kind in kinds.items()),
    )
