"""Drop bodies whose MD5, SHA-1 or SHA-256 stands in the list (or lists) at `path`.

One hash a line: MD5 (32 hex digits), SHA-1 (40 hex digits, or 32 characters of base32 as in WARC files), SHA-256 (64
hex digits), any of them after its name and a colon ("sha1:..."). `#` starts a comment. Of a CSV file the first column
counts; its heading may name the kind, and then holds for every line below. The file may be gzipped.
"""

from __future__ import annotations

import base64
import hashlib
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from crawler.records import Fetched, Verdict
from filters.lists import BadLineError, first_column, lines, read_lists

_DIGITS = {32: "md5", 40: "sha1", 64: "sha256"}
_HEX = re.compile(r"[0-9a-f]+")
_BASE32_SHA1 = re.compile(r"[a-z2-7]{32}")
_PREFIX = re.compile(r"(?:urn:)?(md5|sha-?1|sha-?256):\s*(.*)")
_HEADINGS = {"hash": "", "digest": "", "hash_value": "", "md5": "md5", "sha1": "sha1", "sha256": "sha256"}


class Digest(NamedTuple):
    """One entry of a list."""

    kind: str  # "md5", "sha1" or "sha256"
    value: bytes


@dataclass(frozen=True, slots=True)
class DigestSet:
    """Digests of one kind, sorted and joined: 16 million MD5 take 260 MB instead of 1.5 GB as a set of bytes."""

    kind: str
    joined: bytes = field(repr=False)

    def __contains__(self, digest: bytes) -> bool:
        width = len(digest)
        rows = range(len(self.joined) // width)
        place = bisect_left(rows, digest, key=lambda row: self.joined[row * width : (row + 1) * width])
        return self.joined[place * width : (place + 1) * width] == digest


@dataclass(frozen=True, slots=True)
class HashRemoval:
    """Judges by exact hashes of the body as received; computes only the kinds that the list has."""

    listed: tuple[DigestSet, ...] = field(repr=False)

    def judge(self, batch: Sequence[Fetched]) -> list[Verdict]:
        """One verdict per body, in order. It never says which hash matched, nor by which kind."""
        return [Verdict(not self._is_listed(fetched.body)) for fetched in batch]

    def _is_listed(self, body: bytes) -> bool:
        return any(
            hashlib.new(digests.kind, body, usedforsecurity=False).digest() in digests for digests in self.listed
        )


def build(*, path: str | tuple[str, ...], folder: Path = Path()) -> HashRemoval:
    """The filter for the list or lists at `path`.

    Raises:
        SettingsError: a list cannot be read to its last line (see `filters.lists`).
    """
    digests = {digest for entry in read_lists(path, folder, parse) for digest in entry}
    kinds = sorted({digest.kind for digest in digests})
    return HashRemoval(
        tuple(DigestSet(kind, b"".join(sorted(one.value for one in digests if one.kind == kind))) for kind in kinds)
    )


def parse(text: str) -> Iterator[tuple[int, tuple[Digest, ...] | BadLineError]]:
    """Line number, and what the line names: one digest, or two where it can be read in two ways."""
    declared = ""
    for place, (number, line) in enumerate(lines(text)):
        word = first_column(line).lower()
        heading = _HEADINGS.get(word.replace("-", ""))
        if place == 0 and heading is not None:
            declared = heading
            continue
        try:
            yield number, _digests(word, declared)
        except BadLineError as problem:
            yield number, problem


def _digests(word: str, declared: str) -> tuple[Digest, ...]:
    prefixed = _PREFIX.fullmatch(word)
    if prefixed:
        kind, word = prefixed[1].replace("-", ""), prefixed[2]
        if declared and kind != declared:
            raise BadLineError(f"says {kind} under the heading {declared}")
        declared = kind
    readings = _readings(word)
    if declared:
        readings = tuple(one for one in readings if one.kind == declared)
    if not readings:
        expected = declared or "32 (MD5), 40 (SHA-1), 64 (SHA-256) hex digits, or a base32 SHA-1"
        raise BadLineError(f"{len(word)} characters that are not {expected}")
    for digest in readings:
        if digest.value == hashlib.new(digest.kind, usedforsecurity=False).digest():
            raise BadLineError("the hash of the empty file, a mark of a list made from missing files")
        if len(set(digest.value)) == 1:
            raise BadLineError("the same byte throughout: a placeholder, not a hash")
    return readings


def _readings(word: str) -> tuple[Digest, ...]:
    """Every digest that `word` can mean.

    Of random MD5s one in 10,000 uses only digits that base32 has as well. Where nothing says which is meant, both are
    taken: that a picture has the other digest by chance cannot happen, that a listed picture slips through must not.
    """
    readings = []
    if len(word) in _DIGITS and _HEX.fullmatch(word):
        readings.append(Digest(_DIGITS[len(word)], bytes.fromhex(word)))
    if _BASE32_SHA1.fullmatch(word):
        readings.append(Digest("sha1", base64.b32decode(word.upper())))
    return tuple(readings)
