"""What the report page is made of: text made harmless, tables, and lenient reading of a report's values."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

# what a text on a page never needs: control characters, and surrogates, which cannot be encoded
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def text(value: object) -> str:
    """Any value as text that HTML, its attributes included, takes for nothing but text."""
    return escape(UNPRINTABLE.sub("\ufffd", str(value)))


def grid(caption: str, headings: Sequence[str], rows: Iterable[str]) -> str:
    """A table; a heading that begins with # stands over numbers. `caption` and `rows` are HTML already."""
    heads = "".join(map(_heading, headings))
    return (
        f'<div class="scroll"><table><caption>{caption}</caption><thead><tr>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _heading(heading: str) -> str:
    if not heading:
        return '<td class="wide"></td>'
    if heading.startswith("#"):
        return f'<th scope="col" class="count">{heading[1:]}</th>'
    return f'<th scope="col">{heading}</th>'


def size(number: int) -> str:
    """A number of bytes in decimal units."""
    for unit, step in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if number >= step:
            return f"{number / step:,.1f} {unit}"
    return f"{number:,} B"


def tables_of(report: Mapping[str, Any], field: str) -> list[Mapping[str, Any]]:
    """The tables of a list in a report; none where there is no such list."""
    value = report.get(field)
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, Sequence) else []


def table_of(report: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    """A table in a report; an empty one where there is none."""
    value = report.get(field)
    return value if isinstance(value, Mapping) else {}


def number_of(report: Mapping[str, Any], field: str) -> int:
    """A whole number in a report; 0 where there is none."""
    value = report.get(field)
    return int(value) if isinstance(value, int | float) and math.isfinite(value) else 0


def counts_of(report: Mapping[str, Any], field: str) -> dict[str, int]:
    """A table of counts in a report, without what is no number."""
    inner = table_of(report, field)
    return {str(name): number_of(inner, name) for name, value in inner.items() if isinstance(value, int | float)}


def numbers_of(report: Mapping[str, Any], field: str) -> list[float]:
    """The numbers of a list in a report."""
    value = report.get(field)
    return [one for one in value if isinstance(one, int | float)] if isinstance(value, Sequence) else []


def largest_first(counted: Mapping[str, int]) -> list[tuple[str, int]]:
    """Names and counts, the largest count first, equal ones by name."""
    return sorted(counted.items(), key=lambda item: (-item[1], item[0]))
