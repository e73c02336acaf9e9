"""V1: do the rows of a candidate table stand in the archive, and does what stands there stand in the table?

Records are drawn after the result was handed in, by chance of which the worker knows nothing: half of them from the
archive, so that what was left out shows, and half through the table's own rows, so that what was invented does.
Each is read again by the code of the extract job; its rows must be the table's, all of them, to the letter.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from pathlib import Path

from crawler.errors import PairtrawlError
from crawler.extract import extract
from crawler.job import Tools
from crawler.job.judging import judge_all
from crawler.records import Page
from crawler.tables import candidate_table
from workers.tracker.checking.cell import BrokeOutError, Cell, CellError
from workers.tracker.checking.fingerprints import are_same, fingerprint
from workers.tracker.checking.looked import Evidence, Looked, bad, good, nothing, odd
from workers.tracker.checking.orders import Draw, Drawn, Fingerprint, Fingerprints, Place, RowsAt
from workers.tracker.checking.records import Found, find

NAME = "parse"
#: through rows of a WAT, each of which takes some requests to find
_NAMED_OF_WAT = 25


def look_parse(evidence: Evidence, sample: int, seed: bytes, tools: Tools, cell: Cell | None = None) -> Looked:
    """Read some records of an extract job's archive again.

    Args:
        evidence: an extract job's result, of which V0 has said nothing bad.
        sample: records, half of them through the table.
        seed: secret until now; the same one looks at the same records.
        tools: of the campaign's recipe.
        cell: where files are read.

    BAD where rows were invented, changed or left out; ODD where many rows name no record; NOTHING where the archive
    cannot be had.
    """
    cell = cell or Cell()
    chance = random.Random(hashlib.sha256(b"parse" + seed).digest())  # noqa: S311 - the seed is secret, and so is the stream
    table = evidence.folder / f"{evidence.number:05d}.parquet"
    most = min(sample - sample // 2, _NAMED_OF_WAT) if evidence.form == "wat" else sample // 2
    shares = [chance.random() for _ in range(most)]
    try:
        drawn = cell.ask("draw", Draw(table=str(table), shares=shares), Drawn, [table])
        if drawn.wrong:
            return Looked((bad(NAME, drawn.wrong),))
        named = list(dict.fromkeys(drawn.places))
        found = find(evidence.archive, evidence.form, named, sample - most, chance, tools)
        places = list(found.pages)
        told = cell.ask("rows_at", RowsAt(table=str(table), places=places), Fingerprints, [table])
    except BrokeOutError as error:
        return Looked((bad(NAME, f"the process that read it {error}"),))
    except (CellError, PairtrawlError) as error:
        return Looked((nothing(NAME, str(error)),))
    if told.wrong or len(told.rows) != len(places):
        return Looked((bad(NAME, told.wrong or "the process that read it answered nonsense"),))
    return _judged(found, places, told.rows, drawn.places, tools)


def _judged(
    found: Found, places: Sequence[Place], told: Sequence[list[Fingerprint]], drawn: Sequence[Place], tools: Tools
) -> Looked:
    figures = {
        "parse_records": float(len(places)),
        "parse_bytes": float(found.bytes_read),
        "parse_requests": float(found.requests),
    }
    wrong = []
    for place, rows in zip(places, told, strict=True):
        page = found.pages[place]
        wanted = rows_of(page, tools) if page is not None else []
        if not are_same(rows, wanted):
            what = "no page is there" if page is None else f"the page has {len(wanted)} rows"
            wrong.append(f"record {place.offset} of {Path(place.archive).name}: {len(rows)} rows, but {what}")
    if wrong:
        return Looked((bad(NAME, wrong[0], looked=len(places), wrong=len(wrong)),), figures)
    nowhere = sum(place.offset < 0 for place in drawn)
    if nowhere and all(place.offset >= 0 for place in places):
        signal = odd(NAME, "rows that name no record", looked=len(places), wrong=nowhere)
        return Looked((signal,), figures)
    return Looked((good(NAME, len(places)),), figures)


def rows_of(page: Page, tools: Tools) -> list[Fingerprint]:
    """The rows that an extract job writes of a page."""
    candidates = list(extract(page, tools.recipe.extract).candidates)
    reasons = [ruling and ruling[0] for ruling in judge_all(tools.candidate_filters, candidates)]
    told = [place for place, reason in enumerate(reasons) if reason not in tools.screening.withheld]
    table = candidate_table([candidates[place] for place in told], [reasons[place] for place in told])
    return [fingerprint(row) for row in table.to_pylist()]
