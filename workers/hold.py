"""Locks in a run folder: held by one process alone, or shared, as by sittings at slices."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: file systems of supercomputers take files without content for leftovers
_TEXT = b"Locked by whoever is at work in this folder.\n"


@contextmanager
def hold(path: Path, *, shared: bool) -> Iterator[bool]:
    """Hold the lock file at `path` while inside; made if absent. The system lets go when the process ends, however.

    Gives False where another process holds it, but for those that share it where this one does, too. Where a file
    system knows no locks everybody has it: two runs in a folder waste work there, but commit whole files only.

    Raises:
        OSError: the file cannot be made.
    """
    with path.open("a+b") as file:  # to be read, too: network file systems ask for that where a lock is shared
        ours = _taken(file.fileno(), shared=shared)
        if ours and not file.tell():
            file.write(_TEXT)
            file.flush()
        yield ours


def _taken(file: int, *, shared: bool) -> bool:
    if os.name != "posix":
        return True
    import fcntl  # noqa: PLC0415 - not on every system

    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
