"""One shard into the store: its table and tar as they are, and what is made of them."""

from __future__ import annotations

from pathlib import Path

from crawler.dataset.keys import Keys
from crawler.dataset.manifest import Lineage, Shard, Stored
from crawler.dataset.merkle import Growing
from crawler.dataset.row_digests import Salter, digests, leaf_data
from crawler.dataset.store import Store
from crawler.dataset.tar_index import index_of, written_index
from crawler.errors import DatasetError
from workers.failpoints import failpoint


def store_shard(
    store: Store,
    keys: Keys,
    name: str,
    table: Path,
    tar: Path | None,
    *,
    lineage: Lineage | None = None,
    expect: tuple[Stored | None, Stored | None] = (None, None),
) -> Shard:
    """Store a shard; doing it again changes nothing and writes nothing.

    Args:
        store: where to.
        keys: their secret salts the leaves.
        name: of the shard, unique in a version.
        table: the parquet file, with a column `key`.
        tar: None for metadata alone.
        lineage: who made it, where strangers did.
        expect: what table and tar are said to be; objects that are there already are not read for their digests.

    Raises:
        InputError: table and tar are no shard: see `index_of` and `digests`.
        DatasetError: a file is not what was expected, or changed while it was read.
        StoreUnavailableError, OSError: as `Objects.put`.
    """
    before = _state(table), _state(tar)
    stored_table = store.objects.put(table, expect[0])
    failpoint("dataset.table_stored")
    stored_tar = None if tar is None else store.objects.put(tar, expect[1])
    failpoint("dataset.tar_stored")
    index = None if tar is None else index_of(tar)
    salter, tree = Salter(keys.salt_secret), Growing()
    salts, leaves = bytearray(), bytearray()
    for digest in digests(table, index):
        salt = salter.salt(digest)
        leaf = leaf_data(salt, digest)
        tree.add(leaf)
        salts += salt
        leaves += leaf
    if before != (_state(table), _state(tar)):
        raise DatasetError(f"{table}: the shard changed while it was read; is a run at work in its folder?")
    stored_index = None if index is None else store.objects.put_bytes(written_index(index))
    stored_leaves = store.objects.put_bytes(bytes(leaves))
    failpoint("dataset.leaves_stored")
    return Shard(
        name=name,
        rows=tree.leaves,
        samples=0 if index is None else len(index),
        root=tree.root().hex(),
        table=stored_table,
        leaves=stored_leaves,
        salts=store.objects.put_bytes(bytes(salts)),
        tar=stored_tar,
        index=stored_index,
        lineage=lineage,
    )


def _state(path: Path | None) -> tuple[int, int, int] | None:
    if path is None:
        return None
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_ino
