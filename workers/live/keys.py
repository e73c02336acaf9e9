"""The key of a page that is kept in a file, so that a program that has read it once is let in again later."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from crawler.errors import SettingsError
from workers.local_pages.gate import Gate

_TOKEN = re.compile(r"[A-Za-z0-9_-]{32,200}")


def kept_gate(path: Path) -> Gate:
    """A gate with the token of this file, which only its owner may read; it is made where it is not there.

    Raises:
        SettingsError: others may read the file, it holds something else, or it cannot be read or written.
    """
    try:
        try:
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            return _read(path)
        gate = Gate.new()
        with os.fdopen(file, "w", encoding="ascii") as made:
            made.write(f"{gate.token}\n")
        return gate
    except OSError as error:
        raise SettingsError(f"--token-file {path}: {error.strerror}") from error


def _read(path: Path) -> Gate:
    with path.open("rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        token = file.read(300).decode("ascii", "replace").strip()
    if not stat.S_ISREG(mode) or mode & 0o077:
        raise SettingsError(f"--token-file {path}: others may read it; `chmod 600` it")
    if not _TOKEN.fullmatch(token):
        raise SettingsError(
            f"--token-file {path}: holds no key of ours (32 letters, digits, - and _, or more); remove it"
        )
    return Gate(token, Gate.new().cookie)
