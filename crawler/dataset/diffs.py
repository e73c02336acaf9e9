"""A published diff: what a holder of a version needs to bring a copy to the next one, and nothing that points at a row.

One plain tar of three files, so that anybody can look into it:

    diff.json       a `SignedDiff`, canonical
    shards.jsonl    a line of JSON for each `ShardChange`, by name
    removed.npy     ids of all rows that are gone, sorted, dtype "u8,u8": the form of DataComp's lists of a subset

What was asked to be removed and what was removed for no reason at all stand there together; nothing tells them apart.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from crawler.commit import atomic_path
from crawler.dataset.canonical import canonical
from crawler.dataset.keys import Keys
from crawler.dataset.manifest import Stored
from crawler.dataset.shard_lists import is_shard_name
from crawler.dataset.uids import Uids, among, as_pairs, from_pairs, sorted_uids
from crawler.errors import DatasetError, InputError
from crawler.signing import is_signed
from crawler.tar import TarFile

__all__ = [
    "FilesOf", "OpenDiff", "PublishedDiff", "ShardChange", "SignedDiff", "Uids", "Versions", "among", "open_diff",
    "sorted_uids", "write_diff", "writer_of_tables",
]  # fmt: skip

FORMAT = "pairtrawl-diff-1"
_SIGNED = b"pairtrawl diff\n"
_MEMBERS = ("diff.json", "shards.jsonl", "removed.npy")


class FilesOf(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The files of a shard in one version."""

    rows: int  # of the table
    table: Stored
    tar: Stored | None = None


class ShardChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A shard that is not the same in both versions."""

    name: str
    before: FilesOf | None  # None: it is new
    after: FilesOf | None  # None: it is gone
    #: whether `after` is `before` without the rows whose ids are removed; else its files have to be fetched
    is_cut: bool = True


class PublishedDiff(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`diff.json`, but for its signature."""

    dataset: str
    from_version: str  # id of the commit that a holder has
    to_version: str
    from_root: str
    to_root: str
    date: str  # ISO 8601, day
    rows_before: int
    rows_after: int
    removed: int  # ids in removed.npy
    removed_sha256: str  # of that file
    shards: int  # lines of shards.jsonl
    shards_sha256: str  # of that file
    #: what wrote the tables: another version of it may write other bytes for the same rows
    writer: str
    #: sets of removals that this is of, by their ids
    tombstones: tuple[str, ...] = ()
    format: str = FORMAT


