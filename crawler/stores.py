"""Where archives stand: what an address says by itself, the local disk, and the stores that fsspec speaks to.

fsspec, and what lies below it, stops here.
"""

from __future__ import annotations

import errno
import glob
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import url2pathname

import aiohttp

from crawler.courtesy.etiquette import FailedTryError
from crawler.errors import ArchiveUnavailableError, InputError, MissingPackageError

# no later try mends these on our own disk
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG}


def local_path(address: str) -> Path | None:
    """The path of a local address (a plain path or `file://`), None for any other."""
    if address.lower().startswith("file://"):
        return Path(url2pathname(address[len("file://") :]))
    return None if "://" in address else Path(address)


def is_http(address: str) -> bool:
    """Whether an address is asked for over HTTP."""
    return address.lower().startswith(("http://", "https://"))


def archive_name(address: str) -> str:
    """The last component of a path or address, without the query of an HTTP one."""
    local = local_path(address)
    return local.name if local is not None else shown(address).rstrip("/").rpartition("/")[2]


def shown(address: str) -> str:
    """An address as messages and logs may show it: no user name, no password, no query, for there stand signatures."""
    if not is_http(address):
        return address
    scheme, _, rest = address.split("#", 1)[0].split("?", 1)[0].partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"


def find_files(pattern: str, *, identity: str = "") -> list[str]:
    """Every file that a path, a folder (all files below it) or a pattern (`*`, `?`, `[]`, `**`) stands for, sorted.

    Works on local paths and on fsspec addresses such as `s3://bucket/folder/*.warc.gz`; links to folders are not
    followed. Empty where nothing matches. `identity` is how we name ourselves to a store, where it takes a name.

    Raises:
        InputError: the address is of an unknown kind.
        ArchiveUnavailableError: the store could not be asked.
        MissingPackageError: the kind of address needs a package that is not installed.
    """
    if "://" in pattern:
        return _find_stored(pattern, identity)
    try:
        path = Path(pattern)
        if path.is_file():
            return [pattern]
        if path.is_dir():
            return sorted(str(file) for file in _files_below(path))
        matches = glob.glob(pattern, recursive=True)  # noqa: PTH207 -- Path.glob takes no absolute pattern
        return sorted({str(file) for match in matches for file in _files_below(Path(match))})
    except (OSError, ValueError):  # a name too long, a null byte: nothing has such a name
        return []


def copy_stored(address: str, path: Path, *, identity: str = "") -> None:
    """Copy a whole file from an fsspec store, once. `identity` is how we name ourselves, where the store takes a name.

    Raises:
        InputError: there is no such file.
        FailedTryError: the store failed, or fewer bytes came than it has.
        ArchiveUnavailableError: there is no room at `path`.
        MissingPackageError: the kind of address needs a package that is not installed.
    """
    fs, stored = _store(address, identity)
    try:
        expected = fs.info(stored).get("size")
        fs.get_file(stored, str(path))
        received = path.stat().st_size
    except (FileNotFoundError, IsADirectoryError) as error:
        raise InputError(f"{address}: no such file") from error
    except _weather() as error:
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            raise no_room(address, path, error) from error
        raise FailedTryError(f"{type(error).__name__}: {error}") from error
    if expected is not None and received != expected:
        raise FailedTryError(f"{received} bytes came of {expected}")


def no_room(address: str, path: Path, error: OSError) -> ArchiveUnavailableError:
    """The error for an archive that our own disk cannot take."""
    return ArchiveUnavailableError(
        f"{shown(address)}: cannot be stored in {path.parent}: {error.strerror or error}; make room there, or name "
        "another folder"
    )


def _find_stored(pattern: str, identity: str) -> list[str]:
    fs, stored = _store(pattern, identity)
    try:
        return sorted(str(fs.unstrip_protocol(match)) for match in fs.glob(stored))
    except FileNotFoundError:
        return []
    except _weather() as error:
        raise ArchiveUnavailableError(f"{pattern}: cannot be listed: {type(error).__name__}: {error}") from error


def _store(address: str, identity: str) -> tuple[Any, str]:
    """The file system of an fsspec address, and the path there."""
    import fsspec  # noqa: PLC0415 -- a tenth of a second that local and HTTP archives do not need

    s3 = re.match(r"s3a?://", address, re.IGNORECASE) is not None
    try:
        fs, stored = fsspec.core.url_to_fs(address, **(_s3_options(address, identity) if s3 else {}))
    except ImportError as error:
        needed = "pip install 'pairtrawl[s3]'" if s3 else f"fsspec says: {error}"
        raise MissingPackageError(f"{shown(address)}: needs an optional package: {needed}") from error
    except ValueError as error:
        raise InputError(f"{address}: not an address that can be read: {error}") from error
    if s3:
        fs.retries = 1  # s3fs asks five times at once, and goes on in the middle of what may be another version
    fs.invalidate_cache()  # or a retry would compare with the length of yesterday's file
    return fs, str(stored)


def _s3_options(address: str, identity: str) -> dict[str, object]:
    """What makes s3fs (2026.9) polite: a whole file in one GET, not ten ranges at a time, and no retries below ours."""
    once = {"retries": {"total_max_attempts": 1}, "user_agent_extra": identity}
    # without anon, s3fs looks for credentials and fails where there are none, though this bucket is open to all
    anonymous = re.match(r"s3a?://commoncrawl(/|$)", address, re.IGNORECASE) is not None
    return {"max_concurrency": 1, "config_kwargs": once} | ({"anon": True} if anonymous else {})


def _weather() -> tuple[type[BaseException], ...]:
    """What file systems raise when the network or the store fails: OSError, and what escapes from below them."""
    botocore = sys.modules.get("botocore.exceptions")
    return (OSError, aiohttp.ClientError, *((botocore.BotoCoreError, botocore.ClientError) if botocore else ()))


def _files_below(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    for folder, _folders, names in os.walk(path):
        yield from (Path(folder) / name for name in names)
