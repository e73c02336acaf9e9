"""The plan of a rebuild: the rows of published lists, in their order, cut into jobs. Nothing is sorted or left out.

Row i of a list is row i % N of job `first + i // N`, where N is the size of a shard and `first` the number after the
last job of the list before it: img2dataset's numbers, and therefore its keys. Lists are read once, one batch of rows at
a time, and each job exists as soon as its table does, so that its images are fetched while the rest is still unread.

    plan/NNNNN.parquet       the table of a job (`crawler.list_tables`)
    plan/lists/NNNNN.json    a list that was read to its end
    plan/plan.json           all of them were
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import msgspec

from crawler.archives import Etiquette, nearby
from crawler.commit import atomic_path, write_atomically
from crawler.errors import InputError
from crawler.plan import MARKER, PlanFolder, Planned
from crawler.settings import Recipe
from crawler.sources import Source
from crawler.stores import archive_name
from workers.stored import read_stored


class ListPlanned(msgspec.Struct, frozen=True, kw_only=True):
    """A list that was read to its end."""

    name: str
    first: int  # number of its first job
    jobs: int
    rows: int
    schema: str  # what it was taken for, in one line
    #: rows that cannot be read, and values that were put right, with how many there were
    counts: dict[str, int] = {}
    #: why it ended too early; "" if it did not
    incomplete: str = ""

    def told(self) -> str:
        """In one line, for people."""
        counted = "".join(f"; {number:,} {what}" for what, number in self.counts.items())
        ended = f"; ends too early: {self.incomplete}" if self.incomplete else ""
        return f"{self.name}: {self.rows:,} rows: {self.schema}{counted}{ended}"


class Say(Protocol):
    """Tells people something."""

    def __call__(self, text: str, /) -> None:
        """A line."""
        ...


@dataclass(frozen=True, slots=True)
class ListPlan:
    """The plan of one rebuild, as far as it is made. Not for use by two processes at once."""

    recipe: Recipe
    sources: Sequence[Source]
    folder: PlanFolder
    #: where lists from elsewhere lie while they are read, and how they are asked for
    scratch: Path
    etiquette: Etiquette
    say: Say = field(default=lambda _text: None)

    def jobs(self) -> Generator[int]:
        """The numbers of all jobs, in order, each as soon as its table is there; what is there is not made again.

        Raises:
            InputError: a list cannot be had, or read, or lacks a column that the recipe names.
            OSError: the disk is full.
        """
        self._lists.mkdir(parents=True, exist_ok=True)
        assert self.recipe.rebuild is not None
        first = self.recipe.rebuild.first_shard
        for place, source in enumerate(self.sources):
            marker = self._lists / f"{place:05d}.json"
            planned = read_stored(marker, ListPlanned, "the plan of a list", "remove it, and it is made again")
            if planned is not None:
                yield from range(planned.first, planned.first + planned.jobs)
            else:
                planned = yield from self._plan(source, first)
                write_atomically(marker, msgspec.json.format(msgspec.json.encode(planned), indent=2) + b"\n")
                self.say(planned.told())
            first = planned.first + planned.jobs
        self._close()

    def whole(self) -> Planned:
        """The plan, made to its end.

        Raises:
            InputError, OSError: as `jobs`.
        """
        for _ in self.jobs():
            pass
        planned = self.folder.read()
        assert planned is not None
        return planned

    def rows(self) -> Callable[[int], int]:
        """How many rows each job has, of a plan that is whole."""
        size = self.recipe.plan.rows_per_job
        lists = [one for one in self.read_lists() if one.jobs]

        def rows_of(number: int) -> int:
            found = next(one for one in lists if number < one.first + one.jobs)
            return min(size, found.rows - (number - found.first) * size)

        return rows_of

    def read_lists(self) -> list[ListPlanned]:
        """The lists that were read to their end, in order."""
        return read_lists(self.folder)

    @property
    def _lists(self) -> Path:
        return self.folder.path / "lists"

    def _plan(self, source: Source, first: int) -> Generator[int, None, ListPlanned]:
        """Cut one list; yields the numbers of its jobs, and returns what it came to."""
        from crawler.read.lists.rebuilding import cut_list  # noqa: PLC0415 - brings pyarrow

        name = archive_name(source.address)
        number = first
        with nearby(source.address, self.etiquette, self.scratch) as path:
            try:
                cutting = cut_list(path, name, self.recipe)
                for table in cutting.tables():
                    job_table = self.folder.job_table(number)
                    if not job_table.exists():  # or an earlier sitting was killed in this list
                        with atomic_path(job_table) as temporary:
                            table.write(temporary)
                    yield number
                    number += 1
            except InputError as error:
                raise InputError(str(error) if name in str(error) else f"{name}: {error}") from error
        return ListPlanned(
            name=name, first=first, jobs=number - first, rows=cutting.rows,
            schema=cutting.schema.told(), counts=dict(cutting.counts), incomplete=cutting.incomplete,
        )  # fmt: skip

    def _close(self) -> None:
        """Say that the plan is whole, if nobody has."""
        marker = self.folder.path / MARKER
        if marker.exists():
            return
        lists = self.read_lists()
        rows = sum(one.rows for one in lists)
        assert self.recipe.rebuild is not None
        planned = Planned(
            candidates=rows, rejected={}, rows=rows, rows_per_job=self.recipe.plan.rows_per_job,
            jobs=sum(one.jobs for one in lists), first=self.recipe.rebuild.first_shard,
        )  # fmt: skip
        write_atomically(marker, msgspec.json.format(msgspec.json.encode(planned), indent=2) + b"\n")


def read_lists(folder: PlanFolder) -> list[ListPlanned]:
    """The lists of a rebuild that were read to their end, in order.

    Raises:
        RunFolderError: a marker is not one of ours.
    """
    paths = sorted((folder.path / "lists").glob("*.json"))
    read = (read_stored(path, ListPlanned, "the plan of a list", "remove it, and it is made again") for path in paths)
    return [one for one in read if one is not None]
