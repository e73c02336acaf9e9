"""What of a recipe's rows may be shown in thumbnails: read off its filters, and off the lines that they draw."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from crawler.report import use_of
from crawler.settings import Recipe
from crawler.showing import STAGE, Scale, Showing
from filters.lines import lines_of
from filters.unsafe_rule import SAFETY

#: a picture is blurred from half of the way on to where its filter would turn it down, and from here on in any case
_LIKELY = 0.5


def showing_of(recipe: Recipe, built: Iterable[tuple[str, Any]]) -> Showing:
    """The rules for a recipe; `built` are those of its filters of pictures that judge here, by name.

    Lists are known by what they offer: entries (`listed`), judging by hashes alone (`judge_again`), or withholding.
    """
    uses = [choice for choice in recipe.filters if choice.use.startswith("pictures.")]
    drawn = {choice.use: lines_of(choice.use, choice.settings) for choice in uses}
    scales = {
        use: Scale(lines[0].column, tuple(line.at for line in lines))
        for use, lines in drawn.items()
        if lines  # those of sizes name no column: no row is near to them
    }
    safety = frozenset(SAFETY & drawn.keys())
    return Showing(
        most=recipe.output.thumbnails,
        scales=scales,
        hidden=frozenset(use_of(STAGE, name) for name, one in built if names_pictures(one)),
        safety=safety,
        blurred_from={scales[use].column: min(_LIKELY, min(scales[use].lines) / 2) for use in safety},
    )


def names_pictures(one: object) -> bool:
    """Whether a filter has a list, or withholds: what it rejects is shown to nobody."""
    return hasattr(one, "listed") or hasattr(one, "judge_again") or bool(getattr(one, "confidential", False))
