"""The proof that one version is a part of another, made of the store of both."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from crawler.commit import atomic_path
from crawler.dataset.canonical import canonical
from crawler.dataset.manifest import Commit, Shard, SignedCommit
from crawler.dataset.store import Store
from crawler.dataset.subset_proofs import Both
from crawler.errors import InputError
from crawler.tar import TarFile
from workers.dataset.commits.committing import version_leaf
from workers.dataset.comparing.joining import joined
from workers.progress import Phase

_LEAF = 32


def prove_subset(store: Store, whole: str, part: str, path: Path, *, phase: Phase | None = None) -> None:
    """Write the proof that every row of the version `part` is a row of `whole`, shard by shard of the same name.

    Both may have been purged: the proof stands on leaves, which stay.

    Raises:
        InputError: a row of the part is not in the whole's shard of that name; there is nothing to prove.
        DatasetError: a file of a version is missing.
        StoreUnavailableError, OSError: as `Objects.read`; the disk is full.
    """
    ours, theirs = store.read_commit(whole), store.read_commit(part)
    with atomic_path(path) as temporary, TarFile(temporary) as tar:
        tar.add("proof.json", canonical(Both(signed_commit(store, ours[0]), signed_commit(store, theirs[0]))))
        tar.add("whole.jsonl", _lines(store, ours[1]))
        tar.add("part.jsonl", _lines(store, theirs[1]))
        masks: set[str] = set()
        place = 0
        for one, other in joined(store.shards(ours[1]), store.shards(theirs[1])):
            if phase is not None:
                phase.advance(1)
            if other is None:
                continue
            if one is None:
                raise InputError(f"{part}: shard {other.name} is not in {whole}, so it is no part of it")
            if (one.root, one.mask) != (other.root, other.mask):
                _add(store, tar, place, (one, other), masks)
            place += 1


def signed_commit(store: Store, version: str) -> SignedCommit:
    """The manifest of a version with its signature; `version` is an id that was read before."""
    held = store.documents.read(f"commits/{version}.json")
    assert held is not None
    return msgspec.json.decode(held, type=SignedCommit)


def _add(store: Store, tar: TarFile, place: int, shards: tuple[Shard, Shard], masks: set[str]) -> None:
    leaves = store.objects.read(shards[0].leaves)
    stays = _stays(leaves, store.objects.read(shards[1].leaves))
    if stays is None:
        raise InputError(
            f"shard {shards[1].name}: a row is not in that of the other version, or stands elsewhere in it"
        )
    tar.add(f"leaves/{place:08d}", leaves)
    tar.add(f"stays/{place:08d}", np.packbits(stays, bitorder="little").tobytes())
    for shard in shards:
        if shard.mask is not None and shard.mask.sha256 not in masks:
            tar.add(f"masks/{shard.mask.sha256}", store.objects.read(shard.mask))
            masks.add(shard.mask.sha256)


def _stays(leaves: bytes, left: bytes) -> NDArray[np.bool_] | None:
    """Which leaves of the whole the part's are, in order; None where one is not there."""
    stays = np.zeros(len(leaves) // _LEAF, np.bool_)
    wanted = [left[at : at + _LEAF] for at in range(0, len(left), _LEAF)]
    ahead = 0
    for place in range(len(stays)):
        if ahead < len(wanted) and leaves[place * _LEAF : place * _LEAF + _LEAF] == wanted[ahead]:
            stays[place] = True
            ahead += 1
    return stays if ahead == len(wanted) else None


def _lines(store: Store, commit: Commit) -> bytes:
    return b"".join(version_leaf(shard) + b"\n" for shard in store.shards(commit))
