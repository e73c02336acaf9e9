"""What was seen before: an index of the hashes that the kept rows of a data set have, at billions of rows.

`keys` makes 76 bits of a hash, `segment` is a sorted file of them, `shards` reads the tables, `index` keeps segments in
step with tables, `local` adds the claims of jobs that are not committed yet, `opening` puts them together for a run.
docs/decisions/0020 has the arithmetic. What always holds:

1. The index is a function of committed shards: delete it, and it is made again from their tables, and is equal.
2. It is never ahead of durable storage: a key goes in when the shard that holds it has its marker. What a job has only
   claimed is in memory, and goes with the process.
3. It may be behind: whoever opens it reads the tables that it lacks, and forgets shards that are gone or were made
   anew. A kill between a shard's marker and the index therefore loses nothing.
4. A job that runs again gets the answers of the first time: what its own shard holds is no duplicate of itself.
5. Of two jobs at once that hold the same file exactly one keeps it: whoever claims first. It does so for good when its
   shard is committed; should it fail instead, the file is free for the next one that comes.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from crawler.seen.keys import Keys


class Seen(Protocol):
    """What the jobs of a run ask before they commit, wherever they run. `shard` is the name of the job's shard."""

    def claim(self, shard: str, keys: Keys) -> NDArray[np.bool_]:
        """Which of a job's keys are somebody else's, or come twice; the job has the others now, provisionally.

        True for each key that an earlier run, another shard or another job's claim holds, and for one that stands
        earlier in `keys`. A second claim of the same shard takes the place of the first.

        Raises:
            RunFolderError: a table that the index needs cannot be read.
            IndexLostError: the processes that hold the index cannot be reached.
        """
        ...

    def confirm(self, shard: str) -> None:
        """The shard is committed: its keys are in the index from now on.

        Raises:
            RunFolderError: it is not committed, or its table cannot be read.
            IndexLostError: as `claim`.
        """
        ...

    def release(self, shard: str) -> None:
        """The job has ended without a shard: what it claimed is free. Nothing happens where it claimed nothing.

        Raises:
            IndexLostError: as `claim`.
        """
        ...

    def close(self) -> None:
        """Write what is only in memory. What is lost without it is read from the tables again."""
        ...


class NothingSeen:
    """A `Seen` that has seen nothing and remembers nothing: for recipes that keep every file."""

    def claim(self, _shard: str, keys: Keys) -> NDArray[np.bool_]:
        """Nobody's, all of them."""
        return np.zeros(len(keys), np.bool_)

    def confirm(self, _shard: str) -> None:
        """Nothing to note."""

    def release(self, _shard: str) -> None:
        """Nothing to free."""

    def close(self) -> None:
        """Nothing to write."""
