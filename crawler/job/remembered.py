"""What is remembered of each kept row until the job ends, for what shows only in the job as a whole."""

from __future__ import annotations

from typing import NamedTuple

from crawler.rows import Row


class Remembered(NamedTuple):
    """A kept row, in a few words."""

    row: int  # its index
    sha256: str  # of the body
    address: str  # without its query: "?width=200" names no other picture
    caption: str  # case folded
    pdq: int
    pdq_quality: int


def remembered(index: int, row: Row) -> Remembered:
    """What is remembered of one row.

    A sample that was adopted may have no hashes: then it is a file by itself, and looks like nothing.
    """
    address, caption = row["url"].partition("?")[0], row["caption"].casefold()
    sha256 = row.get("sha256") or f"row {index}"
    return Remembered(index, sha256, address, caption, int(row.get("pdq") or "0", 16), row.get("pdq_quality") or 0)
