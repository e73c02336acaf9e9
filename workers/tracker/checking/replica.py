"""Two results of one job: what follows from the input is the same, what the web decides is mostly so."""

from __future__ import annotations

import numpy as np

from crawler.errors import PairtrawlError
from crawler.job import JobKind, Tools
from workers.tracker.checking.cell import BrokeOutError, Cell, CellError
from workers.tracker.checking.chance import BAD, ODD, tail
from workers.tracker.checking.looked import Evidence, Looked, bad, good, nothing, odd
from workers.tracker.checking.orders import Compare, Compared, look_of

NAME = "replica"
#: of rows, between two workers on two networks; twice what one change of the web comes to
_CHANGES = 0.3
#: of a cosine between two workers, each with its own precision
_TOLERANCE = {"float32": 4e-4, "": 4e-3}
_BETWEEN = 0.03


def compare(one: Evidence, other: Evidence, tools: Tools, cell: Cell | None = None) -> Looked:
    """Hold two results of one job against each other; V0 has said nothing bad of either.

    BAD where they contradict each other in what follows from archive, file or model: one of them is wrong, and this
    does not say which. ODD where the web alone would hardly do it.
    """
    score = next((judge.scores for _, judge in tools.embedding_filters if judge.scores == "similarity"), "")
    order = Compare(one=look_of(one, tools), other=look_of(other, tools), score=score)
    try:
        found = (cell or Cell()).ask("compare", order, Compared, [one.folder, other.folder])
    except BrokeOutError as error:
        return Looked((bad(NAME, f"the process that read them {error}"),))
    except (CellError, PairtrawlError) as error:
        return Looked((nothing(NAME, str(error)),))
    if found.wrong:
        return Looked((bad(NAME, found.wrong),))
    figures = {"replica_rows": float(found.rows), "replica_same": float(found.same)}
    if found.contradictions:
        detail = found.detail or "other rows"
        return Looked((bad(NAME, detail, looked=found.rows, wrong=found.contradictions),), figures)
    if one.kind in (JobKind.EXTRACT, JobKind.SCORE) and found.same != found.rows:
        return Looked((bad(NAME, "other files", looked=found.rows, wrong=found.rows - found.same),), figures)
    if found.differences and (wrong := _beyond(found.differences, tools)):
        detail = "scores differ more than machines do"
        return Looked((bad(NAME, detail, looked=len(found.differences), wrong=wrong),), figures)
    changed = found.different + found.one_dead
    chance = tail([_CHANGES] * min(found.rows, 300), round(changed * min(1.0, 300 / max(found.rows, 1))))
    if chance < ODD:
        what = bad if chance < BAD else odd
        return Looked((what(NAME, "more changed than the web does", looked=found.rows, wrong=changed),), figures)
    return Looked((good(NAME, found.rows),), figures)


def _beyond(differences: list[float], tools: Tools) -> int:
    """How many scores differ too much; 0 where a few do."""
    models = [engine.provenance for _, judge in tools.embedding_filters for engine in judge.engines]
    tolerance = _TOLERANCE["float32" if all("float32" in one for one in models) else ""]
    beyond = int((np.abs(np.array(differences)) > tolerance).sum())
    return beyond if beyond > max(1.0, _BETWEEN * len(differences)) else 0
