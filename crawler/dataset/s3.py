"""A store of versions in a bucket of S3, or of something that speaks as S3 does."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from crawler.commit import atomic_path, sweep
from crawler.dataset.bucket import Bucket, ConditionError, NotThereError
from crawler.dataset.manifest import Stored
from crawler.dataset.objects import OTHER_BYTES, digest_in, hashed, name_of
from crawler.errors import DatasetError, SettingsError, StoreUnavailableError

#: what goes up in one piece, and the size of the pieces of what does not
PART_BYTES = 32 * 1024 * 1024
#: the most parts that S3 takes
_MOST_PARTS = 10_000
#: a download that breaks is begun anew so often; single requests are repeated by botocore
_TRIES = 3
#: an upload in parts that is older belongs to a process that was killed
_OLD_SECONDS = 24 * 3600

_Answer = TypeVar("_Answer")


class S3Objects:
    """`Objects` in a bucket; what is read from lies in `cache`, a folder of this machine."""

    def __init__(self, bucket: Bucket, cache: Path, *, part_bytes: int = PART_BYTES) -> None:
        self._bucket = bucket
        self._part_bytes = part_bytes
        self.cache = cache

    def put(self, path: Path, expect: Stored | None = None) -> Stored:
        """See `Objects`."""
        stored = expect or hashed(path)
        if not self._is_there(stored):
            if stored.bytes <= self._part_bytes:
                self._put(stored, path.read_bytes(), path)
            else:
                self._put_parts(stored, path)
        return stored

    def put_bytes(self, content: bytes) -> Stored:
        """See `Objects`."""
        stored = Stored(hashlib.sha256(content).hexdigest(), len(content))
        if not self._is_there(stored):
            self._put(stored, content, None)
        return stored

    def open_local(self, stored: Stored) -> Path:
        """See `Objects`."""
        path = self._cached(stored.sha256)
        if not (path.is_file() and path.stat().st_size == stored.bytes):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.copy(stored, path)
        return path

    def copy(self, stored: Stored, path: Path) -> None:
        """See `Objects`."""
        _again(lambda: self._copy(stored, path))

    def read(self, stored: Stored) -> bytes:
        """See `Objects`."""
        content = b"".join(_again(lambda: list(self._stream(stored.sha256))))
        if hashlib.sha256(content).hexdigest() != stored.sha256:
            raise DatasetError(f"{self.where(stored.sha256)}: has other bytes than it had; restore it from a backup")
        return content

    def checked(self, stored: Stored) -> Path:
        """See `Objects`."""
        self.forget(stored)
        return self.open_local(stored)

    def has(self, sha256: str) -> bool:
        """See `Objects`."""
        return self._bucket.size(name_of(sha256)) is not None

    def found(self, sha256: str) -> Stored | None:
        """See `Objects`."""

        def hash_all() -> Stored:
            digest, size = hashlib.sha256(), 0
            for block in self._bucket.stream(name_of(sha256)):
                digest.update(block)
                size += len(block)
            return Stored(digest.hexdigest(), size)

        try:
            return _again(hash_all)
        except NotThereError:
            return None

    def forget(self, stored: Stored) -> None:
        """See `Objects`."""
        self._cached(stored.sha256).unlink(missing_ok=True)

    def delete(self, sha256: str) -> None:
        """See `Objects`."""
        self._bucket.delete(name_of(sha256))
        self._cached(sha256).unlink(missing_ok=True)

    def listed(self) -> Iterator[str]:
        """See `Objects`."""
        yield from filter(None, map(digest_in, self._bucket.names("objects/")))

    def where(self, sha256: str) -> str:
        """See `Objects`."""
        return f"{self._bucket.address.rstrip('/')}/{name_of(sha256)}"

    def tidy(self) -> None:
        """See `Objects`."""
        with suppress(SettingsError, StoreUnavailableError):  # who may write need not be allowed to list uploads
            self._bucket.abort_uploads(time.time() - _OLD_SECONDS)
        for folder in self.cache.glob("objects/[0-9a-f][0-9a-f]"):
            sweep(folder)

    def _cached(self, sha256: str) -> Path:
        return self.cache / name_of(sha256)

    def _is_there(self, stored: Stored) -> bool:
        return self._bucket.size(name_of(stored.sha256)) == stored.bytes

    def _put(self, stored: Stored, content: bytes, path: Path | None) -> None:
        if Stored(hashlib.sha256(content).hexdigest(), len(content)) != stored:
            raise DatasetError(f"{path}: {OTHER_BYTES}")
        self._bucket.put(name_of(stored.sha256), content)

    def _put_parts(self, stored: Stored, path: Path) -> None:
        try:
            self._bucket.put_parts(name_of(stored.sha256), self._parts(stored, path))
        except ConditionError:
            return  # another committer has put it there in the meantime: it has the same name, and so the same bytes

    def _parts(self, stored: Stored, path: Path) -> Iterator[bytes]:
        digest, ahead = hashlib.sha256(), b""
        each = max(self._part_bytes, -(-stored.bytes // _MOST_PARTS))
        with path.open("rb") as file:
            while part := file.read(each):
                digest.update(part)
                if ahead:
                    yield ahead
                ahead = part
        if digest.hexdigest() != stored.sha256:  # before the last part is sent
            raise DatasetError(f"{path}: {OTHER_BYTES}")
        yield ahead

    def _copy(self, stored: Stored, path: Path) -> None:
        digest = hashlib.sha256()
        with atomic_path(path) as temporary:
            with temporary.open("xb") as file:
                for block in self._stream(stored.sha256):
                    digest.update(block)
                    file.write(block)
            if digest.hexdigest() != stored.sha256:
                raise DatasetError(
                    f"{self.where(stored.sha256)}: has other bytes than it had; restore it from a backup"
                )

    def _stream(self, sha256: str) -> Iterator[bytes]:
        try:
            yield from self._bucket.stream(name_of(sha256))
        except NotThereError as error:
            raise DatasetError(
                f"{self.where(sha256)}: is missing; `pairtrawl dataset verify` says what else is"
            ) from error


class S3Documents:
    """`Documents` in a bucket: a swap is a PUT under the condition that nobody was there in between."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def read(self, name: str) -> bytes | None:
        """See `Documents`."""
        try:
            return self._bucket.get(name)[0]
        except NotThereError:
            return None

    def create(self, name: str, content: bytes) -> bool:
        """See `Documents`."""
        try:
            self._bucket.put(name, content, anew=True)
        except ConditionError:
            return False
        return True

    def swap(self, name: str, expect: bytes | None, content: bytes) -> bool:
        """See `Documents`."""
        try:
            held, tag = self._bucket.get(name)
        except NotThereError:
            held, tag = None, ""
        if held != expect:
            return False
        try:
            self._bucket.put(name, content, tag=tag, anew=held is None)
        except ConditionError:
            # an answer may have been lost, and the request been repeated: then it is our own that was in the way
            return self.read(name) == content
        return True

    def delete(self, name: str) -> None:
        """See `Documents`."""
        self._bucket.delete(name)

    def names(self, prefix: str) -> Iterator[str]:
        """See `Documents`."""
        yield from self._bucket.names(prefix)


def _again(ask: Callable[[], _Answer]) -> _Answer:
    """What a download gives, begun anew where it breaks."""
    for _ in range(_TRIES - 1):
        try:
            return ask()
        except StoreUnavailableError:
            continue
    return ask()
