"""Versions of a data set for tests: shards of rows that are known by a number, written by the crawler's own writer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import patch

import msgspec

from crawler.dataset.keys import Keys, new_keys
from crawler.dataset.manifest import Shard
from crawler.dataset.store import Store, new_store
from crawler.records import Fault, Hashes, Header, Rejected, Sample
from crawler.rows import Pictured, rejected_row
from crawler.settings import Output
from crawler.write import ShardWriter, pictured
from tests.builders import a_candidate, a_fetched
from workers.dataset.commits import committing
from workers.dataset.commits.storing import store_shard
from workers.dataset.comparing.joining import ShardRows

SCORES = (("punsafe", "float"), ("punsafe_model", "string"))
ROWS_A_SHARD = 1_000


def a_keys(folder: Path) -> Keys:
    """A publisher's keys."""
    return new_keys(folder)


def a_store(folder: Path, keys: Keys) -> Store:
    """An empty store."""
    return new_store(str(folder), "boats", keys)


def a_row(number: int, said: str = "") -> Pictured:
    """Row `number`; every fourth one has no picture. `said` changes the picture and the score, not the id."""
    candidate = a_candidate(f"boat {number}", image_url=f"http://images.test/{number}.jpg")
    if number % 4 == 3:
        return Pictured(rejected_row(Rejected(candidate, Fault.TIMEOUT)), b"", "")
    fetched = a_fetched(b"as received", candidate=candidate)
    header = Header(width=100 + number, height=100, format="PNG", frames=1)
    hashes = Hashes("m" * 32, "1" * 40, "2" * 64, number, 2, 99)
    image = f"picture {number}{said}".encode() * 40
    scores = (("punsafe", (number % 100) / 100),)
    return pictured(Sample(fetched, header, hashes, image, 100 + number, 100, scores), Output())


def uid(number: int) -> str:
    """The id of row `number`, in hex."""
    return a_candidate(f"boat {number}", image_url=f"http://images.test/{number}.jpg").content_id


def write_shard(folder: Path, number: int, rows: Iterable[int], said: Mapping[int, str] | None = None) -> None:
    """A shard in a folder, as a job leaves it."""
    folder.mkdir(parents=True, exist_ok=True)
    with ShardWriter(folder, number, ROWS_A_SHARD, Output(), SCORES) as writer:
        for index, row in enumerate(rows):
            one = a_row(row, (said or {}).get(row, ""))
            if one.extension:
                writer.keep(index, one)
            else:
                writer.reject(index, one.row)
        writer.commit({})


def stored(store: Store, keys: Keys, folder: Path) -> list[Shard]:
    """The shards of a folder, in the store."""
    return [
        store_shard(store, keys, table.stem, table, table.with_suffix(".tar"))
        for table in sorted(folder.glob("*.parquet"))
    ]


def committed(
    store: Store,
    keys: Keys,
    folder: Path,
    shards: Mapping[int, Iterable[int]],
    *,
    ref: str = "main",
    said: Mapping[int, str] | None = None,
    parents: tuple[str, ...] | None = None,
    described: bool = False,
) -> str:
    """A version whose shards have these rows, written into `folder` first; its parent is what the ref was at."""
    for number, rows in shards.items():
        write_shard(folder, number, rows, said)
    return commit_list(store, keys, stored(store, keys, folder), ref=ref, parents=parents, described=described)


def commit_list(
    store: Store,
    keys: Keys,
    shards: Iterable[Shard],
    *,
    ref: str = "main",
    parents: tuple[str, ...] | None = None,
    described: bool = False,
) -> str:
    """A version of shards that are in the store; card and statistics, half of a commit's time, only if asked for."""
    at = store.ref(ref)
    came_from = parents if parents is not None else ((at,) if at else ())
    with nullcontext() if described else patch.object(committing, "_described", lambda *_: {}):
        return committing.commit_shards(store, keys, shards, parents=came_from, ref=ref, at=at, message="")


def shard_named(store: Store, version: str, name: str) -> Shard:
    """A shard of a version."""
    return next(one for one in store.shards(store.read_commit(version)[1]) if one.name == name)


def rows_of(store: Store, version: str) -> dict[str, list[str]]:
    """The ids of the rows of each shard of a version, in hex and in order."""
    return {
        shard.name: [row.tobytes().hex() for row in ShardRows(store, shard).uids]
        for shard in store.shards(store.read_commit(version)[1])
    }


def renamed(shard: Shard, name: str) -> Shard:
    """The same under another name."""
    return msgspec.structs.replace(shard, name=name)
