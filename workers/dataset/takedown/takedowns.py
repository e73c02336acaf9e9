"""A takedown comes in: its lists are read, stored columns are matched, and the register keeps both."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from crawler.dataset.diffs import sorted_uids
from crawler.dataset.manifest import Commit, Shard
from crawler.dataset.store import Store
from crawler.dataset.tables import standing
from filters.lists import load_lists
from filters.lists.compiled import keys_of
from filters.lists.private_files import read_key
from workers.dataset.columns import Table
from workers.dataset.removed.criteria import Criteria, Matches, Source
from workers.dataset.removed.register import RegisterFolder, Takedown, TakedownError
from workers.dataset.removed.requests import (
    KINDS,
    Request,
    as_uids,
    check,
    entries_of,
    ids_of,
    keep_lists,
    keep_stays,
    named_lists,
)
from workers.dataset.takedown.matching import CopyMatcher, Matcher
from workers.progress import Display

__all__ = ["Added", "Request", "add", "shown", "told"]

#: of the rows that were looked at: a list with the hash of something harmless in it takes out more (safety.md 3.8)
MOST_SHARE = 0.001
_ALWAYS = 10


@dataclass(frozen=True, slots=True)
class Added:
    """What came of a request."""

    takedown: Takedown
    blind: Mapping[str, int]  # rows that could not be compared, by kind


def add(
    store: Store,
    register: RegisterFolder,
    request: Request,
    *,
    version: str = "",
    so_many: bool = False,
    display: Display | None = None,
) -> Added:
    """Match what is stored, and keep what has to be removed and to stay removed. Nothing of the data set changes.

    Args:
        store: whose rows are matched.
        register: what keeps it.
        request: what is asked.
        version: the one whose rows are matched; "" for all that there are, refs or not.
        so_many: whether more than a thousandth of the rows may go.
        display: shows progress.

    Raises:
        SettingsError: a list cannot be read to its end, or the request names nothing; nothing was added.
        TakedownError: it would take out implausibly much.
        InputError: a table cannot be read, or has nothing to compare with.
    """
    check(request)
    lists = tuple(load_lists(named, Path(), KINDS[name]) for name, named in named_lists(request))
    criteria = Criteria(lists, ids_of(request), request.id_column, request.span)
    commits = _commits(store, version)
    tables = list(_sources(store, [commit for _, commit in commits]))
    found = Matcher(criteria).matches(_shown(tables, display, "rows matched"))
    if request.copies and len(found.digests):
        _join(found, CopyMatcher(found.digests).matches(_shown(tables, display, "copies looked for")))
    confidential = any(one.confidential for one in lists)
    if found.rows > max(_ALWAYS, MOST_SHARE * found.looked_at) and not so_many:
        raise TakedownError(
            f"would take out {found.rows:,} of {found.looked_at:,} rows, more than one in a thousand. A list may hold "
            "the hash of something harmless that many sites show, such as a 'not available' picture; nothing was "
            "added. If it is right, say --yes-so-many"
        )
    with register.adding("T") as (name, folder):
        keys = keys_of(read_key(register.key))
        foreign = keep_lists(request, folder, keys)
        uids = np.concatenate([found.uids, as_uids(criteria)])
        register.write_uids(folder / "uids", uids)
        keep_stays(folder, keys, found.urls, found.digests)
        takedown = Takedown(
            id=name,
            made_at=int(time.time()),
            reason=request.reason,
            authority=request.authority,
            dataset=store.about.name,
            versions=tuple(identity for identity, _ in commits),
            entries=entries_of(lists, criteria),
            rows=len(sorted_uids(found.uids)),
            of_rows=found.looked_at,
            by_kind=dict(sorted(found.by_kind.items())),
            confidential=confidential,
            keys=foreign,
            worker=request.span.worker if request.span else "",
            since=request.span.since if request.span else None,
            until=request.span.until if request.span else None,
        )
        register.write(folder / "takedown.json", takedown)
    return Added(takedown, dict(found.blind))


def told(count: int, *, confidential: bool) -> str:
    """A number for people: of confidential lists not below ten, for it would say which of ten rows."""
    return "fewer than 10" if confidential and count < 10 else f"{count:,}"


def shown(takedown: Takedown) -> dict[str, Any]:
    """A takedown for machines, with numbers as they are told."""
    record: dict[str, Any] = msgspec.to_builtins(takedown)
    if takedown.confidential:
        record["rows"] = told(takedown.rows, confidential=True)
        record["by_kind"] = {kind: told(count, confidential=True) for kind, count in takedown.by_kind.items()}
    return record


def stored_shards(store: Store, commits: list[Commit]) -> Iterator[Shard]:
    """The shards of these versions, each table once."""
    seen: set[str] = set()
    for commit in commits:
        for shard in store.shards(commit):
            if shard.table.sha256 not in seen:
                seen.add(shard.table.sha256)
                yield shard


def _commits(store: Store, version: str) -> list[tuple[str, Commit]]:
    if version:
        return [store.read_commit(version)]
    return [store.read_commit(one) for one in store.commits()]


def _sources(store: Store, commits: list[Commit]) -> Iterator[Source]:
    for shard in stored_shards(store, commits):
        made = shard.lineage
        yield Source(
            Table.open(standing(store, shard.table).path), made.worker if made else "", made.made_at if made else None
        )


def _shown(tables: list[Source], display: Display | None, title: str) -> Iterator[Source]:
    if display is None:
        yield from tables
        return
    with display.phase(title, sum(one.table.rows for one in tables), "rows") as phase:
        for source in tables:
            yield source
            phase.advance(source.table.rows)


def _join(found: Matches, copies: Matches) -> None:
    """Count what has the same bytes as a match and is none itself."""
    before = {one.tobytes() for one in found.uids}
    fresh = np.array([one.tobytes() not in before for one in copies.uids], np.bool_)
    if fresh.any():
        found.by_kind["copies"] = int(fresh.sum())
    found.rows += int(fresh.sum())
    found.uids = sorted_uids(np.concatenate([found.uids, copies.uids]))
    found.urls |= copies.urls
