"""Every file name of a run, and what pins the run to its folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from crawler.commit import sweep, write_atomically
from crawler.errors import RunFolderError
from crawler.plan import PlanFolder
from crawler.settings import Recipe
from crawler.sources import Source


class Pinned(msgspec.Struct, frozen=True, kw_only=True):
    """What a run folder belongs to. A resumed run must ask for the same."""

    recipe_digest: str
    recipe: Recipe
    sources: list[tuple[str, str]]  # address, kind
    version: str


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The files of one run."""

    path: Path

    @property
    def pin(self) -> Path:
        """Which recipe and inputs this folder belongs to."""
        return self.path / "run.json"

    @property
    def lock(self) -> Path:
        """Held by the process that is at work here; empty."""
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
        return self.path / "shards"

    @property
    def seen(self) -> Path:
        """What the shards of this run and of earlier ones hold, as an index; made again where it is missing."""
        return self.path / "seen"

    @property
    def scratch(self) -> Path:
        """Archives while they are read; empty between runs."""
        return self.path / "scratch"

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
        if not self.pin.exists():
            return None
        try:
            return msgspec.json.decode(self.pin.read_bytes(), type=Pinned)
        except msgspec.DecodeError as error:
            raise RunFolderError(f"{self.pin}: is not the pin of a run: {error}; use another --output") from error

    def open(self, recipe: Recipe, sources: list[Source], version: str) -> None:
        """Pin a new folder, or make sure that an old one belongs to the same recipe and inputs; sweep leftovers.

        Raises:
            RunFolderError: it belongs to another run, or holds files that are not ours.
        """
        asked = Pinned(
            recipe_digest=recipe.digest,
            recipe=recipe,
            sources=[(one.address, one.kind.value) for one in sources],
            version=version,
        )
        found = self.pinned()
        if found is None:
            self._refuse_foreign_files("choose an empty folder with --output")
            self.path.mkdir(parents=True, exist_ok=True)
            write_atomically(self.pin, msgspec.json.format(msgspec.json.encode(asked), indent=2) + b"\n")
        elif found.recipe_digest != asked.recipe_digest:
            raise RunFolderError(f"{self.path}: holds a run of another recipe ({_difference(found.recipe, recipe)}); "
                                 "use another --output, or --fresh to start over")  # fmt: skip
        elif found.sources != asked.sources:
            raise RunFolderError(f"{self.path}: holds a run over other inputs ({len(found.sources)} archives, not "
                                 f"{len(sources)}); use another --output, or --fresh to start over")  # fmt: skip
        self.tidy()

    @contextmanager
    def held(self) -> Iterator[None]:
        """The folder for this process alone while inside. The system lets go of it when the process ends, however.

        Raises:
            RunFolderError: another process is at work in it, or it holds files that are not ours.
        """
        if self.pinned() is None:
            self._refuse_foreign_files("choose an empty folder with --output")
        self.path.mkdir(parents=True, exist_ok=True)
        with self.lock.open("ab") as file:
            if not _taken(file.fileno()):
                raise RunFolderError(f"{self.path}: another pairtrawl is at work in it; wait until it has ended, "
                                     "stop it, or use another --output")  # fmt: skip
            yield

    def _refuse_foreign_files(self, remedy: str) -> None:
        if not self.path.exists():
            return
        if not self.path.is_dir():
            raise RunFolderError(f"{self.path}: is no folder; {remedy}")
        if any(one.name != self.lock.name for one in self.path.iterdir()):
            raise RunFolderError(f"{self.path}: holds files but no run; {remedy}")

    def tidy(self) -> None:
        """Remove what killed processes left: downloaded archives and half-written files. Those of living ones stay."""
        shutil.rmtree(self.scratch, ignore_errors=True)
        for folder in (self.path, self.candidates, self.plan.path, self.shards):
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
        for folder in (self.candidates, self.plan.path, self.shards, self.seen, self.scratch):
            shutil.rmtree(folder, ignore_errors=True)
        for file in (self.report, self.page, self.pin):  # the pin last: a folder without it is nobody's
            file.unlink(missing_ok=True)


def _taken(file: int) -> bool:
    """Take the lock of an open file; False where another process has it."""
    if os.name != "posix":
        return True
    import fcntl  # noqa: PLC0415 - not on every system

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks; two runs in a folder waste work there, but commit whole files only
        return True
    return True


def _difference(old: Recipe, new: Recipe) -> str:
    """The first setting in which two recipes differ, for the message."""
    one, other = msgspec.to_builtins(old), msgspec.to_builtins(new)
    for section, value in one.items():
        if value == other[section] or section in {"resources", "folder", "inputs", "description"}:
            continue
        if section == "filters":
            uses = {choice["use"]: choice for choice in value}
            changed = [choice["use"] for choice in other[section] if uses.get(choice["use"]) != choice]
            gone = [use for use in uses if use not in {choice["use"] for choice in other[section]}]
            return f"filter `{(changed + gone or ['order'])[0]}` differs"
        if not isinstance(value, dict):
            return f"`{section}` differs"
        for key, setting in value.items():
            if setting != other[section][key]:
                return f"`{section}.{key}` was {setting!r} and is {other[section][key]!r}"
    return "it was made by another version"
