"""The live page as HTML: a pure function of what was seen, in sections that change one by one.

Names, reasons and what failed hold words of strangers: all of them go through `html.text`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from workers.live.drawing import filled, speeds
from workers.live.seen import AtWork, Jobs, Seen
from workers.report.drawn.html import grid, text
from workers.slice_status import SliceStatus
from workers.telling.lines import rate_of, time_of

#: a sitting that says nothing for so long may have been killed, in seconds
_SILENT = 120.0
_REASONS = 12
#: slices that are shown one by one; those that need somebody come first
_SLICES = 60


def sections_of(seen: Seen) -> dict[str, str]:
    """The parts of the page, in their order, by id; "" for one that has nothing to say now."""
    return {
        "state": _state(seen), "numbers": _numbers(seen), "failures": _failures(seen), "now": _now(seen),
        "steps": _steps(seen), "speed": _speed(seen), "way": _way(seen), "reasons": _reasons(seen),
        "slices": _slices(seen), "said": _said(seen),
    }  # fmt: skip


def body_of(seen: Seen) -> str:
    """All of them, whole without a script: the page then asks for itself again every few seconds."""
    parts = "".join(f'<div id="{name}">{html}</div>' for name, html in sections_of(seen).items())
    return (
        '<noscript><meta http-equiv="refresh" content="5"></noscript>'
        f'<main id="main"><p class="name">pairtrawl</p><h1>{text(title_of(seen))}</h1>'
        '<p id="live" class="small" hidden><button id="hold" type="button" aria-pressed="false">Hold still</button> '
        f'<span id="stream">This page keeps itself current.</span></p>{parts}</main>'
    )


def title_of(seen: Seen) -> str:
    """What the page is about; plain text."""
    return f"{seen.name or 'A run'} in {seen.folder}"


def _state(seen: Seen) -> str:
    working = [one for one in seen.sittings if one.exit_code is None]
    ended = [one for one in seen.sittings if one.exit_code is not None]
    if not seen.name:
        told = "Nothing has begun here yet."
    elif working:
        silent = [one for one in working if _silence(one, seen.at) > _SILENT]
        who = "1 sitting is" if len(working) == 1 else f"{len(working)} sittings are"
        told = f"{who} at work."
        if silent:
            longest = max(_silence(one, seen.at) for one in silent)
            told += f" {len(silent)} of them said nothing for {time_of(longest)}, and may have been killed."
    elif ended:
        last = max(ended, key=lambda one: one.heard or seen.at)
        told = "Done." if last.exit_code == 0 else _left_over(last)
    else:
        told = "Nobody is known to be at work."
    link = ' <a href="/report">Open the report.</a>' if seen.has_report else ""
    return f'<p role="status">{text(told)}{link}</p>'


def _left_over(last: AtWork) -> str:
    why = f" ({last.stopped})" if last.stopped else ""
    if last.exit_code == 75:
        return f"Stopped{why}: work is left, and the same command goes on."
    return f"Ended with exit code {last.exit_code}{why}."


def _numbers(seen: Seen) -> str:
    told = [("pairs kept", f"{seen.kept:,}"), ("rows done", _of(seen.rows_done, seen.rows))]
    if seen.curve and seen.is_at_work:
        told.append((f"{seen.curve.unit} a second", rate_of(seen.curve.recent)))
    if seen.left_seconds is not None:
        told.append(("time left", time_of(seen.left_seconds)))
    if seen.failed:
        told.append(("jobs failed", f"{seen.failed:,}"))
    cells = "".join(f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd></div>" for name, value in told)
    return f'<dl class="numbers">{cells}</dl>'


def _failures(seen: Seen) -> str:
    if not seen.failures:
        return ""
    items = "".join(f"<li><bdi>{text(one)}</bdi></li>" for one in seen.failures)
    return f'<div class="warning"><h2>What failed last</h2><ul>{items}</ul></div>'


def _now(seen: Seen) -> str:
    """Sittings that have the run for themselves; those of slices have a table of their own."""
    rows = []
    for one in seen.sittings:
        figures = one.figures
        if one.slice or figures is None or one.exit_code is not None:
            continue
        left = "" if figures.left_seconds is None else f", {time_of(figures.left_seconds)} left"
        told = f"{figures.jobs_done:,} of {figures.jobs:,} jobs, {rate_of(figures.rate)} a second{left}"
        if figures.under_way:
            counted = ", ".join(f"{count:,} {name}" for name, count in figures.under_way.items())
            told += f"; of the {figures.under_way_rows:,} rows of the present job {counted}"
        rows.append(
            f'<tr><th scope="row">{text(figures.phase)}</th><td class="count">{_of(figures.done, figures.total)} '
            f'{text(figures.unit)}</td><td class="wide">{filled(figures.done, figures.total)}</td>'
            f"<td>{text(told)}</td></tr>"
        )
    if not rows:
        return ""
    return f"<h2>Now</h2>{grid('What is under way', ('phase', '#done', '', 'how it goes'), rows)}"


def _steps(seen: Seen) -> str:
    rows = [_step(one) for one in seen.jobs if one.done or one.total]
    if not rows:
        return ""
    return f"<h2>Steps</h2>{grid('Jobs that are committed', ('step', '#done', ''), rows)}"


def _step(jobs: Jobs) -> str:
    done = f"{_of(jobs.done, jobs.total)} {text(jobs.unit)}"
    return (
        f'<tr><th scope="row">{text(jobs.title)}</th><td class="count">{done}</td>'
        f'<td class="wide">{filled(jobs.done, jobs.total)}</td></tr>'
    )


def _speed(seen: Seen) -> str:
    drawn = speeds(seen.curve) if seen.curve else ""
    if not drawn or not seen.curve:
        return ""
    return f'<h2>Speed</h2><p class="soft">{text(seen.curve.phase)}, UTC. The last column is not over.</p>{drawn}'


def _way(seen: Seen) -> str:
    """What each stage found and let pass."""
    rows = [
        f'<tr><th scope="row">{text(one.stage)}</th><td class="count">{one.found:,}</td>'
        f'<td class="wide">{filled(one.kept, one.found, "lost")}</td><td class="count">{one.kept:,}</td></tr>'
        for one in seen.stages
        if one.found
    ]
    if not rows:
        return ""
    return f"<h2>The way</h2>{grid('Of jobs that are committed', ('stage', '#found', '', '#kept'), rows)}"


def _reasons(seen: Seen) -> str:
    counted = list(seen.reasons.items())[:_REASONS]
    if not counted:
        return ""
    most = counted[0][1]
    rows = [
        f'<tr><th scope="row"><code><bdi>{text(reason)}</bdi></code></th><td class="count">{count:,}</td>'
        f'<td class="wide">{filled(count, most)}</td></tr>'
        for reason, count in counted
    ]
    return f"<h2>Why the rest was not kept</h2>{grid('The most frequent reasons', ('reason', '#rejected', ''), rows)}"


def _slices(seen: Seen) -> str:
    return "".join(_table_of(verb, statuses, seen.at) for verb, statuses in seen.slices.items())


def _table_of(verb: str, statuses: Iterable[SliceStatus], now: datetime) -> str:
    order = {"failed": 0, "running": 1, "drained": 2, "done": 3}
    ordered = sorted(statuses, key=lambda one: (order[one.state], one.slice))
    counted = {state: sum(one.state == state for one in ordered) for state in order}
    told = ", ".join(f"{count} {state}" for state, count in counted.items() if count)
    caption = f"{told}, of {ordered[0].slices:,}"
    if len(ordered) > _SLICES:
        caption += f"; {_SLICES} are shown"
    rows = [_slice(one, now) for one in ordered[:_SLICES]]
    headings = ("#slice", "state", "#jobs", "", "#rows", "heartbeat", "on")
    return f"<h2>Slices of {text(verb)}</h2>{grid(text(caption), headings, rows)}"


def _slice(one: SliceStatus, now: datetime) -> str:
    silent = max(0.0, (now - datetime.fromisoformat(one.updated)).total_seconds()) if one.state == "running" else 0.0
    beat = f"{time_of(silent)} ago" if one.state == "running" else ""
    state = "silent" if silent > _SILENT else one.state
    return (
        f'<tr><td class="count">{one.slice}</td><td>{text(state)}</td><td class="count">{_of(one.done, one.jobs)}</td>'
        f'<td class="wide">{filled(one.done, one.jobs)}</td><td class="count">{one.rows:,}</td><td>{text(beat)}</td>'
        f"<td><bdi>{text(one.host)}</bdi></td></tr>"
    )


def _said(seen: Seen) -> str:
    if not seen.said:
        return ""
    return f"<h2>What was said last</h2><pre>{text(chr(10).join(seen.said))}</pre>"


def _silence(one: AtWork, now: datetime) -> float:
    return (now - one.heard).total_seconds() if one.heard else 0.0


def _of(done: int, total: int | None) -> str:
    return f"{done:,}" if total is None else f"{done:,} of {total:,}"
