"""What tus says of one chunk's bytes (extension `checksum`), and what a whole file hashes to."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from dataclasses import dataclass
from typing import Protocol

#: of tus; sha1 is the one that every server must know, and the one that tuspy sends
ALGORITHMS = {"sha1": 20, "sha256": 32}

_BLOCK = 2**20


class Hash(Protocol):
    """The part of a hashlib object that is used here."""

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        """Take more bytes."""
        ...

    def digest(self) -> bytes:
        """Of all bytes so far."""
        ...


@dataclass(frozen=True, slots=True)
class Checksum:
    """What a client says that a chunk hashes to."""

    algorithm: str  # one of ALGORITHMS
    digest: bytes

    def begun(self) -> Hash:
        """A new hash, to be given the chunk."""
        # not for security: against broken memory and lines. What counts is the SHA-256 of the whole
        return hashlib.new(self.algorithm, usedforsecurity=False)


def parse_checksum(header: str) -> Checksum | None:
    """What an Upload-Checksum header says; None where it is no such thing, or of an algorithm that we do not know.

    >>> parse_checksum("sha1 qUqP5cyxm6YcTAhz05Hph5gvu9M=").algorithm
    'sha1'
    >>> parse_checksum("md5 CY9rzUYh03PK3k6DJie09g==") is None
    True
    """
    algorithm, _, text = header.strip().partition(" ")
    try:
        digest = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return None
    return Checksum(algorithm, digest) if ALGORITHMS.get(algorithm) == len(digest) else None


def sha256_of(handle: int) -> str:
    """SHA-256 of an open file's whole content, hex; in bounded memory, wherever the file's position is.

    Raises:
        OSError: it cannot be read.
    """
    digest, start, block = hashlib.sha256(), 0, bytearray(_BLOCK)
    view = memoryview(block)
    while read := os.preadv(handle, [block], start):
        digest.update(view[:read])
        start += read
    return digest.hexdigest()
