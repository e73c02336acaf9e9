"""The pairs of an audit: a random sample of what a run fetched (raw shards), or of the pairs of finished shards."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import xxhash

from crawler.errors import InputError
from crawler.job.base import Pictures, read_base
from crawler.raw import read_rows
from crawler.records import Candidate
from crawler.statuses import SUCCESS
from crawler.tongue import tongue_of
from filters.redrawn import candidate_of
from workers.dataset.columns import Table, row_id, uids_of
from workers.run_folder import RunFolder
from workers.score_rows import tables_of

#: a row's place in its job, which no audit asks about
_ANY_ROWS = 1_000_000_000


class Pair(NamedTuple):
    """A candidate and its picture as it is published."""

    candidate: Candidate
    image: bytes


def has_raw_shards(place: Path) -> bool:
    """Whether a place has pairs that no model has judged yet."""
    return bool(_raw_shards(place))


def sample_pairs(place: Path, most: int, seed: int = 0) -> list[Pair]:
    """So many pairs of a place, or all that there are: those of the smallest numbers that the seed makes of their ids.

    Of raw shards, where there are such: they hold what models have not judged yet, so that both sides of their lines
    are there. Else of the pairs that finished shards have kept.

    Raises:
        InputError: there is nothing of the kind, or it cannot be read.
        RunFolderError: a shard is damaged.
    """
    raw = _raw_shards(place)
    files = raw or tables_of([place])
    chosen = _chosen(files, most, seed, is_raw=bool(raw))
    read = _raw_pairs if raw else _kept_pairs
    found = [pair for path, ids in chosen.items() for pair in read(path, ids)]
    if not found:
        raise InputError(f"{place}: has no picture to audit: neither raw shards nor kept pairs with their pictures")
    return sorted(found, key=lambda pair: pair.candidate.content_id)


def _raw_shards(place: Path) -> list[Path]:
    return sorted(RunFolder.at(place).raw.glob("*.parquet"))


def _chosen(files: Sequence[Path], most: int, seed: int, *, is_raw: bool) -> dict[Path, set[str]]:
    """By file the ids of rows with a picture, whose numbers are the smallest."""
    pictured = "extension" if is_raw else "status"

    def rows() -> Iterator[tuple[int, str, Path]]:
        for path in files:
            table = Table.open(path)
            if not table.id_columns or pictured not in table.names:
                raise InputError(f"{path}: has no column {pictured}, or nothing to name its rows by")
            for part in table.batches([*table.id_columns, pictured]):
                has = [bool(one) if is_raw else one == SUCCESS for one in part.column(pictured).to_pylist()]
                for uid, is_pictured in zip(uids_of(part), has, strict=True):
                    if is_pictured:
                        yield xxhash.xxh3_64_intdigest(uid.tobytes(), seed), uid.tobytes().hex(), path

    chosen: dict[Path, set[str]] = {}
    for _, uid, path in heapq.nsmallest(most, rows()):
        chosen.setdefault(path, set()).add(uid)
    return chosen


def _raw_pairs(path: Path, ids: Collection[str]) -> Iterator[Pair]:
    for _, pictured in read_rows(path):
        if pictured.extension and row_id(pictured.row) in ids:
            yield Pair(_candidate(pictured.row), pictured.image)


def _kept_pairs(path: Path, ids: Collection[str]) -> Iterator[Pair]:
    with Pictures() as pictures:
        for _, base in read_base(path, _ANY_ROWS):
            if base.extension and row_id(base.row) in ids:
                yield Pair(_candidate(base.row), pictures.read(base))


def _candidate(row: Mapping[str, Any]) -> Candidate:
    """The candidate that a row is about; where its table does not tell its language, that is told anew."""
    candidate = candidate_of(row)
    if "caption_language" in row:
        return candidate
    return msgspec.structs.replace(candidate, tongue=tongue_of(candidate.caption.text))
