"""A folder of one sitting's own for what is half-made; gone afterwards."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from crawler.errors import SettingsError

#: what a killed sitting left is removed at this age
_OLD_SECONDS = 24 * 3600


@contextmanager
def own_scratch(place: Path, name: str) -> Iterator[Path]:
    """A new folder in `place`, for this user only. Day-old leftovers of the same name go.

    Raises:
        SettingsError: it cannot be made there.
    """
    prefix = f"pairtrawl-{name}-"
    try:
        place.mkdir(parents=True, exist_ok=True)
        scratch = Path(mkdtemp(prefix=prefix, dir=place.resolve()))
    except OSError as error:
        raise SettingsError(f"--scratch {place}: no folder can be made there: {error.strerror}") from error
    try:
        for old in place.glob(f"{prefix}*"):
            if _is_old(old):
                shutil.rmtree(old, ignore_errors=True)
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > _OLD_SECONDS
    except FileNotFoundError:  # its own sitting, or another one, removed it
        return False
