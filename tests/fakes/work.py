"""Work that does nothing but cost processor time."""

from __future__ import annotations

import time


def busy_for(seconds: float) -> None:
    """Use so many processor seconds of this thread."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass
