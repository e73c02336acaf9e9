"""What a checking process takes from itself before it sees a byte that a volunteer sent."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

import msgspec

import crawler
import filters
import workers
from workers.tracker.checking.landlock import confine_files
from workers.tracker.checking.seccomp import confine_calls

try:
    import resource
except ImportError:  # Windows has no such limits
    resource = None  # type: ignore[assignment]  # "no limits" is a value here

# <linux/prctl.h>
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
#: pipes, the files that are looked at, and what Python opens on the way
_OPEN_FILES = 64
#: where shared objects lie that are loaded late
_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache")


class Bounds(msgspec.Struct, frozen=True):
    """What the process may take."""

    memory_bytes: int = 2 * 1024**3  # of address space, on top of what Python and its packages have
    cpu_seconds: int = 120


def lock_down(bounds: Bounds, readable: Sequence[Path]) -> list[str]:
    """Leave this process nothing but reading below `readable` (and Python's own files), computing, and its open pipes.

    Returns what cannot be had on this machine, a sentence each. To be called when everything is imported.
    """
    missing = [*_limits(bounds), *_privileges()]
    if why := confine_files([*readable, *_own_files()]):
        missing.append(f"files are not locked: {why}")
    if why := confine_calls():  # last, for it refuses what the others need
        missing.append(f"system calls are not locked: {why}")
    return missing


def _limits(bounds: Bounds) -> list[str]:
    if resource is None:
        return [f"memory and time have no limit: {sys.platform} knows none"]
    missing = []
    wanted = {
        "RLIMIT_CORE": (0, 0),
        "RLIMIT_FSIZE": (0, 0),
        "RLIMIT_NOFILE": (_OPEN_FILES, _OPEN_FILES),
        # no lower hard limit: who dies of SIGKILL was killed by somebody else, and is not to blame
        "RLIMIT_CPU": (bounds.cpu_seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]),
    }
    if (taken := _address_space()) is not None:
        wanted["RLIMIT_AS"] = (taken + bounds.memory_bytes, taken + bounds.memory_bytes)
    else:
        missing.append("memory has no limit: there is no /proc to tell what is taken already")
    for name, (soft, hard) in wanted.items():
        try:
            resource.setrlimit(getattr(resource, name), (soft, hard))
        except (OSError, ValueError) as error:
            missing.append(f"{name} is not set: {error}")
    # A handler of ours would be Python's, which runs between two of its steps, and C code may never come to one.
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    return missing


def _address_space() -> int | None:
    """Bytes of address space that this process has now, where the system tells."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def _privileges() -> list[str]:
    if sys.platform != "linux":
        return []
    libc = ctypes.CDLL(None)
    missing = []
    for option, value, what in (
        (_PR_SET_NO_NEW_PRIVS, 1, "programs could gain rights"),
        (_PR_SET_DUMPABLE, 0, "others of this user can look into it"),
        (_PR_SET_PDEATHSIG, int(signal.SIGKILL), "it outlives a checker that is killed"),
    ):
        if libc.prctl(option, value, 0, 0, 0) != 0:
            missing.append(what)
    return missing


def _own_files() -> list[Path]:
    """What Python may yet open of its own: late imports."""
    paths = sysconfig.get_paths()
    ours = [Path(file).parent for package in (crawler, filters, workers) if (file := package.__file__)]
    theirs = [Path(paths[name]) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    return [*ours, *theirs, *map(Path, _LIBRARIES)]
