"""Confidential lists as they lie on disk (`.ptlist`): nothing in them can be read or tried out without the key.

    PTLIST01                              8 bytes
    length of the header                  4 bytes, little-endian
    header                                JSON: version, issued, check of the key, kinds with counts, what was skipped
    one section for each kind             in the header's order
    HMAC-SHA256 of everything before      32 bytes

A section of an exact kind has 16 bytes an entry, sorted: the first of HMAC-SHA256(key, "kind|value"), which is equal
for equal values and says nothing else. Perceptual hashes are compared within a distance, so they are encrypted
(AES-256-GCM, a nonce of 12 bytes first) and are in the clear in memory only. Each purpose has a key of its own, derived
from the one in the key file. docs/decisions/0015-confidential-lists.md has the reasons.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from crawler.errors import MissingPackageError, SettingsError
from filters.lists.gathering import KEPT_BYTES, stamped
from filters.lists.kinds import PERCEPTUAL, TEXTS, WIDTHS, Kind
from filters.lists.private_files import read_private
from filters.lists.rows import SortedRows, sorted_rows

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC = b"PTLIST01"
WHAT = "a confidential list"
_VERSION = 1
_LENGTH_BYTES = 4
_MAC_BYTES = 32
_NONCE_BYTES, _TAG_BYTES = 12, 16


class Section(msgspec.Struct, frozen=True):
    """What the header says of one kind."""

    kind: Kind
    count: int


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What can be told of a list without its key."""

    version: int
    issued: dt.date  # by whom it comes from; its age is counted from it
    key_check: str  # tells a wrong key from a damaged file
    sections: tuple[Section, ...]
    skipped: dict[str, int]  # entries of the sources that are not used, by reason

    @property
    def counts(self) -> dict[Kind, int]:
        """Entries of each kind."""
        return {section.kind: section.count for section in self.sections}


class Keys(NamedTuple):
    """The keys of one key file. Like every secret here they have no repr."""

    entries: bytes
    pictures: bytes
    whole: bytes
    check: str

    def __repr__(self) -> str:
        """Nothing."""
        return "Keys(...)"


class Opened(NamedTuple):
    """A compiled list, read and found whole. It has no repr: perceptual hashes are in the clear."""

    header: Header
    exact: Mapping[Kind, SortedRows]  # rows of 16 bytes, made by `stamped` with `Keys.entries`
    perceptual: Mapping[Kind, NDArray[np.uint8]]

    def __repr__(self) -> str:
        """Nothing."""
        return "Opened(...)"


def keys_of(key: bytes) -> Keys:
    """The keys that are derived from the 32 bytes of a key file."""
    entries, pictures, whole, check = (
        hmac.digest(key, f"pairtrawl lists: {purpose}".encode(), "sha256")
        for purpose in ("entries", "pictures", "whole", "check")
    )
    return Keys(entries, pictures, whole, check[:8].hex())


