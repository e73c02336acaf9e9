"""Slices: the shares of a run that are worked on side by side, by sittings that cannot talk to each other.

A slice is a function of the names of the jobs and of the number of slices alone, so whoever is given "3/16" does the
same jobs, whenever and wherever. What all slices must agree on is pinned in the run folder by the first of them:

    RUN/slices-extract.json    of the archives
    RUN/slices.json            of the planned jobs: fetch, score and crawl, whose slices are the same
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from crawler.commit import write_first
from crawler.errors import RunFolderError, SettingsError
from workers.stored import read_stored


class Slice(NamedTuple):
    """Slice `number` (from 0) of `of`."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    @property
    def name(self) -> str:
        """What files and folders of this slice are called: "slice-00003"."""
        return f"slice-{self.number:05d}"


class SlicePin(msgspec.Struct, frozen=True, kw_only=True):
    """What all slices of a stage agree on."""

    slices: int
    recipe: str  # digest
    sources: str  # digest of the list of archives
    plan: str = ""  # digest of the plan's marker; "" before there is a plan


def parse_slice(written: str) -> Slice:
    """A slice as the command line has it: "3/16", counted from 0.

    Raises:
        SettingsError: it is not written like that, or there is no such slice.
    """
    found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", written)
    if found is None:
        raise SettingsError(f"--slice {written}: write K/N, such as 3/16; K counts from 0")
    number, of = int(found[1]), int(found[2])
    if number >= of:
        raise SettingsError(f"--slice {written}: K counts from 0 and ends at {of - 1}" if of else
                            f"--slice {written}: there is no division into 0 slices")  # fmt: skip
    return Slice(number, of)


def deal(names: Sequence[str], slices: int) -> list[int]:
    """Which slice each of the named jobs belongs to.

    They are put in the order of the SHA-256 of their names and dealt in turn: sizes differ by one at most, and what
    stands together, as archives of one crawl do, is scattered.
    """
    order = sorted(range(len(names)), key=lambda place: (hashlib.sha256(names[place].encode()).digest(), place))
    dealt = [0] * len(names)
    for turn, place in enumerate(order):
        dealt[place] = turn % slices
    return dealt


def of_slice(names: Sequence[str], wanted: Slice) -> list[int]:
    """The places in `names` of the jobs of one slice, ascending."""
    return [place for place, dealt in enumerate(deal(names, wanted.of)) if dealt == wanted.number]


def pin_slices(path: Path, asked: SlicePin) -> None:
    """Pin how a run is divided, or make sure that it is divided like that; of many at the same time one comes first.

    Raises:
        RunFolderError: it is divided otherwise, or belongs to another recipe, other archives or another plan.
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_first(path, msgspec.json.format(msgspec.json.encode(asked), indent=2) + b"\n")
    found = read_slices(path)
    if found is not None and found != asked:
        raise RunFolderError(f"{path}: {_difference(found, asked)}")


def read_slices(path: Path) -> SlicePin | None:
    """How a run is divided; None where it is not yet.

    Raises:
        RunFolderError: the file is there and is not one of ours.
    """
    return read_stored(path, SlicePin, "how a run is divided", "remove it if no slice is at work")


def digest_of(parts: Iterable[str]) -> str:
    """A digest of a list of texts."""
    joined = hashlib.sha256()
    for part in parts:
        joined.update(f"{part}\n".encode())
    return joined.hexdigest()


def _difference(found: SlicePin, asked: SlicePin) -> str:
    if found.recipe != asked.recipe:
        return "the slices of this run are of another recipe; use that one, or another --output"
    if found.sources != asked.sources:
        return "the slices of this run are of other archives; use those, or another --output"
    if found.plan != asked.plan:
        return (
            "the plan was changed after the run was divided, so shards of both plans would mix; start over in another "
            "--output, or bring the old plan/ back"
        )
    return (
        f"this run is divided into {found.slices} slices, not {asked.slices}; ask for --slice K/{found.slices}, or, to "
        "divide what is left anew, remove this file when no slice is at work"
    )
