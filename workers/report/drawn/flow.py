"""The way from images to kept pairs as bands that add up: what the Sankey diagram draws, without a single pixel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workers.report.drawn.html import counts_of, largest_first, number_of, table_of, tables_of
from workers.report.drawn.reason_kinds import kind_of, place_of

#: stages that are drawn as one step, and what has passed them
_STEPS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("extract",), "candidates"),
    (("candidates", "plan"), "planned"),
    (("filter candidates", "fetch"), "fetched"),
    (("filter bodies", "decode"), "decoded"),
    (("filter pictures", "placeholders", "duplicates"), "kept"),
)
#: what has passed a stage that ends a step before its time, as in a run that is not finished
_PASSED = {
    "candidates": "judged by text", "filter candidates": "judged by text", "filter bodies": "judged by bytes",
    "filter pictures": "judged by picture", "placeholders": "judged by picture",
}  # fmt: skip
#: what comes into a stage, where a run begins with it
_ENTERS = {"extract": "images", "candidates": "candidates", "plan": "candidates"}
#: reasons of a step that are drawn on their own; the rest is one band, as are those below this share of their step
_DRAWN = 6
_SMALL = 0.004
_ALWAYS = 2  # largest ones, however small


@dataclass(frozen=True, slots=True)
class Loss:
    """A band that leaves: so many, for this reason."""

    reason: str
    count: int
    kind: str  # of `reason_kinds.KINDS`


@dataclass(frozen=True, slots=True)
class Step:
    """From one node to the next: `enters + joined == kept + waiting + the losses`."""

    before: str  # name of the node
    after: str
    enters: int  # what the step before passed on
    joined: int  # what came from elsewhere
    waiting: int  # what nobody has looked at yet
    losses: tuple[Loss, ...]  # the largest first
    kept: int

    @property
    def height(self) -> int:
        """All that goes through the node before."""
        return self.enters + self.joined


def steps_of(report: Mapping[str, Any]) -> list[Step]:
    """The steps of a report, each beginning with what the one before kept; none where counts do not add up."""
    stages = [one for one in tables_of(report, "stages") if one.get("stage") != "read"]
    if not stages:
        return _one_step(report)
    steps: list[Step] = []
    passed = number_of(stages[0], "found")
    before = _ENTERS.get(str(stages[0].get("stage")), "rows")
    for group, after in _grouped(stages):
        step = _step(group, before, after, passed)
        if step is None:
            return []
        steps.append(step)
        before, passed = after, step.kept
    return steps


def few(losses: Sequence[Loss], height: int) -> list[Loss]:
    """The losses to draw: large ones by name, the small ones together as "n more" where there are several."""
    drawn = losses[:_DRAWN]
    large = [one for place, one in enumerate(drawn) if place < _ALWAYS or one.count >= _SMALL * height]
    rest = losses[len(large) :]
    if len(rest) < 2:
        return list(losses)
    kinds = Counter[str]()
    for one in rest:
        kinds[one.kind] += one.count
    return [*large, Loss(f"{len(rest)} more", sum(one.count for one in rest), largest_first(kinds)[0][0])]


def _grouped(stages: Sequence[Mapping[str, Any]]) -> list[tuple[list[Mapping[str, Any]], str]]:
    """Stages by step, and what has passed each step; a stage that nobody knows belongs to the step before it."""
    step_of = {stage: place for place, (names, _) in enumerate(_STEPS) for stage in names}
    groups: list[tuple[int, list[Mapping[str, Any]]]] = []
    for one in stages:
        place = step_of.get(str(one.get("stage")), groups[-1][0] if groups else -1)
        if groups and groups[-1][0] == place:
            groups[-1][1].append(one)
        else:
            groups.append((place, [one]))
    named = []
    for place, group in groups:
        last = str(group[-1].get("stage", ""))
        after = _STEPS[place][1] if place >= 0 and last not in _PASSED else _PASSED.get(last, "passed")
        named.append((group, after))
    return named


def _step(group: Sequence[Mapping[str, Any]], before: str, after: str, passed: int) -> Step | None:
    waiting = joined = 0
    losses: Counter[str] = Counter()
    inside = passed
    for one in group:
        found, kept = number_of(one, "found"), number_of(one, "kept")
        rejected = counts_of(one, "rejected")
        if min((found, kept, *rejected.values())) < 0 or found != kept + sum(rejected.values()):
            return None
        waiting += max(0, inside - found)
        joined += max(0, found - inside)
        losses.update(rejected)
        inside = kept
    return Step(before, after, passed, joined, waiting, _losses(losses), inside)


def _losses(counted: Mapping[str, int]) -> tuple[Loss, ...]:
    return tuple(Loss(reason, count, kind_of(reason)) for reason, count in largest_first(counted) if count)


def _by_place(reasons: Mapping[str, int], kept: int) -> list[Step]:
    """The steps of tables whose every reason says where it happened; they begin with what was planned, or before."""
    inside = kept + sum(reasons.values())
    before, steps = "rows", []
    for _, after in _STEPS[1:]:
        lost = {reason: count for reason, count in reasons.items() if place_of(reason) == after}
        if lost or after == "kept":
            left = inside - sum(lost.values())
            steps.append(Step(before, after, inside, 0, 0, _losses(lost), left))
            before, inside = after, left
    return steps


def _one_step(report: Mapping[str, Any]) -> list[Step]:
    """Of tables that no job counted: rows, reasons, kept ones."""
    reasons = counts_of(report, "reasons")
    kept = number_of(table_of(report, "totals"), "kept")
    if min((kept, *reasons.values()), default=0) < 0 or not sum(reasons.values()):
        return []
    if all(map(place_of, reasons)):
        return _by_place(reasons, kept)
    return [Step("rows", "kept", kept + sum(reasons.values()), 0, 0, _losses(reasons), kept)]
