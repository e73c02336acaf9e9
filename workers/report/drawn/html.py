"""What the report page is made of: text made harmless, tables, and lenient reading of a report's values."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape, unescape
from typing import Any

# what a text on a page never needs: control characters, and surrogates, which cannot be encoded
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_TAG = re.compile("<[^>]*>")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a page that its table of contents names."""

    slug: str  # of its address on the page: letters and hyphens, ours
    title: str  # HTML
    body: str  # HTML; "" for a part that the page leaves out

    def html(self) -> str:
        """The part as a section; "" where it holds nothing."""
        if not self.body:
            return ""
        return f'<section id="{self.slug}"><h2>{self.title}</h2>{self.body}</section>'


def text(value: object) -> str:
    """Any value as text that HTML, its attributes included, takes for nothing but text."""
    return escape(UNPRINTABLE.sub("\ufffd", str(value)))


def grid(caption: str, headings: Sequence[str], rows: Iterable[str]) -> str:
    """A table; a heading that begins with # stands over numbers. `caption` and `rows` are HTML already."""
    heads = "".join(map(_heading, headings))
    about = text(unescape(_TAG.sub("", caption)))
    return (
        f'<div class="scroll" role="group" tabindex="0" aria-label="{about}"><table>'
        f"<caption>{caption}</caption><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
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


def share(part: float, whole: float) -> str:
    """A share in per cent, with as many digits as a small one needs: 45.5 %, 0.012 %; "" of nothing."""
    if whole <= 0:
        return ""
    percent = 100 * part / whole
    if percent == 0 or percent >= 0.1:
        return f"{percent:.1f} %"
    return f"{percent:.2g} %" if percent >= 0.0001 else "under 0.0001 %"


def seconds(number: float) -> str:
    """A duration in the unit that suits it: 12 ms, 3.4 s, 5 min, 2.1 h."""
    for least, step, unit in ((86_400, 86_400, "d"), (3_600, 3_600, "h"), (120, 60, "min"), (1, 1, "s")):
        if number >= least:
            return f"{number / step:,.1f} {unit}"
    if number >= 1e-3:
        return f"{number * 1e3:.3g} ms"
    micro = number * 1e6
    return f"{micro:.0f} \u00b5s" if micro >= 10 else f"{micro:.2g} \u00b5s" if micro > 0 else "0 s"


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
    if not isinstance(value, Sequence):
        return []
    return [one for one in value if isinstance(one, int | float) and math.isfinite(one)]


def amount_of(report: Mapping[str, Any], field: str) -> float:
    """A number in a report that is no count, such as seconds; 0 where there is none."""
    value = report.get(field)
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else 0.0


def largest_first(counted: Mapping[str, int]) -> list[tuple[str, int]]:
    """Names and counts, the largest count first, equal ones by name."""
    return sorted(counted.items(), key=lambda item: (-item[1], item[0]))
