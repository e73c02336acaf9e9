"""Files that stand under many addresses: placeholders, logos, advertisements."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from workers.report.rows import Rows

_TOP_FILES = 20
#: fewer addresses than this are no news: pages of one site share their pictures
_REPEATED_ADDRESSES = 3
#: files are sorted into two buckets a row, by their hash; so many at most (256 MB), so many at least
_MOST_BUCKETS, _FEWEST_BUCKETS = 1 << 26, 1 << 10
#: rows that are counted together
_AT_ONCE = 1 << 18


def repeated_files(rows: Rows, found: int) -> list[dict[str, Any]]:
    """Files that stand under the most addresses in the whole of the rows, of which there are `found`.

    A job leaves out those that repeat within it (`output.placeholder_addresses`); what repeats across jobs shows here,
    named by the hash that a removal list needs.

    Addresses are counted only of files that may repeat: a first pass over the hashes alone, whose memory does not grow
    with their number, says of which that is. Counting all of ten million files took 100 s and 1.2 GB.
    """
    if not rows.has("sha256", "caption", "url"):
        return []
    suspects = _suspects(rows, found)
    if not len(suspects):
        return []
    rows.database.register("suspected", pa.table({"bucket": pa.array(suspects)}))
    query = """
        SELECT sha256, count(DISTINCT url) AS addresses, count(DISTINCT caption) AS captions,
               count(*) FILTER (WHERE kept) AS kept, min(url) AS example
        FROM rows WHERE sha256 IN (FROM repeated)
        GROUP BY sha256 HAVING addresses >= $least AND captions >= $least
        ORDER BY addresses DESC, sha256 LIMIT $top
    """
    # the suspects are few; files that only shared a bucket are out before an address is read
    rows.ask(f"""
        CREATE OR REPLACE TEMP TABLE repeated AS
        SELECT sha256 FROM rows WHERE sha256 IS NOT NULL AND hash(sha256) % {_buckets(found)} IN (FROM suspected)
        GROUP BY sha256 HAVING count(*) >= {_REPEATED_ADDRESSES}
    """)  # noqa: S608 - numbers of this module
    rows.database.unregister("suspected")
    columns = ("sha256", "addresses", "captions", "kept", "example")
    if rows.one("SELECT count(*) FROM repeated") == (0,):
        return []
    return [dict(zip(columns, row, strict=True)) for row in rows.ask(query, least=_REPEATED_ADDRESSES, top=_TOP_FILES)]


def _suspects(rows: Rows, found: int) -> NDArray[np.uint64]:
    """The buckets that hold so many rows that one file in them may repeat."""
    counts = np.zeros(_buckets(found), np.uint32)
    answer = rows.database.sql(
        f"SELECT hash(sha256) % {len(counts)} AS bucket FROM rows WHERE sha256 IS NOT NULL"  # noqa: S608 - a number
    )
    for batch in answer.to_arrow_reader(_AT_ONCE):
        np.add.at(counts, batch.column(0).to_numpy(), 1)
    return np.flatnonzero(counts >= _REPEATED_ADDRESSES).astype(np.uint64)


def _buckets(found: int) -> int:
    return min(_MOST_BUCKETS, max(_FEWEST_BUCKETS, 1 << (2 * found).bit_length()))
