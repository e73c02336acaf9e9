"""From one value as a list writes it to the bytes that it names; what it cannot mean, and what it had better not name.

Messages say what is wrong with a value and never quote it: they end in logs, and a list may be confidential.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from filters.lists.addresses import address_text, domain_text
from filters.lists.kinds import DIGESTS, PERCEPTUAL, Kind, kind_called, unusable_called

#: ThreatExchange's threshold: below it a picture is too plain for its PDQ to mean anything (safety.md 2.2)
LEAST_QUALITY = 50
#: a hash with a smaller share of set, or of cleared, bits belongs to flat pictures (safety.md 2.3)
_LEAST_SHARE = 0.16
_HEX_KINDS = {16: (Kind.PHASH,), 32: (Kind.MD5,), 40: (Kind.SHA1,), 64: (Kind.SHA256, Kind.PDQ)}
_DIGITS = {kind: digits for digits, kinds in _HEX_KINDS.items() for kind in kinds} | {
    Kind.URL_MD5: 32,
    Kind.URL_SHA1: 40,
    Kind.URL_SHA256: 64,
}
_HEX = re.compile(r"[0-9a-f]+")
_BASE32_SHA1 = re.compile(r"[a-z2-7]{32}")
_PREFIX = re.compile(r"(?:urn:)?([a-z][a-z0-9_-]{1,15}):(?!//)\s*(.*)", re.DOTALL | re.IGNORECASE)
_PHOTODNA_BYTES = 144
_PHOTODNA_BASE64 = re.compile(r"[A-Za-z0-9+/]{192}")
_WITHDRAWN = frozenset({"withdrawn", "deleted", "delete", "removed", "revoked", "inactive", "retracted", "tombstone"})


class BadEntryError(ValueError):
    """Something in a list is no entry; the text says why without quoting it."""


class Skipped(StrEnum):
    """Why an entry that can be read is not used. The values are counted in `Lists.skipped`."""

    EMPTY_FILE = "hash of the empty file"
    PLACEHOLDER = "placeholder"
    FLAT = "perceptual hash of a flat picture"
    LOW_QUALITY = "PDQ of quality below 50"
    WITHDRAWN = "withdrawn"
    OTHER_KIND = "of a kind not asked for"
    NO_VALUE = "without a value"
    DUPLICATE = "there already"


class Cell(NamedTuple):
    """One value of a list, as written."""

    place: int  # of its line, or where a form has no lines of its entry, from 1
    value: str
    kind: str = ""  # what the list calls it, or "" where it does not say
    quality: str = ""
    status: str = ""
    entry: str = ""  # the name of the entry that it belongs to, for tombstones
    when: str = ""  # of the entry: times in ISO 8601, which sort as text


class Entry(NamedTuple):
    """One thing that a list names."""

    kind: Kind
    value: bytes  # a digest; for addresses and domains their text


def is_withdrawn(status: str) -> bool:
    """Whether a list says with this word that its entry no longer counts."""
    return status.strip().lower() in _WITHDRAWN


def entries_of(cell: Cell, asked: frozenset[Kind], declared: Kind | None) -> tuple[Entry, ...] | str:
    """What a cell names: one entry, two where it can be read in two ways, or why it is not used.

    Args:
        cell: one value as written.
        asked: the kinds that are wanted.
        declared: what a value is that does not say so itself.

    Raises:
        BadEntryError: it is no entry of any of these kinds.
    """
    value = _unquoted(cell.value.strip())
    kind = declared
    if cell.kind:
        if unusable := unusable_called(cell.kind):
            return f"unusable: {unusable}"
        kind = kind_called(cell.kind)
        if kind is None:
            raise BadEntryError("of a kind that nobody here knows")
    if not value:
        return Skipped.NO_VALUE
    if prefixed := _PREFIX.fullmatch(value):
        if unusable := unusable_called(prefixed[1]):
            return f"unusable: {unusable}"
        said = kind_called(prefixed[1])
        if said in _DIGITS:  # "url:80" is no prefix
            if kind and kind is not said:
                raise BadEntryError(f"says {said} where {kind} is declared")
            kind, value = said, prefixed[2]
    if kind is None and _is_photodna(value):
        return "unusable: photodna"
    if kind and kind not in asked:
        return Skipped.OTHER_KIND
    readings = _readings(value, (kind,) if kind else tuple(sorted(asked)))
    if not readings:
        raise BadEntryError(f"{len(value)} characters that are not {_expected((kind,) if kind else sorted(asked))}")
    if kind is None and {one.kind for one in readings} >= {Kind.SHA256, Kind.PDQ}:
        raise BadEntryError("64 hex digits can be SHA-256 or PDQ: the setting kind has to say which")
    return next((why for one in readings if (why := _unfit(one, cell.quality))), readings)


def _unquoted(value: str) -> str:
    """Without the quotes around it; one alone may be part of an address."""
    return value[1:-1].strip() if len(value) > 1 and value[0] == value[-1] in "\"'" else value


def _readings(value: str, kinds: Sequence[Kind]) -> tuple[Entry, ...]:
    """Every entry of these kinds that `value` can mean.

    Of random MD5s one in 10,000 uses only digits that base32 has as well. Where nothing says which is meant, both are
    taken: that a picture has the other digest by chance cannot happen, that a listed picture slips through must not.
    """
    return tuple(Entry(kind, read) for kind in kinds if (read := _read(kind, value, alone=len(kinds) == 1)) is not None)


def _read(kind: Kind, value: str, *, alone: bool) -> bytes | None:
    if kind is Kind.URL:
        return address_text(value)
    if kind is Kind.DOMAIN:
        return domain_text(value)
    if kind in DIGESTS and not alone and kind.startswith("url"):
        return None  # a hash that says nothing of itself is one of a file
    word = value.lower()
    if kind is Kind.PDQ:
        word = word.removeprefix("hash=")
    digits = _DIGITS[kind]
    if len(word) == digits and _HEX.fullmatch(word):
        return bytes.fromhex(word)
    if kind in (Kind.SHA1, Kind.URL_SHA1) and _BASE32_SHA1.fullmatch(word):
        return base64.b32decode(word.upper())
    return None


def _expected(kinds: Sequence[Kind]) -> str:
    said = [f"{kind} ({_DIGITS[kind]} hex digits)" for kind in kinds if kind in _DIGITS]
    if Kind.URL in kinds:
        said.append("an http or https address")
    if Kind.DOMAIN in kinds:
        said.append("the name of a domain")
    return ", ".join(said)


def hex_lengths(asked: frozenset[Kind], declared: Kind | None) -> dict[int, Kind]:
    """Of how many hex digits a line must be for its kind to be clear, and which kind that is."""
    if declared:
        return {_DIGITS[declared]: declared} if declared in _DIGITS and declared in asked else {}
    fitting = {digits: [kind for kind in kinds if kind in asked] for digits, kinds in _HEX_KINDS.items()}
    return {digits: kinds[0] for digits, kinds in fitting.items() if len(kinds) == 1}


def unfit_value(kind: Kind) -> bytes | None:
    """The digest of nothing at all for kinds that are digests: a mark of a list made from missing files."""
    return hashlib.new(DIGESTS[kind], usedforsecurity=False).digest() if kind in DIGESTS else None


def most_bits(kind: Kind) -> tuple[int, int]:
    """The fewest and the most set bits that a perceptual hash may have without being one of flat pictures."""
    bits = _DIGITS[kind] * 4
    return int(_LEAST_SHARE * bits) + 1, int((1 - _LEAST_SHARE) * bits)


def _unfit(entry: Entry, quality: str) -> str:
    """Why an entry is not used, or ""."""
    if entry.kind in PERCEPTUAL:
        fewest, most = most_bits(entry.kind)
        if not fewest <= int.from_bytes(entry.value).bit_count() <= most:
            return Skipped.FLAT
        if entry.kind is Kind.PDQ and quality.strip() and _quality(quality) < LEAST_QUALITY:
            return Skipped.LOW_QUALITY
    elif entry.kind in DIGESTS:
        if entry.value == unfit_value(entry.kind):
            return Skipped.EMPTY_FILE
        if len(set(entry.value)) == 1:
            return Skipped.PLACEHOLDER
    return ""


def _quality(written: str) -> float:
    try:
        return float(written)
    except ValueError:
        raise BadEntryError("has a quality that is no number") from None


def _is_photodna(value: str) -> bool:
    if not _PHOTODNA_BASE64.fullmatch(value):
        return False
    try:
        return len(base64.b64decode(value, validate=True)) == _PHOTODNA_BYTES
    except binascii.Error:
        return False
