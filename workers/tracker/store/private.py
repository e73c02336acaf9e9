"""Files that only the tracker's own user may read."""

from __future__ import annotations

import os
from pathlib import Path

from workers.tracker.store import StoreError


def make_private(path: Path) -> None:
    """Make an empty file that others cannot read, unless it is there; SQLite gives its log the same rights.

    Raises:
        StoreError: it cannot be made.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StoreError(f"{path}: the tracker's database cannot be opened: {error}") from error
