"""`Seen` over an index in this process, with the claims of jobs that are not committed yet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crawler.errors import RunFolderError
from crawler.seen.index import Index
from crawler.seen.keys import Keys, come_again
from crawler.seen.segment import Segment
from crawler.seen.shards import committed_shard


class LocalSeen:
    """See `Seen`. `shards` is the folder that the run's own shards go to, and one of the index's sources.

    Not for use by two threads at once.
    """

    def __init__(self, index: Index, shards: Path) -> None:
        self._index = index
        self._shards = shards
        self._claims: dict[str, Segment] = {}

    def claim(self, shard: str, keys: Keys) -> NDArray[np.bool_]:
        """See `Seen.claim`."""
        own = self._index.shard_keys(self._shards, shard)  # of an earlier try of the same job, which was committed
        taken = self._index.contains(keys)
        if own is not None:
            taken &= ~Segment.of(own).contains(keys)
        for name, claimed in self._claims.items():
            if name != shard:
                taken |= claimed.contains(keys)
        taken |= come_again(keys)
        self._claims[shard] = Segment.of(keys[~taken])
        return taken

    def confirm(self, shard: str) -> None:
        """See `Seen.confirm`."""
        committed = committed_shard(self._shards, shard)
        if committed is None:
            raise RunFolderError(f"{self._shards}: shard {shard} is not committed, so nothing of it was seen")
        self._index.add(committed)
        self._claims.pop(shard, None)

    def release(self, shard: str) -> None:
        """See `Seen.release`."""
        self._claims.pop(shard, None)

    def close(self) -> None:
        """See `Seen.close`."""
        self._index.flush()
