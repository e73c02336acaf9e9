"""What a list of addresses and captions is called: its form, told by the ending of its name."""

from __future__ import annotations

import re
from enum import StrEnum


class ListForm(StrEnum):
    """How a list is written. The value is how a recipe says it, and what names of such files end in."""

    PARQUET = "parquet"
    CSV = "csv"  # RFC 4180, with a header
    TSV = "tsv"  # the same, with tabs
    JSON = "json"  # an object a line, or one array of objects; .jsonl too
    TXT = "txt"  # an address a line, and no captions


#: for messages
KNOWN_ENDINGS = ".parquet, .csv, .tsv, .json, .jsonl, .txt (all but .parquet also with .gz)"
_ENDING = re.compile(r".*\.(?:(parquet)|(csv|tsv|json|jsonl|txt)(?:\.gz)?)", re.IGNORECASE | re.DOTALL)


def form_of(name: str) -> ListForm | None:
    """The form of a list by its name; None for a name that no list has."""
    found = _ENDING.fullmatch(name)
    if found is None:
        return None
    ending = (found[1] or found[2]).lower()
    return ListForm.JSON if ending == "jsonl" else ListForm(ending)
