"""A file at a second place: linked where the disk allows it, which takes no room, else copied."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from crawler.commit import atomic_path
from crawler.errors import InputError

_CANNOT_LINK = frozenset({errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK})


def link_or_copy(source: Path, target: Path) -> None:
    """Let `target` be the same as `source`; a file that is there stays.

    Raises:
        InputError: the source is not there.
        OSError: the disk is full.
    """
    try:
        os.link(source, target)
    except FileExistsError:
        return
    except FileNotFoundError as error:
        raise InputError(f"{source}: is missing") from error
    except OSError as error:
        if error.errno not in _CANNOT_LINK:
            raise
        with atomic_path(target) as temporary:
            shutil.copyfile(source, temporary)
