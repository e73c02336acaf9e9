"""Debian's packages, for tests that need a program that is not there. Only as root."""

from __future__ import annotations

import os
import shutil
import subprocess
import time

#: another test run may be installing at the same time, and apt's lists have one lock that nobody waits for
_TRIES = 12
_SECONDS_BETWEEN = 5.0


def install_package(name: str) -> bool:
    """Install a package; whether that worked. False at once where it cannot be tried."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    for _ in range(_TRIES):
        renewed = _apt("update", "-q")
        waits = ("-o", "DPkg::Lock::Timeout=300")
        if _apt(*waits, "install", "-qy", "--no-install-recommends", name):
            return True
        if not renewed:
            time.sleep(_SECONDS_BETWEEN)
    return False


def _apt(*words: str) -> bool:
    done = subprocess.run(
        ["apt-get", *words],
        check=False,
        env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return done.returncode == 0
