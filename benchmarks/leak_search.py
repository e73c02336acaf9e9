"""Looks for the entries of a list in everything that a run has written: every spelling, in every file, unpacked.

Bytes that are packed would hide what they hold: tables are read, gzip is unpacked, and what is found is searched like
any other file.
"""

from __future__ import annotations

import base64
import gzip
import io
import threading
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

_LOOK_SECONDS = 0.2


def spellings_of_digest(digest: bytes) -> set[bytes]:
    """How a hash might be written: hex in lower and upper case, base32 and base64, as it is, and the other way round."""
    found = set()
    for raw in (digest, digest[::-1]):
        hexed, in_32, in_64 = raw.hex(), base64.b32encode(raw), base64.b64encode(raw)
        found |= {raw, hexed.encode(), hexed.upper().encode(), in_32.rstrip(b"="), in_32.lower().rstrip(b"=")}
        found |= {in_64.rstrip(b"="), base64.urlsafe_b64encode(raw).rstrip(b"=")}
    return found


def spellings_of_text(text: str) -> set[bytes]:
    """How an address or a domain might be written: as it is, without its scheme, in UTF-16, and in hex."""
    bare = text.partition("://")[2] or text
    return {
        form
        for one in (bare, bare.upper())
        for form in (one.encode(), one.encode("utf-16-le"), one.encode().hex().encode())
    }


@dataclass(slots=True)
class Leaks:
    """Needles, and where they were found."""

    needles: dict[bytes, str]  # spelling -> a name for the entry that may be printed
    found: set[tuple[str, str]] = field(default_factory=set)  # name of an entry, file
    files: int = 0
    searched_bytes: int = 0
    _seen: dict[Path, tuple[int, int]] = field(default_factory=dict)

    def search(self, roots: Iterable[Path]) -> None:
        """Search every file below these folders that is new, or has changed, since it was last searched."""
        for root in roots:
            for path in sorted(root.rglob("*")) if root.is_dir() else [root]:
                self._search_file(path)

    def search_text(self, name: str, text: str) -> None:
        """Search what was said rather than written."""
        self._search_bytes(name, text.encode(errors="surrogateescape"))

    @contextmanager
    def watching(self, roots: Iterable[Path]) -> Iterator[None]:
        """Search again and again meanwhile, for files that are gone when a run is done."""
        done = threading.Event()
        watched = list(roots)

        def watch() -> None:
            while not done.wait(_LOOK_SECONDS):
                self.search(watched)

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _search_file(self, path: Path) -> None:
        try:
            if not path.is_file():  # sockets of Ray
                return
            status = path.stat()
            if self._seen.get(path) == (status.st_size, status.st_mtime_ns):
                return
            content = path.read_bytes()
        except OSError:
            return  # gone in between
        self._seen[path] = (status.st_size, status.st_mtime_ns)
        self.files += 1
        self._search_bytes(str(path), path.name.encode() + b"\n" + content)
        for unpacked in _unpacked(content):
            self._search_bytes(str(path), unpacked)

    def _search_bytes(self, name: str, content: bytes) -> None:
        self.searched_bytes += len(content)
        for needle, entry in self.needles.items():
            if needle in content:
                self.found.add((entry, name))


def _unpacked(content: bytes) -> Iterator[bytes]:
    """What packed forms hold: rows of a table, and gzip; nothing for a file that is half written."""
    try:
        if content[:4] == b"PAR1" == content[-4:]:
            for row in pq.read_table(io.BytesIO(content)).to_pylist():
                yield b"\0".join(map(_as_bytes, row.values()))
        elif content[:2] == b"\x1f\x8b":
            yield gzip.decompress(content)
    except (pa.ArrowException, OSError, EOFError, zlib.error):
        return


def _as_bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode(errors="replace")


def finds_what_is_planted(needles: dict[bytes, str], folder: Path) -> bool:
    """Whether the search can find at all: each needle, in a plain file, a gzip file and a table."""
    folder.mkdir()
    (folder / "plain").write_bytes(b"...".join(needles))
    (folder / "packed.gz").write_bytes(gzip.compress(b"...".join(needles)))
    pq.write_table(pa.table({"value": pa.array(list(needles), pa.binary())}), folder / "rows.parquet")
    entries = set(needles.values())
    for path in folder.iterdir():
        leaks = Leaks(needles)
        leaks.search([path])
        if {entry for entry, _ in leaks.found} != entries:
            return False
    return True
