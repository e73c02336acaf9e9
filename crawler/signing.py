"""Ed25519: the border to cryptography for whatever is signed, campaigns and versions of data sets alike."""

from __future__ import annotations

from typing import Any

from crawler.errors import MissingPackageError


def new_key() -> bytes:
    """A new private key: 32 bytes for Ed25519."""
    private, _ = _ed25519()
    raw: bytes = private.generate().private_bytes_raw()
    return raw


def public_key_of(private: bytes) -> str:
    """The public key of a private one, in hex."""
    keys, _ = _ed25519()
    return str(keys.from_private_bytes(private).public_key().public_bytes_raw().hex())


def sign(private: bytes, message: bytes) -> str:
    """The Ed25519 signature of a message, in hex."""
    keys, _ = _ed25519()
    return str(keys.from_private_bytes(private).sign(message).hex())


def is_signed(public_key: str, signature: str, message: bytes) -> bool:
    """Whether the signature is this key's over this message. Never raises for bad hex or lengths: that is a no.

    Hex has one spelling, lower case without blanks: else a document could be changed and still be signed.
    """
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - optional, and heavy

    _, keys = _ed25519()
    try:
        key, signed = bytes.fromhex(public_key), bytes.fromhex(signature)
        if (key.hex(), signed.hex()) != (public_key, signature):
            return False
        keys.from_public_bytes(key).verify(signed, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _ed25519() -> tuple[Any, Any]:
    """Raises MissingPackageError."""
    try:
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415 - optional, and heavy
    except ImportError as error:
        raise MissingPackageError("signatures need cryptography: pip install 'pairtrawl[home]'") from error
    return ed25519.Ed25519PrivateKey, ed25519.Ed25519PublicKey