class SignedDiff(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A diff as it is published."""

    diff: PublishedDiff
    author: str  # Ed25519 public key, hex
    signature: str  # over b"pairtrawl diff\n" and the canonical text of `diff`, hex


class Versions(NamedTuple):
    """What a diff says of the two versions as a whole."""

    dataset: str
    from_version: str
    to_version: str
    from_root: str
    to_root: str
    rows_before: int
    rows_after: int


@dataclass(frozen=True, slots=True)
class OpenDiff:
    """A diff whose signature and digests were verified."""

    id: str  # SHA-256 of the canonical text of the diff
    author: str
    diff: PublishedDiff
    shards: tuple[ShardChange, ...]
    removed: Uids


def writer_of_tables() -> str:
    """What writes tables here: the bytes of a parquet file depend on it."""
    import pyarrow as pa  # noqa: PLC0415 - heavy

    return f"pyarrow {pa.__version__}"


def write_diff(
    path: Path,
    keys: Keys,
    versions: Versions,
    shards: Iterable[ShardChange],
    removed: Uids,
    *,
    date: str,
    tombstones: tuple[str, ...] = (),
) -> str:
    """Sign a diff and write it; returns its id. The same content gives the same bytes.

    Args:
        path: the new file; what is there is replaced.
        keys: the publisher's.
        versions: what is said of the whole.
        shards: those that changed, by name.
        removed: ids of all rows that are gone, sorted, each once.
        date: ISO 8601, day.
        tombstones: ids of the sets of removals.

    Raises:
        ValueError: shards or ids are not in their order.
        OSError: the disk is full.
    """
    changes = list(shards)
    if any(one.name >= other.name for one, other in pairwise(changes)):
        raise ValueError("shards of a diff stand in the order of their names")
    if len(sorted_uids(removed)) != len(removed) or not np.array_equal(sorted_uids(removed), removed):
        raise ValueError("ids of a diff are sorted, each once")
    lines = b"".join(canonical(one) + b"\n" for one in changes)
    ids = _npy(removed)
    diff = PublishedDiff(
        **versions._asdict(),
        date=date,
        removed=len(removed),
        removed_sha256=hashlib.sha256(ids).hexdigest(),
        shards=len(changes),
        shards_sha256=hashlib.sha256(lines).hexdigest(),
        writer=writer_of_tables(),
        tombstones=tombstones,
    )
    text = canonical(diff)
    signed = SignedDiff(diff, keys.author, keys.sign(_SIGNED + text))
    with atomic_path(path) as temporary, TarFile(temporary) as tar:
        for name, content in zip(_MEMBERS, (canonical(signed), lines, ids), strict=True):
            tar.add(name, content)
    return hashlib.sha256(text).hexdigest()


def open_diff(path: Path, author: str | None = None) -> OpenDiff:
    """Read a diff, after verifying all of it.

    Args:
        path: the file.
        author: the public key that it must be signed with; None for whatever it says itself.

    Raises:
        InputError: it is no diff, or by another author.
        DatasetError: it is not what its author signed.
    """
    head, lines, ids = _members(path)
    try:
        signed = msgspec.json.decode(head, type=SignedDiff)
        changes = tuple(_changes(lines))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a diff: {error}; a newer pairtrawl may read it") from error
    diff = signed.diff
    if diff.format != FORMAT:
        raise InputError(f"{path}: is of format {diff.format!r}; use a newer pairtrawl")
    if author is not None and signed.author != author:
        raise InputError(f"{path}: is signed by {signed.author}, and not by {author}")
    text = canonical(diff)
    told = (hashlib.sha256(lines).hexdigest(), hashlib.sha256(ids).hexdigest())
    if not is_signed(signed.author, signed.signature, _SIGNED + text) or told != (
        diff.shards_sha256,
        diff.removed_sha256,
    ):
        raise DatasetError(f"{path}: is not what its author signed; get it again from the publisher")
    for one in changes:
        if not is_shard_name(one.name):  # whoever signs a diff does not get to write elsewhere in a holder's folders
            raise InputError(f"{path}: {one.name!r} cannot be the name of a shard")
    try:
        removed = from_pairs(np.load(io.BytesIO(ids), allow_pickle=False))
    except ValueError as error:
        raise InputError(f"{path}: removed.npy: {error}") from error
    return OpenDiff(hashlib.sha256(text).hexdigest(), signed.author, diff, changes, removed)


def _changes(lines: bytes) -> Iterator[ShardChange]:
    decoder = msgspec.json.Decoder(ShardChange)
    for line in lines.splitlines():
        yield decoder.decode(line)


def _members(path: Path) -> tuple[bytes, bytes, bytes]:
    """The three files of a diff."""
    try:
        with tarfile.open(path, "r:") as archive:
            found = {entry.name: file.read() for entry in archive if (file := archive.extractfile(entry)) is not None}
    except (tarfile.TarError, EOFError, OSError, KeyError) as error:  # KeyError: a link to what is not in it
        raise InputError(f"{path}: is no diff of a data set: {error}") from error
    if set(found) != set(_MEMBERS):
        raise InputError(f"{path}: is no diff of a data set; it holds {', '.join(sorted(found)) or 'nothing'}")
    return found[_MEMBERS[0]], found[_MEMBERS[1]], found[_MEMBERS[2]]


def _npy(uids: Uids) -> bytes:
    out = io.BytesIO()
    np.lib.format.write_array(out, as_pairs(uids), version=(1, 0), allow_pickle=False)
    return out.getvalue()
