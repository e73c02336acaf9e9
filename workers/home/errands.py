"""What a volunteer and the process that does its jobs say to each other: JSON, a line each, over two pipes.

No pickle: what a job has read was written by strangers, and the process that read it may not be believed.
"""

from __future__ import annotations

import msgspec

from crawler.job import Job
from crawler.report import Report
from crawler.settings import Recipe
from workers.blame import Blame

#: a line is never longer: a report has a few hundred reasons
LONGEST_LINE = 8 * 2**20


class SetUp(msgspec.Struct, frozen=True, kw_only=True, tag="set_up"):
    """The first line: what the process works with, for as long as it lives."""

    recipe: Recipe
    recipe_digest: str  # as the campaign has it; our recipe has been adapted to this machine
    kind: str
    scratch: str
    cpus: tuple[int, ...]
    private_networks: bool


class DoJob(msgspec.Struct, frozen=True, kw_only=True, tag="job"):
    """Do this job, or go on with it."""

    job: Job


class DoTest(msgspec.Struct, frozen=True, kw_only=True, tag="test"):
    """Answer the self-test."""

    models: bool


class Under(msgspec.Struct, frozen=True, kw_only=True, tag="under"):
    """Rows that are done, of how many (0: not known)."""

    done: int
    total: int


class Ended(msgspec.Struct, frozen=True, kw_only=True, tag="ended"):
    """How the job ended: with a report, or with a failure and whose it is."""

    report: Report | None = None
    engines: dict[str, str] = {}
    failure: str = ""
    blame: Blame = Blame.NOBODY


class Tested(msgspec.Struct, frozen=True, kw_only=True, tag="tested"):
    """What the self-test answered; or why it could not."""

    answers: dict[str, str] = {}
    failure: str = ""


ToChild = SetUp | DoJob | DoTest
FromChild = Under | Ended | Tested
