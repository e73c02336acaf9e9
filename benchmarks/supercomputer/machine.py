"""The machine and the versions that a figure belongs to."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

#: what the figures of speed depend on
_PACKAGES = ("pairtrawl", "ray", "torch", "aiohttp", "pillow", "pyarrow", "duckdb", "selectolax")


def machine() -> str:
    """One line: processor, cores, load, Python, packages, day."""
    told = ", ".join(f"{name} {number}" for name in _PACKAGES if (number := _version(name)))
    return (f"{_processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}, "
            f"{told}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC")  # fmt: skip


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _processor() -> str:
    """The processor's name; where the system does not tell, its kind."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
