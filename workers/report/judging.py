"""What a recipe's filters decided, what they cost, and where they draw their lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from crawler.report import Spent, StageCount
from crawler.settings import FilterChoice
from filters.lines import Line, lines_of

#: folder of a filter -> the stages that ask it: candidate filters are asked again when their rows are fetched
_STAGES = {
    "candidates": ("candidates", "filter candidates"), "bodies": ("filter bodies",), "pictures": ("filter pictures",),
}  # fmt: skip
#: what is measured of pictures, files and texts, and is no score
_SIZES = frozenset(("shorter side", "aspect ratio", "bytes", "caption characters"))


def filters_of(
    choices: Sequence[FilterChoice], stages: Iterable[StageCount], spent: Iterable[Spent]
) -> list[dict[str, Any]]:
    """`filters`, in the recipe's order: what each was shown, what it rejected, its seconds, its lines.

    `judged` is as the jobs counted it, and of candidates, which are judged twice, as they counted the first time; in
    runs of versions that did not count, it follows from the order of the filters.

    Raises:
        SettingsError: the recipe names a filter that there is not.
    """
    by_stage = {one.stage: one for one in stages}
    costs: dict[str, list[Spent]] = {}
    for one in spent:
        costs.setdefault(one.what, []).append(one)
    told = []
    inside = {stage: counted.found for stage, counted in by_stage.items()}
    for choice in choices:
        folder, _, name = choice.use.partition(".")
        rejected = shown = 0
        for stage in _STAGES[folder]:
            if stage in by_stage:
                shown = shown or inside[stage]
                rejected += by_stage[stage].rejected.get(name, 0)
                inside[stage] -= by_stage[stage].rejected.get(name, 0)
        own = costs.get(choice.use, [])
        lines = lines_of(choice.use, choice.settings)
        told.append({
            "name": name,
            "use": choice.use,
            "column": next((one.column for one in lines if one.column not in _SIZES), ""),
            "lines": [one._asdict() for one in lines],
            "judged": own[0].records if own else shown,
            "rejected": rejected,
            "seconds": round(sum(one.seconds for one in own), 3),
            "cpu_seconds": round(sum(one.cpu_seconds for one in own), 3),
        })  # fmt: skip
    return told


def lines_drawn(choices: Iterable[FilterChoice]) -> list[dict[str, Any]]:
    """The lines of filters that have judged nothing here, for `with_lines`.

    Raises:
        SettingsError: a recipe names a filter that there is not.
    """
    return [{"lines": [line._asdict() for line in lines_of(one.use, one.settings)]} for one in choices]


def with_lines(told: dict[str, Any], filters: Iterable[Mapping[str, Any]], /) -> None:
    """Put the lines of filters into the `scores` and `sizes` that they are drawn in.

    The curve of a score whose every line keeps what is below is turned round: it counts what lies below a threshold.
    """
    for one in filters:
        for line in one["lines"]:
            for key in ("scores", "sizes"):
                spread = told.get(key, {}).get(line["column"])
                if spread is not None:
                    spread.setdefault("lines", []).append(_drawn(Line(**line)))
    for score in told.get("scores", {}).values():
        lines = score.get("lines", [])
        if lines and all(line["keeps"] == "below" for line in lines):
            curve = score["curve"]
            score["curve"] = curve | {"kept": [curve["scored"] - one for one in curve["kept"]]}


def _drawn(line: Line) -> dict[str, Any]:
    return {"at": line.at, "keeps": line.keeps, "label": line.label}
