"""What a child may take, set by itself before it sees the first body. Limits that the system lacks are left out.

Each is lowered for good: the hard limit falls with the soft one, and only root could raise it again. The time is the
exception, for it is counted over the whole life of a process and must move on with every picture.
"""

from __future__ import annotations

import math
import os
import sys
import time
from pathlib import Path

try:
    import resource
except ImportError:  # Windows has no such limits
    resource = None  # type: ignore[assignment]  # "no limits" is a value here

#: <linux/prctl.h>: no program that is started from here gets rights that we do not have
_PR_SET_NO_NEW_PRIVS = 38


def confine(memory_bytes: int) -> None:
    """Take from this process all that decoding does not need; `memory_bytes` is what it may take on top of now.

    No file may be written, no descriptor opened (a file, a socket, a pipe), no process or thread started where we are
    not root, no core dumped. To be called when everything is imported.
    """
    _no_new_privileges()
    _lower("RLIMIT_CORE", 0)
    _lower("RLIMIT_FSIZE", 0)
    _lower("RLIMIT_NPROC", 0)
    if (taken := _address_space()) is not None:
        _lower("RLIMIT_AS", taken + memory_bytes)
    _lower("RLIMIT_NOFILE", 0)


class Allowance:
    """Processor time of this process, granted picture by picture."""

    def __init__(self, cpu_seconds: int) -> None:
        """Nothing is granted yet, and nothing limited."""
        self._cpu_seconds = cpu_seconds
        self._end = 0  # in whole seconds of this process's life: the system counts no others

    def renew(self) -> None:
        """Give this process its seconds from now on, and at most one more; then SIGXCPU ends it."""
        end = math.ceil(time.process_time() + self._cpu_seconds)
        if resource is None or end == self._end:
            return
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (end if hard == resource.RLIM_INFINITY else min(end, hard), hard))
        self._end = end


def _lower(name: str, limit: int) -> None:
    number = getattr(resource, name, None)
    if resource is None or number is None:
        return
    _, hard = resource.getrlimit(number)
    limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    try:
        resource.setrlimit(number, (limit, limit))
    except (OSError, ValueError):
        return  # macOS lists limits that it does not let one set


def _address_space() -> int | None:
    """Bytes of address space that this process has now, where the system tells."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except (OSError, ValueError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def _no_new_privileges() -> None:
    if sys.platform != "linux":
        return
    import ctypes  # noqa: PLC0415 - for this one call

    ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
