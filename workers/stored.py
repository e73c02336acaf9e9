"""Small JSON files of a run, read back as what they were written from."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from crawler.errors import RunFolderError

Stored = TypeVar("Stored", bound=msgspec.Struct)


def read_stored(path: Path, kind: type[Stored], what: str, remedy: str) -> Stored | None:
    """What stands in the file; None where there is none.

    Args:
        path: the file.
        kind: what it holds.
        what: the same in words, for the message: "the status of a slice".
        remedy: what to do about a file that is something else.

    Raises:
        RunFolderError: it is there, and is something else.
        OSError: it cannot be read.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except msgspec.DecodeError as error:
        raise RunFolderError(f"{path}: is not {what}: {error}; {remedy}") from error
