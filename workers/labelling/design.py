"""A sample: which pairs are asked about, and for how many rows each of them stands.

It is written down before the first question (`labels/samples/NAME.json`) and is the same for all labellers, who get it
each in an order of their own: so whoever stops early has judged a random part of it, and tiredness does not always fall
on the same pairs.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec

from crawler.commit import make_folder, write_first
from workers.stored import read_stored

FOLDER = "samples"
#: the stratum of the rows of the data set itself
KEPT = "kept"
_REJECTED, _BORDERLINE = "rejected by ", "borderline of "


class Stratum(msgspec.Struct, frozen=True):
    """A part of the rows, out of which the sample is random."""

    name: str  # "kept", "rejected by clip_similarity", "borderline of clip_similarity"
    of: int  # rows in it
    content_ids: tuple[Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")], ...]

    @property
    def is_random(self) -> bool:
        """Whether it can stand for the whole. What lies nearest to a line was chosen for lying there."""
        return not self.name.startswith(_BORDERLINE)


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """What labellers are asked about."""

    seed: int
    asked: int  # how many were wanted
    band: str
    strata: tuple[Stratum, ...]

    @property
    def name(self) -> str:
        """Names its file, and stands in every judgement."""
        return f"{self.band}-{self.asked}-seed-{self.seed}"

    @property
    def content_ids(self) -> list[str]:
        """All of it, stratum by stratum; a pair that is in several stands with the first."""
        return list(dict.fromkeys(one for stratum in self.strata for one in stratum.content_ids))

    def stratum_of(self) -> dict[str, Stratum]:
        """The stratum that each pair stands for."""
        found: dict[str, Stratum] = {}
        for stratum in self.strata:
            for one in stratum.content_ids:
                found.setdefault(one, stratum)
        return found


def rejected_by(filter_name: str) -> str:
    """The stratum of what a filter rejected."""
    return f"{_REJECTED}{filter_name}"


def borderline_of(filter_name: str) -> str:
    """The stratum of what lies nearest to a filter's line."""
    return f"{_BORDERLINE}{filter_name}"


def filter_of(stratum: str) -> str:
    """The filter whose rejected rows a stratum holds; "" for every other stratum."""
    return stratum.removeprefix(_REJECTED) if stratum.startswith(_REJECTED) else ""


def order_for(content_ids: Sequence[str], labeller: str, seed: int) -> list[str]:
    """The order in which a labeller is asked: his own, the same whenever he comes back."""
    shuffled = sorted(content_ids)
    random.Random(f"{seed} {labeller}").shuffle(shuffled)  # noqa: S311 - an order, no secret
    return shuffled


def stored_sample(labels: Path, name: str) -> Sample | None:
    """The sample of that name, as it was first drawn; None where there is none yet.

    Raises:
        RunFolderError: it cannot be read.
    """
    return read_stored(_path(labels, name), Sample, "a sample to label", "give another --seed")


def store_sample(labels: Path, sample: Sample) -> Sample:
    """Write a sample down; where another process was first, that one's counts, and is given back.

    Raises:
        OSError: it cannot be written.
    """
    path = _path(labels, sample.name)
    make_folder(path.parent)
    write_first(path, msgspec.json.format(msgspec.json.encode(sample), indent=1) + b"\n")
    return stored_sample(labels, sample.name) or sample


def _path(labels: Path, name: str) -> Path:
    return labels / FOLDER / f"{name}.json"
