"""What this process is told by where it runs: the only module of a volunteer that reads the environment."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

#: variables that a job's process does not inherit: a volunteer joins no cluster, and asks nobody else's proxy
_NOT_INHERITED = ("RAY_", "PAIRTRAWL_TOKEN")
_CGROUP = Path("/sys/fs/cgroup")
_CONTAINER_MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))


def default_folder(tracker: str) -> Path:
    """Where a volunteer of this tracker keeps its things, if nobody says otherwise."""
    parts = urlsplit(tracker)
    name = "".join(one if one.isalnum() or one in ".-" else "-" for one in parts.netloc.lower()).strip(".-")
    return Path.home() / ".pairtrawl" / (name or "tracker")


def is_root() -> bool:
    """Whether this process may do anything to the machine."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def is_in_container() -> bool:
    """Whether it runs in a container, where root is root of nothing else."""
    return any(mark.exists() for mark in _CONTAINER_MARKS) or bool(os.environ.get("container"))  # noqa: SIM112 - podman and systemd-nspawn write it small


def usable_cpus() -> tuple[int, ...]:
    """The numbers of the CPUs that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


def cgroup_texts() -> dict[str, str]:
    """The limits of the cgroup that this process is in, v2 or v1: file name to content, where there are any."""
    found: dict[str, str] = {}
    for name in ("cpu.max", "memory.max", "cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us",
                 "memory/memory.limit_in_bytes"):  # fmt: skip
        for folder in _own_cgroups():
            try:
                found.setdefault(name, (folder / name).read_text(encoding="ascii").strip())
            except (OSError, UnicodeDecodeError):
                continue
    return found


def _own_cgroups() -> list[Path]:
    """The folder of this process's own cgroup (a user unit's, say), and those above it."""
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return [_CGROUP]
    path = next((line[3:].strip("/") for line in lines if line.startswith("0::")), "")
    own = _CGROUP / path if ".." not in path else _CGROUP
    return [one for one in (own, *own.parents) if one == _CGROUP or _CGROUP in one.parents]


def memory_bytes() -> int:
    """The machine's memory."""
    import psutil  # noqa: PLC0415 - takes a moment

    return int(psutil.virtual_memory().total)


def free_bytes(folder: Path) -> int:
    """What the disk of this folder has left for us."""
    return shutil.disk_usage(folder).free


def system() -> str:
    """What kind of machine it is: "Linux x86_64". Neither its name nor its user's."""
    return f"{platform.system()} {platform.machine()}"


def environment_of_child(torch_threads: int, inherited: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a job's process finds in its environment."""
    kept = os.environ if inherited is None else inherited
    mine = {name: value for name, value in kept.items() if not name.startswith(_NOT_INHERITED)}
    return mine | {"OMP_NUM_THREADS": str(torch_threads), "PYTHONUNBUFFERED": "1"}
