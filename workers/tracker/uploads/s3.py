"""Uploads in a bucket of S3-compatible storage: workers send by one presigned PUT, the tracker looks at what arrived.

The URL signs the key, the length, the SHA-256 and If-None-Match: a store that keeps to its own rules takes those bytes
under that name once, and no others ever.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from crawler.commit import atomic_path
from workers.failpoints import failpoint
from workers.protocol.messages import UploadPermit
from workers.tracker.moves.records import UploadRow
from workers.tracker.uploads import LostObjectError, TargetError, WrongBytesError, is_upload_id
from workers.tracker.uploads.checksums import sha256_of
from workers.tracker.uploads.s3_client import asker, signer, translated, unless_missing
from workers.tracker.uploads.settings import S3

#: one PUT of S3 holds at most 5 GiB; what is larger goes to another target
_MOST_BYTES = 5 * 2**30
_BLOCK = 2**20
#: for a sign of life: who wants a lease waits meanwhile
_ROOM_SECONDS = 3.0


class S3Target:
    """`Target` in a bucket."""

    def __init__(self, settings: S3, cache: Path) -> None:
        """See `S3`; objects that the checker wants are fetched into the folder `cache`.

        Raises:
            SettingsError: botocore does not take the settings, or finds no credentials.
            MissingPackageError: botocore is not installed.
        """
        self.name = settings.name
        self.most_bytes = _MOST_BYTES
        self._settings, self._cache = settings, cache
        self._signer = signer(settings)
        self._client: Any = None
        self._closing = AsyncExitStack()
        self._opening = asyncio.Lock()

    @property
    def origin(self) -> str:
        """What permits' addresses begin with: must stand in the campaign's `uploads`, or workers refuse to send."""
        parts = urlsplit(
            self._signer.generate_presigned_url("put_object", Params={"Bucket": self._settings.bucket, "Key": "k"})
        )
        return f"{parts.scheme}://{parts.netloc}"

    async def room(self, promised: int, held: int, /) -> int:
        """See `Target`."""
        async with self._asked() as client, asyncio.timeout(_ROOM_SECONDS):
            await client.head_bucket(Bucket=self._settings.bucket)
        return max(0, self._settings.room_bytes - promised - held)

    def permit(self, upload: UploadRow) -> UploadPermit:
        """See `Target`."""
        checksum = base64.b64encode(bytes.fromhex(upload.sha256)).decode()
        address = self._signer.generate_presigned_url(
            "put_object",
            Params={
                "Bucket": self._settings.bucket, "Key": self._key(upload.upload), "ContentLength": upload.bytes,
                "ChecksumSHA256": checksum, "IfNoneMatch": "*",
            },
            ExpiresIn=self._settings.permit_seconds,
        )  # fmt: skip
        headers = {"Content-Length": str(upload.bytes), "If-None-Match": "*", "x-amz-checksum-sha256": checksum}
        return UploadPermit(
            upload=upload.upload, how="put", address=address, headers=headers, expires_in=self._settings.permit_seconds
        )

    async def is_whole(self, upload: UploadRow) -> bool:
        """See `Target`."""
        async with self._asked() as client:
            head = await unless_missing(
                client.head_object(Bucket=self._settings.bucket, Key=self._key(upload.upload), ChecksumMode="ENABLED")
            )
            if head is None:
                return False
            told = head.get("ChecksumSHA256")
            if self._settings.read_back or told is None or head.get("ChecksumType", "FULL_OBJECT") != "FULL_OBJECT":
                sha256 = await self._hashed(client, upload.upload)
            else:
                sha256 = base64.b64decode(told).hex()
        if (head["ContentLength"], sha256) != (upload.bytes, upload.sha256):
            await self.remove(upload.upload)
            failpoint("uploads.discarded")
            raise WrongBytesError(
                f"{head['ContentLength']} bytes hash to {sha256}; {upload.bytes} bytes of {upload.sha256} were declared"
            )
        failpoint("uploads.sealed")
        return True

    async def path_or_fetch(self, upload: UploadRow) -> Path:
        """See `Target`."""
        path = self._cached(upload.upload)
        if await asyncio.to_thread(_is_same, path, upload):
            return path
        try:
            with atomic_path(path) as temporary:
                async with self._asked() as client:
                    await self._download(client, upload.upload, temporary)
                if not await asyncio.to_thread(_is_same, temporary, upload):
                    raise LostObjectError(f"{upload.upload}: its object on {self.name!r} is not what was stored")
        except OSError as error:
            raise TargetError(f"{path}: cannot be written: {error}") from error
        return path

    async def let_go(self, upload: UploadRow) -> None:
        """See `Target`."""
        await asyncio.to_thread(self._cached(upload.upload).unlink, missing_ok=True)

    async def remove(self, upload: str) -> bool:
        """See `Target`."""
        async with self._asked() as client:
            await client.delete_object(Bucket=self._settings.bucket, Key=self._key(upload))
        await asyncio.to_thread(self._cached(upload).unlink, missing_ok=True)
        return True

    async def objects(self) -> dict[str, int]:
        """See `Target`."""
        found = {}
        async with self._asked() as client:
            pages = client.get_paginator("list_objects_v2").paginate(
                Bucket=self._settings.bucket, Prefix=self._settings.prefix
            )
            async for page in pages:
                for one in page.get("Contents", ()):
                    name = one["Key"].removeprefix(self._settings.prefix)
                    if is_upload_id(name):
                        found[name] = int(one["Size"])
        return found

    async def close(self) -> None:
        """See `Target`."""
        await self._closing.aclose()
        self._client = None

    def _key(self, upload: str) -> str:
        if not is_upload_id(upload):
            raise ValueError(f"no upload has the id {upload[:50]!r}")
        return self._settings.prefix + upload

    def _cached(self, upload: str) -> Path:
        self._key(upload)
        self._cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self._cache / upload

    async def _hashed(self, client: Any, upload: str) -> str:  # noqa: ANN401 - botocore's clients have no types
        digest = hashlib.sha256()
        async for block in self._blocks(client, upload):
            digest.update(block)
        return digest.hexdigest()

    async def _download(self, client: Any, upload: str, path: Path) -> None:  # noqa: ANN401 - see _hashed
        with path.open("xb") as file:
            async for block in self._blocks(client, upload):
                await asyncio.to_thread(file.write, block)

    async def _blocks(self, client: Any, upload: str) -> AsyncIterator[bytes]:  # noqa: ANN401 - see _hashed
        found = await unless_missing(client.get_object(Bucket=self._settings.bucket, Key=self._key(upload)))
        if found is None:
            raise LostObjectError(f"{upload}: its object is not on {self.name!r} any more")
        async with found["Body"] as body:
            while block := await body.read(_BLOCK):
                yield block

    @asynccontextmanager
    async def _asked(self) -> AsyncIterator[Any]:
        """A client, and its errors as ours."""
        with translated(self.name):
            async with self._opening:
                if self._client is None:
                    self._client = await self._closing.enter_async_context(asker(self._settings))
            yield self._client


def _is_same(path: Path, upload: UploadRow) -> bool:
    try:
        with path.open("rb", buffering=0) as file:
            return path.stat().st_size == upload.bytes and sha256_of(file.fileno()) == upload.sha256
    except FileNotFoundError:
        return False