def is_compiled(path: Path) -> bool:
    """Whether a file begins as compiled lists do; False where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def compiled(rows: Mapping[Kind, SortedRows], skipped: Mapping[str, int], issued: dt.date, keys: Keys) -> bytes:
    """The file of a list; the rows of addresses and domains are stamped already (see `gather`).

    Raises:
        MissingPackageError: it has perceptual hashes, and nothing here can encrypt them.
    """
    kinds = sorted(rows)
    sections = {kind: _keyed(kind, rows[kind], keys) for kind in kinds if kind not in PERCEPTUAL}
    header = msgspec.json.encode(
        Header(
            version=_VERSION,
            issued=issued,
            key_check=keys.check,
            sections=tuple(
                Section(kind, len(sections[kind]) if kind in sections else len(rows[kind])) for kind in kinds
            ),
            skipped=dict(skipped),
        )
    )
    parts = [MAGIC, len(header).to_bytes(_LENGTH_BYTES, "little"), header]
    for kind in kinds:
        plain = (sections.get(kind) or rows[kind]).rows().tobytes()
        parts.append(plain if kind in sections else _encrypted(plain, header, keys))
    whole = b"".join(parts)
    return whole + hmac.digest(keys.whole, whole, "sha256")


def opened(path: Path, keys: Keys, kinds: frozenset[Kind], max_age_days: int | None, today: dt.date) -> Opened:
    """The list at `path`.

    Args:
        path: a file that only its owner may read.
        keys: those that it was compiled with.
        kinds: the kinds that are wanted; others stay closed.
        max_age_days: the most days since it was issued; None for any.
        today: the day it is.

    Raises:
        SettingsError: it is missing, cut short, changed, of another key, too old, or readable for others.
        MissingPackageError: it has perceptual hashes, and nothing here can decrypt them.
    """
    content = memoryview(read_private(path, WHAT))
    start = len(MAGIC) + _LENGTH_BYTES
    length = int.from_bytes(content[len(MAGIC) : start], "little")
    header = _header(path, bytes(content[start : start + length]))
    sizes = [_section_bytes(section) for section in header.sections]
    if len(content) != start + length + sum(sizes) + _MAC_BYTES:
        raise SettingsError(f"{path}: is cut short or longer than it says; copy it here again")
    if header.key_check != keys.check:
        raise SettingsError(f"{path}: was compiled with another key; name the right one, or compile it again")
    if not hmac.compare_digest(content[-_MAC_BYTES:], _mac(keys, content[:-_MAC_BYTES])):
        raise SettingsError(f"{path}: was changed since it was compiled; copy it here again, or compile it again")
    if max_age_days is not None and (problem := problem_of_age(header.issued, max_age_days, today)):
        raise SettingsError(f"{path}: {problem}")
    exact: dict[Kind, SortedRows] = {}
    perceptual: dict[Kind, NDArray[np.uint8]] = {}
    at = start + length
    for section, size in zip(header.sections, sizes, strict=True):
        part = content[at : at + size]
        at += size
        if section.kind not in kinds:
            continue
        if section.kind in PERCEPTUAL:
            plain = _decrypted(part, bytes(content[start : start + length]), keys)
            perceptual[section.kind] = np.frombuffer(plain, dtype=np.uint8).reshape(-1, WIDTHS[section.kind])
        else:
            exact[section.kind] = sorted_rows(np.frombuffer(part, dtype=np.uint8).reshape(-1, KEPT_BYTES))
    return Opened(header, exact, perceptual)


def problem_of_age(issued: dt.date, max_age_days: int, today: dt.date) -> str:
    """What is wrong with the day on which a list was issued, or ""."""
    days = (today - issued).days
    if days > max_age_days:
        return f"was issued on {issued}, {days} days ago, and may be {max_age_days} days old; compile a newer one"
    if days < -1:  # a day of tolerance for time zones; a wrong year would never grow old
        return f"says that it was issued on {issued}, which is to come; compile it again with the right day"
    return ""


def header_of(path: Path) -> Header:
    """What the list at `path` says of itself; whether that is true only the key tells.

    Raises:
        SettingsError: it is missing, no compiled list, or readable for others.
    """
    content = read_private(path, WHAT)
    start = len(MAGIC) + _LENGTH_BYTES
    return _header(path, content[start : start + int.from_bytes(content[len(MAGIC) : start], "little")])


def _header(path: Path, text: bytes) -> Header:
    try:
        header = msgspec.json.decode(text, type=Header)
    except (msgspec.DecodeError, RecursionError):
        raise SettingsError(f"{path}: is damaged or no compiled list; copy it here again") from None
    if header.version != _VERSION:
        raise SettingsError(f"{path}: is of version {header.version}, this program reads {_VERSION}; compile it again")
    return header


def _section_bytes(section: Section) -> int:
    if section.kind in PERCEPTUAL:
        return _NONCE_BYTES + section.count * WIDTHS[section.kind] + _TAG_BYTES
    return section.count * KEPT_BYTES


def _keyed(kind: Kind, rows: SortedRows, keys: Keys) -> SortedRows:
    if kind in TEXTS:
        return rows
    return sorted_rows(stamped(kind, rows.rows(), keys.entries))


def _mac(keys: Keys, content: memoryview) -> bytes:
    return hmac.new(keys.whole, content, hashlib.sha256).digest()


def _encrypted(plain: bytes, header: bytes, keys: Keys) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + _cipher(keys).encrypt(nonce, plain, header)


def _decrypted(part: memoryview, header: bytes, keys: Keys) -> bytes:
    # the HMAC of the whole file was right, so that this cannot fail
    return _cipher(keys).decrypt(bytes(part[:_NONCE_BYTES]), part[_NONCE_BYTES:], header)


def _cipher(keys: Keys) -> AESGCM:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - optional
    except ImportError:
        raise MissingPackageError(
            "confidential lists of perceptual hashes need cryptography, not installed here: "
            "pip install 'pairtrawl[screening]'"
        ) from None
    return AESGCM(keys.pictures)
