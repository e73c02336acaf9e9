"""The crawl job: a candidate table in, one shard out. The only place that knows the order of the stages.

    rows -> judge -> fetch (many at once) -> judge -> decode -> judge -> encode -> score (full batches) -> write
            event loop                       threads, each with its decoder      one thread of the model    event loop

Between the stages stand queues, and a budget counts the bytes of bodies that are between network and shard. Pixels live
only inside one step of a decoder thread: what goes on is the model's own small input and the encoded picture. The
decoders themselves are processes of their own (`crawler.picture.sandbox`), for what they read was written by strangers.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from crawler.errors import PairtrawlError
from crawler.fetch import Terms, Web, fetch
from crawler.flow import Budget
from crawler.job.duplicates import Claim, Shown, claiming, duplicates, shown_of
from crawler.job.judging import Makers, judge_all, score_columns
from crawler.job.looking import Decoder, Looked, Turned, look
from crawler.job.placeholders import Kept, kept_of, placeholders
from crawler.job.scoring import Scored, Scoring
from crawler.picture.sandbox import open_sandboxes
from crawler.records import Candidate, Fault, Fetched, Rejected
from crawler.report import Report, chain
from crawler.tables import read_candidates
from crawler.wire.resolve import LookUps
from crawler.write import ShardWriter, shard_name

if TYPE_CHECKING:
    from crawler.job import Job, Progress, Tools

#: bodies that a decoder thread takes at once: enough that filters see batches, few enough that pixels stay few
_BODIES = 4
#: a batch that is not full is scored when nothing has come for so long: a stalled web must not hold what is ready
_PATIENCE_SECONDS = 0.5
#: rows that are on their way at once, most of them waiting for their turn at a host: a site that is asked once a second
#: must not hold up the others. A waiting row costs some 3 kB.
_ROWS_UNDER_WAY = 16_384
#: the stages of a row's way, in order; each rejection is counted under one of them
_STAGES = ("filter candidates", "fetch", "filter bodies", "decode", "filter pictures", "placeholders", "duplicates")


def crawl_table(job: Job, tools: Tools, progress: Progress) -> Report:
    """Fetch, judge and write every row of a candidate table; commits one shard.

    Raises:
        PairtrawlError: the user's to mend, such as a model that cannot be had here; nothing is committed.
        OSError: the disk is full, or cannot be written; nothing is committed.
        ExceptionGroup: our own bugs in the tasks of the line; nothing is committed.
    """
    began = time.monotonic()
    folder = Path(job.output)
    folder.mkdir(parents=True, exist_ok=True)
    rows = [candidate for group in read_candidates(Path(job.input)) for candidate in group]
    output, plan = tools.recipe.output, tools.recipe.plan
    columns = score_columns((*tools.picture_filters, *tools.embedding_filters))
    with ShardWriter(folder, job.number, max(plan.rows_per_job, len(rows)), output, columns) as writer:
        line = _Line(tools, writer, progress)
        try:
            asyncio.run(line.run(rows))
        except ExceptionGroup as group:
            if (told := _for_the_user(group)) is None:
                raise
            raise told from group
        with claiming(tools.seen, shard_name(job.number, output)) as claim:
            line.look_back(claim)
            stages = chain(len(rows), [(stage, line.turned[stage]) for stage in _STAGES], kept=line.kept)
            tools.screening.check(job.name, stages)
            report = Report(
                job=job.name,
                kind=job.kind.value,
                recipe=job.recipe,
                stages=stages,
                bytes_received=line.bytes_received,
                bytes_written=line.bytes_written,
                names_looked_up=line.look_ups.cached + line.look_ups.joined + line.look_ups.asked,
                names_asked=line.look_ups.asked,
                seconds=round(time.monotonic() - began, 3),
            )
            writer.commit({"report": msgspec.to_builtins(report)})
    return report


def _for_the_user(group: ExceptionGroup) -> Exception | None:
    """The one thing to tell the user of what ended a line's tasks; None where there is a bug among it."""
    mendable, bugs = group.split((PairtrawlError, OSError))
    if mendable is None or bugs is not None:
        return None
    told: Exception = mendable
    while isinstance(told, ExceptionGroup):
        told = told.exceptions[0]
    return told


