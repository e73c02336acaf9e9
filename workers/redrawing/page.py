"""A comparison as one page without a network: pure, the same input gives the same page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from workers.redrawing.cells import Cell
from workers.redrawing.telling import CELL_WORDS, interval, points
from workers.report.drawn.contact import Sheet, sheets_html
from workers.report.drawn.frame import page_of
from workers.report.drawn.histograms import Line, histogram_svg
from workers.report.drawn.html import Part, grid, seconds, share, text

_CELLS = (Cell.BOTH, Cell.ONLY_A, Cell.ONLY_B, Cell.NEITHER, Cell.CANNOT_TELL)
_DRAWN = (Cell.BOTH, Cell.ONLY_A, Cell.ONLY_B, Cell.NEITHER)


def render(found: Mapping[str, Any], sheets: Sequence[Sheet] = ()) -> str:
    """The page of `workers.redrawing.comparison.compare`, with contact sheets of the cells of disagreement."""
    names = " against ".join(text(found[side]["name"]) for side in ("a", "b"))
    heads = (
        f"<h1>{names}</h1><p>Two recipes on the same {found['rows']:,} rows of {found['tables']:,} finished tables.</p>"
    )
    parts = [
        Part("kept", "What they keep", _kept(found)),
        Part("judged", "How good it is", _judged(found["judged"]) if found["judged"] else ""),
        Part("scores", "Scores", "".join(_scores(found["scores"]))),
        Part("languages", "By language", _values("Languages of captions", "language", found["by_language"])),
        Part("hosts", "By host", _hosts(found)),
        Part("cost", "What it costs", _cost(found)),
        Part("sheets", "Where they disagree", sheets_html(sheets)),
        Part("assumed", "What is assumed", _listed(found["assumed"])),
    ]
    return page_of(f"{found['a']['name']} against {found['b']['name']}", [heads, *(part.html() for part in parts)])


def _kept(found: Mapping[str, Any]) -> str:
    rows = found["rows"]
    lines = [
        f"<tr><td>{side.upper()}: {text(found[side]['name'])}</td>{_number(found[side]['kept'])}"
        f'<td class="count">{share(found[side]["kept"], rows)}</td>{_number(found[side]["cannot_tell"])}</tr>'
        for side in ("a", "b")
    ]
    recipes = grid("What each recipe keeps", ["recipe", "#rows kept", "#share", "#cannot be told"], lines)
    cells = grid(
        "Row by row",
        ["", "#rows", "#share"],
        [
            f'<tr><td>{words}</td>{_number(number)}<td class="count">{share(number, rows)}</td></tr>'
            for number, words in ((found["cells"][cell], words) for cell, words in CELL_WORDS.items())
        ],
    )
    return recipes + cells + _not_told(found) + _filters(found)


def _not_told(found: Mapping[str, Any]) -> str:
    lines = [
        f"<tr><td>{side.upper()}</td><td>{_code(use) if use else 'was never fetched'}</td>{_number(number)}</tr>"
        for side in ("a", "b")
        for use, number in found[side]["cannot_tell_by"].items()
    ]
    return grid("Why rows cannot be told", ["recipe", "filter that no column tells", "#rows"], lines) if lines else ""


def _filters(found: Mapping[str, Any]) -> str:
    """The filters of both recipes; what differs is marked in words."""
    settings = {side: {one["use"]: one["settings"] for one in found[side]["filters"]} for side in ("a", "b")}
    uses = list(dict.fromkeys([*settings["a"], *settings["b"]]))
    lines = []
    for use in uses:
        a, b = (settings[side].get(use) for side in ("a", "b"))
        same = "the same" if a == b else "<strong>differs</strong>"
        lines.append(
            f"<tr><td><code>{text(use)}</code></td><td>{_settings(a)}</td><td>{_settings(b)}</td><td>{same}</td></tr>"
        )
    return grid("Their filters", ["filter", "A", "B", ""], lines)


def _settings(settings: Mapping[str, Any] | None) -> str:
    if settings is None:
        return "not used"
    return (
        "<br>".join(f"<code>{text(name)} = {text(value)}</code>" for name, value in settings.items()) or "as it comes"
    )


def _judged(judged: Mapping[str, Any]) -> str:
    shares = [(f"of what {side.upper()} keeps", judged[side]) for side in ("a", "b")]
    shares += [(CELL_WORDS[cell], found) for cell, found in judged["cells"].items()]
    told = [f"<tr><td>{rows}</td><td>{interval(found)}</td></tr>" for rows, found in shares if found]
    table = grid("The share that matches its caption, with its interval of 95 %", ["rows", "match"], told)
    return (
        f"<p>{judged['rows']:,} rows were judged.</p>{table}{''.join(_differences(judged))}{_listed(judged['assumed'])}"
    )


def _differences(judged: Mapping[str, Any]) -> Iterator[str]:
    if judged["difference"]:
        more = points(judged["difference"])
        yield f"<p>The share that matches of what B keeps, less that of what A keeps: <strong>{more}</strong>.</p>"
    if paired := judged["paired"]:
        yield (
            f"<p>A verdict is right that keeps what matches or drops what does not. On the same judged rows the share "
            f"of right verdicts of B less that of A is <strong>{points(paired['difference'])}</strong>: only A was "
            f"right {paired['only_a_right']:,} times, only B {paired['only_b_right']:,}; if they were equally good, "
            f"that or more would happen with a chance of {paired['p']:.3g} (McNemar's exact test).</p>"
        )


def _scores(scores: Mapping[str, Any]) -> Iterator[str]:
    for column, score in scores.items():
        lines = [
            Line(one["at"], f"{side.upper()} {one['label']}".strip(), one["keeps"])
            for side in ("a", "b")
            for one in score["lines"][side]
        ]
        drawn = "".join(_histogram(column, cell, score, lines) for cell in _DRAWN if any(score["cells"][cell.value]))
        yield f'<h3><code>{text(column)}</code></h3><div class="pair">{drawn}</div>'


def _histogram(column: str, cell: Cell, score: Mapping[str, Any], lines: Sequence[Line]) -> str:
    counts = score["cells"][cell.value]
    nothing = [0] * len(counts)
    kept, lost = (nothing, counts) if cell is Cell.NEITHER else (counts, nothing)
    words = CELL_WORDS[cell.value]
    drawing = histogram_svg(f"{column}: {words}", score["edges"], kept, lost, lines)
    if not drawing:
        return ""
    told = f"{sum(counts):,} rows with a score: {words}."
    return f'<div class="chart"><figure class="plain">{drawing}<figcaption>{told}</figcaption></figure></div>'


def _hosts(found: Mapping[str, Any]) -> str:
    sizes = _values("Hosts by their rows in these tables", "host has", found["by_host_size"])
    return sizes + _values("Top-level domains", "domain", found["by_domain"])


def _values(caption: str, heading: str, values: Sequence[Mapping[str, Any]]) -> str:
    lines = [
        f"<tr><td><bdi>{text(one['value'] or 'not known')}</bdi></td>"
        + "".join(_number(one[cell.value]) for cell in _CELLS)
        + f'<td class="count">{_agreed(one)}</td></tr>'
        for one in values
    ]
    headings = [heading, *(f"#{CELL_WORDS[cell.value]}" for cell in _CELLS), "#agreed"]
    return grid(caption, headings, lines) if lines else ""


def _agreed(one: Mapping[str, Any]) -> str:
    agreed = one[Cell.BOTH.value] + one[Cell.NEITHER.value]
    return share(agreed, agreed + one[Cell.ONLY_A.value] + one[Cell.ONLY_B.value])


def _cost(found: Mapping[str, Any]) -> str:
    costs = [(side, found[side]["cost"]) for side in ("a", "b") if found[side]["cost"]]
    if not costs:
        return ""
    lines = []
    for side, cost in costs:
        kept = cost["cpu_seconds_a_kept_row"]
        lines.append(
            f'<tr><td>{side.upper()}</td><td class="count">{seconds(cost["cpu_seconds_a_row"])}</td>'
            f'<td class="count">{seconds(kept) if kept is not None else "-"}</td>'
            f"<td>{', '.join(f'<code>{text(one)}</code>' for one in cost['unknown'])}</td></tr>"
        )
    recipes = grid("Time of a core by recipe", ["recipe", "#a row", "#a kept row", "not measured, left out"], lines)
    prices = [
        f"<tr><td><code>{text(one['what'])}</code></td>{_number(one['records'])}"
        f'<td class="count">{seconds(one["cpu_seconds"])}</td><td class="count">{seconds(one["seconds"])}</td></tr>'
        for one in found["prices"]
    ]
    headings = ["stage or filter", "#rows measured", "#of a core, a row", "#on the wall, a row"]
    return recipes + grid("What a row cost in these runs", headings, prices)


def _listed(sentences: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{text(one)}</li>' for one in sentences)}</ul>"


def _code(name: str) -> str:
    return f"<code>{text(name)}</code>"


def _number(number: int) -> str:
    return f'<td class="count">{number:,}</td>'
