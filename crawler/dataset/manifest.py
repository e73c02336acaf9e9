"""What a version says of itself: the shapes of the files above the shards. Frozen values; no I/O.

Every digest is SHA-256 in 64 lower-case hex digits; every time is in seconds since 1970, UTC.
"""

from __future__ import annotations

import msgspec

FORMAT = "pairtrawl-commit-1"


class Stored(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An object of the store, by its content."""

    sha256: str
    bytes: int


class Lineage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who made a shard, where strangers did: what a removal by worker and time span goes by."""

    worker: str
    made_at: int


class Shard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One shard of a version. Its rows are those of its table, in order, without those that the mask takes out."""

    name: str  # "00017"; unique in a version; their order is the version's
    rows: int  # of the table
    samples: int  # rows that have a picture in the tar
    root: str  # Merkle root over the leaves of all rows
    table: Stored  # the parquet file, as the run wrote it
    leaves: Stored  # 32 bytes a row: what the tree stands on, and what stays when a row is purged
    salts: Stored  # 16 bytes a row: without it a leaf says nothing about a row
    tar: Stored | None = None  # None in a version of metadata alone
    index: Stored | None = None  # where each sample lies in the tar (`crawler.dataset.tar_index`)
    mask: Stored | None = None  # a bit a row, least significant first, 1 = not in this version
    masked: int = 0  # how many bits of it are set
    masked_samples: int = 0  # how many of these rows have a picture
    lineage: Lineage | None = None


class Commit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A version of a data set."""

    dataset: str  # its name
    parents: tuple[str, ...]  # ids of commits; none for the first
    message: str
    author: str  # Ed25519 public key, hex
    created: int
    root: str  # over all shards: two commits with one root hold the same rows
    shards: Stored  # a line of JSON for each Shard, in order
    rows: int  # without masked ones
    samples: int  # likewise
    bytes: int  # of tars and tables
    recipe: str = ""  # digest of the recipe, or ""
    code: str = ""  # "pairtrawl 0.1.0"
    inputs: tuple[str, ...] = ()
    #: removal lists that were in force, as name and date, never their content
    lists: tuple[str, ...] = ()
    #: sets of removed rows that this version carries on (`Tombstones`), all that parents had included
    tombstones: tuple[Stored, ...] = ()
    #: card, croissant.json, wids index, statistics: path in a checkout, and the object
    descriptions: dict[str, Stored] = {}
    format: str = FORMAT


class SignedCommit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`commits/ID.json`."""

    commit: Commit
    signature: str  # Ed25519 over b"pairtrawl commit\n" and the 32 bytes of the id, hex


class Tombstones(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A published set of removals. It names rows by id alone, real ones among neutral ones, and never says which."""

    id: str  # "T-2026-11-22-1"
    date: str  # ISO 8601, day
    uids: tuple[str, ...]  # `content_id` of rows, sorted, each once
    policies: tuple[str, ...]  # what was removed, in classes, in the words of the re-issue: "request", "punsafe>0.95"
    neutral_per_real: int  # the least number of neutral rows for each real one that the publisher vouches for


class Redaction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`redactions/SHA256.json`: what stands in for a purged object, so that versions before the purge still verify."""

    object: str  # SHA-256 of what was removed
    replaced_by: Stored
    rows: tuple[int, ...]  # positions in the shard of the rows that are gone; their leaves stay
    takedown: str  # "T-2026-11-22-1"
    author: str
    signature: str  # Ed25519 over b"pairtrawl redaction\n" and the canonical text of the other fields, hex
