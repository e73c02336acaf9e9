"""Rows of a shard that a check looks at again: drawn by chance of which the worker knows nothing."""

from __future__ import annotations

import hashlib
import random

from crawler.job import Tools
from crawler.records import Candidate
from crawler.tables import row_candidate
from workers.tracker.checking.cell import Cell
from workers.tracker.checking.looked import Evidence
from workers.tracker.checking.orders import Sampled, Samples, Sampling, look_of
from workers.tracker.checking.structure import with_time_for


def draw_rows(
    evidence: Evidence,
    seed: bytes,
    tools: Tools,
    cell: Cell,
    *,
    kept: int = 0,
    turned_by_models: int = 0,
    rejected: int = 0,
) -> Samples:
    """So many rows of each, with pictures where there are any; a row that is drawn twice is there once.

    Raises:
        BrokeOutError, CellError: as `Cell.ask`.
    """
    chance = random.Random(hashlib.sha256(b"rows" + seed).digest())  # noqa: S311 - the seed is secret, and so is the stream

    def shares(number: int) -> list[float]:
        return [chance.random() for _ in range(number)]

    order = Sampling(
        look=look_of(evidence, tools),
        kept=shares(kept),
        turned_by_models=shares(turned_by_models),
        rejected=shares(rejected),
    )
    readable = [evidence.folder, *([evidence.input] if evidence.input is not None else [])]
    return with_time_for(evidence, cell).ask("sample", order, Samples, readable)


def candidate_of(sampled: Sampled) -> Candidate:
    """The candidate that a drawn row is about; what only its page had is empty."""
    row = sampled.row
    told = {name: getattr(row, name) for name in row.__struct_fields__}
    told["other_captions"] = [{"source": one.source, "text": one.text} for one in row.other_captions]
    return row_candidate({**told, "opt_outs": row.page_opt_outs, "written_src": "", "written_text": "", "base_url": ""})
