"""The sections of the report page that show counts; each is "" where the report has nothing for it."""

from __future__ import annotations

import ast
import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from crawler.reasons import REASONS
from workers.report.drawing import bar, found_and_kept, histogram, key
from workers.report.html import counts_of, grid, largest_first, number_of, numbers_of, size, table_of, tables_of, text

_FILTER_FOLDERS = ("candidates", "bodies", "pictures")
_LONGEST_CAPTION = 300  # characters shown of one caption; its row has all of it
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


@dataclass(frozen=True, slots=True)
class Example:
    """One pair for the gallery."""

    thumbnail: bytes  # a JPEG file
    caption: str
    score: float | None = None
    reason: str = ""  # why it was rejected; "" for a kept pair


@cache
def meaning(reason: str) -> str:
    """What a reason means in plain words; for a filter by the first line of its file; "" for what nobody knows."""
    if reason in REASONS:
        return REASONS[reason]
    if not re.fullmatch(r"[a-z][a-z0-9_]*", reason):  # becomes part of a path below
        return ""
    for folder in _FILTER_FOLDERS:
        file = files("filters") / folder / f"{reason}.py"
        if file.is_file():  # parsed, not imported: some filters bring a whole model library
            told = (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").partition("\n")[0]
            return re.sub(r"^(Keep|Drop) ", lambda verb: f"The recipe {verb[1].lower()}s ", told)
    return ""


def funnel(report: Mapping[str, Any]) -> str:
    """The way from records to pairs: found, kept and rejected at every stage."""
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
            f'<td class="count">{kept:,}</td><td class="count">{lost:,}</td></tr>'
        )
    caption = (
        f"In every line, found = {key('kept')} kept + {key('lost')} rejected. Records and images have scales of "
        "their own, for a page may hold many images; from the candidates on all bars share one."
    )
    body = grid(caption, ("stage", "#found", "", "#kept", "#rejected"), rows)
    return f"<section><h2>From archives to pairs</h2>{body}</section>"


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


def outcomes(report: Mapping[str, Any]) -> str:
    """How the rows of a rebuild ended; nothing for a crawl."""
    counted = counts_of(report, "outcomes")
    if not counted:
        return ""
    rows = [
        f'<tr><th scope="row"><code>{text(name)}</code></th><td class="count">{count:,}</td>'
        f"<td>{_prose(_OUTCOMES.get(name, ''))}</td></tr>"
        for name, count in counted.items()
    ]
    body = grid("What the addresses of the list give now.", ("outcome", "#count", "meaning"), rows)
    return f"<section><h2>Outcomes</h2>{body}</section>"


def reasons(report: Mapping[str, Any]) -> str:
    """Every reason with its count and its meaning, stage by stage."""
    stages = tables_of(report, "stages") or [{"stage": "", "rejected": report.get("reasons")}]
    rows = []
    for one in stages:
        counted = [(reason, count) for reason, count in largest_first(counts_of(one, "rejected")) if count]
        stage = str(one.get("stage", ""))
        if counted:
            heading = text(_STAGES.get(stage, (stage or "All stages",))[0])
            rows.append(f'<tr><th scope="colgroup" colspan="3" class="stage">{heading}</th></tr>')
        rows += [
            f'<tr><th scope="row"><code>{text(reason)}</code></th><td class="count">{count:,}</td>'
            f"<td>{_prose(meaning(reason))}</td></tr>"
            for reason, count in counted
        ]
    if not rows:
        return ""
    body = grid("Why something went no further, stage by stage.", ("reason", "#count", "meaning"), rows)
    return f"<section><h2>Reasons</h2>{body}</section>"


def _prose(told: str) -> str:
    """A sentence of ours as HTML, with `names` as code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", text(told))


def scores(report: Mapping[str, Any]) -> str:
    """A histogram of every score."""
    drawn = ""
    for name, score in sorted(table_of(report, "scores").items()):
        lists = score if isinstance(score, Mapping) else {}
        kept, rejected = ([int(one) for one in numbers_of(lists, side)] for side in ("kept", "rejected"))
        drawing = histogram(str(name), numbers_of(lists, "edges"), kept, rejected)
        if drawing:
            told = f"{key('kept')} kept, {key('lost')} rejected, by {text(name)} from left to right."
            drawn += f'<p class="soft">{told}</p>{drawing}'
    return f"<section><h2>Scores</h2>{drawn}</section>" if drawn else ""


def gallery(examples: Sequence[Example]) -> str:
    """Some pairs as they are: first kept ones, then rejected ones."""
    figures = []
    for one in sorted(examples, key=lambda example: bool(example.reason)):
        shown = one.caption[:_LONGEST_CAPTION] + ("..." if len(one.caption) > _LONGEST_CAPTION else "")
        score = "" if one.score is None else f", {one.score:.2f}"
        ending = f'<span class="no">{text(one.reason)}</span>' if one.reason else '<span class="yes">kept</span>'
        picture = base64.b64encode(one.thumbnail).decode()
        figures.append(
            f'<figure><img alt="" src="data:image/jpeg;base64,{picture}">'
            f'<figcaption><bdi dir="auto">{text(shown)}</bdi>{ending}{score}</figcaption></figure>'
        )
    return f'<section><h2>Some of them</h2><div class="gallery">{"".join(figures)}</div></section>' if figures else ""


def hosts(report: Mapping[str, Any]) -> str:
    """The hosts with most rows."""
    rows = found_and_kept(tables_of(report, "top_hosts"), "host")
    body = grid("Image hosts with most rows, and how many became pairs.", ("host", "#rows", "", "#kept"), rows)
    return f"<section><h2>Hosts</h2>{body}</section>" if rows else ""


def kinds(report: Mapping[str, Any]) -> str:
    """Pairs by language, and by where their text was found."""
    parts = []
    for field, title, caption, unnamed in (
        ("languages", "Languages", "Pairs by the language that their page declares.", "none declared"),
        ("text_sources", "Texts", "Pairs by where on the page their text was found.", "unknown"),
    ):
        counted = largest_first(counts_of(report, field))
        rows = [
            f'<tr><th scope="row"><code>{text(name or unnamed)}</code></th><td class="count">{count:,}</td>'
            f'<td class="wide">{bar(count, 0, counted[0][1])}</td></tr>'
            for name, count in counted
        ]
        if rows:
            parts.append(f"<section><h2>{title}</h2>{grid(caption, (title.lower(), '#pairs', ''), rows)}</section>")
    return f'<div class="pair">{"".join(parts)}</div>' if parts else ""


def speeds(report: Mapping[str, Any]) -> str:
    """How fast it went, and how much memory it took."""
    table = table_of(report, "speeds")
    rows = [
        f'<tr><th scope="row">{text(str(name).replace("_", " "))}</th><td class="count">{value:,.1f}</td></tr>'
        for name, value in table.items()
        if isinstance(value, int | float)
    ]
    rows += [
        f'<tr><th scope="row">peak memory, {text(name)}</th><td class="count">{size(count)}</td></tr>'
        for name, count in sorted(counts_of(report, "peak_memory_bytes").items())
    ]
    if not rows:
        return ""
    body = grid(
        "Seconds of all jobs added up. This depends on the day; all else does not.", ("measure", "#value"), rows
    )
    return f"<section><h2>Speed</h2>{body}</section>"
