"""How much memory this process may use: what its control groups allow, or what the machine has.

Ray asks the root of the control groups, which knows nothing of the job's limit, and would promise 23 GB in a job of 3.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

#: a limit at or above this is version 1's way to say that there is none
_NO_LIMIT = 1 << 60


def allowed_bytes(
    groups: str | None = None, read: Callable[[Path], str | None] | None = None, machine_bytes: int | None = None
) -> int:
    """The least of the limits from this process's control group up to the root, and the machine's memory, in bytes.

    `groups` is the text of /proc/self/cgroup, `read` gives the text of a file or None where there is none.
    """
    text = _read(Path("/proc/self/cgroup")) if groups is None else groups
    limits = [_limit((read or _read)(path)) for path in limit_files(text or "")]
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if machine_bytes is None else machine_bytes
    return min([total, *(one for one in limits if one is not None)])


def limit_files(groups: str) -> list[Path]:
    """Where the limits of these control groups stand, of both versions, from the process's own up to the root."""
    found = []
    for line in groups.splitlines():
        hierarchy, _, rest = line.partition(":")
        kinds, _, group = rest.partition(":")
        if hierarchy == "0" and not kinds:
            top, name = Path("/sys/fs/cgroup"), "memory.max"
        elif "memory" in kinds.split(","):
            top, name = Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"
        else:
            continue
        own = Path(group.lstrip("/"))
        found += [top / folder / name for folder in (own, *own.parents) if ".." not in folder.parts]
    return list(dict.fromkeys(found))


def _limit(text: str | None) -> int | None:
    word = (text or "").strip()
    return int(word) if word.isascii() and word.isdigit() and int(word) < _NO_LIMIT else None


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None
