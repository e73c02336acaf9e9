"""Search by caption and host on the page itself: the rows that it embeds, and the frame that the script fills."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from workers.report.drawn.contact import shortened
from workers.report.drawn.html import UNPRINTABLE, Part, number_of, text

#: characters of a caption that are embedded, and so searched and shown
_LONGEST_CAPTION = 240
_LONGEST_HOST = 120
_LONGEST_REASON = 60
#: what a script element must not hold, lest it end, or lines of JSON
_HARMLESS = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026", 0x2028: "\\u2028", 0x2029: "\\u2029"}


@cache
def script() -> str:
    """The script that searches; it reads the rows of the page and writes text."""
    return (files("workers.report.drawn") / "search.js").read_text(encoding="utf-8")


def rows_of(search: Mapping[str, Any]) -> list[tuple[str, str, int, str, float | None]]:
    """The sample's rows: caption, host, 1 for kept, reason, score; rows of another form are left out."""
    value = search.get("rows")
    rows = []
    for one in value if isinstance(value, Sequence) and not isinstance(value, str) else []:
        if not isinstance(one, Sequence) or isinstance(one, str) or len(one) < 4:
            continue
        caption, host, kept, reason, *rest = one
        score = rest[0] if rest and isinstance(rest[0], int | float) and not isinstance(rest[0], bool) else None
        rows.append((
            _plain(caption, _LONGEST_CAPTION), _plain(host, _LONGEST_HOST), int(bool(kept)),
            _plain(reason, _LONGEST_REASON), score if score is not None and abs(score) < 1e12 else None,
        ))  # fmt: skip
    return rows


def search_part(search: Mapping[str, Any]) -> Part:
    """The search; it says nothing of rows beyond the sample but where they can be searched."""
    rows = rows_of(search)
    if not rows:
        return Part("search", "Search", "")
    of = max(number_of(search, "of"), len(rows))
    counted = f"{len(rows):,} of {of:,} rows" if of > len(rows) else f"all {len(rows):,} rows"
    embedded = json.dumps(rows, ensure_ascii=False, separators=(",", ":"), allow_nan=False).translate(_HARMLESS)
    hosts = sorted({one[1] for one in rows if one[1]})[:500]
    listed = "".join(f'<option value="{text(one)}">' for one in hosts)
    kept = sum(one[2] for one in rows)
    sampled = f": random samples of {kept:,} kept and of {len(rows) - kept:,} rejected ones" if of > len(rows) else ""
    sample = ' data-sample="1"' if of > len(rows) else ""
    elsewhere = "<code>pairtrawl report PLACE --find WORDS</code> searches all of them."
    return Part(
        "search",
        "Search",
        f"""
<p class="soft">Captions and hosts of {counted}{sampled}. {elsewhere}</p>
<p class="soft" id="search-off">The search on this page needs scripts, which are switched off here.</p>
<div id="search-form" role="search" aria-label="Search"{sample} hidden>
<label>Words <input type="search" id="search-words" autocomplete="off" spellcheck="false"></label>
<label>Host <input type="search" id="search-host" list="search-hosts" autocomplete="off" spellcheck="false"></label>
<label>Rows <select id="search-ended"><option value="">all</option><option value="1">kept</option>
<option value="0">rejected</option></select></label>
</div>
<datalist id="search-hosts">{listed}</datalist>
<p id="search-told" role="status" aria-live="polite"></p>
<ol id="search-found"></ol>
<script type="application/json" id="search-rows">{embedded}</script>""",
    )


def _plain(value: object, longest: int) -> str:
    return shortened(UNPRINTABLE.sub("\ufffd", "" if value is None else str(value)), longest)
