"""Proofs about versions that a stranger can check: shapes, and the checks themselves. Pure.

Each stands on a signed manifest or statement and on trees of RFC 6962 (docs/proofs.md; a checker of its own, in a test,
was written from that page).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec

from crawler.dataset.canonical import canonical
from crawler.dataset.manifest import FORMAT, Commit, SignedCommit
from crawler.dataset.merkle import EMPTY, root_of, verify_inclusion
from crawler.errors import DatasetError
from crawler.signing import is_signed

ROW = "pairtrawl-proof-row-1"
ABSENCE = "pairtrawl-proof-absence-1"
KEYS = "pairtrawl-keys-1"
_COMMIT = b"pairtrawl commit\n"
_STATEMENT = b"pairtrawl keys\n"


class ProofError(DatasetError):
    """A proof does not show what it says; the message names the first step that fails."""


class ShardLeaf(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands for a shard in the tree of a version; digests in hex, "" where there is no such file."""

    name: str
    root: str
    mask: str
    table: str
    tar: str


class RowProof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """That a row is in a version. It shows the row, and of others nothing but hashes of salted digests."""

    signed: SignedCommit
    shard: ShardLeaf
    shard_index: int
    shard_count: int
    shard_path: tuple[str, ...]  # hashes, hex, from below
    row: str  # its cell (docs/versions.md), base64
    salt: str  # hex
    row_index: int
    row_count: int
    row_path: tuple[str, ...]
    mask: str = ""  # of the shard, base64; "" where it has none
    #: of a shard with a mask: all its leaves, base64, in place of the path. A path alone does not say how large the
    #: tree is, and so not which bit of the mask is the row's: place 2 of 3 has the path of place 1 of 2
    leaves: str = ""
    format: str = ROW


class Statement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The tree over the sorted keys of all rows of a version; whoever has the version can compute it."""

    dataset: str
    version: str  # id of the commit
    root: str  # of the commit
    of: str  # "uid": ids, 16 bytes; "url": SHA-256 of normalised addresses, of `url` and `final_url`
    keys: int
    tree: str  # root over the keys
    format: str = KEYS


class Neighbour(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key of the tree, and where it stands."""

    index: int
    key: str  # hex
    path: tuple[str, ...]


class AbsenceProof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """That no row of a version has a key: it would stand between two that are neighbours."""

    statement: Statement
    author: str  # Ed25519 public key, hex
    signature: str  # over b"pairtrawl keys\n" and the canonical text of the statement, hex
    key: str  # that is absent, hex
    left: Neighbour | None  # None: the key would be the first
    right: Neighbour | None  # None: it would be the last
    format: str = ABSENCE


def statement_message(statement: Statement) -> bytes:
    """What is signed."""
    return _STATEMENT + canonical(statement)


def check_commit(signed: SignedCommit, author: str) -> tuple[str, Commit]:
    """The id and the content of a manifest that its author signed.

    Args:
        signed: the manifest.
        author: public key that it must be signed with, "" for its own.

    Raises:
        ProofError: it is not signed, or by another key, or of another format.
    """
    refuse_format(signed.commit.format, FORMAT)
    with read_as_proof():
        digest = hashlib.sha256(canonical(signed.commit))
    if author and signed.commit.author != author:
        raise ProofError(f"the version is signed by {signed.commit.author}, and not by {author}")
    if not is_signed(signed.commit.author, signed.signature, _COMMIT + digest.digest()):
        raise ProofError("the version is not signed by its author")
    return digest.hexdigest(), signed.commit


def check_row(proof: RowProof, author: str = "") -> tuple[str, bytes]:
    """The id of the version, and the cell of the row that is in it.

    Raises:
        ProofError: the proof does not show it.
    """
    refuse_format(proof.format, ROW)
    with read_as_proof():
        return _check_row(proof, author)


def _check_row(proof: RowProof, author: str) -> tuple[str, bytes]:
    version, commit = check_commit(proof.signed, author)
    text = base64.b64decode(proof.row)
    leaf = hashlib.sha256(bytes.fromhex(proof.salt) + hashlib.sha256(text).digest()).digest()
    mask, leaves = base64.b64decode(proof.mask), _split(base64.b64decode(proof.leaves))
    if mask:
        is_leaf = 0 <= proof.row_index < len(leaves) and leaves[proof.row_index] == leaf
        leads = is_leaf and root_of(leaves).hex() == proof.shard.root and len(mask) == -(-len(leaves) // 8)
    else:
        leads = _leads(proof.shard.root, leaf, proof.row_index, proof.row_count, proof.row_path)
    if not leads:
        raise ProofError("the row does not lead to the root of its shard")
    if not _leads(commit.root, canonical(proof.shard), proof.shard_index, proof.shard_count, proof.shard_path):
        raise ProofError("the shard does not lead to the root of the version")
    if (hashlib.sha256(mask).hexdigest() if mask else "") != proof.shard.mask:
        raise ProofError("the mask is not that of the shard")
    if mask and mask[proof.row_index // 8] >> proof.row_index % 8 & 1:
        raise ProofError("the mask takes the row out of the version")
    return version, text


def check_absence(proof: AbsenceProof, author: str = "") -> Statement:
    """What is said of the version that lacks the key.

    Raises:
        ProofError: the proof does not show it.
    """
    refuse_format(proof.format, ABSENCE)
    refuse_format(proof.statement.format, KEYS)
    with read_as_proof():
        return _check_absence(proof, author)


def refuse_format(found: str, known: str) -> None:
    """Raises ProofError for a document of another format than what is known here: it may mean something else."""
    if found != known:
        raise ProofError(f"it is of format {found!r}, and not {known!r}; use a newer pairtrawl")


@contextmanager
def read_as_proof() -> Iterator[None]:
    """Raises ProofError where a value is not the hex, base64 or number that it should be."""
    try:
        yield
    except ValueError as error:
        raise ProofError(f"a value of it cannot be read: {error}") from error


def _check_absence(proof: AbsenceProof, author: str) -> Statement:
    said = proof.statement
    if author and proof.author != author:
        raise ProofError(f"the statement is signed by {proof.author}, and not by {author}")
    if not is_signed(proof.author, proof.signature, statement_message(said)):
        raise ProofError("the statement is not signed by its author")
    key = bytes.fromhex(proof.key)
    for beside in filter(None, (proof.left, proof.right)):
        if not _leads(said.tree, bytes.fromhex(beside.key), beside.index, said.keys, beside.path):
            raise ProofError("a neighbour does not lead to the root of the tree")
    left, right = proof.left, proof.right
    if left is None and right is None:
        if said.keys or bytes.fromhex(said.tree) != EMPTY:
            raise ProofError("no neighbour is named, and the tree is not empty")
    elif not _between(left, key, right, said.keys):
        raise ProofError("the key does not stand between its neighbours")
    return said


def _split(leaves: bytes) -> list[bytes]:
    return [leaves[at : at + 32] for at in range(0, len(leaves), 32)]


def _between(left: Neighbour | None, key: bytes, right: Neighbour | None, keys: int) -> bool:
    if left is not None and bytes.fromhex(left.key) >= key:
        return False
    if right is not None and bytes.fromhex(right.key) <= key:
        return False
    if left is None:
        return right is not None and right.index == 0
    return left.index == keys - 1 if right is None else right.index == left.index + 1


def _leads(root: str, data: bytes, index: int, size: int, path: Sequence[str]) -> bool:
    return verify_inclusion(bytes.fromhex(root), data, index, size, [bytes.fromhex(one) for one in path])
