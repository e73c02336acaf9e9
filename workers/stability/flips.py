"""What came of changes: how many verdicts flip, how far scores move, and how near to a filter's line that is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crawler.records import Verdict
from filters.lines import Line
from workers.intervals import wilson

#: bands of distance from a line: the nearest tenth of the pairs, and so on
_BANDS = (0.1, 0.25, 0.5, 1.0)


@dataclass(slots=True)
class Answers:
    """What one filter said of each pair: as it is, and after each change that it can see."""

    use: str  # as the recipe names it
    lines: Sequence[Line] = ()
    before: list[Verdict] = field(default_factory=list)
    after: dict[str, list[Verdict]] = field(default_factory=dict)  # by the change's name


def flips_of(answers: Answers, not_mattering: Iterable[str]) -> dict[str, Any]:
    """The figures of one filter, as JSON can say them.

    Args:
        answers: of the filter.
        not_mattering: names of the changes that should not matter: `near` counts only these.
    """
    return {
        "use": answers.use,
        "lines": [line._asdict() for line in answers.lines],
        "kept_before": sum(one.keep for one in answers.before),
        "changes": [_of_change(name, answers.before, after) for name, after in answers.after.items()],
        "near": _near(answers, frozenset(not_mattering)),
    }


def flips_at_all(answers: Sequence[Answers], name: str) -> dict[str, Any] | None:
    """Of pairs that all filters together keep before or after a change, those of which they say otherwise.

    None where no filter can see the change.
    """
    seeing = [one for one in answers if name in one.after]
    if not seeing:
        return None
    before = [all(words) for words in zip(*([one.keep for one in each.before] for each in answers), strict=True)]
    said = [[one.keep for one in each.after.get(name, each.before)] for each in answers]
    after = [all(words) for words in zip(*said, strict=True)]
    return {"change": name, **_counted(before, after)}


def _of_change(name: str, before: Sequence[Verdict], after: Sequence[Verdict]) -> dict[str, Any]:
    moved = sorted(
        abs(new.score - old.score)
        for old, new in zip(before, after, strict=True)
        if old.score is not None and new.score is not None and math.isfinite(old.score) and math.isfinite(new.score)
    )
    return {
        "change": name,
        **_counted([one.keep for one in before], [one.keep for one in after]),
        "moved": {"median": centile(moved, 50), "p95": centile(moved, 95)} if moved else None,
    }


def _counted(before: Sequence[bool], after: Sequence[bool]) -> dict[str, Any]:
    lost = sum(old and not new for old, new in zip(before, after, strict=True))
    won = sum(new and not old for old, new in zip(before, after, strict=True))
    low, high = wilson(lost + won, len(before))
    return {
        "judged": len(before), "flipped": lost + won, "to_rejected": lost, "to_kept": won,
        "share": round((lost + won) / len(before), 6), "low": round(low, 6), "high": round(high, 6),
    }  # fmt: skip


def _near(answers: Answers, names: frozenset[str]) -> list[dict[str, Any]]:
    """By distance of the score from the nearest line: pairs whose verdict any of these changes flips."""
    if not answers.lines:
        return []
    rows = []
    for place, old in enumerate(answers.before):
        if old.score is not None and math.isfinite(old.score):
            score = old.score
            flips = any(after[place].keep != old.keep for name, after in answers.after.items() if name in names)
            rows.append((min(abs(score - line.at) for line in answers.lines), flips))
    rows.sort()
    bands, begin = [], 0
    for share in _BANDS:
        end = math.ceil(len(rows) * share)
        if end > begin:
            here = rows[begin:end]
            bands.append(
                {"from": round(here[0][0], 6), "to": round(here[-1][0], 6), "pairs": len(here),
                 "flipped": sum(flips for _, flips in here)}
            )  # fmt: skip
        begin = end
    return bands


def centile(values: Sequence[float], share: float) -> float:
    """The smallest of some sorted values that is not below `share` per cent of them, rounded to a millionth.

    Raises:
        IndexError: there are none.
    """
    return round(values[max(0, math.ceil(len(values) * share / 100) - 1)], 6)


def as_lines(report: Mapping[str, Any]) -> Iterator[str]:
    """The report of an audit for people, line by line."""
    yield f"{report['pairs']:,} pairs of {report['place']}, judged by {report['recipe']}"
    if report["source"] == "kept pairs":
        yield "They are pairs that were kept: their verdicts can flip one way only. Raw shards have all."
    if report["left_out"]:
        yield f"{report['left_out']:,} more could not be decoded, and are left out"
    for one in report["filters"]:
        yield ""
        yield from _of_filter(one, report)
    yield ""
    yield "All filters together"
    for change in report["together"]:
        yield _line(change, report["changes"])


def _of_filter(one: Mapping[str, Any], report: Mapping[str, Any]) -> Iterator[str]:
    seen = one["changes"]
    told = f"{one['use']}: keeps {one['kept_before']:,} of {report['pairs']:,}"
    if not any(change["flipped"] or change["moved"] for change in seen):
        high = max((change["high"] for change in seen), default=0.0)
        yield f"{told}; no verdict flips under any of {len(seen)} changes (up to {high:.1%} might)"
        return
    yield told
    for change in seen:
        yield _line(change, report["changes"])
    for band in one["near"]:
        where = f"{band['from']:.4f} to {band['to']:.4f} from the line"
        yield f"    {where:<34} {band['flipped']:>5,} of {band['pairs']:,} flip under any that should not matter"


def _line(change: Mapping[str, Any], all_of_them: Sequence[Mapping[str, Any]]) -> str:
    may = any(one["name"] == change["change"] and one["may_matter"] for one in all_of_them)
    line = f"  {change['change']:<13} {change['flipped']:>5,} of {change['judged']:,} flip"
    line += f"  {change['share']:>6.1%} ({change['low']:.1%} to {change['high']:.1%})"
    if moved := change.get("moved"):
        line += f"   score moves {moved['median']:.4f}, of one in twenty more than {moved['p95']:.4f}"
    return line + ("   (may matter)" if may else "")
