"""A folder on the node's own disk for Ray's sockets, logs and spilled objects: short, private, and gone afterwards."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from crawler.errors import SettingsError

#: the longest path of a socket in bytes, less what Ray appends:
#: /0/session_2026-11-22_07-35-42_599900_1234567/sockets/plasma_store
LONGEST = 107 - 67
_PREFIX = "pt-"
#: a folder without its owner's lock is only taken for a dead one's at this age, in seconds
_SETTLED = 60.0


@contextmanager
def own_folder(wanted: Sequence[Path]) -> Iterator[Path]:
    """A new folder in the first of the `wanted` ones that will do; removed at the end, with all that is in it.

    What launchers that were killed left beside it is removed, too: each holds a lock as long as it lives.

    Raises:
        SettingsError: none will do.
    """
    parent = fitting(wanted)
    sweep(parent)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    try:
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def fitting(wanted: Sequence[Path]) -> Path:
    """The first folder that can be written and is short enough for a socket in it.

    Raises:
        SettingsError: there is none; the message says what is wrong with each.
    """
    faults = []
    for folder in wanted:
        length = len(os.fsencode(folder / f"{_PREFIX}12345678"))
        if length > LONGEST:
            faults.append(f"{folder} is too long for the path of a socket by {length - LONGEST} bytes")
        elif not os.access(folder, os.W_OK | os.X_OK):
            faults.append(f"{folder} cannot be written")
        else:
            return folder
    raise SettingsError(f"no place for Ray's files on this node: {'; '.join(faults)}; give a short --node-local")


def sweep(parent: Path) -> list[Path]:
    """Remove the folders of dead launchers of this user; returns them, sorted."""
    removed = []
    for folder in sorted(parent.glob(f"{_PREFIX}????????")):
        try:
            mine = folder.lstat().st_uid == os.getuid() and not folder.is_symlink()
            if mine and time.time() - folder.lstat().st_mtime > _SETTLED and _is_dead(folder / "lock"):
                shutil.rmtree(folder, ignore_errors=True)
                removed.append(folder)
        except OSError:
            continue  # its owner has just removed it
    return removed


def _is_dead(lock: Path) -> bool:
    with lock.open("r") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
