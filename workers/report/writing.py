"""A report on disk: the numbers as JSON, and the page for people beside them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from crawler.commit import write_atomically
from workers.report.drawn import contact
from workers.report.drawn.page import render
from workers.report.samples import Sheet

_NONE: Mapping[str, Any] = MappingProxyType({})


class Looked(NamedTuple):
    """What was seen at a place: its numbers, and what only its page shows."""

    report: dict[str, Any]
    sheets: tuple[Sheet, ...] = ()
    search: Mapping[str, Any] = _NONE  # as `workers.report.finding.searchable` gives it


def write(looked: Looked, page: Path, numbers: Path) -> None:
    """Write the page and the numbers, each whole.

    Raises:
        OSError: the disk is full, or the folder is not there.
    """
    write_atomically(numbers, msgspec.json.format(msgspec.json.encode(looked.report), indent=2) + b"\n")
    write_atomically(page, page_of(looked).encode("utf-8", "replace"))


def page_of(looked: Looked) -> str:
    """The page. Pure: what was seen is all that it says."""
    return render(looked.report, [_on_paper(one) for one in looked.sheets], looked.search or None)


def _on_paper(sheet: Sheet) -> contact.Sheet:
    tiles = tuple(
        contact.Tile(one.jpeg, one.caption, one.score, one.reason, one.host, one.blurred) for one in sheet.shown
    )
    left_out = ""
    if sheet.left_out:
        left_out = f"{sheet.left_out:,} were chosen and are left out: a list names them, or may name them."
    note = " ".join(one for one in (sheet.note, left_out) if one)
    return contact.Sheet(sheet.filter or "kept", sheet.band, tiles, sheet.found, note=note)
