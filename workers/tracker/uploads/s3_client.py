"""The border to botocore and aiobotocore: clients of one bucket, and their errors as TargetError."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any

import aiohttp

from crawler.aws import service_descriptions
from crawler.errors import MissingPackageError, SettingsError
from workers.tracker.uploads import TargetError
from workers.tracker.uploads.settings import S3

_MISSING = frozenset({"404", "NoSuchKey", "NotFound"})


@contextmanager
def translated(target: str) -> Iterator[None]:
    """What a store says, or does not say, as TargetError."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - optional, and heavy

    try:
        yield
    except (BotoCoreError, ClientError, aiohttp.ClientError, OSError) as error:
        raise TargetError(f"upload target {target!r}: {type(error).__name__}: {error}") from error


def asker(settings: S3) -> AbstractAsyncContextManager[Any]:
    """A client of aiobotocore, to be entered."""
    from aiobotocore.config import AioConfig  # noqa: PLC0415 - optional, and heavy
    from aiobotocore.session import AioSession  # noqa: PLC0415 - optional, and heavy

    session = AioSession(profile=settings.profile or None)
    session.register_component("data_loader", service_descriptions())
    made: AbstractAsyncContextManager[Any] = session.create_client(
        "s3", config=AioConfig(**_config(settings)), **_client(settings)
    )
    return made


async def unless_missing(call: Any) -> Any:  # noqa: ANN401 - botocore's answers have no types
    """What a call answers; None where there is no such object."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - optional, heavy

    try:
        return await call
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in _MISSING:
            return None
        raise


def signer(settings: S3) -> Any:  # noqa: ANN401 - botocore's clients have no types
    """A client of botocore that signs, without a single request: presigning must work inside a transaction.

    Raises:
        SettingsError: botocore does not take the settings, or finds no credentials.
        MissingPackageError: botocore is not installed.
    """
    try:
        from botocore.config import Config  # noqa: PLC0415 - optional, and heavy
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - optional, heavy
        from botocore.session import Session  # noqa: PLC0415 - optional, and heavy
    except ImportError as error:
        raise MissingPackageError(f"upload target {settings.name!r} needs: pip install 'pairtrawl[s3]'") from error
    try:
        session = Session(profile=settings.profile or None)
        session.register_component("data_loader", service_descriptions())
        if session.get_credentials() is None:
            raise SettingsError(
                f"upload target {settings.name!r}: no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
                "or name a profile of ~/.aws/credentials"
            )
        return session.create_client("s3", config=Config(**_config(settings)), **_client(settings))
    except (BotoCoreError, ValueError) as error:
        raise SettingsError(f"upload target {settings.name!r}: {error}") from error


def _client(settings: S3) -> dict[str, Any]:
    return {"region_name": settings.region, "endpoint_url": settings.endpoint or None}


def _config(settings: S3) -> dict[str, Any]:
    return {
        "signature_version": "s3v4",
        # other stores than Amazon's seldom have a host name for every bucket
        "s3": {"addressing_style": "path" if settings.endpoint else "virtual"},
        # else a CRC32 joins the signed headers, which nobody needs beside a SHA-256
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
        "connect_timeout": 10,
        "read_timeout": 60,
        "retries": {"max_attempts": 3, "mode": "standard"},
    }
