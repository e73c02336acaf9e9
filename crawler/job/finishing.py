"""The second half of a row's way: from a picture that waits for models to a committed shard.

score (full batches, one thread of the model) -> write -> look back at the job as a whole -> commit
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from crawler.job.costs import Laps
from crawler.job.duplicates import Claim, claiming, duplicates
from crawler.job.gathering import LookedQueue
from crawler.job.ledger import STAGES, Earlier, Ledger
from crawler.job.looking import Turned
from crawler.job.placeholders import placeholders
from crawler.job.remembered import Remembered, remembered
from crawler.job.scoring import Batch, Scored, Scoring
from crawler.outcome import outcome_of_reason
from crawler.records import Embedded, Fault
from crawler.report import Report
from crawler.rows import Pictured
from crawler.write import ShardWriter, shard_name

if TYPE_CHECKING:
    from crawler.job import Job, Tools

#: a batch that is not full is scored when nothing has come for so long: a stalled web must not hold what is ready
_PATIENCE_SECONDS = 0.5


class Finishing:
    """Scores and writes the pictures of one job, and commits its shard."""

    def __init__(self, tools: Tools, writer: ShardWriter, ledger: Ledger, base: Earlier | None = None) -> None:
        self._base = base
        self._tools = tools
        self._writer = writer
        self._ledger = ledger
        self._scoring = Scoring(tools.embedding_filters, ledger.costs)
        self._kept: dict[int, Remembered] = {}
        #: what waits for models
        self.looked: LookedQueue = asyncio.Queue(maxsize=self._scoring.batch_size)

    async def run(self) -> None:
        """Judge by embeddings, in full batches, and write; until the queue ends."""
        loop = asyncio.get_running_loop()
        ended = False
        with ThreadPoolExecutor(1, "score") as thread:
            while not ended:
                partial = False
                try:
                    item = await asyncio.wait_for(
                        self.looked.get(), _PATIENCE_SECONDS if self._scoring.is_waiting else None
                    )
                except TimeoutError:
                    partial = True
                else:
                    partial = ended = item is None
                    if item is not None and (scored := self._scoring.enter(*item)):
                        self._end(item[0], scored)
                while batch := self._scoring.next_batch(partial=partial):
                    for index, outcome in await loop.run_in_executor(thread, self._score, batch):
                        self._end(index, outcome)

    def _score(self, batch: Batch) -> list[tuple[int, Scored | Turned]]:
        """Runs in the model's thread: thumbnails are drawn there, too, of pictures as they are published."""
        ended, thumbnails = self._scoring.score(batch), self._ledger.thumbnails
        images = {one.index: one.looked.pictured.image for one in batch.pictures}
        with_small: list[tuple[int, Scored | Turned]] = []
        for index, one in ended:
            outcome = one
            if isinstance(one, Turned) and self._may_show(one):
                outcome = one._replace(small=thumbnails.made_of_encoded(images[index], one.row, one.reason))
            with_small.append((index, outcome))
        return with_small

    def _may_show(self, gone: Turned) -> bool:
        withheld = gone.reason in self._tools.screening.withheld
        return not withheld and self._ledger.thumbnails.wants(gone.row, gone.reason)

    def commit(self, job: Job, found: int, began: float) -> Report:
        """Take back what shows only in the job as a whole, and commit the shard.

        Args:
            job: the job.
            found: its rows.
            began: when, by the monotonic clock.

        Raises:
            ScreeningError: a list took out more than is plausible; nothing is committed.
            OSError: the disk is full; nothing is committed.
        """
        tools = self._tools
        with claiming(tools.seen, shard_name(job.number, tools.recipe.output)) as claim:
            self._look_back(claim)
            stages = self._ledger.stages(found, STAGES)
            tools.screening.check(job.name, stages)
            laps, reports = Laps(self._ledger.costs), list[Report]()

            def reported() -> dict[str, object]:
                laps.lap("write", records=found)
                reports.append(self._ledger.report(job, stages, time.monotonic() - began))
                return {"report": msgspec.to_builtins(reports[-1])}

            self._writer.commit({"round": job.round} if job.round else {}, reported)
        return reports[-1]

    def _look_back(self, claim: Claim) -> None:
        """What is left is claimed against the other jobs."""
        recipe = self._tools.recipe
        for index in placeholders(self._kept.values(), recipe.output.placeholder_addresses):
            self._take_back(index, "placeholders", Fault.PLACEHOLDER)
        for index, fault in duplicates(self._kept.values(), recipe.duplicates, claim):
            self._take_back(index, "duplicates", fault)

    def _end(self, index: int, outcome: Scored | Turned) -> None:
        if isinstance(outcome, Turned):
            self._ledger.turn_away(index, outcome)
            return
        self.keep(index, outcome.pictured, outcome.embedded)

    def keep(self, index: int, pictured: Pictured, embedded: Mapping[str, Embedded] = MappingProxyType({})) -> None:
        """Write a sample that came to its good end, here or in an earlier job."""
        self._writer.keep(index, pictured, embedded)
        self._ledger.keep(pictured)
        self._kept[index] = remembered(index, pictured.row)

    def _take_back(self, index: int, stage: str, fault: Fault) -> None:
        del self._kept[index]
        turned = Turned(stage, fault, {"outcome": outcome_of_reason(fault).value})
        earlier = self._base.same_again(index, turned) if self._base else turned
        known = None if earlier is turned else earlier.row
        self._ledger.take_back(earlier.stage, earlier.reason, self._writer.take_back(index, fault, known))
