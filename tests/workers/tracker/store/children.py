"""Starts `moving_child`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_HERE = Path(__file__).resolve()


def child(address: object, *what: object, failpoint: str = "") -> subprocess.Popen[str]:
    """A process at a store, whose output is to be read."""
    return subprocess.Popen(
        [sys.executable, str(_HERE.with_name("moving_child.py")), str(address), *map(str, what)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PAIRTRAWL_FAILPOINT": failpoint, "PYTHONPATH": str(_HERE.parents[4])},
    )
