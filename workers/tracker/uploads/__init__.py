"""Where volunteers' bytes go until they are believed: written once, hashed by us, removed when nobody needs them.

Layers, downwards: tus (HTTP), reserving, collecting; disk and s3 (targets); receiving, objects, checksums; settings.
"""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from typing import Protocol

from workers.protocol.messages import UploadPermit
from workers.tracker.moves.records import UploadRow

#: of an upload: what its object is called. Made by the server alone; no name that a client chose is ever a path
_UPLOAD_ID = re.compile(r"[0-9a-f]{32}")


class TargetError(Exception):
    """A target cannot, for now: it is full, cannot be reached, or answers nonsense. The message is for the operator."""


class FullError(TargetError):
    """A target has no room left."""


class WrongBytesError(Exception):
    """An object is not what was declared; it has been removed, and the message says how it differs."""


class LostObjectError(Exception):
    """An object that a row says is stored is not there."""


class Target(Protocol):
    """One place for bytes. `Disk` and `S3` are the two; tests/workers/tracker/uploads/ has the contract of both."""

    @property
    def name(self) -> str:
        """What it is called in the settings and in the database."""
        ...

    @property
    def origin(self) -> str:
        """What its permits' addresses begin with, where they do not lead to the tracker itself; else ""."""
        ...

    @property
    def most_bytes(self) -> int:
        """The largest object that it takes."""
        ...

    async def room(self, promised: int, held: int, /) -> int:
        """Bytes free for new uploads, never below 0.

        Args:
            promised: bytes that uploads with a permit for this target have not sent yet.
            held: bytes of uploads here that were sent, and are not removed yet.

        Raises:
            TargetError: it cannot tell, so it should get nothing new.
        """
        ...

    def permit(self, upload: UploadRow) -> UploadPermit:
        """How the worker that reserved this sends its bytes. Asks nobody: it may be called inside a transaction."""
        ...

    async def is_whole(self, upload: UploadRow) -> bool:
        """Whether all bytes are there and hash to what was declared; after that the object cannot be changed.

        Raises:
            WrongBytesError: all bytes are there, and are others. They have been removed.
            TargetError: it cannot tell, for now.
        """
        ...

    async def path_or_fetch(self, upload: UploadRow) -> Path:
        """A local file with the object's bytes, hashed now; do not write to it, and call `let_go` when done with it.

        Raises:
            LostObjectError: it is not there, or its bytes have changed since they were stored.
            TargetError: it cannot be had, for now.
        """
        ...

    async def let_go(self, upload: UploadRow) -> None:
        """Forget the local copy that `path_or_fetch` may have made. The object stays."""
        ...

    async def remove(self, upload: str) -> bool:
        """Remove an object by its upload's id; one that is not there is removed already.

        Returns False where somebody writes to it at this moment: ask again later.

        Raises:
            TargetError: it cannot, for now.
        """
        ...

    async def objects(self) -> dict[str, int]:
        """Bytes of all objects that lie here, by upload id: whole ones, parts, and strays.

        Raises:
            TargetError: it cannot be listed, for now.
        """
        ...

    async def close(self) -> None:
        """Let go of connections and threads."""
        ...


def new_upload_id() -> str:
    """An id for an upload: 128 random bits in hex. It names the object, and cannot be guessed."""
    return secrets.token_hex(16)


def is_upload_id(text: str) -> bool:
    """Whether a text from outside can be an upload's id, and so part of a path."""
    return _UPLOAD_ID.fullmatch(text) is not None
