"""The proof that one version is a part of another: every row of it is a row of the other, and nothing more is shown.

A plain tar, which a stranger can check (docs/proofs.md):

    proof.json        both manifests, signed
    whole.jsonl       what stands for each shard of the whole in its tree, in order, a line each
    part.jsonl        the same of the part
    leaves/NNNNNNNN   for a shard of the part, by its place, that is not as in the whole: the leaves that it has there
    stays/NNNNNNNN    a bit for each of these, least significant first: 1 = it is the next leaf of the part's shard
    masks/SHA256      masks of such shards

Leaves are hashes of salted digests: they say nothing about rows.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from crawler.dataset.manifest import SignedCommit
from crawler.dataset.merkle import root_of
from crawler.dataset.proofs import ProofError, ShardLeaf, check_commit, refuse_format
from crawler.errors import InputError

FORMAT = "pairtrawl-proof-subset-1"
_LEAF = 32


class Both(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`proof.json`."""

    whole: SignedCommit
    part: SignedCommit
    format: str = FORMAT


class Shown(msgspec.Struct, frozen=True):
    """What a proof shows: the part is a subset of the whole."""

    whole: str  # ids of the commits
    part: str
    dataset: str
    rows: int  # of the part, as its manifest says
    shards: int  # of the part
    cut: int  # of these, the ones that are not as they are in the whole


def check_subset(path: Path, author: str = "") -> Shown:
    """Check a proof.

    Args:
        path: the tar.
        author: public key that both versions must be signed with; "" for whichever they name.

    Raises:
        ProofError: it does not show it.
        InputError: this is no such proof.
    """
    try:
        with tarfile.open(path, "r:") as archive:
            return _check(_Members(archive, path), author)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise InputError(f"{path}: cannot be read as the proof of a subset: {error}") from error


class _Members:
    def __init__(self, archive: tarfile.TarFile, path: Path) -> None:
        self._archive = archive
        self._path = path

    def read(self, name: str) -> bytes:
        try:
            file = self._archive.extractfile(name)
        except KeyError:
            file = None
        if file is None:
            raise InputError(f"{self._path}: is no proof of a subset, or is cut short: {name} is not in it")
        return file.read()


def _check(members: _Members, author: str) -> Shown:
    try:
        both = msgspec.json.decode(members.read("proof.json"), type=Both)
        lists = [_leaves_of_version(members.read(name)) for name in ("whole.jsonl", "part.jsonl")]
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"this is no proof of a subset: {error}") from error
    refuse_format(both.format, FORMAT)
    (whole_id, whole), (part_id, part) = check_commit(both.whole, author), check_commit(both.part, author)
    for commit, (lines, _) in zip((whole, part), lists, strict=True):
        if root_of(lines).hex() != commit.root:
            raise ProofError("the list of shards does not lead to the root of its version")
    before = {leaf.name: leaf for leaf in lists[0][1]}
    cut = 0
    for place, after in enumerate(lists[1][1]):
        shard = before.get(after.name)
        if shard is None:
            raise ProofError(f"the whole has no shard {after.name}")
        if (shard.root, shard.mask) != (after.root, after.mask):
            _check_shard(members, place, shard, after)
            cut += 1
    return Shown(whole_id, part_id, part.dataset, part.rows, len(lists[1][1]), cut)


def _check_shard(members: _Members, place: int, before: ShardLeaf, after: ShardLeaf) -> None:
    content = members.read(f"leaves/{place:08d}")
    leaves = [content[at : at + _LEAF] for at in range(0, len(content), _LEAF)]
    if root_of(leaves).hex() != before.root:
        raise ProofError(f"shard {after.name}: the leaves are not those of the whole")
    stays = np.flatnonzero(_bits(members.read(f"stays/{place:08d}"), len(leaves)))
    if root_of([leaves[one] for one in stays.tolist()]).hex() != after.root:
        raise ProofError(f"shard {after.name}: the leaves that stay are not those of the part")
    was_masked, is_masked = _mask(members, before, len(leaves)), _mask(members, after, len(stays))
    if (was_masked[stays] & ~is_masked).any():
        raise ProofError(f"shard {after.name}: a row of the part is masked in the whole")


def _mask(members: _Members, shard: ShardLeaf, rows: int) -> NDArray[np.bool_]:
    if not shard.mask:
        return np.zeros(rows, np.bool_)
    content = members.read(f"masks/{shard.mask}")
    if hashlib.sha256(content).hexdigest() != shard.mask:
        raise ProofError(f"shard {shard.name}: the mask is another one")
    return _bits(content, rows)


def _bits(content: bytes, count: int) -> NDArray[np.bool_]:
    bits = np.unpackbits(np.frombuffer(content, np.uint8), bitorder="little").astype(np.bool_)
    if len(content) != -(-count // 8) or bits[count:].any():
        raise ProofError(f"{len(content)} bytes are not the bits of {count} rows")
    return bits[:count]


def _leaves_of_version(content: bytes) -> tuple[list[bytes], list[ShardLeaf]]:
    lines = content.splitlines()
    return lines, list(_decoded(lines))


def _decoded(lines: list[bytes]) -> Iterator[ShardLeaf]:
    decoder = msgspec.json.Decoder(ShardLeaf)
    for line in lines:
        yield decoder.decode(line)
