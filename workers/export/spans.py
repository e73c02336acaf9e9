"""Where the samples of a tar lie, by its headers alone: 512 bytes are read of each member, and no content.

A table that a version keeps beside each tar says the same (`crawler.dataset.tar_index`); this is for tars of a folder.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping
from pathlib import Path

from crawler.dataset.renumbering import Span
from crawler.errors import InputError

_BLOCK = 512
_PLAIN = frozenset((b"0", b"\0"))
_END = b"\0" * _BLOCK


def spans_of(tar: Path) -> Mapping[str, Span]:
    """Where each sample lies, by its key, in the order of the tar.

    Raises:
        InputError: it is cut short, or holds something else than plain files of ustar, or a key at two places.
    """
    spans: dict[str, Span] = {}
    current = ""
    for name, start, end in members_of(tar):
        key = name.rpartition("/")[2].partition(".")[0]
        if key == current:
            spans[key] = Span(spans[key].offset, end - spans[key].offset)
            continue
        if key in spans:
            raise InputError(f"{tar}: the members of sample {key} do not follow each other")
        spans[key] = Span(start, end - start)
        current = key
    return spans


def members_of(tar: Path) -> Iterator[tuple[str, int, int]]:
    """Every member: its name, where its header begins, and where the next one's does.

    Raises:
        InputError: as `spans_of`.
    """
    try:
        with tar.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as held:
            held.madvise(mmap.MADV_RANDOM)  # headers are far apart: no reading ahead
            yield from _members(tar, held)
    except ValueError as error:  # of an empty file
        raise InputError(f"{tar}: is empty") from error
    except OSError as error:
        raise InputError(f"{tar}: cannot be read: {error.strerror or error}") from error


def _members(tar: Path, held: mmap.mmap) -> Iterator[tuple[str, int, int]]:
    start, size = 0, len(held)
    while start < size:
        header = held[start : start + _BLOCK]
        if header == _END:
            return
        if len(header) < _BLOCK or header[156:157] not in _PLAIN:
            raise InputError(f"{tar}: at byte {start} there is no plain file of a ustar archive; pack it anew")
        try:
            name = header[:100].rstrip(b"\0").decode("ascii")
            content = int(header[124:135], 8)
        except ValueError as error:
            raise InputError(f"{tar}: at byte {start} there is no header of a ustar archive; pack it anew") from error
        if content < 0:
            raise InputError(f"{tar}: at byte {start} a file has less than no bytes; pack it anew")
        end = start + _BLOCK + content + -content % _BLOCK
        if end > size:
            raise InputError(f"{tar}: was cut short: {name} should end at byte {end} of {size}")
        yield name, start, end
        start = end


def renamed(sample: bytes, key: str) -> bytes:
    """The members of a sample under another key: names and checksums of the headers differ, and nothing else.

    Raises:
        InputError: the key is too long for a name.
    """
    changed = bytearray(sample)
    start = 0
    while start < len(sample):
        old = sample[start : start + 100]
        ending = old.rstrip(b"\0").rpartition(b"/")[2].partition(b".")[2]
        new = f"{key}.".encode() + ending
        if len(new) > 100:
            raise InputError(f"{key}: is too long for the name of a file in a tar")
        padded = new.ljust(100, b"\0")
        checksum = int(sample[start + 148 : start + 156].strip(b"\0 "), 8) + sum(padded) - sum(old)
        changed[start : start + 100] = padded
        changed[start + 148 : start + 156] = b"%06o\0 " % checksum
        content = int(sample[start + 124 : start + 136].strip(b"\0 "), 8)
        start += _BLOCK + content + -content % _BLOCK
    return bytes(changed)