class _Line:
    """The production line of one job. What is counted here is counted where it happens, not derived."""

    def __init__(self, tools: Tools, writer: ShardWriter, progress: Progress) -> None:
        resources = tools.recipe.resources
        self._tools = tools
        self._writer = writer
        self._progress = progress
        self._makers = Makers()
        self._scoring = Scoring(tools.embedding_filters)
        self._bodies = Budget(resources.body_bytes_in_flight)
        self._fetched: asyncio.Queue[tuple[int, Fetched] | None] = asyncio.Queue()
        self._looked: asyncio.Queue[tuple[int, Looked] | None] = asyncio.Queue(maxsize=self._scoring.batch_size)
        self._kept: list[Kept] = []
        self._shown: dict[int, Shown] = {}
        self.turned: dict[str, Counter[str]] = {stage: Counter() for stage in _STAGES}
        self.kept = 0
        self.bytes_received = 0
        self.bytes_written = 0
        self.look_ups = LookUps()

    async def run(self, rows: Sequence[Candidate]) -> None:
        """Bring every row to its end."""
        admitted = self._admit(rows)
        recipe = self._tools.recipe
        with (
            open_sandboxes(recipe.decode, recipe.resources.decoders) as sandboxes,
            ThreadPoolExecutor(len(sandboxes), "decode") as decoding,
            ThreadPoolExecutor(1, "score") as scoring,
        ):
            async with self._tools.open_web() as web, asyncio.TaskGroup() as group:
                group.create_task(self._download(web, admitted, lookers=len(sandboxes)))
                group.create_task(self._look_all(decoding, sandboxes))
                group.create_task(self._score_all(scoring))
            self.look_ups = web.look_ups

    def look_back(self, claim: Claim) -> None:
        """Take back what shows only in the job as a whole; what is left is claimed against the other jobs."""
        recipe = self._tools.recipe
        for index in placeholders(self._kept, recipe.output.placeholder_addresses):
            self._take_back(index, "placeholders", Fault.PLACEHOLDER)
        for index, fault in duplicates(list(self._shown.values()), recipe.duplicates, claim):
            self._take_back(index, "duplicates", fault)

    def _admit(self, rows: Sequence[Candidate]) -> list[tuple[int, Candidate]]:
        """The rows that the candidate filters let through; the others end here."""
        admitted = []
        rulings = judge_all(self._tools.candidate_filters, rows)
        for index, (candidate, ruling) in enumerate(zip(rows, rulings, strict=True)):
            if ruling is None:
                admitted.append((index, candidate))
            else:
                name, verdict = ruling
                self._turn_away(index, Turned(_STAGES[0], Rejected(candidate, name, verdict.detail)))
        return admitted

    async def _download(self, web: Web, admitted: Sequence[tuple[int, Candidate]], *, lookers: int) -> None:
        """Fetch every row; each task takes the next one when it is free."""
        terms = Terms(self._tools.recipe.fetch, self._tools.recipe.opt_outs)
        rows = iter(admitted)

        async def downloader() -> None:
            for index, candidate in rows:
                outcome = await fetch(candidate, web, terms, receive=self._receive)
                if isinstance(outcome, Rejected):
                    self._turn_away(index, Turned("fetch", outcome))
                else:
                    await self._fetched.put((index, outcome))

        async with asyncio.TaskGroup() as group:
            for _ in range(min(len(admitted), _ROWS_UNDER_WAY)):
                group.create_task(downloader())
        for _ in range(lookers):
            await self._fetched.put(None)

    async def _receive(self, size: int) -> None:
        """Called while a download still has its slot: where the decoders are behind, no further one begins."""
        self.bytes_received += size
        await self._bodies.take(size)

    async def _look_all(self, threads: ThreadPoolExecutor, decoders: Sequence[Decoder]) -> None:
        """Decode and judge in threads, some bodies at a time, each with a decoder of its own."""
        loop = asyncio.get_running_loop()

        async def looker(decoder: Decoder) -> None:
            while batch := await self._next_bodies():
                bodies = [fetched for _, fetched in batch]
                outcomes = await loop.run_in_executor(threads, look, bodies, decoder, self._tools, self._makers)
                for (index, fetched), outcome in zip(batch, outcomes, strict=True):
                    if isinstance(outcome, Looked):
                        await self._looked.put((index, outcome))
                    else:
                        self._bodies.give(len(fetched.body))
                        self._turn_away(index, outcome)

        async with asyncio.TaskGroup() as group:
            for decoder in decoders:
                group.create_task(looker(decoder))
        await self._looked.put(None)

    async def _next_bodies(self) -> list[tuple[int, Fetched]]:
        """At least one body and whatever else is there already; none when there will be no more for this looker."""
        first = await self._fetched.get()
        if first is None:
            return []
        batch = [first]
        while len(batch) < _BODIES and not self._fetched.empty():
            item = self._fetched.get_nowait()
            if item is None:
                self._fetched.put_nowait(None)  # it ends a looker, and this one is not ending yet
                break
            batch.append(item)
        return batch

    async def _score_all(self, thread: ThreadPoolExecutor) -> None:
        """Judge by embeddings, in full batches, and write."""
        loop = asyncio.get_running_loop()
        ended = False
        while not ended:
            partial = False
            try:
                item = await asyncio.wait_for(
                    self._looked.get(), _PATIENCE_SECONDS if self._scoring.is_waiting else None
                )
            except TimeoutError:
                partial = True
            else:
                partial = ended = item is None
                if item is not None and (scored := self._scoring.enter(*item)):
                    self._end(item[0], scored)
            while batch := self._scoring.next_batch(partial=partial):
                for index, outcome in await loop.run_in_executor(thread, self._scoring.score, batch):
                    self._end(index, outcome)

    def _end(self, index: int, outcome: Scored | Turned) -> None:
        """What has been scored goes to the writer, and its body's room to the next download."""
        if isinstance(outcome, Turned):
            assert outcome.facts is not None  # it was downloaded
            self._bodies.give(len(outcome.facts.fetched.body))
            self._turn_away(index, outcome)
            return
        sample = outcome.sample
        self._bodies.give(len(sample.fetched.body))
        self._writer.keep(index, sample, outcome.embedded)
        candidate = sample.fetched.candidate
        self._kept.append(kept_of(index, sample.hashes.sha256, candidate.image_url, candidate.caption.text))
        self._shown[index] = shown_of(index, sample.hashes)
        self.kept += 1
        self.bytes_written += len(sample.image)
        self._progress(1)

    def _turn_away(self, index: int, turned: Turned) -> None:
        if turned.rejected.reason in self._tools.screening.withheld:
            self._writer.withhold(index)
        else:
            self._writer.reject(index, turned.rejected, turned.facts)
        self.turned[turned.stage][str(turned.rejected.reason)] += 1
        self._progress(1)

    def _take_back(self, index: int, stage: str, fault: Fault) -> None:
        del self._shown[index]
        self.bytes_written -= self._writer.take_back(index, fault)
        self.turned[stage][fault.value] += 1
        self.kept -= 1
