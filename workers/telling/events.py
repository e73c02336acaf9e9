"""The events of a run, in the order in which they happen. docs/progress.md lists their fields.

They hold counts, names of stages, filters and jobs, and what pairtrawl says for people; never a caption, never a row.
Names are kept: programs read them. What reads them passes over events and fields that it does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TypeAlias

import msgspec

from crawler.report import Report, StageCount


class Happened(msgspec.Struct, frozen=True, kw_only=True, tag_field="event"):
    """What every event has: its kind, as `event`, and when it was."""

    at: datetime  # UTC, ISO 8601, to the millisecond


class RunBegan(Happened, frozen=True, kw_only=True, tag="run_began"):
    """A sitting at a run, or at a slice of it."""

    name: str  # of the recipe
    verb: str
    place: str  # "local" or "ray"
    inputs: int  # archives or lists
    version: str  # of pairtrawl
    host: str
    process: int
    slice: str = ""  # "3/16"; "" for a sitting that has the run for itself


class RunEnded(Happened, frozen=True, kw_only=True, tag="run_ended"):
    """The end of the sitting. One that was killed has none."""

    exit_code: int
    seconds: float
    jobs: int = 0  # of the last phase
    jobs_done: int = 0  # of them, in this sitting or before
    failed: int = 0  # in this sitting
    stopped: str = ""  # why, where it was asked to stop: "interrupted", "told by USR1"
    stages: tuple[StageCount, ...] = ()  # of the whole run, as in report.json; () for a slice


class PhaseBegan(Happened, frozen=True, kw_only=True, tag="phase_began"):
    """A phase: reading archives, the plan, fetching and filtering."""

    phase: str  # its title
    unit: str  # what `done` counts: "archives", "pairs", "rows"
    total: int | None = None  # None: not known yet
    jobs: int = 0  # of the phase
    jobs_done: int = 0  # of them, before


class Passed(msgspec.Struct, frozen=True):
    """How far records came: one stage of the way, of what has ended so far."""

    stage: str
    found: int
    kept: int


class _Figures(Happened, frozen=True, kw_only=True):
    phase: str
    unit: str
    done: int  # units, in this sitting
    total: int | None
    rows: int  # that ended, in this sitting: pages' candidates, or rows of the plan
    kept: int  # of the rows: as far as is known before a job ends
    jobs: int
    jobs_done: int  # in this sitting or before
    failed: int  # in this sitting
    seconds: float  # since the phase began
    rate: float  # units a second, over the last minute
    left_seconds: float | None  # None: cannot be told
    stages: tuple[Passed, ...]
    reasons: Mapping[str, int]  # the ten most frequent reasons of rejection
    #: of the job that this process is at: how many of its rows were "fetched", "decoded" and "scored" so far
    under_way: Mapping[str, int]
    under_way_rows: int  # the rows of that job; 0: none, or elsewhere
    spent: Mapping[str, float]  # seconds, by stage, summed over all that worked at the same time; of jobs that ended


class PhaseProgress(_Figures, frozen=True, kw_only=True, tag="phase_progress"):
    """How far a phase is."""


class PhaseEnded(_Figures, frozen=True, kw_only=True, tag="phase_ended"):
    """A phase is over, because it is done or because the sitting ends."""


class JobEnded(Happened, frozen=True, kw_only=True, tag="job_ended"):
    """A job is committed. `rows` is what it found at its first stage, `kept` what is left after its last one."""

    phase: str
    job: str  # kind and number: "crawl-00003"
    rows: int
    kept: int
    reasons: Mapping[str, int]
    report: Report | None  # as its marker has it; None in a timeline


class Failure(Happened, frozen=True, kw_only=True, tag="failure"):
    """A job failed, or the sitting as a whole (`job` is then empty). It is in `text` as people are told."""

    text: str
    job: str = ""
    blame: str = "nobody"  # whose it is to mend: "nobody", "input", "set_up", "ours"


class Said(Happened, frozen=True, kw_only=True, tag="said"):
    """A line for people that is none of the other events."""

    text: str


Event: TypeAlias = RunBegan | RunEnded | PhaseBegan | PhaseProgress | PhaseEnded | JobEnded | Failure | Said
#: whoever listens. Events come one after another, from any thread; a sink that raises OSError ends the run.
Sink: TypeAlias = Callable[[Event], None]
#: the end of a phase has the same figures as what it said on the way
Figures: TypeAlias = PhaseProgress | PhaseEnded


def moment() -> datetime:
    """Now, as events have it."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
