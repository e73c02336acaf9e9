"""RUN/slurm/submitted.json: what was submitted for a run, and how. Written anew after each job that SLURM took."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from crawler.commit import write_atomically
from crawler.errors import RunFolderError
from workers.hold import hold
from workers.stored import read_stored


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One call of sbatch that SLURM took."""

    stage: str
    job: int  # job id; of the whole array, where it is one
    offset: int  # slice = offset + index of the array task
    indices: str  # as in --array; "" where it is no array
    link: int = 0  # which of a chain of arrays of one name
    submitted: str = ""  # UTC, ISO 8601


class Ordered(msgspec.Struct, frozen=True, kw_only=True):
    """What the last `submit` asked for; `retry` asks for the same."""

    site: str
    slices: int
    extract_slices: int | None = None  # None: as many as of the other stages
    stages: list[str]
    inputs: list[str] = []
    recipe: str = ""
    overrides: list[str] = []
    options: list[str] = []  # of sbatch, as given: [STAGE:]--name=value
    at_once: int | None = None
    window: int | None = None
    links: int = 1
    margin_seconds: int = 600
    settings: dict[str, str] = {}  # PAIRTRAWL_ variables of the caller at that time
    is_rebuild: bool = False  # whether the recipe has a section [rebuild]: `pairtrawl rebuild` does it


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """All that was submitted for a run."""

    ordered: Ordered
    entries: list[Entry] = []

    @property
    def jobs(self) -> list[int]:
        """The job ids, in the order in which they were submitted."""
        return [entry.job for entry in self.entries]


def ledger_path(run: Path) -> Path:
    """Where the ledger of a run is."""
    return run / "slurm/submitted.json"


def read_ledger(run: Path) -> Ledger | None:
    """The ledger of a run; None where nothing was submitted by `pairtrawl slurm submit`.

    Raises:
        RunFolderError: it is there and cannot be read.
    """
    remedy = "cancel the run's jobs with scancel, then remove it"
    return read_stored(ledger_path(run), Ledger, "what was submitted for a run", remedy)


def write_ledger(run: Path, ledger: Ledger) -> None:
    """Put the ledger on the disk.

    Raises:
        OSError: the folder cannot be written, or is full.
    """
    ledger_path(run).parent.mkdir(exist_ok=True)
    write_atomically(ledger_path(run), msgspec.json.format(msgspec.json.encode(ledger), indent=1) + b"\n")


@contextmanager
def alone(run: Path) -> Iterator[None]:
    """Nobody else submits for this run while inside, on this login node.

    Raises:
        RunFolderError: another `pairtrawl slurm` is at it.
    """
    path = run / "slurm/lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with hold(path, shared=False) as ours:
        if not ours:
            raise RunFolderError(f"{run}: another `pairtrawl slurm` is submitting for it right now; wait for it")
        yield
