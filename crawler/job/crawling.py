"""The crawl job: a candidate table in, one shard out. Both halves of a row's way, side by side in one process."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from crawler.job.finishing import Finishing
from crawler.job.gathering import Gathering
from crawler.job.judging import score_columns
from crawler.job.ledger import Ledger
from crawler.job.line import run_line
from crawler.report import Report
from crawler.tables import read_candidates
from crawler.write import ShardWriter

if TYPE_CHECKING:
    from crawler.job import Job, Progress, Tools


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
    output, most = tools.recipe.output, max(tools.recipe.plan.rows_per_job, len(rows))
    columns = score_columns((*tools.picture_filters, *tools.embedding_filters))
    with ShardWriter(folder, job.number, most, output, columns, scratch=tools.scratch) as writer:
        ledger = Ledger(writer, tools.screening.withheld, progress)
        finishing = Finishing(tools, writer, ledger)
        run_line(Gathering(tools, ledger, finishing.looked).run(rows), finishing.run())
        return finishing.commit(job, len(rows), began)
