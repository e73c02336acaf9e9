"""Curves of scores as one page without a network: pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from workers.report.drawn.curves import Curve, curve_svg
from workers.report.drawn.frame import page_of
from workers.report.drawn.histograms import Line, histogram_svg
from workers.report.drawn.html import Part, grid, share, text


def render(found: Mapping[str, Any]) -> str:
    """The page of `workers.redrawing.spreads.spreads_of`."""
    heads = f"<h1>Yield against threshold</h1><p>The scores of {found['tables']:,} tables.</p>"
    parts = [
        Part(f"score-{place}", f"<code>{text(column)}</code>", "".join(_score(column, one)))
        for place, (column, one) in enumerate(found["scores"].items())
    ]
    return page_of("Yield against threshold", [heads, *(part.html() for part in parts)])


def _score(column: str, one: Mapping[str, Any]) -> Iterator[str]:
    made = ", ".join(f"<code>{text(model)}</code>" for model in one["models"])
    several = " They are of several models: one threshold does not suit them all." if len(one["models"]) > 1 else ""
    yield f"<p>{one['scored']:,} rows have this score{f', made by {made}' if made else ''}.{several}</p>"
    lines = [Line(line["at"], line["label"] or f"{line['at']:g}", line["keeps"]) for line in one["lines"]]
    histogram = histogram_svg(column, one["edges"], one["kept"], one["rejected"], lines)
    drawn = _figure(histogram, "Kept rows over rejected ones, and the thresholds of the run.")
    drawn += _figure(_yield(column, one, lines), "What a threshold leaves, of the rows with a score.")
    yield f'<div class="pair">{drawn}</div>' if drawn else ""
    yield _table(one)


def _yield(column: str, one: Mapping[str, Any], lines: Sequence[Line]) -> str:
    curve = one["curve"]
    xs = tuple(curve["thresholds"])
    curves = [Curve("rows", xs, tuple(number / one["scored"] for number in curve["kept"]))]
    if any(curve["unsafe_share"]):
        known = [(x, y) for x, y in zip(xs, curve["unsafe_share"], strict=True) if y is not None]
        curves.append(Curve("unsafe, of what stays", tuple(x for x, _ in known), tuple(y for _, y in known)))
    return curve_svg(f"{column}: what stays", curves, lines, x_title="below" if one["below"] else "from")


def _figure(drawing: str, words: str) -> str:
    if not drawing:
        return ""
    return f'<div class="chart"><figure class="plain">{drawing}<figcaption>{words}</figcaption></figure></div>'


def _table(one: Mapping[str, Any]) -> str:
    curve = one["curve"]
    lines = []
    for place, at in enumerate(curve["thresholds"]):
        mean, unsafe = curve["mean"][place], curve["unsafe_share"][place]
        lines.append(
            f'<tr><td class="count">{at:.3f}</td><td class="count">{curve["kept"][place]:,}</td>'
            f'<td class="count">{share(curve["kept"][place], one["scored"])}</td>'
            f'<td class="count">{"-" if mean is None else f"{mean:.3f}"}</td>'
            f'<td class="count">{"-" if unsafe is None else share(unsafe, 1)}</td>'
            f'<td class="count">{curve["duplicates"][place]:,}</td></tr>'
        )
    stays = "#below" if one["below"] else "#from"
    return grid("Thresholds", [stays, "#rows", "#share", "#mean score", "#unsafe", "#duplicates"], lines)
