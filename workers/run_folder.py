"""Every file name of a run, and what pins the run to its folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import msgspec

from crawler.commit import sweep, write_first
from crawler.errors import RunFolderError
from crawler.layout import OF_REBUILD, holds_shards, remove_shards, run_at, shards_of, thumbnails_of
from crawler.plan import PlanFolder
from crawler.seen.opening import OwnShards
from crawler.settings import Recipe
from crawler.sources import Source
from workers.hold import hold
from workers.recipes import difference
from workers.scratch import own_scratch
from workers.slices import Slice
from workers.stored import read_stored
from workers.telling.timeline import NAME as TIMELINE
from workers.telling.timeline import OF_SLICE as TIMELINE_OF_SLICE

#: what others put into the folder of a run before there is a run: launchers, logs, what was submitted, a tracker
_OF_OTHERS = frozenset(("comparisons", "run.lock", "islands", "logs", "slurm", "tracker"))


class Pinned(msgspec.Struct, frozen=True, kw_only=True):
    """What a run folder belongs to. A resumed run must ask for the same."""

    recipe_digest: str
    recipe: Recipe
    sources: list[tuple[str, str]]  # address, kind
    version: str
    #: the words of the command line that stand for the sources; () where there were none, or the recipe's were used
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The files of one run."""

    path: Path
    #: where downloads and half-made shards lie, if not in the folder itself: a disk of this machine's own
    elsewhere: Path | None = None
    #: the shards of this sitting's slice, if it works on one and has to know which they are
    own: OwnShards | None = None

    @classmethod
    def of(cls, output: Path, recipe: Recipe) -> Self:
        """The folder of the run that `recipe` makes in the folder that --output names."""
        return cls(output if recipe.rebuild is None else output / OF_REBUILD)

    @classmethod
    def at(cls, output: Path) -> Self:
        """The folder of the run whose output this is, of whatever kind it is."""
        return cls(run_at(output))

    @property
    def pin(self) -> Path:
        """Which recipe and inputs this folder belongs to."""
        return self.path / "run.json"

    @property
    def lock(self) -> Path:
        """Held by the process that is at work here, or by several that share it."""
        return self.path / "run.lock"

    @property
    def candidates(self) -> Path:
        """Candidate tables and their markers."""
        return self.path / "candidates"

    @property
    def plan(self) -> PlanFolder:
        """The tables of the crawl jobs."""
        return PlanFolder(self.path / "plan")

    @property
    def shards(self) -> Path:
        """The data set itself."""
        return shards_of(self.path)

    @property
    def raw(self) -> Path:
        """Raw shards: what fetch jobs leave for score jobs."""
        return self.path / "raw"

    @property
    def seen(self) -> Path:
        """What the shards of this run and of earlier ones hold, as an index; made again where it is missing."""
        return self.path / "seen"

    @property
    def scratch(self) -> Path:
        """Archives while they are read, shards while they are made; nothing between runs."""
        return self.elsewhere or self.path / "scratch"

    @property
    def slices(self) -> Path:
        """What slices say of themselves."""
        return self.path / "slices"

    def slice_status(self, stage: str, part: Slice) -> Path:
        """What one slice says of itself. `stage` is the verb."""
        return self.slices / f"{stage}-{part.number:05d}.json"

    @property
    def timeline(self) -> Path:
        """What sittings told while they worked; no part of the data set."""
        return self.path / TIMELINE

    def slice_timeline(self, stage: str, part: Slice) -> Path:
        """The same of one slice. `stage` is the verb."""
        return self.slices / f"{stage}-{part.number:05d}{TIMELINE_OF_SLICE}"

    def slice_pin(self, stage: str) -> Path:
        """How the run is divided. `stage` is the verb: archives are divided by themselves."""
        return self.path / ("slices-extract.json" if stage == "extract" else "slices.json")

    @property
    def report(self) -> Path:
        """The counts of the whole run."""
        return self.path / "report.json"

    @property
    def page(self) -> Path:
        """The same for people."""
        return self.path / "report.html"

    def pinned(self) -> Pinned | None:
        """What the folder belongs to; None for a new one.

        Raises:
            RunFolderError: the pin is there and cannot be read.
        """
        return read_stored(self.pin, Pinned, "the pin of a run", "use another --output")

    def open(
        self, recipe: Recipe, sources: list[Source], version: str, inputs: Sequence[str] = (), *, alone: bool = True
    ) -> None:
        """Pin a new folder, or make sure that an old one belongs to the same recipe and inputs; sweep leftovers.

        Args:
            recipe: what the data set is.
            sources: the archives.
            version: of pairtrawl.
            inputs: the words that stand for the sources.
            alone: whether this is the only sitting in the folder; leftovers are for such a one to sweep.

        Raises:
            RunFolderError: it belongs to another run, or holds files that are not ours.
        """
        asked = Pinned(
            recipe_digest=recipe.digest,
            recipe=recipe,
            sources=[(one.address, one.kind.value) for one in sources],
            version=version,
            inputs=tuple(inputs),
        )
        found = self.pinned()
        if found is None:
            self._refuse_foreign_files("choose an empty folder with --output")
            self.path.mkdir(parents=True, exist_ok=True)
            write_first(self.pin, msgspec.json.format(msgspec.json.encode(asked), indent=2) + b"\n")
            found = self.pinned() or asked  # of many that come at the same time one is first
        if found.recipe_digest != asked.recipe_digest:
            raise RunFolderError(f"{self.path}: holds a run of another recipe ({difference(found.recipe, recipe)}); "
                                 "use another --output, or --fresh to start over")  # fmt: skip
        if found.sources != asked.sources:
            raise RunFolderError(f"{self.path}: holds a run over other inputs ({len(found.sources)} archives, not "
                                 f"{len(sources)}); use another --output, or --fresh to start over")  # fmt: skip
        if alone:
            self.tidy()

    @contextmanager
    def held(self, *, shared: bool = False) -> Iterator[None]:
        """The folder for this process alone while inside, or with others that share it, too.

        The system lets go of it when the process ends, however.

        Raises:
            RunFolderError: another process is at work in it, or it holds files that are not ours.
        """
        if self.pinned() is None:
            self._refuse_foreign_files("choose an empty folder with --output")
        self.path.mkdir(parents=True, exist_ok=True)
        with hold(self.lock, shared=shared) as ours:
            if not ours:
                others = "a pairtrawl that is not one of its slices" if shared else "another pairtrawl"
                raise RunFolderError(f"{self.path}: {others} is at work in it; wait until it has ended, "
                                     "stop it, or use another --output")  # fmt: skip
            yield

    def _refuse_foreign_files(self, remedy: str) -> None:
        if self.shards == self.path.parent and self.pinned() is None:
            self._refuse_foreign_shards()
        if not self.path.exists():
            return
        if not self.path.is_dir():
            raise RunFolderError(f"{self.path}: is no folder; {remedy}")
        foreign = any(
            one.name not in _OF_OTHERS and not one.name.startswith(f".{self.pin.name}.") for one in self.path.iterdir()
        )
        if foreign and self.pinned() is None:  # another slice may have made it a run in the meantime
            raise RunFolderError(f"{self.path}: holds files but no run; {remedy}")

    def _refuse_foreign_shards(self) -> None:
        """A rebuild writes into a folder that may hold anything but shards of somebody else."""
        if holds_shards(self.shards):
            raise RunFolderError(f"{self.shards}: holds shards that no rebuild of pairtrawl made; use another folder, "
                                 "and take theirs over with --adopt")  # fmt: skip

    @contextmanager
    def with_scratch(self, parent: Path | None, name: str = "") -> Iterator[Self]:
        """This folder with a scratch folder of this sitting's own, which is gone afterwards.

        Args:
            parent: where it is made, on a disk of this machine's own; None for the run folder.
            name: of what the sitting does: leftovers of the same name are removed when they are a day old.

        Raises:
            SettingsError: it cannot be made there.
        """
        with own_scratch(self.path / "scratch" if parent is None else parent, name) as scratch:
            yield replace(self, elsewhere=scratch)

    def tidy(self) -> None:
        """Remove what killed processes left: downloaded archives and half-written files. Those of living ones stay."""
        shutil.rmtree(self.path / "scratch", ignore_errors=True)
        small = thumbnails_of(self.shards)
        for folder in (self.path, self.candidates, self.plan.path, self.raw, self.shards, small, self.slices):
            if folder.exists():
                sweep(folder)

    def clear(self) -> None:
        """Start over: remove what a run left here.

        Raises:
            RunFolderError: the folder is not a run's, so nothing is removed.
        """
        if self.pinned() is None:
            self._refuse_foreign_files("--fresh removes runs only")
            return
        scratch = self.path / "scratch"
        for folder in (self.candidates, self.plan.path, self.raw, self.seen, self.slices, scratch):
            shutil.rmtree(folder, ignore_errors=True)
        if self.shards == self.path.parent:
            remove_shards(self.shards)
        else:
            shutil.rmtree(self.shards, ignore_errors=True)
        pins = (self.slice_pin("extract"), self.slice_pin("fetch"), self.pin)
        for file in (self.report, self.page, self.timeline, *pins):  # the pin last: a folder without it is nobody's
            file.unlink(missing_ok=True)
