"""The sections of the report page that show counts; each is "" where the report has nothing for it."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from crawler.reasons import REASONS
from workers.report.drawn.drawing import bar, key, length
from workers.report.drawn.flow import steps_of
from workers.report.drawn.html import Part, counts_of, grid, largest_first, number_of, share, table_of, tables_of, text
from workers.report.drawn.reason_kinds import folder_of, kind_of
from workers.report.drawn.sankey import kinds_key, sankey

#: stage -> heading, what it is about
_STAGES = {
    "read": ("Read archives", "records to pages"),
    "extract": ("Find images that have a text", "images to candidates"),
    "candidates": ("Judge texts and addresses", "before any traffic"),
    "plan": ("Plan", "duplicates out, hosts apart"),
    "filter candidates": ("Judge texts and addresses again", "at the time of fetching"),
    "fetch": ("Fetch images", "addresses to bytes"),
    "filter bodies": ("Judge bytes", "before any decoder sees them"),
    "decode": ("Decode", "bytes to pixels"),
    "filter pictures": ("Judge pictures", "pixels, then likeness to the text"),
    "placeholders": ("Look for placeholders", "one file under many addresses"),
    "duplicates": ("Look for duplicates", "the same file, or nearly the same picture, again"),
}
#: stages that count something else than pairs: their bars have a scale of their own
_OWN_SCALE = frozenset(("read", "extract"))


@cache
def meaning(reason: str) -> str:
    """What a reason means in plain words; for a filter by the first line of its file; "" for what nobody knows."""
    if reason in REASONS:
        return REASONS[reason]
    folder = folder_of(reason)
    if not folder:
        return ""
    file = files("filters") / folder / f"{reason}.py"  # parsed, not imported: some filters bring a whole model library
    told = (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").partition("\n")[0]
    return re.sub(r"^(Keep|Drop) ", lambda verb: f"The recipe {verb[1].lower()}s ", told)


def flow(report: Mapping[str, Any]) -> Part:
    """The way from images to pairs: a drawing with every reason, and beside it the funnel, stage by stage."""
    steps = steps_of(report)
    read = next((one for one in tables_of(report, "stages") if one.get("stage") == "read"), {})
    pages = number_of(read, "kept") if steps and steps[0].before == "images" else 0
    drawn = sankey(steps, pages)
    body = ""
    if drawn is not None:
        told = "Bands are as wide as their counts; shares are of what came so far."
        if pages:
            told += " Pages have a scale of their own."
        if drawn.hair >= 2:
            told += f" A band of less than {drawn.hair:,.0f} would be thinner than a hair, and is drawn as one."
        body = (
            f'<figure class="plain"><div class="scroll" role="group" tabindex="0" aria-label="The way of the rows">'
            f"{drawn.svg}</div><figcaption>{kinds_key(steps)}{told} "
            'The <a href="#reasons">table of reasons</a> has every number.</figcaption></figure>'
        )
    title = "From archives to pairs" if tables_of(report, "stages") else "From rows to pairs"
    return Part("flow", title, body + _funnel(report))


def _funnel(report: Mapping[str, Any]) -> str:
    """Found, kept and rejected at every stage, as bars of one scale."""
    stages = tables_of(report, "stages")
    if not stages:
        return ""
    pairs = max((number_of(one, "found") for one in stages if one.get("stage") not in _OWN_SCALE), default=0)
    rows = []
    for one in stages:
        found, kept, lost = number_of(one, "found"), number_of(one, "kept"), sum(counts_of(one, "rejected").values())
        name, about = _STAGES.get(str(one.get("stage")), (str(one.get("stage", "")), ""))
        full = found if one.get("stage") in _OWN_SCALE else pairs
        rows.append(
            f'<tr><th scope="row">{text(name)}<br><span class="small">{text(about)}</span></th>'
            f'<td class="count">{found:,}</td><td class="wide">{bar(kept, lost, full)}</td>'
            f'<td class="count">{kept:,}</td><td class="count">{lost:,}</td>'
            f'<td class="count">{share(kept, found)}</td></tr>'
        )
    caption = (
        f"In every line, found = {key('kept')} kept + {key('lost')} rejected. Records and images have scales of "
        "their own, for a page may hold many images; from the candidates on all bars share one."
    )
    return grid(caption, ("stage", "#found", "", "#kept", "#rejected", "#share kept"), rows)


#: what each outcome of a rebuild means (`crawler.outcome`)
_OUTCOMES = {
    "identical": "Byte for byte what the list recorded.",
    "near": "Other bytes of the same picture, by its perceptual hash.",
    "changed": "Other bytes, and not known to be the same picture.",
    "unverified": "A picture, and the list recorded nothing to compare it with.",
    "dead": "No such host or file, no address, or no picture at it.",
    "refused": "Whoever owns it says no.",
    "blocked": "We say no: a removal list, a filter, a limit of the recipe.",
    "failed": "Another time it may go better: `pairtrawl retry` asks again.",
}
#: outcome -> the kind of reason whose colour it has
_TONES = {
    "identical": "kept", "near": "kept", "changed": "unusable", "unverified": "unusable", "dead": "web",
    "refused": "refused", "blocked": "filter", "failed": "waiting",
}  # fmt: skip


def outcomes(report: Mapping[str, Any]) -> Part:
    """How the rows of a rebuild ended; nothing for a crawl."""
    counted = counts_of(report, "outcomes")
    whole, most = sum(counted.values()), max(counted.values(), default=0)
    rows = [
        f'<tr><th scope="row"><code>{text(name)}</code></th><td class="count">{count:,}</td>'
        f'<td class="count">{share(count, whole)}</td>'
        f'<td class="wide">{length(count, most, _TONES.get(name, "web"))}</td>'
        f"<td>{_prose(_OUTCOMES.get(name, ''))}</td></tr>"
        for name, count in counted.items()
    ]
    told = "What the addresses of the list give now."
    body = grid(told, ("outcome", "#count", "#share", "", "meaning"), rows) if rows else ""
    return Part("outcomes", "Outcomes", body)


def reasons(report: Mapping[str, Any]) -> Part:
    """Every reason with its count and its meaning, stage by stage."""
    stages = tables_of(report, "stages") or [{"stage": "", "rejected": report.get("reasons")}]
    kept = number_of(table_of(report, "totals"), "kept")
    rows = []
    for one in stages:
        counted = [(reason, count) for reason, count in largest_first(counts_of(one, "rejected")) if count]
        stage = str(one.get("stage", ""))
        if counted:
            heading = text(_STAGES.get(stage, (stage or "All stages",))[0])
            rows.append(f'<tr><th scope="colgroup" colspan="4" class="stage">{heading}</th></tr>')
        found = number_of(one, "found") or kept + sum(count for _, count in counted)
        rows += [
            f'<tr><th scope="row">{_kind(reason)}<code>{text(reason)}</code></th><td class="count">{count:,}</td>'
            f'<td class="count">{share(count, found)}</td><td>{_prose(meaning(reason))}</td></tr>'
            for reason, count in counted
        ]
    told = "Why something went no further, stage by stage, and which share of what the stage found that is."
    return Part("reasons", "Reasons", grid(told, ("reason", "#count", "#share", "meaning"), rows) if rows else "")


def _kind(reason: str) -> str:
    """The square of a reason's kind, as in the drawing. Decoration: the meaning says it."""
    return (
        f'<svg class="key" aria-hidden="true" width="12" height="12"><rect class="band {kind_of(reason)}" '
        'width="100%" height="100%" rx="2"/></svg> '
    )


def _prose(told: str) -> str:
    """A sentence of ours as HTML, with `names` as code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", text(told))
