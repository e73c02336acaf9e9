"""What a holder did with a diff: a journal while it is being done, and a signed receipt in the end.

Neither names a row: shards, digests and counts are all that stands in them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import msgspec

from crawler.commit import write_atomically
from crawler.dataset.canonical import canonical
from crawler.dataset.diffs import FilesOf
from crawler.dataset.keys import Keys
from crawler.errors import DatasetError, InputError
from crawler.signing import is_signed

FORMAT = "pairtrawl-receipt-1"
_SIGNED = b"pairtrawl receipt\n"

#: "cut": as published, byte for byte; "rows": its rows, in other bytes, for another writer of tables; "fetched": the
#: publisher's files; "removed": no row was left; "own": a shard of somebody else's, cut by ids
How = Literal["cut", "rows", "fetched", "removed", "own"]


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What happens to a shard. Paths are relative to the copy."""

    name: str
    how: How
    before: FilesOf | None
    after: FilesOf | None
    #: new files, which wait in the staging folder under the same paths; the mark is the last one
    files: tuple[str, ...] = ()
    #: old files that nothing takes the place of
    gone: tuple[str, ...] = ()
    #: whether rows kept their keys, because these cannot be numbered anew
    kept_keys: bool = False


class Receipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a copy was and is."""

    diff: str  # id
    dataset: str
    from_version: str
    to_version: str
    publisher: str  # public key
    began: int  # seconds since 1970, UTC
    ended: int
    #: whether all of the copy now is as the later version has it, or as near as somebody else's shards can come
    complete: bool
    rows_before: int
    rows_after: int
    shards: tuple[Step, ...]
    untouched: int  # shards with none of the removed rows
    #: shards of the diff that the copy does not have
    missing: tuple[str, ...] = ()
    #: shards that have to be fetched from the publisher
    to_fetch: tuple[str, ...] = ()
    #: shards without their mark that cannot be read: what a download left that was broken off
    unfinished: tuple[str, ...] = ()
    #: files and folders beside the shards that may still name removed rows or describe the version before
    left: tuple[str, ...] = ()
    writer: str = ""  # what wrote the tables here
    format: str = FORMAT


class SignedReceipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A receipt as it is written."""

    receipt: Receipt
    holder: str  # Ed25519 public key, hex
    signature: str  # over b"pairtrawl receipt\n" and the canonical text of `receipt`, hex


class _Begun(msgspec.Struct, frozen=True, tag="begun"):
    diff: str
    at: int


class _Staged(msgspec.Struct, frozen=True, tag="staged"):
    step: Step


class _Done(msgspec.Struct, frozen=True, tag="done"):
    name: str


_Line = _Begun | _Staged | _Done


class Journal:
    """What has been done with a diff so far: a line each, on the disk before what comes after it is begun."""

    def __init__(self, path: Path, diff: str, now: int) -> None:
        """Go on with the journal at `path`, or begin it.

        Raises:
            InputError: it is of another diff.
            DatasetError: it cannot be read.
        """
        self._path = path
        self._encoder = msgspec.json.Encoder()
        self.steps: dict[str, Step] = {}
        self.done: set[str] = set()
        self.began = now
        if path.exists():
            self._read(diff)
        else:
            write_atomically(path, self._encoder.encode(_Begun(diff, now)) + b"\n")

    def staged(self, step: Step) -> None:
        """The new files of a shard are whole, verified, and on the disk."""
        self._append(_Staged(step))
        self.steps[step.name] = step

    def finished(self, name: str) -> None:
        """They have taken the place of the old ones."""
        self._append(_Done(name))
        self.done.add(name)

    def _append(self, line: _Line) -> None:
        with self._path.open("ab", buffering=0) as file:
            file.write(self._encoder.encode(line) + b"\n")
            os.fsync(file.fileno())

    def _read(self, diff: str) -> None:
        decoder = msgspec.json.Decoder(_Line)
        content = self._path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if whole != content:  # killed while it wrote: what the line told of was not begun
            write_atomically(self._path, whole)
        try:
            lines = [decoder.decode(line) for line in whole.splitlines()]
        except msgspec.DecodeError as error:
            raise DatasetError(f"{self._path}: cannot be read: {error}") from error
        for line in lines:
            match line:
                case _Begun(diff=other, at=at):
                    if other != diff:
                        raise InputError(f"{self._path.parent}: diff {other[:12]} is half applied: finish it first")
                    self.began = at
                case _Staged(step=step):
                    self.steps[step.name] = step
                case _Done(name=name):
                    self.done.add(name)


def write_receipt(path: Path, receipt: Receipt, keys: Keys) -> SignedReceipt:
    """Sign a receipt and write it.

    Raises:
        OSError: the disk is full.
    """
    signed = SignedReceipt(receipt, keys.author, keys.sign(_SIGNED + canonical(receipt)))
    write_atomically(path, msgspec.json.format(msgspec.json.encode(signed)) + b"\n")
    return signed


def read_receipt(path: Path, holder: str = "") -> SignedReceipt:
    """A receipt whose signature is its holder's.

    Args:
        path: the file.
        holder: public key that it must be signed with; "" for whichever it names.

    Raises:
        InputError: it is none.
        DatasetError: it is not what its holder signed, or another holder's.
    """
    try:
        signed = msgspec.json.decode(path.read_bytes(), type=SignedReceipt)
        message = _SIGNED + canonical(signed.receipt)
    except (OSError, ValueError) as error:  # msgspec's errors and those of text are ValueErrors
        raise InputError(f"{path}: cannot be read as a receipt: {error}") from error
    if signed.receipt.format != FORMAT:
        raise InputError(f"{path}: is of format {signed.receipt.format!r}; use a newer pairtrawl")
    if holder and signed.holder != holder:
        raise DatasetError(f"{path}: is signed by {signed.holder}, and not by {holder}")
    if not is_signed(signed.holder, signed.signature, message):
        raise DatasetError(f"{path}: is not what its holder signed")
    return signed
