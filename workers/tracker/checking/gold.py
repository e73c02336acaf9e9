"""Gold jobs: jobs whose answer is known, because a machine of ours has done them. A volunteer cannot tell them.

A gold copy has kind, number, form and input of an ordinary job that was imported before, and is handed out the same
way; it is used once, so that its lease does not grow old either. What a worker makes of it is compared as a whole with
ours, and thrown away (`# invariant 26`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec

from crawler.errors import PairtrawlError
from crawler.job import Job, JobKind, Tools, finished
from workers.attempt import attempt
from workers.tracker.clock import Clock
from workers.tracker.moves.jobs import import_jobs
from workers.tracker.moves.records import NewJob
from workers.tracker.store import Store, Tx


class GoldError(PairtrawlError):
    """A gold job could not be computed; the message says why."""


class Answer(msgspec.Struct, frozen=True):
    """`gold_json` of a job."""

    #: the job that it copies: whoever has done that one does not get this one
    of: int
    #: below the campaign's folder: holds our result, under the names that a volunteer's has
    folder: str


@dataclass(frozen=True, slots=True)
class Ordinary:
    """A job that a gold copy is made of."""

    id: int
    kind: str
    number: int
    content_id: str
    input: str
    form: str
    input_sha256: str
    input_bytes: int


def answer_of(gold_json: str) -> Answer | None:
    """The answer of a job; None for an ordinary one."""
    return msgspec.json.decode(gold_json, type=Answer) if gold_json else None


def candidates_for_gold(tx: Tx, kind: str, most: int) -> list[Ordinary]:
    """Jobs of a kind that no gold copy was made of yet, in the random order in which they are handed out."""
    rows = tx.all(
        "SELECT id, kind, number, content_id, input, form, input_sha256, input_bytes FROM jobs"
        " WHERE kind = ? AND gold = 0 AND state <> 'cancelled' AND state <> 'poisoned'"
        " AND NOT EXISTS (SELECT 1 FROM jobs g WHERE g.gold = 1 AND g.kind = jobs.kind AND g.number = jobs.number)"
        " ORDER BY shuffle LIMIT ?",
        kind,
        most,
    )
    return [Ordinary(**dict(row)) for row in rows]


async def make_gold(
    campaign: Path,
    store: Store,
    clock: Clock,
    tools: Tools,
    *,
    kind: str,
    jobs: int,
    copies: int = 5,
) -> int:
    """Do some of a campaign's jobs here, on a machine that is trusted, and add gold copies of them.

    Running it again after it was stopped computes nothing twice.

    Args:
        campaign: the campaign's folder.
        store: its database.
        clock: the tracker's.
        tools: of the campaign's recipe, for this kind.
        kind: of the jobs.
        jobs: how many to do.
        copies: of each; a copy is used once.

    Returns:
        How many copies were added.

    Raises:
        GoldError: a job could not be done here.
    """
    chosen = await store.look(lambda tx: candidates_for_gold(tx, kind, jobs))
    added = 0
    for one in chosen:
        folder = compute(campaign, one, tools)
        made = copies_of(one, folder, copies)
        now = clock()
        added += await store.do(partial(import_jobs, now=now, specs=made))
    return added


def compute(campaign: Path, one: Ordinary, tools: Tools) -> str:
    """Do a job here; returns the folder of its result, below the campaign's.

    Raises:
        GoldError: it could not be done.
    """
    name = f"tracker/gold/{one.kind}-{one.number:05d}"
    kind = JobKind(one.kind)
    job = Job(
        kind=kind,
        number=one.number,
        input=one.input if kind is JobKind.EXTRACT else str(campaign / one.input),
        output=str(campaign / name),
        recipe=tools.recipe.digest,
        form=one.form,
    )
    if finished(job, tools.recipe) is None:
        outcome = attempt(job, tools)
        if outcome.report is None:
            raise GoldError(f"gold of {job.name} could not be made here: {outcome.failure}")
    return name


def copies_of(one: Ordinary, folder: str, copies: int) -> list[NewJob]:
    """Gold copies of a job: the same in everything that a worker is told."""
    answer = msgspec.json.encode(Answer(of=one.id, folder=folder)).decode()
    return [
        NewJob(
            kind=one.kind,
            number=one.number,
            content_id=hashlib.sha256(f"gold {copy} of {one.content_id}".encode()).hexdigest()[:32],
            input=one.input,
            form=one.form,
            input_sha256=one.input_sha256,
            input_bytes=one.input_bytes,
            gold_json=answer,
        )
        for copy in range(copies)
    ]
