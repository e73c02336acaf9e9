"""The key folder of a data set's publisher: what signs versions, and what salts leaves. It never lies in the store.

signing.key   32 bytes, Ed25519, as hex: whoever has it can publish versions in the owner's name
salt.secret   32 bytes, as hex: whoever has it and the leaves of a purged row can try out what the row said
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from crawler.commit import write_first
from crawler.errors import SettingsError
from crawler.signing import new_key, public_key_of, sign

SIGNING = "signing.key"
SALT = "salt.secret"


@dataclass(frozen=True, slots=True)
class Keys:
    """What a publisher holds."""

    signing: bytes = field(repr=False)  # 32 bytes, Ed25519
    salt_secret: bytes = field(repr=False)  # 32 bytes

    @property
    def author(self) -> str:
        """The public key, in hex: what versions name as their author."""
        return public_key_of(self.signing)

    def sign(self, message: bytes) -> str:
        """The signature of a message, in hex."""
        return sign(self.signing, message)


def new_keys(folder: Path) -> Keys:
    """Make a key folder (0700, files 0600); what is there already stays, and is what is returned.

    Raises:
        SettingsError: what is there is no key folder, or others can read it.
        MissingPackageError: cryptography is not installed.
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _refuse_open_to_others(folder)
    before = os.umask(0o077)  # the temporary file of an atomic write, too
    try:
        write_first(folder / SIGNING, new_key().hex().encode() + b"\n")
        write_first(folder / SALT, secrets.token_hex(32).encode() + b"\n")
    finally:
        os.umask(before)
    return open_keys(folder)


def open_keys(folder: Path) -> Keys:
    """The keys in a folder.

    Raises:
        SettingsError: there are none, they are no keys, or others than their owner can read them.
        OSError: they cannot be read.
    """
    return Keys(_read(folder, SIGNING), _read(folder, SALT))


def _read(folder: Path, name: str) -> bytes:
    path = folder / name
    if not path.is_file():
        raise SettingsError(
            f"{path}: is not there; name the folder with --keys or PAIRTRAWL_KEYS, or make one with "
            "`pairtrawl dataset init`"
        )
    _refuse_open_to_others(folder)
    _refuse_open_to_others(path)
    try:
        key = bytes.fromhex(path.read_text("ascii").strip())
    except ValueError:
        raise SettingsError(f"{path}: is no key; restore it from a backup") from None  # the text may be one
    if len(key) != 32:
        raise SettingsError(f"{path}: holds {len(key)} bytes and not 32; restore it from a backup")
    return key


def _refuse_open_to_others(path: Path) -> None:
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise SettingsError(f"{path}: others than its owner can read it; chmod {'700' if path.is_dir() else '600'} it")
