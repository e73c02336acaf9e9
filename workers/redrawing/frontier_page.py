"""A frontier as one page without a network: pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from workers.redrawing.frontier import by_quality
from workers.redrawing.telling import interval
from workers.report.drawn.curves import Point, points_svg
from workers.report.drawn.frame import page_of
from workers.report.drawn.html import Part, grid, seconds, text


def render(found: Mapping[str, Any]) -> str:
    """The page of `workers.redrawing.frontier.frontier`."""
    best, others = (by_quality(found["recipes"], best=which) for which in (True, False))
    recipes = [*best, *others]
    heads = (
        f"<h1>Cost and quality</h1><p>{len(found['recipes']):,} recipes on the same {found['rows']:,} rows, of which "
        f"{found['judged']:,} were judged. On the frontier is what no other recipe is better than.</p>"
    )
    drawn = _points("Quality against yield", recipes, lambda one: float(one["kept"]), "rows kept")
    drawn += _points(
        "Quality against cost", [one for one in recipes if _cost(one) is not None], lambda one: _cost(one) or 0.0,
        "seconds of a core for each kept row",
    )  # fmt: skip
    assumed = "".join(f"<li>{text(one)}</li>" for one in found["assumed"])
    parts = [
        Part("frontier", "The frontier", f'<div class="pair">{drawn}</div>' if drawn else ""),
        Part("best", "On the frontier", _table("Recipes that no other is better than", best, 1)),
        Part("others", "All others", _table("Recipes that another is better than", others, len(best) + 1)),
        Part("assumed", "What is assumed", f"<ul>{assumed}</ul>"),
    ]
    return page_of("Cost and quality", [heads, *(part.html() for part in parts)])


def _cost(one: Mapping[str, Any]) -> float | None:
    return one["cost"]["cpu_seconds_a_kept_row"] if one["cost"] else None


def _points(
    title: str, recipes: Sequence[Mapping[str, Any]], across: Callable[[Mapping[str, Any]], float], x_title: str
) -> str:
    points: dict[tuple[float, float], Point] = {}
    for number, one in enumerate(recipes, 1):  # settings that changed nothing lie on one point: the first names it
        share = one["precision"]
        ends = (share["low"], share["high"]) if one["best"] else (None, None)
        kind = "best" if one["best"] else ""
        points.setdefault((across(one), share["share"]), Point(str(number), across(one), share["share"], kind, *ends))
    drawing = points_svg(title, list(points.values()), x_title=x_title, y_title="share that matches")
    if not drawing:
        return ""
    told = f"{text(title)}: points are recipes by their numbers below; bars are intervals of 95 %."
    return f'<div class="chart"><figure class="plain">{drawing}<figcaption>{told}</figcaption></figure></div>'


def _table(caption: str, recipes: Sequence[Mapping[str, Any]], first: int) -> str:
    lines = [
        f'<tr><td class="count">{number}</td>'
        f"<td><code>{text(one['name'])}</code></td><td>{interval(one['precision'])}</td>"
        f'<td class="count">{one["kept"]:,}</td><td class="count">{one["cannot_tell"]:,}</td>'
        f'<td class="count">{"-" if _cost(one) is None else seconds(_cost(one) or 0.0)}</td></tr>'
        for number, one in enumerate(recipes, first)
    ]
    headings = ["#number", "settings", "match", "#rows kept", "#cannot be told", "#of a core, a kept row"]
    return grid(caption, headings, lines) if lines else ""
