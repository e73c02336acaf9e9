"""The one text that a value has: JSON by RFC 8785, of which digests and signatures are made."""

from __future__ import annotations

import hashlib

import msgspec

from crawler.errors import MissingPackageError


def canonical(value: object) -> bytes:
    """Records, texts, whole numbers, lists and maps as JSON whose bytes are always the same: RFC 8785, UTF-8.

    Raises:
        MissingPackageError: rfc8785 is not installed.
        ValueError: the value has no such text: a lone surrogate, or a number beyond 2^53.
    """
    try:
        import rfc8785  # noqa: PLC0415 - optional
    except ImportError as error:
        raise MissingPackageError("versions of data sets need rfc8785: pip install 'pairtrawl[dataset]'") from error
    try:
        return bytes(rfc8785.dumps(msgspec.to_builtins(value)))
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise ValueError(f"has no canonical text: {error}") from error


def digest_of(value: object) -> str:
    """SHA-256 of the canonical text, in hex.

    Raises:
        MissingPackageError: as `canonical`.
        ValueError: as `canonical`.
    """
    return hashlib.sha256(canonical(value)).hexdigest()
