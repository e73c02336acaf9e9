"""Results as people read them: a few lines on a terminal, and docs/results.md, made from the history and nothing else."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.contest.history import newest
from benchmarks.contest.sides import ROOT

PAGE = ROOT / "docs" / "results.md"
#: what a stage is called, in the order of a crawl
TITLES = {
    "wat": "WAT to candidates",
    "warc": "WARC to candidates",
    "download": "Download and decode",
    "picture": "Decode and resize",
    "hashes": "Hashes",
    "lookups": "Look-ups in removal lists",
    "clip": "CLIP",
    "shards": "Shards",
    "whole": "The whole crawl",
}
_HEAD = """# Results

Made by `python benchmarks/bench.py --page` from `benchmarks/history.jsonl`, the newest result of each contest. `make bench` measures
all of it again. How these figures came to be what they are, and what did not help, is in [performance.md](performance.md).

Sides take turns on the same pinned cores. CPU counts all processes of a side; "net" leaves out what starting costs, where a side is a
program. A ratio is the median of the rounds' ratios, with the least and the largest behind it. Peaks are of the processes that do the work.
"""


def as_text(result: Mapping[str, Any]) -> str:
    """One contest for a terminal."""
    lines = [f"{result['stage']}, {result['case']} (load {result['machine']['load']} when it began)"]
    lines += [f"  {side['name']:28} {summary(side, result['unit'])}" for side in result["sides"]]
    lines += [f"  {'ok  ' if one['good'] else 'FAIL'} {one['words']}: {one['value']}" for one in result["checks"]]
    lines += [
        f"  {'met ' if one['met'] else 'MISSED' if _is_missed(one) else 'left out'} {_goal(one)}"
        for one in result["goals"]
    ]
    lines += [f"    {share:6.1%} {name}" for name, share in result["profile"]]
    return "\n".join(lines)


def markdown(kept: Iterable[dict[str, Any]]) -> str:
    """The page."""
    found = newest(kept)
    parts = [_HEAD, *_overview(found.values())]
    for stage, title in TITLES.items():
        cases = [one for one in found.values() if one["stage"] == stage]
        if cases:
            parts.append(f"## {title}\n")
            parts += [_case(one) for one in cases]
    return "\n".join(parts).rstrip() + "\n"


def write(kept: Iterable[dict[str, Any]], path: Path = PAGE) -> None:
    """Write the page."""
    path.write_text(markdown(kept), encoding="utf-8")


def times(goal: Mapping[str, Any]) -> str:
    """A goal's ratio, with the least and the largest of its rounds; or that there is none."""
    if goal.get("left_out"):
        return "not measured"
    return f"{goal['value']:.2f} ({goal['least']:.2f} to {goal['largest']:.2f})"


def summary(side: Mapping[str, Any], unit: str) -> str:
    """What a side took, in one line."""
    cpu, rate, wall, peak, start = _figures(side)
    cells = (
        f"{cpu} CPU a {unit}",
        rate and f"{rate} {unit}s a CPU s",
        f"wall {wall}",
        f"peak {peak}",
        start and f"start {start}",
    )
    return ", ".join(cell for cell in cells if cell)


def _overview(results: Iterable[Mapping[str, Any]]) -> list[str]:
    rows = [
        (TITLES[one["stage"]], one["case"], goal) for one in sorted(results, key=_order) for goal in one["goals"]
    ]  # fmt: skip
    if not rows:
        return ["Nothing was kept yet.\n"]
    lines = ["## Goals\n", "| stage | input | goal | measured | |", "|---|---|---|---|---|"]
    lines += [
        f"| {stage} | {case} | {goal['words']}, {goal['wanted']} | {times(goal)} | {_fate(goal)} |"
        for stage, case, goal in rows
    ]
    return [*lines, ""]


def _order(result: Mapping[str, Any]) -> int:
    return list(TITLES).index(result["stage"])


def _case(result: Mapping[str, Any]) -> str:
    machine = result["machine"]
    inputs = ", ".join(f"{name} {_number(value)}" for name, value in result["inputs"].items())
    lines = [
        f"### {result['case']}\n",
        f"Input: {inputs}. {result['when'][:10]}, commit {machine['commit']}, {machine['cpu']}, {machine['cores']} cores "
        f"({len(result['cores'])} used), Python {machine['python']}, load {machine['load']} when it began, "
        f"{len(result['sides'][0]['cpu'])} rounds.\n",
        f"| side | CPU a {result['unit']} | {result['unit']}s a CPU second | wall | peak | start |",
        "|---|---|---|---|---|---|",
    ]
    for side in result["sides"]:
        cpu, rate, wall, peak, start = _figures(side)
        lines.append(f"| {side['name']} | {cpu} | {rate} | {wall} | {peak} | {start} |")
    lines.append("")
    if result["checks"]:
        lines += ["Equal work:", ""]
        lines += [
            f"- {one['words']}: {one['value']}{'' if one['good'] else ' (**not as it should be**)'}"
            for one in result["checks"]
        ]
        lines.append("")
    missed = [one for one in result["goals"] if _is_missed(one)]
    lines += [f"**Missed**: {one['words']}, {one['wanted']}: {times(one)}. {one['lift']}\n" for one in missed]
    left_out = [one for one in result["goals"] if one.get("left_out")]
    lines += [f"**Not measured**: {one['words']}, {one['wanted']}: {one['left_out']}.\n" for one in left_out]
    if result["profile"]:
        shares = ", ".join(f"`{name}` {share:.0%}" for name, share in result["profile"][:8] if share >= 0.02)
        lines.append(f"Where our time goes (innermost Python function): {shares}.\n")
    versions = "; ".join(
        f"{side['name']}: {', '.join(f'{name} {number}' for name, number in side['versions'].items())}"
        for side in result["sides"] if side["versions"]
    )  # fmt: skip
    lines.append(f"Versions: {versions}.\n")
    return "\n".join(lines)


def _is_missed(goal: Mapping[str, Any]) -> bool:
    return not goal["met"] and not goal.get("left_out")


def _fate(goal: Mapping[str, Any]) -> str:
    return "met" if goal["met"] else "**missed**" if _is_missed(goal) else ""


def _goal(goal: Mapping[str, Any]) -> str:
    return f"{goal['words']}, {goal['wanted']}: {times(goal)}"


def _figures(side: Mapping[str, Any]) -> tuple[str, str, str, str, str]:
    """CPU of a unit and its inverse (both without the start, where it is known), wall, peak, start."""
    start = statistics.median(side["start_cpu"]) if side["start_cpu"] else 0.0
    each = statistics.median((cpu - start) / units for cpu, units in zip(side["cpu"], side["units"], strict=True))
    peak = statistics.median(side["peak_bytes"])
    return (
        _seconds(each), _number(1 / each) if each > 0 else "", _seconds(statistics.median(side["wall"])),
        f"{peak / 1e6:,.0f} MB", f"{start:.1f} s CPU" if start else "",
    )  # fmt: skip


def _seconds(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def _number(value: Any) -> str:  # noqa: ANN401 - a word or a number
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 100 or isinstance(value, int) else f"{value:.3g}"
