"""Parts of the report page about how numbers are spread: scores with their thresholds, sizes of pictures and texts."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import Any

from workers.report.drawn.axes import short
from workers.report.drawn.curves import Curve, curve_svg
from workers.report.drawn.drawing import key
from workers.report.drawn.histograms import Line, histogram_svg, is_logarithmic
from workers.report.drawn.html import Part, amount_of, number_of, numbers_of, table_of, tables_of, text

_LOGARITHMIC = " Counts stand on a logarithmic axis, the kept ones narrower before the whole."
_LONGEST_LABEL = 40


def scores(report: Mapping[str, Any]) -> Part:
    """A histogram of every score, its thresholds drawn, and beside it what any other threshold would have kept."""
    drawn = []
    for name, score in sorted(table_of(report, "scores").items()):
        if isinstance(score, Mapping):
            lines = _lines(report, str(name), score)
            both = _figure(str(name), score, lines) + _yield(str(name), score, lines)
            if both:
                drawn.append(f'<h3><code>{text(name)}</code></h3>{_models(score)}<div class="pair">{both}</div>')
    return Part("scores", "Scores", "".join(drawn))


def sizes(report: Mapping[str, Any]) -> Part:
    """Histograms of what can be measured of pictures, files and captions."""
    drawn = "".join(
        _figure(str(name), spread, _lines(report, str(name), spread), heading=True)
        for name, spread in table_of(report, "sizes").items()
        if isinstance(spread, Mapping)
    )
    return Part("sizes", "Sizes", f'<div class="pair">{drawn}</div>' if drawn else "")


def _lines(report: Mapping[str, Any], column: str, spread: Mapping[str, Any]) -> list[Line]:
    """The thresholds on a column: its own, or those of the recipe's filters."""
    own = tables_of(spread, "lines")
    if not own:
        own = [
            line
            for one in tables_of(report, "filters")
            for line in tables_of(one, "lines")
            if line.get("column", one.get("column")) == column
        ]
    lines = {}
    for one in own:
        at, keeps = amount_of(one, "at"), "below" if one.get("keeps") == "below" else "from"
        words = str(one.get("label") or "")[:_LONGEST_LABEL]
        sign = "<" if keeps == "below" else "\u2265"
        label = f"{sign} {short(at)} {words}".strip()
        lines[label] = Line(at, label, keeps)
    return list(lines.values())


def _counts(spread: Mapping[str, Any]) -> tuple[list[int], list[int]]:
    kept, rejected = ([int(one) for one in numbers_of(spread, side)] for side in ("kept", "rejected"))
    return kept, rejected


def _figure(name: str, spread: Mapping[str, Any], lines: list[Line], *, heading: bool = False) -> str:
    kept, rejected = _counts(spread)
    drawing = histogram_svg(name, numbers_of(spread, "edges"), kept, rejected, lines)
    if not drawing:
        return ""
    good, bad = sum(kept), sum(rejected)
    told = f"{key('kept')} {good:,} kept, {key('lost')} {bad:,} rejected rows, by {text(name)}."
    if is_logarithmic(kept, rejected):
        told += _LOGARITHMIC
    above = f"<h3>{text(name[:1].upper() + name[1:])}</h3>" if heading else ""
    return f'<div class="chart">{above}<figure class="plain">{drawing}<figcaption>{told}</figcaption></figure></div>'


def _yield(name: str, score: Mapping[str, Any], lines: list[Line]) -> str:
    """The yield curve: which share of the scored rows another threshold would keep."""
    below = bool(lines) and all(one.keeps == "below" for one in lines)
    curve, scored = _curve(score, below=below)
    if curve is None:
        return ""
    drawing = curve_svg(f"yield of {name}", [curve], lines)
    if not drawing:
        return ""
    side = "below" if below else "from"
    told = f"Share of the {scored:,} scored rows that a threshold keeps: those {side} it on."
    if below:
        told = f"Share of the {scored:,} scored rows that a threshold keeps: those below it."
    if lines:
        told += " The recipe's thresholds are read off."
    return f'<div class="chart"><figure class="plain">{drawing}<figcaption>{told}</figcaption></figure></div>'


def _curve(score: Mapping[str, Any], *, below: bool) -> tuple[Curve | None, int]:
    """The report's own curve, of rows that a threshold would keep; else one of the histogram's edges."""
    kept, rejected = _counts(score)
    counts = [max(0, good) + max(0, bad) for good, bad in zip(kept, rejected, strict=False)]
    scored = sum(counts)
    own = table_of(score, "curve")
    xs, ys = numbers_of(own, "thresholds"), numbers_of(own, "kept")
    scored = number_of(own, "scored") or scored
    if scored <= 0:
        return None, 0
    if not (xs and ys):
        xs = numbers_of(score, "edges")[: len(counts) + 1]
        ys = [one if below else scored - one for one in (0, *accumulate(counts))]
    return Curve("", tuple(xs), tuple(min(1.0, max(0.0, one / scored)) for one in ys)), scored


def _models(score: Mapping[str, Any]) -> str:
    models = score.get("models")
    if not isinstance(models, list | tuple) or not models:
        return ""
    named = ", ".join(f"<code>{text(one)}</code>" for one in models[:8])
    return f'<p class="soft">Scored by {named}.</p>'
