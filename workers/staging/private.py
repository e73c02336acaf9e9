"""A folder of our own on a disk that other people write to as well, such as /tmp of a compute node.

Whoever can put a file into it, or the folder itself there before us, chooses which weights and which programs we load.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from crawler.errors import SettingsError

_REMEDY = "name another folder for what is kept on the node, or ask who made this one"
#: the mapping of user numbers of a process that is in no container
_EVERYBODY = ["0", "0", "4294967295"]


def private_folder(base: Path) -> Path:
    """A folder in `base`, called pairtrawl-UID, that nobody else can look into; made if it is not there.

    A `base` that is ours alone already, such as the folder of a job in that folder, is taken as it is.

    Raises:
        SettingsError: `base` is no folder, others could exchange what is in it, or what has that name in it is not
            ours alone.
        OSError: it cannot be made there.
    """
    if _is_ours_alone(base):
        _check_surroundings(base.absolute().parent)
        return base
    _check_surroundings(base)
    return folder_inside(base, f"pairtrawl-{os.getuid()}")


def folder_inside(folder: Path, name: str) -> Path:
    """`folder`/`name`, of mode 0700, made if it is not there.

    Raises:
        SettingsError: something has that name that is not a folder, not ours, or open to others.
        OSError: it cannot be made.
    """
    inner = folder / name
    with suppress(FileExistsError):
        inner.mkdir(mode=0o700)
    found = inner.lstat()  # not stat: a link would lead us to where somebody else wants us
    if not stat.S_ISDIR(found.st_mode):
        raise SettingsError(f"{inner}: is no folder but a link or a file, and we did not make it; {_REMEDY}")
    if found.st_uid != os.getuid():
        raise SettingsError(f"{inner}: belongs to user {found.st_uid}, who could change what is in it; {_REMEDY}")
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise SettingsError(f"{inner}: is open to other users (mode {stat.S_IMODE(found.st_mode):04o}); chmod 700 it "
                            "if you trust what is in it, or remove it")  # fmt: skip
    return inner


def _is_ours_alone(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and stat.S_IMODE(found.st_mode) & 0o077 == 0


def _check_surroundings(base: Path) -> None:
    """Where others may write, the sticky bit must keep them from renaming what is ours."""
    try:
        found = base.stat()  # through links: an administrator's /tmp may be one
    except OSError as error:
        raise SettingsError(f"{base}: cannot be used for what is kept on the node: {error}") from error
    if not stat.S_ISDIR(found.st_mode):
        raise SettingsError(f"{base}: is no folder")
    if found.st_uid not in {0, os.getuid()} and not _is_in_a_container():
        raise SettingsError(f"{base}: belongs to user {found.st_uid}, who could change what is in it; {_REMEDY}")
    if found.st_mode & 0o022 and not found.st_mode & stat.S_ISVTX:
        raise SettingsError(f"{base}: other users could exchange what is in it (no sticky bit); {_REMEDY}")


def _is_in_a_container() -> bool:
    """Whether users have other numbers here than outside: then root, whose /tmp it is, is "nobody" to us."""
    try:
        return Path("/proc/self/uid_map").read_text().split() != _EVERYBODY
    except OSError:
        return False
