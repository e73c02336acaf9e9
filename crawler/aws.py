"""Clients of botocore, without asyncio: made here, and used by whoever translates their errors."""

from __future__ import annotations

from functools import cache
from typing import Any
from urllib.parse import urlsplit

from crawler.errors import MissingPackageError, SettingsError


@cache
def service_descriptions() -> Any:  # noqa: ANN401 - botocore has no types
    """What botocore knows of S3, read once for all clients: half a second each."""
    from botocore.loaders import create_loader  # noqa: PLC0415 - optional, and heavy

    return create_loader()


def s3_client(address: str, attempts: int) -> Any:  # noqa: ANN401 - botocore has no types
    """A client for the bucket of `address`, of the endpoint and with the credentials that AWS's own tools would take.

    Raises:
        SettingsError: botocore does not take what it is configured with.
        MissingPackageError: the extra s3 is not installed.
    """
    try:
        from botocore.config import Config  # noqa: PLC0415 - optional, and heavy
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - optional, heavy
        from botocore.session import Session  # noqa: PLC0415 - optional, and heavy
    except ImportError as error:
        raise MissingPackageError(f"{address}: needs an optional package: pip install 'pairtrawl[s3]'") from error
    common: dict[str, Any] = {
        "signature_version": "s3v4",
        # else a CRC32 joins the headers, which nobody needs beside a SHA-256
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
        "connect_timeout": 10,
        "read_timeout": 60,
        "max_pool_connections": 32,
        "retries": {"total_max_attempts": attempts, "mode": "standard"},
    }
    try:
        session = Session()
        session.register_component("data_loader", service_descriptions())
        client = session.create_client("s3", config=Config(**common))
        if (urlsplit(client.meta.endpoint_url).hostname or "").endswith(("amazonaws.com", "amazonaws.com.cn")):
            return client
        # other stores than Amazon's seldom have a host name for every bucket
        return session.create_client("s3", config=Config(**common, s3={"addressing_style": "path"}))
    except (BotoCoreError, ValueError) as error:
        raise SettingsError(f"{address}: {error}") from error
