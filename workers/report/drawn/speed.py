"""Parts of the report page about time: how fast it went, which stage holds the run up, and what a filter costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workers.report.drawn.axes import short
from workers.report.drawn.drawing import length
from workers.report.drawn.html import (
    Part,
    amount_of,
    counts_of,
    grid,
    number_of,
    seconds,
    share,
    size,
    table_of,
    tables_of,
    text,
)  # fmt: skip
from workers.report.drawn.timeline import timeline

#: what a stage is called in a sentence
_STAGES = {
    "read": "reading archives", "extract": "finding images on pages", "candidates": "judging texts",
    "fetch": "fetching", "filter candidates": "judging texts again", "filter bodies": "judging bytes",
    "decode": "decoding", "filter pictures": "judging pictures", "encode": "encoding", "prepare": "preparing pictures "
    "for models", "write": "writing",
}  # fmt: skip
#: stages in which mostly nothing happens on this machine: their seconds are those of the clock
_WAITS = frozenset(("fetch",))


def filters(report: Mapping[str, Any]) -> Part:
    """What each filter was shown, what it rejected, and what its verdicts cost."""
    listed = [*tables_of(report, "filters"), *_engines(report)]
    costs = [_cost(one) for one in listed]
    most = max((cost for cost in costs if cost is not None), default=0.0)
    rows = []
    for one, cost in zip(listed, costs, strict=True):
        judged, rejected = number_of(one, "judged"), number_of(one, "rejected")
        busy = amount_of(one, "cpu_seconds") / judged if judged else 0.0
        lost, part = (f"{rejected:,}", share(rejected, judged)) if "rejected" in one else ("", "")
        each = seconds(cost) if cost is not None else "unknown", seconds(busy) if busy else ""
        rows.append(
            f'<tr><th scope="row"><code>{text(one.get("use") or one.get("name", ""))}</code></th>'
            f'<td class="count">{judged:,}</td><td class="count">{lost}</td><td class="count">{part}</td>'
            f'<td class="count">{each[0]}</td><td class="count">{each[1]}</td>'
            f'<td class="wide">{length(cost or 0.0, most, "time")}</td></tr>'
        )
    told = "In the order in which they judge. Cost is that of one verdict: on the clock, and of processors."
    if any("rejected" not in one for one in listed):
        told += " What a model takes to embed stands in a line of its own, for filters share it."
    headings = ("filter", "#judged", "#rejected", "#share", "#clock each", "#processor each", "")
    return Part("filters", "Filters and what they cost", grid(told, headings, rows) if rows else "")


def _engines(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What models cost, whichever filters ask them: preparing pictures for them, and embedding."""
    summed: dict[str, dict[str, Any]] = {}
    for one in tables_of(report, "limits"):
        what = str(one.get("what") or "")
        if what.startswith("engine:"):
            same = summed.setdefault(what, {"use": what, "judged": 0, "seconds": 0.0, "cpu_seconds": 0.0})
            same["judged"] = max(same["judged"], number_of(one, "records"))
            for spent in ("seconds", "cpu_seconds"):
                same[spent] += amount_of(one, spent)
    return list(summed.values())


def limits(report: Mapping[str, Any]) -> Part:
    """Which stage holds the run up, the speeds over time, and the measures of the whole."""
    return Part("speed", "Speed, and what limits it", _limits(report) + timeline(report) + _measures(report))


def _cost(one: Mapping[str, Any]) -> float | None:
    judged, spent = number_of(one, "judged"), amount_of(one, "seconds")
    return spent / judged if judged and spent > 0 else None


def _limits(report: Mapping[str, Any]) -> str:
    listed = [one for one in tables_of(report, "limits") if amount_of(one, "seconds") > 0]
    if not listed:
        return ""
    whole = [one for one in listed if not one.get("what")]
    slowest = max(whole or listed, key=lambda one: amount_of(one, "seconds"))
    together = sum(amount_of(one, "seconds") for one in whole or listed)
    most = max(amount_of(one, "seconds") for one in listed)
    rows = []
    for one in listed:
        spent, records = amount_of(one, "seconds"), number_of(one, "records")
        stage, what = str(one.get("stage", "")), str(one.get("what") or "")
        named = f'<code class="inner">{text(what)}</code>' if what else text(stage)
        rows.append(
            f'<tr><th scope="row">{named}</th><td class="count">{records:,}</td>'
            f'<td class="count">{seconds(spent)}</td><td class="count">{seconds(amount_of(one, "cpu_seconds"))}</td>'
            f'<td class="count">{seconds(spent / records) if records else ""}</td>'
            f'<td class="count">{short(records / spent)}</td><td class="wide">{length(spent, most, "time")}</td></tr>'
        )
    told = "Time of all workers added up, stage by stage; below a stage what it is made of. This depends on the day."
    headings = ("stage", "#records", "#clock", "#processor", "#clock each", "#records a second", "")
    why = table_of(report, "limit").get("told")
    words = f"<strong>What it waited for:</strong> {text(why)}" if why else _slowest(slowest, together)
    return f"<p>{words}</p>{grid(told, headings, rows)}"


def _slowest(one: Mapping[str, Any], together: float) -> str:
    spent, records = amount_of(one, "seconds"), number_of(one, "records")
    stage = str(one.get("stage", ""))
    name = _STAGES.get(stage, stage)
    rate = f": {short(records / spent)} records a second" if records else ""
    waits = " Most of it is waiting for other people's servers." if stage in _WAITS else ""
    return (
        f"<strong>{text(name[:1].upper() + name[1:])}</strong> takes the longest: {share(spent, together)} of the time "
        f"of all stages{rate}.{waits} A faster machine for anything else would change little."
    )


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


def _measures(report: Mapping[str, Any]) -> str:
    """How fast it went as a whole, and how much memory it took."""
    rows = [
        f'<tr><th scope="row">{text(str(name).replace("_", " "))}</th><td class="count">{_number(value)}</td></tr>'
        for name, value in table_of(report, "speeds").items()
        if isinstance(value, int | float)
    ]
    rows += [
        f'<tr><th scope="row">peak memory, {text(name)}</th><td class="count">{size(count)}</td></tr>'
        for name, count in sorted(counts_of(report, "peak_memory_bytes").items())
    ]
    if not rows:
        return ""
    told = "Seconds of all jobs added up. This depends on the day; all else does not."
    return f"<h3>The whole</h3>{grid(told, ('measure', '#value'), rows)}"
