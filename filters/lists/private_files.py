"""Files that only their owner may read: keys, and the confidential lists that they open."""

from __future__ import annotations

import os
import re
import secrets
import stat
from pathlib import Path

from crawler.errors import SettingsError

KEY_BYTES = 32
_HEX_KEY = re.compile(rb"[0-9a-fA-F]{64}\s*")
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def read_private(path: Path, what: str) -> bytes:
    """Everything that the file holds.

    Raises:
        SettingsError: it cannot be read, others may read it, it is not ours, or it lies in a git work tree.
    """
    refuse_work_tree(path, what)
    try:
        with path.open("rb") as file:
            state = os.fstat(file.fileno())  # of what is open, not of what has the name a moment later
            if not stat.S_ISREG(state.st_mode):
                raise SettingsError(f"{path}: {what} has to be a file")
            if state.st_mode & _OTHERS:
                raise SettingsError(f"{path}: others may read {what}: chmod 600 it, and take it for known to them")
            if state.st_uid != os.geteuid():
                raise SettingsError(f"{path}: {what} belongs to another user; only its owner may use it")
            return file.read()
    except OSError as error:
        raise SettingsError(f"{path}: {what} cannot be read: {error.strerror}") from None


def write_private(path: Path, content: bytes, what: str, *, replace: bool) -> None:
    """Writes a file that nobody else can read at any moment; it is there whole, or not at all.

    Raises:
        SettingsError: it cannot be written, is there already (unless it may be replaced), or lies in a git work tree.
    """
    refuse_work_tree(path, what)
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if replace:
                unfinished.replace(path)
            else:
                path.hardlink_to(unfinished)  # unlike a renaming, this fails where something is there
        finally:
            unfinished.unlink(missing_ok=True)
        _flush_folder(path.parent)
    except FileExistsError:
        raise SettingsError(f"{path}: is there already; {what} is never written over") from None
    except OSError as error:
        raise SettingsError(f"{path}: {what} cannot be written: {error.strerror}") from None


def read_key(path: Path) -> bytes:
    """The 32 bytes of a key file, which holds them as they are or as 64 hex digits.

    Raises:
        SettingsError: as `read_private`, or it holds something else.
    """
    content = read_private(path, "the key")
    if len(content) == KEY_BYTES:
        return content
    if _HEX_KEY.fullmatch(content):
        return bytes.fromhex(content.decode())
    raise SettingsError(f"{path}: is no key: {KEY_BYTES} bytes, or {2 * KEY_BYTES} hex digits")


def new_key(path: Path) -> None:
    """Writes a key that nobody has had before, as hex digits.

    Raises:
        SettingsError: as `write_private`; a key that is there stays.
    """
    write_private(path, f"{secrets.token_hex(KEY_BYTES)}\n".encode(), "the key", replace=False)


def refuse_work_tree(path: Path, what: str) -> None:
    """Raises SettingsError for a file inside a git work tree: one `git add .` would publish it."""
    for folder in path.resolve().parents:
        if (folder / ".git").exists():
            raise SettingsError(f"{path}: {what} lies in the git work tree {folder}; keep it elsewhere")


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
