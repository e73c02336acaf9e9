"""The markers of a folder, each read once: a run may have a hundred thousand of them, and somebody looks every second.

A folder is listed again only when it has changed, and a marker is read again only when it is another file, for markers
are renamed into place (`crawler.commit`): the number that the file system gives a file (its inode) tells, and comes
with the listing, so that a look asks the file system nothing about files that it knows.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from crawler.errors import RunFolderError
from crawler.report import Report, StageCount

#: the coarsest steps of a folder's time that we know of: two seconds
_STEP_NANOSECONDS: Final = 2_000_000_000
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(tuple[StageCount, ...])

Marked = TypeVar("Marked", bound=msgspec.Struct)


class Sums:
    """Stages of many jobs added up, from which jobs can be taken away again. Merged counts still add up."""

    def __init__(self) -> None:
        self._stages: dict[str, tuple[int, int, dict[str, int]]] = {}

    def add(self, stages: Iterable[StageCount], sign: int = 1) -> None:
        """Add the stages of a job; with sign -1 take them away."""
        for one in stages:
            found, kept, rejected = self._stages.get(one.stage, (0, 0, {}))
            for reason, count in one.rejected.items():
                rejected[reason] = rejected.get(reason, 0) + sign * count
            self._stages[one.stage] = (found + sign * one.found, kept + sign * one.kept, rejected)

    @property
    def found_first(self) -> int:
        """What the first stage found, which is the rows of all these jobs."""
        return next((found for found, _, _ in self._stages.values()), 0)

    @property
    def kept_last(self) -> int:
        """What the last stage kept."""
        return next((kept for _, kept, _ in reversed(self._stages.values())), 0)

    @property
    def stages(self) -> tuple[StageCount, ...]:
        """The sums, in the order in which stages were first seen."""
        return tuple(
            StageCount(stage, found, kept, {reason: count for reason, count in sorted(rejected.items()) if count})
            for stage, (found, kept, rejected) in self._stages.items()
        )


class MarkerFolder:
    """The jobs whose markers are in one folder."""

    def __init__(self, folder: Path, ending: str, read: Callable[[Path], Report | None]) -> None:
        """Markers are called NUMBER and then `ending`; `read` gives the report of one, or None where it has none."""
        self._folder = folder
        self._ending = ending
        self._read = read
        self._changed = -1
        self._files: dict[int, int] = {}  # number of the job -> inode
        self._jobs: dict[int, bytes] = {}  # packed: 500 bytes where the objects would take 4,000
        self.sums = Sums()
        #: markers that were read so far, for whoever wants to know what a look costs
        self.read = 0

    def __len__(self) -> int:
        return len(self._jobs)

    def __contains__(self, number: object) -> bool:
        return number in self._jobs

    def __iter__(self) -> Iterator[int]:
        return iter(self._jobs)

    def look(self, besides: Container[int] = ()) -> bool:
        """See what is new; whether anything is. Jobs whose number is in `besides` are not counted.

        A marker that cannot be read yet, or is none of ours, is looked at again.
        """
        try:
            changed = self._folder.stat().st_mtime_ns
            if changed == self._changed:
                return False
            found = self._listed(besides)
        except OSError:  # not there yet, or not any more
            found, changed = {}, -1
        gone = [number for number, inode in self._files.items() if found.get(number, (None,))[0] != inode]
        for number in gone:
            self.forget(number)
        new = [(number, *file) for number, file in found.items() if number not in self._files]
        read = sum(self._take(*one) for one in new)
        # a folder's time has steps: what comes within the same one would not be seen
        is_old = time.time_ns() - changed > _STEP_NANOSECONDS
        self._changed = changed if is_old and read == len(new) else -1
        return bool(gone) or read > 0

    def forget(self, number: int) -> None:
        """Do not count this job."""
        del self._files[number]
        self.sums.add(_DECODER.decode(self._jobs.pop(number)), -1)

    def _listed(self, besides: Container[int]) -> Mapping[int, tuple[int, str]]:
        found = {}
        with os.scandir(self._folder) as entries:
            for one in entries:
                name = one.name.removesuffix(self._ending)
                if name != one.name and name.isdecimal() and int(name) not in besides:
                    found[int(name)] = one.inode(), one.name
        return found

    def _take(self, number: int, inode: int, name: str) -> bool:
        self.read += 1
        report = self._read(self._folder / name)
        if report is None:
            return False
        self._files[number] = inode
        self._jobs[number] = _ENCODER.encode(report.stages)
        self.sums.add(report.stages)
        return True


class _Stats(msgspec.Struct):
    report: Report


def read_extract(path: Path) -> Report | None:
    """The report of a marker of an extract job; None where there is none to be read."""
    return _decoded(path, Report)


def read_shard(path: Path) -> Report | None:
    """The report of a shard's statistics; None where there is none to be read."""
    stats = _decoded(path, _Stats)
    return stats.report if stats else None


def read_raw(path: Path) -> Report | None:
    """The report of a raw shard; None where there is none to be read."""
    from crawler.raw import read_head  # noqa: PLC0415 - pyarrow; most runs have no raw shards

    try:
        return read_head(path).report
    except RunFolderError:
        return None


def _decoded(path: Path, kind: type[Marked]) -> Marked | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError):
        return None
