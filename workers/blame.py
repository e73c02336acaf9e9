"""Whose a failure is: that decides what is said of it, the exit code, and whether other jobs go on."""

from __future__ import annotations

import errno
from enum import StrEnum

from crawler.errors import (
    ArchiveUnavailableError,
    MissingPackageError,
    PairtrawlError,
    ProcessLostError,
    RefMovedError,
    RunFolderError,
    ScreeningError,
    SettingsError,
    StoreUnavailableError,
)

#: what a disk or a folder says when it is for the user to mend, and not a bug of ours
_OF_THE_DISK = frozenset(
    (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR,
     errno.ENAMETOOLONG, errno.EFBIG, errno.EIO, errno.ESTALE)
)  # fmt: skip


class Blame(StrEnum):
    """Who can do something about a failure."""

    NOBODY = "nobody"  # a server was down, an actor died: trying again later may help
    INPUT = "input"  # this job's input is not what it was said to be; other jobs are not concerned
    SET_UP = "set_up"  # settings, packages or the disk: every further job would end the same way
    OURS = "ours"  # a bug


def blame_for(error: Exception) -> Blame:
    """Who can do something about this error."""
    match error:
        case ArchiveUnavailableError() | ProcessLostError() | StoreUnavailableError() | RefMovedError():
            return Blame.NOBODY
        case SettingsError() | MissingPackageError() | RunFolderError() | ScreeningError():
            return Blame.SET_UP
        case PairtrawlError():
            return Blame.INPUT
        case OSError() if error.errno in _OF_THE_DISK:
            return Blame.SET_UP
    return Blame.OURS
