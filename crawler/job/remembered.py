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
    """What is remembered of one row."""
    address, caption = row["url"].partition("?")[0], row["caption"].casefold()
    return Remembered(index, row["sha256"], address, caption, int(row["pdq"], 16), row["pdq_quality"])
