"""The peak of a process is its own, not its parent's."""

from __future__ import annotations

import subprocess
import sys

from workers.attempt import peak_bytes

LOOK = "from workers.attempt import peak_bytes; print(peak_bytes())"


def test_a_child_does_not_inherit_the_peak_of_a_large_parent() -> None:
    ballast = bytearray(400_000_000)
    done = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True)
    assert len(ballast) == 400_000_000
    assert 10_000_000 < int(done.stdout) < 300_000_000 < peak_bytes()
