"""One lease in the spool: what lies in its folder says how far it is."""

from __future__ import annotations

import os
import secrets
import shutil
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import msgspec

from crawler.commit import write_atomically
from workers.failpoints import failpoint
from workers.home.kept import read_if_whole
from workers.protocol.messages import Fail, Leased, Release, SubmitResult

#: a lease's folder while it is removed, which is no lease any more
GONE = ".gone-"


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """What is left to tell of a lease that has no result: given back, or failed."""

    release: Release | None = None
    fail: Fail | None = None


class Stage(StrEnum):
    """How far a lease is, by what lies in its folder."""

    INPUT = "input"  # its input is to be brought
    JOB = "job"  # everything is there to do it, or to go on with it
    DELIVER = "deliver"  # done, signed; to be uploaded and submitted
    END = "end"  # to be given back, or told to have failed


@dataclass(frozen=True, slots=True)
class LeaseFolder:
    """The files of one lease."""

    path: Path

    @property
    def lease_file(self) -> Path:
        """The lease as it was told; where it is, the folder is a lease's."""
        return self.path / "lease.json"

    @property
    def output(self) -> Path:
        """What the job makes; its own marker comes last."""
        return self.path / "output"

    @property
    def scratch(self) -> Path:
        """What the job half-makes."""
        return self.path / "scratch"

    @property
    def result_file(self) -> Path:
        """The signed manifest: where it is, the job is done, and its files are named in it."""
        return self.path / "result.json"

    @property
    def ending_file(self) -> Path:
        """What is to be told instead of a result."""
        return self.path / "ending.json"

    @property
    def half_input(self) -> Path:
        """As much of the input as has come; never read as data."""
        return self.path / "input" / "part"

    def input_file(self, leased: Leased) -> Path:
        """The whole input, its SHA-256 compared; under the name that a run folder gives it."""
        return self.path / "input" / f"{leased.spec.number:05d}.parquet"

    def stage(self, leased: Leased) -> Stage:
        """How far it is."""
        if self.ending_file.exists():
            return Stage.END
        if self.result_file.exists():
            return Stage.DELIVER
        if leased.spec.input_sha256 and not self.input_file(leased).exists():
            return Stage.INPUT
        return Stage.JOB

    def lease(self) -> Leased | None:
        """The lease; None where there is none, or one that nobody can read (of another version, or a broken disk)."""
        return read_if_whole(self.lease_file, Leased)

    def result(self) -> SubmitResult | None:
        """What is to be submitted."""
        return read_if_whole(self.result_file, SubmitResult)

    def ending(self) -> Ending | None:
        """What is to be told instead."""
        return read_if_whole(self.ending_file, Ending)

    def keep_input(self, leased: Leased) -> None:
        """What has come is the input: its SHA-256 is the one of the lease."""
        with self.half_input.open("rb+") as file:
            os.fsync(file.fileno())
        failpoint("home.input_checked")
        self.half_input.replace(self.input_file(leased))
        failpoint("home.input_kept")

    def keep_result(self, result: SubmitResult) -> None:
        """The job is done: from here on its input is not needed any more."""
        write_atomically(self.result_file, msgspec.json.encode(result))
        failpoint("home.result_kept")
        for spent in (self.half_input.parent, self.scratch):
            shutil.rmtree(spent, ignore_errors=True)

    def keep_ending(self, ending: Ending) -> None:
        """There will be no result: what the job made is not needed any more."""
        write_atomically(self.ending_file, msgspec.json.encode(ending))
        failpoint("home.ending_kept")
        for spent in (self.half_input.parent, self.scratch, self.output):
            shutil.rmtree(spent, ignore_errors=True)

    def remove(self) -> None:
        """Nothing is left to do. Renamed first, so that a kill in the middle leaves no half of a lease."""
        gone = self.path.with_name(f"{GONE}{secrets.token_hex(8)}")
        try:
            self.path.rename(gone)
        except FileNotFoundError:
            return
        failpoint("home.cleaning")
        shutil.rmtree(gone, ignore_errors=True)

    def used_bytes(self) -> int:
        """What it takes of the disk. A job may be at work in it, and another thread may remove it meanwhile."""
        # os.walk passes over folders that are gone when it comes to them; Path.rglob raises
        return sum(_size(Path(folder) / name) for folder, _, names in os.walk(self.path) for name in names)


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except FileNotFoundError:  # a job is at work there
        return 0
