"""The fetch job: a candidate table in, one raw shard out. The half of the way that needs internet, and no model."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING

from crawler.job.costs import Laps
from crawler.job.gathering import Gathering, LookedQueue
from crawler.job.judging import score_columns
from crawler.job.ledger import FETCHED_STAGES, Ledger
from crawler.job.line import run_line
from crawler.raw import RawWriter, raw_path
from crawler.report import Report
from crawler.tables import read_candidates
from crawler.thumbnails import Thumbnails

if TYPE_CHECKING:
    from crawler.job import Job, Progress, Tools

#: pictures between decoders and spool
_WAITING = 64


def fetch_table(job: Job, tools: Tools, progress: Progress) -> Report:
    """Fetch, judge and encode every row of a candidate table; commits one raw shard.

    Raises:
        PairtrawlError: the user's to mend; nothing is committed.
        OSError: the disk is full, or cannot be written; nothing is committed.
        ExceptionGroup: our own bugs in the tasks of the line; nothing is committed.
    """
    began = time.monotonic()
    path = raw_path(Path(job.output), job.number)
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [candidate for group in read_candidates(Path(job.input)) for candidate in group]
    columns = score_columns(tools.picture_filters)
    thumbnails = Thumbnails(tools.showing)
    with RawWriter(path, len(rows), columns, scratch=tools.scratch, thumbnails=thumbnails) as writer:
        ledger = Ledger(writer, tools.screening.withheld, progress, thumbnails=thumbnails)
        looked: LookedQueue = asyncio.Queue(_WAITING)
        run_line(Gathering(tools, ledger, looked).run(rows), _keep_all(looked, writer, ledger))
        stages = ledger.stages(len(rows), FETCHED_STAGES)
        tools.screening.check(job.name, stages)
        laps = Laps(ledger.costs)

        def report() -> Report:
            laps.lap("write", records=len(rows))
            return ledger.report(job, stages, time.monotonic() - began)

        return writer.commit(report)


async def _keep_all(looked: LookedQueue, writer: RawWriter, ledger: Ledger) -> None:
    while item := await looked.get():
        index, one = item
        writer.keep(index, one.pictured)
        ledger.keep(one.pictured)
