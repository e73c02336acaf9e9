"""What a figure was measured on, and of which code."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.contest.sides import ROOT

#: what the figures of speed depend on
_PACKAGES = ("pairtrawl", "ray", "torch", "aiohttp", "pillow", "pyarrow", "duckdb", "selectolax")


def facts() -> dict[str, Any]:
    """The machine, how busy it is now, and the commit; a name of a host is nowhere in it."""
    cpu = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), platform.machine()
    )  # fmt: skip
    family = {key: _cpuinfo(key) for key in ("cpu family", "model")}
    flags = set(_cpuinfo("flags").split())
    memory = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal:")), 0)
    return {
        "cpu": f"{cpu}, family {family['cpu family']} model {family['model']}",
        "vectors": [one for one in ("avx2", "avx512f", "avx512_bf16", "sha_ni") if one in flags],
        "cores": os.cpu_count(), "memory_bytes": memory * 1024, "kernel": platform.release(),
        "python": platform.python_version(), "load": round(os.getloadavg()[0], 1), "commit": commit(),
    }  # fmt: skip


def machine() -> str:
    """One line: processor, cores, load, Python, packages, day."""
    told = ", ".join(f"{name} {number}" for name, number in installed(*_PACKAGES).items())
    return (f"{facts()['cpu']}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}, "
            f"{told}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC")  # fmt: skip


def commit() -> str:
    """The commit, with a plus where the tree differs from it."""
    told = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "--short=10", "HEAD"], check=False, capture_output=True, text=True
    )
    if told.returncode:
        return "unknown"
    changed = subprocess.run(
        ["git", "-C", str(ROOT), "status", "--porcelain", "--", "crawler", "filters", "workers", "benchmarks/stages"],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    return told.stdout.strip() + ("+" if changed.stdout.strip() else "")


def installed(*packages: str) -> dict[str, str]:
    """Versions of packages of our own environment; those that are not there are left out."""
    found = {}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _cpuinfo(key: str) -> str:
    return next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.split(":")[0].strip() == key), "unknown"
    )  # fmt: skip


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
