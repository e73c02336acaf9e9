"""The border to botocore: one prefix of one bucket, and its errors as ours. Credentials are found as AWS's tools do."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from crawler.aws import s3_client
from crawler.errors import InputError, PairtrawlError, SettingsError, StoreUnavailableError

_ADDRESS = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<prefix>[^?#]*))?")
_MISSING = frozenset({"404", "NoSuchKey", "NotFound"})
#: what a store says to a condition that does not hold, and to two that come at the very same moment
_CONDITION = frozenset({"412", "PreconditionFailed", "409", "ConditionalRequestConflict"})
_REFUSED = frozenset({"401", "403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"})
_NO_CONDITIONS = frozenset({"501", "NotImplemented"})
_READ = 1024 * 1024


class ConditionError(Exception):
    """The condition of a write did not hold."""


class NotThereError(Exception):
    """There is no such object."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """Objects by name, below one prefix. May be used by several threads at once.

    Every method raises StoreUnavailableError where the store fails, SettingsError where it refuses us, InputError where
    there is no such bucket.
    """

    address: str
    client: Any
    bucket: str
    prefix: str  # "" or with a slash at its end

    def size(self, name: str) -> int | None:
        """How many bytes an object has; None where there is none."""
        try:
            with self._told():
                return int(self.client.head_object(**self._key(name))["ContentLength"])
        except NotThereError:
            return None

    def get(self, name: str) -> tuple[bytes, str]:
        """A small object and its entity tag.

        Raises:
            NotThereError: there is none.
        """
        with self._told():
            found = self.client.get_object(**self._key(name))
            return found["Body"].read(), str(found["ETag"])

    def stream(self, name: str) -> Iterator[bytes]:
        """An object, a block at a time.

        Raises:
            NotThereError: there is none.
        """
        with self._told():
            body = self.client.get_object(**self._key(name))["Body"]
            try:
                while block := body.read(_READ):
                    yield block
            finally:
                body.close()

    def put(self, name: str, content: bytes, *, tag: str = "", anew: bool = False) -> None:
        """Write an object, with its SHA-256 for the store to compare.

        Args:
            name: of the object.
            content: its bytes.
            tag: the entity tag that it must have; "" for any.
            anew: it must not be there.

        Raises:
            ConditionError: it has another tag, or is there.
        """
        conditions = {"IfMatch": tag} if tag else {"IfNoneMatch": "*"} if anew else {}
        with self._told():
            self.client.put_object(
                **self._key(name), Body=content, ChecksumSHA256=_base64_sha256(content), **conditions
            )

    def put_parts(self, name: str, parts: Iterator[bytes]) -> None:
        """Write a large object in parts, each with its SHA-256. All but the last have 5 MiB at least.

        Where `parts` raises, nothing is left of it.

        Raises:
            ConditionError: it is there.
        """
        key = self._key(name)
        with self._told():
            upload = self.client.create_multipart_upload(**key, ChecksumAlgorithm="SHA256")["UploadId"]
        with ExitStack() as undo:
            undo.callback(self._abort, key, upload)
            done = [self._put_part(key, upload, number, part) for number, part in enumerate(parts, 1)]
            with self._told():
                self.client.complete_multipart_upload(
                    **key, UploadId=upload, MultipartUpload={"Parts": done}, IfNoneMatch="*"
                )
            undo.pop_all()

    def abort_uploads(self, before: float) -> int:
        """Give up uploads in parts that began before this time (seconds since 1970); returns how many there were."""
        with self._told():
            pages = self.client.get_paginator("list_multipart_uploads").paginate(Bucket=self.bucket, Prefix=self.prefix)
            old = [
                (one["Key"], one["UploadId"])
                for page in pages for one in page.get("Uploads", ()) if one["Initiated"].timestamp() < before
            ]  # fmt: skip
        for key, upload in old:
            self._abort({"Bucket": self.bucket, "Key": key}, upload)
        return len(old)

    def delete(self, name: str) -> None:
        """Take an object away, if it is there, and with it all that a bucket with versions keeps of it."""
        key = self._key(name)
        with self._told():
            self.client.delete_object(**key)
            pages = self.client.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=key["Key"])
            for page in pages:
                for one in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
                    if one["Key"] == key["Key"]:
                        self.client.delete_object(**key, VersionId=one["VersionId"])

    def names(self, prefix: str) -> Iterator[str]:
        """The names that begin so, in order."""
        with self._told():
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=self.prefix + prefix
            )
            for page in pages:
                for one in page.get("Contents", ()):
                    yield str(one["Key"])[len(self.prefix) :]

    def _put_part(self, key: dict[str, str], upload: str, number: int, part: bytes) -> dict[str, object]:
        checksum = _base64_sha256(part)
        with self._told():
            told = self.client.upload_part(
                **key, UploadId=upload, PartNumber=number, Body=part, ChecksumSHA256=checksum
            )
        return {"PartNumber": number, "ETag": told["ETag"], "ChecksumSHA256": checksum}

    def _abort(self, key: dict[str, str], upload: str) -> None:
        try:
            with self._told():
                self.client.abort_multipart_upload(**key, UploadId=upload)
        except (PairtrawlError, NotThereError):
            return  # `abort_uploads` comes back to it; what led here is the error that counts

    def _key(self, name: str) -> dict[str, str]:
        return {"Bucket": self.bucket, "Key": self.prefix + name}

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What a store says, or does not say, as our errors."""
        from botocore.exceptions import (  # noqa: PLC0415 - optional, and heavy
            BotoCoreError,
            ClientError,
            NoCredentialsError,
        )

        try:
            yield
        except ClientError as error:
            raise self._error(error) from error
        except NoCredentialsError as error:
            raise SettingsError(
                f"{self.address}: no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
            ) from error
        except (BotoCoreError, OSError) as error:
            raise StoreUnavailableError(f"{self.address}: {type(error).__name__}: {error}") from error

    def _error(self, error: Any) -> Exception:  # noqa: ANN401 - botocore has no types
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in _CONDITION:
            return ConditionError(code)
        if code in _MISSING:
            return NotThereError(code)
        if code == "NoSuchBucket":
            return InputError(f"{self.address}: there is no such bucket; make it, for it is not ours to make")
        if code in _REFUSED:
            return SettingsError(f"{self.address}: the store refuses these credentials: {error}")
        if code in _NO_CONDITIONS:
            return SettingsError(
                f"{self.address}: the store does not know conditional writes, without which two committers could both "
                f"win: {error}"
            )
        return StoreUnavailableError(f"{self.address}: {error}")


def bucket_of(address: str, *, attempts: int = 5) -> Bucket:
    """The bucket and prefix of `s3://BUCKET/PREFIX`; nothing is asked yet. `attempts` is how often a request is sent.

    Raises:
        InputError: it is not such an address.
        SettingsError: botocore does not take what it is configured with.
        MissingPackageError: the extra s3 is not installed.
    """
    parts = _ADDRESS.fullmatch(address)
    if parts is None:
        raise InputError(f"{address}: is not s3://BUCKET/PREFIX")
    prefix = (parts["prefix"] or "").strip("/")
    return Bucket(address, s3_client(address, attempts), parts["bucket"], f"{prefix}/" if prefix else "")


def _base64_sha256(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()
