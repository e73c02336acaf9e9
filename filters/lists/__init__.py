"""Removal lists: read in every form in which they are issued, fail closed, and show nothing of what they hold.

`load_lists(Named(path, ...), folder, kinds)` is what a filter calls; docs/filters.md says what lists may look like, and
docs/decisions/0015-confidential-lists.md how confidential ones are kept.
"""

from __future__ import annotations

from filters.lists.files import BadLineError, lines, read_lists
from filters.lists.kinds import Kind
from filters.lists.loading import (
    MAX_AGE_DAYS,
    ListColumns,
    ListPath,
    Lists,
    MaxAgeDays,
    MostShare,
    Named,
    load_lists,
)
from filters.lists.sources import Form
from filters.lists.urls import listed_urls

__all__ = [
    "MAX_AGE_DAYS",
    "BadLineError",
    "Form",
    "Kind",
    "ListColumns",
    "ListPath",
    "Lists",
    "MaxAgeDays",
    "MostShare",
    "Named",
    "lines",
    "listed_urls",
    "load_lists",
    "read_lists",
]
