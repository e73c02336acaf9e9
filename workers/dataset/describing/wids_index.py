"""The index of shards that webdataset's `wids` reads: samples by number, as `wids.ShardListDataset` gives them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from crawler.dataset.manifest import Shard
from workers.dataset.describing.hub_layout import CHECKOUT


class Entry(NamedTuple):
    """A tar."""

    path: str  # relative to the index
    samples: int
    bytes: int | None  # None where it is not known


def entries_of(shards: Iterable[Shard]) -> Iterator[Entry]:
    """The tars of a version, as a checkout has them: without masked samples."""
    for shard in shards:
        samples = shard.samples - shard.masked_samples
        if shard.tar is not None and samples:
            yield Entry(CHECKOUT.path_of(shard.name, ".tar"), samples, None if shard.masked else shard.tar.bytes)


def wids_index(name: str, entries: Iterable[Entry]) -> Iterator[bytes]:
    """`wids.json`, in pieces."""
    head = {"__kind__": "wids-shard-index-v1", "wids_version": 1, "name": name}
    yield msgspec.json.encode(head)[:-1] + b',"shardlist":['
    comma = b"\n"
    for one in entries:
        entry = {"url": one.path, "nsamples": one.samples}
        yield comma + msgspec.json.encode(entry | ({} if one.bytes is None else {"filesize": one.bytes}))
        comma = b",\n"
    yield b"\n]}\n"
