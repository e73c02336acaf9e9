"""Rows cut out of a shard without opening a picture: what is left has the bytes of a fresh write of what is left.

The tar is copied in stretches, by the kernel where it can (`copy_file_range`), and its samples get the keys 0 to n-1
again; the table is written anew. The same rows out of the same files give the same bytes, whoever cuts: the publisher
who re-issues, and the holder who brings a copy up to date.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crawler.dataset.cutting_tables import KEY, Positions, read_table, write_table
from crawler.dataset.renumbering import Span, keys_for, renumber_tar
from crawler.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

_BLOCK = 512
#: tar writes in records of 20 blocks
_RECORD = 20 * _BLOCK
_COPY_BYTES = 4 * 1024 * 1024
#: what file systems and old kernels answer that cannot copy from file to file
_CANNOT_COPY = frozenset({errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.EBADF})

__all__ = [
    "Cut", "Positions", "ShardFiles", "cut_shard", "cut_tar", "read_table", "spans_in", "write_table",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class ShardFiles:
    """Where the files of a shard are, or will be."""

    table: Path
    tar: Path | None = None  # None where there is metadata alone


@dataclass(frozen=True, slots=True)
class Cut:
    """What is left of a shard."""

    rows: int
    samples: int
    strays: int  # samples of which the table says nothing: they cannot have been judged, and are not carried on
    keys: Mapping[str, str]  # of the rows that are left: old to new


def cut_shard(
    source: ShardFiles,
    target: ShardFiles,
    name: str,
    keep: Positions,
    spans: Mapping[str, Span] | None = None,
    *,
    was: str = "",
    renumber: bool = True,
) -> Cut:
    """Write what is left of a shard when only the rows `keep` are kept, with keys 0 to n-1.

    A table without keys and tar, a list of links, is cut as it is.

    Args:
        source: the shard's files.
        target: new files, of which none exists yet; the tar where the source has one.
        name: the shard's name, which its keys begin with.
        keep: positions in the table, ascending.
        spans: where the samples lie in the tar, by key, in the order of the tar; needed where there is one.
        was: the shard's name so far, where it gets a new one.
        renumber: false where rows are to keep their keys, for a shard whose keys cannot be numbered anew.

    Raises:
        InputError: a file is not what it should be, or rows share a key.
        OSError: the disk is full.
    """
    table = read_table(source.table)
    if source.tar is None and KEY not in table.column_names:
        write_table(target.table, table, keep, like=source.table)
        return Cut(len(keep), 0, 0, {})
    old = _keys(source.table, table)
    kept = [old[place] for place in keep.tolist()]
    new = dict(zip(kept, keys_for(name, old, len(kept), was=was) if renumber else kept, strict=True))
    write_table(target.table, table, keep, like=source.table, keys=new)
    if source.tar is None or target.tar is None:
        return Cut(len(kept), 0, 0, new)
    if spans is None:
        raise ValueError("a tar is cut by the spans of its samples")
    staying = {key: span for key, span in spans.items() if key in new}
    places = cut_tar(source.tar, target.tar, list(staying.values()))
    moved = [(place, new[key]) for key, place in zip(staying, places, strict=True) if new[key] != key]
    renumber_tar(target.tar, [place for place, _ in moved], [key for _, key in moved])
    return Cut(len(kept), len(staying), len(spans.keys() - set(old)), new)


def cut_tar(source: Path, target: Path, spans: Sequence[Span]) -> list[Span]:
    """A new tar of these stretches of another one, in their order; returns where each lies in it.

    Raises:
        InputError: the source ends within a stretch, or one is not made of whole blocks.
        OSError: the disk is full.
    """
    places = []
    written = 0
    with source.open("rb", buffering=0) as reader, target.open("xb", buffering=0) as writer:
        for run in _runs(spans):
            if run.offset % _BLOCK or run.bytes % _BLOCK:
                raise InputError(f"{source}: a sample at {run.offset} is not made of whole blocks")
            if _copy(reader.fileno(), writer.fileno(), run) != run.bytes:
                raise InputError(f"{source}: ends within a sample; the file was cut short")
        for span in spans:
            places.append(Span(written, span.bytes))
            written += span.bytes
        writer.write(b"\0" * (2 * _BLOCK + -(written + 2 * _BLOCK) % _RECORD))
    return places


def _runs(spans: Sequence[Span]) -> Iterator[Span]:
    """Spans that follow each other without a gap, as one."""
    run: Span | None = None
    for span in spans:
        if run is not None and run.offset + run.bytes == span.offset:
            run = Span(run.offset, run.bytes + span.bytes)
            continue
        if run is not None:
            yield run
        run = span
    if run is not None:
        yield run


def _copy(reader: int, writer: int, run: Span) -> int:
    """Append a stretch; how many bytes there were of it."""
    done = 0
    while done < run.bytes:
        try:
            count = os.copy_file_range(reader, writer, run.bytes - done, offset_src=run.offset + done)
        except OSError as error:
            if error.errno not in _CANNOT_COPY:
                raise
            return done + _copy_plainly(reader, writer, Span(run.offset + done, run.bytes - done))
        if not count:
            # Some file systems answer 0 instead of that they cannot; and at the end of the file it is the truth.
            return done + _copy_plainly(reader, writer, Span(run.offset + done, run.bytes - done))
        done += count
    return done


def _copy_plainly(reader: int, writer: int, run: Span) -> int:
    done = 0
    while done < run.bytes:
        block = os.pread(reader, min(_COPY_BYTES, run.bytes - done), run.offset + done)
        if not block:
            break
        left = memoryview(block)
        while left:
            left = left[os.write(writer, left) :]
        done += len(block)
    return done


def _keys(path: Path, table: pa.Table) -> list[str]:
    if KEY not in table.column_names:
        raise InputError(f"{path}: has no column key, so that nothing says which sample is whose")
    keys: list[Any] = table.column(KEY).to_pylist()
    if len(set(keys)) != len(keys) or None in keys:
        raise InputError(f"{path}: rows without a key, or with the same one: which sample is whose cannot be told")
    return [str(key) for key in keys]


def spans_in(index: Path) -> dict[str, Span]:
    """Where the samples of a tar lie, by key and in its order, out of its index (`crawler.dataset.tar_index`).

    Raises:
        InputError: it cannot be read.
    """
    table = read_table(index)
    columns = [table.column(name).to_pylist() for name in ("key", "offset", "bytes")]
    return {key: Span(offset, size) for key, offset, size in zip(*columns, strict=True)}
