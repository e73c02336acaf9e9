"""A virtual environment in one file: thirty thousand small files are a storm for a file system that nodes share.

What is packed runs from any folder: links stay inside, scripts look for the Python beside them, and packages that are
installed as links to a working copy (`pip install -e`) are copied as they are now. Only the Python that the environment
was made from is not in it: nodes must see that at the same place, as they do on a shared file system.
"""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import IO, NamedTuple, cast
from urllib.parse import unquote, urlsplit

import msgspec

from crawler.commit import atomic_path
from crawler.errors import SettingsError

_ENDINGS = (".tar", ".tar.gz", ".tar.zst")
#: of zstd: 3 packs 2.2 GB in half a minute; higher ones take much longer for little
_LEVEL = 3
#: they name the folder that they were made in, and nothing that runs on a node reads them
_LEFT_OUT = frozenset({"activate", "activate.csh", "activate.fish", "activate.nu", "activate.bat", "activate_this.py",
                       "Activate.ps1", "deactivate.bat"})  # fmt: skip
#: a shell, and to Python a string that does nothing; then the script itself, by the Python that lies beside it
_FIRST_LINES = b"""#!/bin/sh
'''exec' "$(dirname -- "$(realpath -- "$0")")/python" "$0" "$@"
' '''
"""


class Packed(NamedTuple):
    """What went into an archive."""

    files: int
    content_bytes: int
    archive_bytes: int


class _Entry(NamedTuple):
    name: str  # in the archive
    path: Path


def pack_environment(out: Path, prefix: Path) -> Packed:
    """Put the virtual environment at `prefix` into `out`, a .tar, .tar.gz or .tar.zst.

    The same environment gives the same bytes.

    Raises:
        SettingsError: `prefix` is no virtual environment, `out` has another ending, or a package in it is a link to a
            working copy that cannot be found.
        OSError: the disk is full; what was at `out` is still there.
    """
    if not out.name.endswith(_ENDINGS):
        raise SettingsError(f"{out}: the name of a packed environment ends with {', '.join(_ENDINGS)}")
    entries = sorted(_entries(prefix))
    files = content = 0
    with atomic_path(out) as temporary:
        with (
            _compressed(temporary, out.name) as stream,
            tarfile.open(fileobj=stream, mode="w|", format=tarfile.GNU_FORMAT) as tar,
        ):
            for entry in entries:
                size = _add(tar, entry, prefix)
                files, content = files + 1, content + size
        archive = temporary.stat().st_size
    return Packed(files, content, archive)


def _entries(prefix: Path) -> Iterator[_Entry]:
    if not (prefix / "pyvenv.cfg").is_file():
        raise SettingsError(f"{prefix}: is no virtual environment (it has no pyvenv.cfg); make one with "
                            "python -m venv, install pairtrawl into it, and pack that")  # fmt: skip
    left_out: set[Path] = {prefix / "bin" / name for name in _LEFT_OUT}
    for site in sorted(prefix.glob("lib/python*/site-packages")):
        for package in distributions(path=[str(site)]):
            if source := _working_copy(package):
                left_out |= _hooks(package, site)
                for name in _packages(package, source):
                    yield from _below(source / name, f"{site.relative_to(prefix)}/{name}", set())
    yield from _below(prefix, "", left_out)


def _below(folder: Path, name: str, left_out: set[Path]) -> Iterator[_Entry]:
    """Everything under a folder; links to folders are entries, not ways."""
    for parent, folders, files in os.walk(folder):
        place = Path(parent)
        links = [one for one in folders if (place / one).is_symlink()]
        for one in (*files, *links):
            path = place / one
            if path not in left_out:
                yield _Entry("/".join(part for part in (name, path.relative_to(folder).as_posix()) if part), path)


def _working_copy(package: Distribution) -> Path | None:
    """The folder that a package installed with `-e` is a link to; None for any other."""
    text = package.read_text("direct_url.json")
    told = msgspec.json.decode(text) if text else {}
    if not told.get("dir_info", {}).get("editable"):
        return None
    return Path(unquote(urlsplit(told["url"]).path))


def _hooks(package: Distribution, site: Path) -> set[Path]:
    """The files beside packages that lead Python to the working copy."""
    listed = [Path(str(file)) for file in package.files or ()]
    return {site / file for file in listed if len(file.parts) == 1}


def _packages(package: Distribution, source: Path) -> list[str]:
    """The folders of a working copy that are its packages.

    Raises:
        SettingsError: it does not say so, or they are not there.
    """
    names = (package.read_text("top_level.txt") or "").split()
    if not names or not all((source / name).is_dir() for name in names):
        raise SettingsError(
            f"{package.name}: is a link to the working copy {source}, and its packages are not found there; install it "
            f"as a package (pip install {source}) and pack again"
        )
    return names


def _add(tar: tarfile.TarFile, entry: _Entry, prefix: Path) -> int:
    """Append one file or link; returns the bytes of its content.

    It has no owner. Its date stays, for Python compares that of a source with what its compiled file says.
    """
    found = entry.path.lstat()
    member = tarfile.TarInfo(entry.name)
    member.mtime = int(found.st_mtime)
    target = _link(entry.path, prefix) if entry.path.is_symlink() else None
    if target is not None:
        member.type, member.linkname, member.mode = tarfile.SYMTYPE, target, 0o777
        tar.addfile(member)
        return 0
    content = _relocatable(entry.path, prefix) if entry.path.parent == prefix / "bin" else None
    found = entry.path.stat()
    member.mode = 0o755 if found.st_mode & 0o100 else 0o644
    if content is not None:
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    else:
        member.size = found.st_size
        with entry.path.open("rb") as file:
            tar.addfile(member, file)
    return member.size


def _link(path: Path, prefix: Path) -> str | None:
    """Where a link leads in the archive; None for one whose content is packed instead, as of a cache outside."""
    led = Path(os.path.normpath(path.parent / path.readlink()))
    if led.is_relative_to(prefix):
        return os.path.relpath(led, path.parent)
    is_python = path.parent == prefix / "bin" and path.name.startswith("python")
    return str(led) if is_python or not path.is_file() else None


def _relocatable(script: Path, prefix: Path) -> bytes | None:
    """A script of the environment that starts with whatever Python lies beside it; None for other files."""
    python = os.fsencode(prefix / "bin" / "python")
    with script.open("rb") as file:
        if file.read(2) != b"#!":
            return None
        first, *rest = file.read().split(b"\n", 3)
    if first.strip().startswith(python):
        return _FIRST_LINES + b"\n".join(rest)
    # what installers write where the path is too long for a first line
    is_long = first == b"/bin/sh" and len(rest) == 3 and rest[0].startswith(b"'''exec' ") and python in rest[0]
    return _FIRST_LINES + rest[2] if is_long else None


@contextmanager
def _compressed(path: Path, name: str) -> Iterator[IO[bytes]]:
    with path.open("wb") as file:
        if name.endswith(".zst"):
            import zstandard  # noqa: PLC0415 - only here

            packer = zstandard.ZstdCompressor(level=_LEVEL, threads=-1, write_checksum=True)
            with packer.stream_writer(file, closefd=False) as stream:
                yield stream
        elif name.endswith(".gz"):
            import gzip  # noqa: PLC0415 - only here

            with gzip.GzipFile("", "wb", compresslevel=1, fileobj=file, mtime=0) as stream:
                yield cast("IO[bytes]", stream)
        else:
            yield file
