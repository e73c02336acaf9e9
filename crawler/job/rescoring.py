"""The score job: a raw shard in, one shard out. The half of the way that needs models, and no network.

What it makes is what the crawl job would have made, byte for byte, wherever and whenever the raw shard was fetched.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from crawler.errors import RunFolderError
from crawler.job.costs import Laps
from crawler.job.drawing import Drawing
from crawler.job.finishing import Finishing
from crawler.job.gathering import LookedQueue
from crawler.job.judging import score_columns
from crawler.job.ledger import Ledger
from crawler.job.line import run_line
from crawler.job.looking import Looked, as_published, prepare
from crawler.picture.sandbox import Failed, Sandbox, open_sandboxes
from crawler.raw import RawHead, read_head, read_rows
from crawler.records import Candidate
from crawler.report import Report
from crawler.rows import Pictured, Row
from crawler.tables import row_candidate
from crawler.write import ShardWriter

if TYPE_CHECKING:
    from crawler.job import Job, Progress, Tools

#: rows that a decoder thread takes at once
_ROWS = 16

_Row = tuple[int, Pictured]  # with its index in the job


def score_raw(job: Job, tools: Tools, progress: Progress) -> Report:
    """Score and write every row of a raw shard; commits one shard.

    Raises:
        RunFolderError: the raw shard is missing or damaged; nothing is committed.
        PairtrawlError: the user's to mend, such as a model that cannot be had here; nothing is committed.
        OSError: the disk is full, or cannot be written; nothing is committed.
        ExceptionGroup: our own bugs in the tasks of the line; nothing is committed.
    """
    began = time.monotonic()
    source, folder = Path(job.input), Path(job.output)
    head = read_head(source)
    if head.report.recipe != job.recipe:
        raise RunFolderError(f"{source}: was fetched by another recipe; use its own run folder, or fetch again")
    folder.mkdir(parents=True, exist_ok=True)
    output, most = tools.recipe.output, max(tools.recipe.plan.rows_per_job, head.rows)
    columns = [*head.scores, *score_columns(tools.embedding_filters)]
    with (
        Drawing(tools) as drawing,
        ShardWriter(
            folder, job.number, most, output, columns, scratch=tools.scratch, thumbnails=drawing.thumbnails
        ) as writer,
    ):
        ledger = Ledger(writer, tools.screening.withheld, progress, thumbnails=drawing.thumbnails)
        ledger.carry_over(head.report)
        finishing = Finishing(tools, writer, ledger)
        reading = _Reading(tools, source, head, writer, finishing.looked, ledger)
        run_line(reading.run(), finishing.run())
        return finishing.commit(job, head.rows, began)


class _Reading:
    """Brings the rows of a raw shard to where `Gathering` would have brought them."""

    def __init__(
        self, tools: Tools, source: Path, head: RawHead, writer: ShardWriter, looked: LookedQueue, ledger: Ledger
    ) -> None:
        self._tools = tools
        self._ledger = ledger
        self._source = source
        self._head = head
        self._writer = writer
        self._looked = looked

    async def run(self) -> None:
        """Rejected rows go to the writer, pictures into the queue, and then the queue's end."""
        for index in self._head.withheld:
            self._writer.withhold(index)
        recipe = self._tools.recipe
        # A few colleagues can write to a run folder, and its pictures came from strangers: the sandbox costs little.
        with (
            open_sandboxes(as_published(recipe), recipe.resources.decoders, hashes=frozenset()) as sandboxes,
            ThreadPoolExecutor(len(sandboxes) + 1, "read") as threads,
        ):
            batches: asyncio.Queue[list[_Row]] = asyncio.Queue(len(sandboxes))
            async with asyncio.TaskGroup() as group:
                group.create_task(self._read(threads, batches, lookers=len(sandboxes)))
                for sandbox in sandboxes:
                    group.create_task(self._look(threads, batches, sandbox))
        await self._looked.put(None)

    async def _read(self, threads: ThreadPoolExecutor, batches: asyncio.Queue[list[_Row]], *, lookers: int) -> None:
        """Rows from the disk, some at a time; an empty batch ends a looker."""
        loop = asyncio.get_running_loop()
        rows = read_rows(self._source)
        while batch := await loop.run_in_executor(threads, list, islice(rows, _ROWS)):
            await batches.put(batch)
        for _ in range(lookers):
            await batches.put([])

    async def _look(self, threads: ThreadPoolExecutor, batches: asyncio.Queue[list[_Row]], sandbox: Sandbox) -> None:
        loop = asyncio.get_running_loop()
        while batch := await batches.get():
            pictures = [row for row in batch if row[1].extension]
            for index, pictured in batch:
                if not pictured.extension:
                    self._writer.reject(index, pictured.row)
                    self._ledger.thumbnails.hang(index, pictured.row, pictured.row["reason"], pictured.image)
            for item in await loop.run_in_executor(threads, self._prepared, pictures, sandbox):
                await self._looked.put(item)

    def _prepared(self, rows: Sequence[_Row], sandbox: Sandbox) -> list[tuple[int, Looked]]:
        """Pictures as engines take them; runs in a thread."""
        items = []
        laps = Laps(self._ledger.costs)
        for index, pictured in rows:
            candidate = _candidate_of(pictured.row)
            prepared = {}
            if self._tools.embedding_filters:
                drawn = sandbox.draw(pictured.image)
                if isinstance(drawn, Failed):  # it was decoded when it was fetched
                    raise RunFolderError(f"{self._source}: the picture of row {index} is damaged ({drawn.fault} "
                                         f"{drawn.detail}); remove the file, and fetch again")  # fmt: skip
                prepared = prepare(drawn[1], candidate, self._tools, laps)
            items.append((index, Looked(candidate, pictured, prepared)))
        return items


def _candidate_of(row: Row) -> Candidate:
    """The candidate that a row is about. What only its page had is not in a row, and empty: models do not read it."""
    only_on_its_page = {"written_src": "", "written_text": "", "base_url": ""}
    return row_candidate({**row, "opt_outs": row["page_opt_outs"], **only_on_its_page})
