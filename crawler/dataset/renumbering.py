"""New keys for the rows that are left of a shard: 0 to n-1 again, so that no hole shows where a row was.

A key has a fixed width, so nothing moves: in the tar the name and the checksum of each header are patched, and the key
in the member's json, in ours and in img2dataset's ("key":"000010005" and "key": "000010005").
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from crawler.errors import InputError

_BLOCK = 512
#: where the fields of a ustar header are
_NAME = slice(0, 100)
_SIZE = slice(124, 136)
_CHECKSUM = slice(148, 156)
_TYPE = slice(156, 157)
#: a string of a json: quotation marks inside of it are escaped
_STRING = rb'"(?:[^"\\]|\\.)*+"'
_TOKENS = re.compile(_STRING + rb"|[{}\[\]]")
_VALUE = re.compile(rb"\s*+:\s*+(" + _STRING + rb")")
#: the pairs of a flat object up to its key; possessive, so that a hostile text costs its length and no more
_PAIR = rb"\s*+" + _STRING + rb"\s*+:\s*+(?:" + _STRING + rb'|[^][{},"]++)\s*+,'
_FLAT = re.compile(rb"\s*+\{(?:" + _PAIR + rb')*?\s*+"key"' + _VALUE.pattern, re.DOTALL)


class Span(NamedTuple):
    """A stretch of a file, in bytes; of a tar, all members of a sample."""

    offset: int
    bytes: int


def keys_for(name: str, keys: Sequence[str], rows: int, *, was: str = "") -> list[str]:
    """The keys 0 to `rows` - 1 of the shard `name`, as wide as its `keys` so far.

    A key begins with the shard's name (docs/formats.md). Where those of a foreign shard do not, what all of them begin
    with is kept, as far as the digits that the numbers need leave room for it.

    Args:
        name: of the shard.
        keys: those that it has had.
        rows: how many are wanted.
        was: its name so far, where it gets a new one of the same length.

    Raises:
        InputError: the keys differ in width, or are too short for so many rows.
    """
    if not rows:
        return []
    widths = {len(key) for key in keys}
    if len(widths) != 1:
        raise InputError(f"shard {name}: its keys are not of one width, so they cannot be numbered anew")
    width = widths.pop()
    prefix = name
    if len(was) != len(name):
        was = name
    if not all(key.startswith(was) for key in keys):
        shared = takewhile(lambda pair: pair[0] == pair[1], zip(min(keys), max(keys), strict=True))
        prefix = "".join(one for one, _ in shared)[: width - len(str(len(keys) - 1))]
    digits = width - len(prefix)
    if len(str(rows - 1)) > digits and rows > 1:
        raise InputError(f"shard {name}: keys of {width} characters have no room for {rows:,} rows")
    if not digits:
        return [prefix]
    return [f"{prefix}{row:0{digits}d}" for row in range(rows)]


def renumber_tar(tar: Path, samples: Sequence[Span], keys: Sequence[str]) -> None:
    """Give each sample of a tar its new key, in place: for a file that nobody else has seen yet.

    Args:
        tar: the file.
        samples: where the samples lie.
        keys: one for each, as wide as the old one.

    Raises:
        InputError: a sample is not what it should be: no ustar members, several keys, a key of another width.
        OSError: the disk is full.
    """
    with tar.open("r+b", buffering=0) as file:
        handle = file.fileno()
        for sample, key in zip(samples, keys, strict=True):
            content = os.pread(handle, sample.bytes, sample.offset)
            if len(content) != sample.bytes:
                raise InputError(f"{tar}: ends within a sample")
            try:
                for place, piece in patches(content, key):
                    os.pwrite(handle, piece, sample.offset + place)
            except InputError as error:
                raise InputError(f"{tar}: {error}") from error


def patches(sample: bytes, key: str) -> Iterator[tuple[int, bytes]]:
    """What must be written where in a sample's members to give it this key; nothing where it has it.

    Raises:
        InputError: as `renumber_tar`.
    """
    new = key.encode()
    for start, size in _members(sample):
        name = sample[start : start + 100].rstrip(b"\0")
        folder, slash, file = name.rpartition(b"/")
        old, dot, ending = file.partition(b".")
        if len(old) != len(new) or not dot:
            raise InputError(f"member {name.decode('ascii', 'replace')!r} cannot be given the key {key}")
        if old == new:
            continue
        yield start, folder + slash + new + dot + ending
        yield start + _CHECKSUM.start, _checksum(sample[start : start + _BLOCK], sum(new) - sum(old))
        if ending == b"json":
            content = sample[start + _BLOCK : start + _BLOCK + size]
            yield start + _BLOCK + _key_in(content, old), new


def _members(sample: bytes) -> Iterator[tuple[int, int]]:
    """Where each member's header begins, and how many bytes its content has."""
    start = 0
    while start < len(sample):
        header = sample[start : start + _BLOCK]
        # A long name's or a PAX header would go before its member and name it: what it names would not be patched.
        if header[_TYPE] not in {b"0", b"\0"}:
            raise InputError(f"a member of type {header[_TYPE]!r} is no plain file of ustar")
        size = _octal(header[_SIZE])
        yield start, size
        start += _BLOCK + size + -size % _BLOCK
    if start != len(sample):
        raise InputError("a member is longer than its sample")


def _checksum(header: bytes, change: int) -> bytes:
    return b"%06o\0 " % (_octal(header[_CHECKSUM]) + change)


def _octal(field: bytes) -> int:
    try:
        number = int(field.strip(b"\0 "), 8)
    except ValueError as error:
        raise InputError(f"{field!r} is no number of a ustar header") from error
    if number < 0:  # it would lead back, to the same header again
        raise InputError(f"{field!r} is no number of a ustar header")
    return number


def _key_in(content: bytes, old: bytes) -> int:
    """Where the value of the outermost "key" begins; an object inside (an additional column) may have one, too."""
    if (flat := _FLAT.match(content)) and flat[1][1:-1] == old:
        return flat.start(1) + 1
    depth = 0
    for token in _TOKENS.finditer(content):
        match token[0]:
            case b"{" | b"[":
                depth += 1
            case b"}" | b"]":
                depth -= 1
            case b'"key"' if depth == 1:
                value = _VALUE.match(content, token.end())
                if value and value[1][1:-1] == old:
                    return value.start(1) + 1
    raise InputError(f"the json of sample {old.decode('ascii', 'replace')} does not name its key")
