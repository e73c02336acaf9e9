"""What goes with a re-issue, decided once and kept in the register before anything is committed."""

from __future__ import annotations

import hmac
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from crawler.dataset.diffs import Uids, among, sorted_uids
from crawler.dataset.manifest import Commit
from crawler.dataset.store import Store
from crawler.errors import InputError
from filters.lists.compiled import keys_of
from filters.lists.private_files import read_key
from workers.dataset.columns import digests, texts
from workers.dataset.comparing.joining import is_same, joined
from workers.dataset.removed.register import RegisterFolder, Reissue, TakedownError
from workers.dataset.removed.requests import keep_stays
from workers.dataset.takedown.burying import Burial, Judged, Rows, bury
from workers.dataset.takedown.policies import Policy, removed_by
from workers.dataset.takedown.removing import Publisher, head_of
from workers.dataset.version_rows import has_picture, parts_of, pictured, shard_uids

if TYPE_CHECKING:
    import pyarrow as pa

#: Re-LAION-5B removed 2,236 links among 65 million (safety.md 1.1): 1 in 29,000; case 45 asks for 1 in 10,000
BURIAL = 10_000
#: decoys are rows that were good: more of them than this is asked about
_MOST_DECOYS = 0.05
#: what tombstones call the class of real removals and of decoys
_REQUEST = "request"
#: none
NO_UIDS = np.empty((0, 16), np.uint8)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a re-issue is asked to do."""

    policies: tuple[Policy, ...] = ()
    burial: int = BURIAL  # neutral rows for each real one, at least
    ref: str = "main"
    onto: str = ""  # another line that the new version begins or goes on with; "" for the same one
    base: str = ""  # the version that was published last; "" finds it
    diff: Path | None = None  # where the published diff is written
    so_many: bool = False  # more than a twentieth of the rows may go as decoys


class _Versions(NamedTuple):
    at: str  # id of the newest version
    head: Commit
    base_id: str
    base: Commit  # the version that was published last


def last_published(store: Store, register: RegisterFolder, commit: str) -> str:
    """The nearest version that is no step: the commit itself, or the first of its forebears.

    Raises:
        InputError: all of them are steps.
    """
    steps = register.steps()
    for identity, _ in store.history(commit):
        if identity not in steps:
            return identity
    raise InputError(f"{commit[:12]}: comes from no published version; name it with --since")


def decide(publisher: Publisher, register: RegisterFolder, plan: Plan) -> Reissue:
    """What goes, kept in the register under a new name.

    Raises:
        TakedownError: real removals cannot be buried as deep as asked, or decoys would take out implausibly much.
        InputError: there is no such line or version, or nothing to do.
    """
    store = publisher.store
    at, head = head_of(store, plan.ref)
    base_id, base = store.read_commit(plan.base or last_published(store, register, at))
    found = _Versions(at, head, base_id, base)
    takedowns = tuple(one.id for one in register.takedowns())
    named = register.uids(*takedowns) if takedowns else NO_UIDS
    explained = sorted_uids(np.concatenate([_gone_already(store, found, named), _published(register)]))
    buried = bury(
        _judged(store, base, named, explained, plan.policies),
        lambda: (rows for rows, _ in _every(store, base, ())),
        rows=base.rows,
        named=len(named),
        burial=plan.burial,
        key=_draw_key(register, base_id),
    )
    _refuse(buried, base, plan)
    with register.adding("R") as (name, folder):
        register.write_uids(folder / "uids", np.concatenate([buried.real, buried.decoys]))
        register.write_uids(folder / "removed", buried.removed)
        _keep_stays(store, base, sorted_uids(np.concatenate([buried.real, buried.decoys])), register, folder)
        note = Reissue(
            id=name,
            made_at=int(time.time()),
            dataset=store.about.name,
            base=base_id,
            commit="",
            takedowns=takedowns,
            classes=(*((_REQUEST,) if len(buried.real) else ()), *(one.name for one in plan.policies)),
            rows_before=base.rows,
            rows_after=0,
            real=buried.total("every_real"),
            by_policy=buried.total("neutral"),
            decoys=buried.total("decoys"),
            burial=plan.burial,
            adds=_adds(store, found),
        )
        register.write(folder / "reissue.json", note)
    return note


def _published(register: RegisterFolder) -> Uids:
    """Ids that earlier re-issues have removed: where they come back, everybody knows why they go."""
    done = [one.id for one in register.reissues()]
    return register.uids(*done) if done else NO_UIDS


def _judged(store: Store, base: Commit, named: Uids, explained: Uids, policies: tuple[Policy, ...]) -> Iterator[Judged]:
    """Every row of the version that was published last, and why it goes, if it does."""
    for rows, table in _every(store, base, tuple(name for policy in policies for name in policy.columns)):
        yield Judged(rows, among(rows.uids, named), removed_by(policies, table) | among(rows.uids, explained))


def _every(store: Store, base: Commit, columns: tuple[str, ...]) -> Iterator[tuple[Rows, pa.Table]]:
    """Every row of a version, and its values in these columns."""
    for shard in store.shards(base):
        keys = pictured(store, shard)
        for part in parts_of(store, shard, ["key", "sha256", *columns]):
            yield Rows(part.uids, part.groups, has_picture(part, keys)), part.rows


def _gone_already(store: Store, found: _Versions, named: Uids) -> Uids:
    """Ids of rows that masks have taken out since the last published version; what cuts took out is named."""
    missing, fresh = [NO_UIDS], [NO_UIDS]
    for one, other in joined(store.shards(found.base), store.shards(found.head)):
        if is_same(one, other):
            continue
        before = shard_uids(store, one)[1] if one else NO_UIDS
        after = shard_uids(store, other)[1] if other else NO_UIDS
        missing.append(before[~among(before, sorted_uids(after))])
        fresh.append(after)
    gone = sorted_uids(np.concatenate(missing))
    return gone[~among(gone, sorted_uids(np.concatenate([*fresh, named])))]


def _adds(store: Store, found: _Versions) -> bool:
    """Whether the newest version has shards that the last published one has not."""
    return any(one is None for one, _ in joined(store.shards(found.base), store.shards(found.head)))


def _keep_stays(store: Store, base: Commit, uids: Uids, register: RegisterFolder, folder: Path) -> None:
    """Addresses and digests of real removals and decoys, which must stay away alike in later crawls."""
    urls: set[str] = set()
    found = [np.empty((0, 32), np.uint8)]
    for shard in store.shards(base):
        for part in parts_of(store, shard, ["url", "sha256"]):
            gone = among(part.uids, uids)
            if gone.any():
                rows = part.rows.filter(gone)
                urls |= {url for url in texts(rows, "url") if url} if "url" in rows.column_names else set()
                found.append(digests(rows, "sha256", 32)[1])
    keep_stays(folder, keys_of(read_key(register.key)), urls, np.concatenate(found))


def _refuse(buried: Burial, base: Commit, plan: Plan) -> None:
    """Raises where nothing would change, or where the decoys are more than anybody would give up unasked."""
    if not len(buried.removed):
        raise InputError(f"{plan.ref}: nothing is to be removed from it: no takedown and no policy names a row of it")
    if buried.total("decoys") > _MOST_DECOYS * base.rows and not plan.so_many:
        raise TakedownError(
            f"{buried.total('decoys'):,} of {base.rows:,} rows would go as decoys, and they are gone for good. Say "
            "--yes-so-many if that is right, or lower --burial, knowing what that shows"
        )


def _draw_key(register: RegisterFolder, base: str) -> bytes:
    return hmac.digest(read_key(register.key), b"pairtrawl decoys\n" + base.encode(), "sha256")
