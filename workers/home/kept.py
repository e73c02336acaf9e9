"""What a volunteer keeps in small files, and how."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from crawler.commit import temporary_path
from workers.stored import Stored


class Pin(msgspec.Struct, frozen=True, kw_only=True):
    """What a folder belongs to."""

    tracker: str
    public_key: str


class KeptAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An account's token; secret. `idempotency` was made before it was asked for; `token` is "" until it is told."""

    idempotency: str = ""
    name: str = ""  # where nobody gave one
    token: str = ""


class KeptWorker(msgspec.Struct, frozen=True, kw_only=True):
    """This machine at the tracker. `idempotency` was made before it was asked for; `key` is "" until it is told."""

    private_key: str  # Ed25519, hex
    idempotency: str
    worker: int = 0
    key: str = ""


class KeptAsking(msgspec.Struct, frozen=True, kw_only=True):
    """A request for leases: the very bytes, and their key."""

    key: str
    body: str


class KeptTest(msgspec.Struct, frozen=True, kw_only=True):
    """A self-test that was passed, and of what."""

    version: str
    environment: str
    questions: str  # digest of the known answers
    models: bool


class KeptLine(msgspec.Struct, frozen=True, kw_only=True):
    """What came and went over this machine's line, in bytes a second, as last measured; 0 where nothing has yet."""

    down: float = 0.0
    up: float = 0.0


def write_private(path: Path, content: bytes) -> None:
    """Put a secret where only its owner can read it, from its first byte on; whole or not at all.

    Raises:
        OSError: the disk is full or the folder cannot be written.
    """
    temporary = temporary_path(path)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def read_if_whole(path: Path, kind: type[Stored]) -> Stored | None:
    """A file that can be done without: one that cannot be read is as good as none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
