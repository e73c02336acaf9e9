"""The crawl job: a candidate table in, one shard out. Both halves of a row's way, side by side in one process.

The job of a rebuild has the table of a list instead, and may take rows over from a shard that is there already.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from crawler.columns import Shown
from crawler.job.drawing import Drawing
from crawler.job.finishing import Finishing
from crawler.job.gathering import Gathering
from crawler.job.judging import score_columns
from crawler.job.ledger import Ledger
from crawler.job.line import run_line
from crawler.job.taking_over import Base, take_over
from crawler.list_tables import read_list_table
from crawler.report import Report
from crawler.tables import read_candidates
from crawler.write import Listed, ShardWriter

if TYPE_CHECKING:
    from crawler.job import Job, Progress, Tools
    from crawler.records import Candidate


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
    rows, listed = _rows_of(job, tools)
    output, most = tools.recipe.output, max(tools.recipe.plan.rows_per_job, len(rows))
    columns = score_columns((*tools.picture_filters, *tools.embedding_filters))
    with (
        Drawing(tools) as drawing,
        ShardWriter(
            folder, job.number, most, output, columns,
            scratch=tools.scratch, listed=listed, thumbnails=drawing.thumbnails,
        ) as writer,
    ):  # fmt: skip
        base = Base.of(job, tools, rows, most, writer.names)
        ledger = Ledger(writer, tools.screening.withheld, progress, base=base, thumbnails=drawing.thumbnails)
        finishing = Finishing(tools, writer, ledger, base)
        settled = take_over(base, rows, tools, ledger, finishing)
        run_line(Gathering(tools, ledger, finishing.looked).run(rows, settled), finishing.run())
        return finishing.commit(job, len(rows), began)


def _rows_of(job: Job, tools: Tools) -> tuple[list[Candidate], Listed | None]:
    """The rows of a job, and what the shard of a rebuild has beside them."""
    rebuild = tools.recipe.rebuild
    if rebuild is None:
        return [candidate for group in read_candidates(Path(job.input)) for candidate in group], None
    rows, carried = read_list_table(Path(job.input), tell_language=rebuild.tell_language)
    return rows, Listed(carried, Shown.by(tools.recipe))
