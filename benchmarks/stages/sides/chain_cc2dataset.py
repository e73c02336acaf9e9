"""The first part of the chain: cc2dataset's extraction to a table, each pair once. Runs under its Python.

    PEER/bin/python chain_cc2dataset.py LINKS.parquet ARCHIVE...

Its own reader and its own duplicates (equal `uid`); Spark, which only spreads and sorts here, is left out.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def main(links: str, archives: Sequence[str]) -> None:
    """Read the archives, and write the table."""
    for name in ("pyspark", "pyspark.sql", "pyspark.sql.functions"):
        lent = types.ModuleType(name)
        vars(lent).update(SparkContext=None, SparkSession=None, rand=None)
        sys.modules[name] = lent
    from cc2dataset.main import logger, process_wat  # type: ignore[import-not-found]  # the peer's

    logger.remove()
    rows: dict[str, tuple[str, str, str]] = {}
    for archive in archives:
        for uid, url, alt, _, page in process_wat(Path(archive), "image"):
            rows.setdefault(uid, (url, alt, page))
    urls, texts, pages = zip(*rows.values(), strict=True)
    pq.write_table(pa.table({"uid": list(rows), "url": urls, "alt": texts, "page_url": pages}), links)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
