"""Contact sheets: pictures with their captions, side by side, and of how many they are a sample."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from workers.report.drawn.html import text

#: characters shown of a caption; its row has all of it
_LONGEST_CAPTION = 300
_LONGEST_HOST = 80
_LONGEST_NOTE = 1_000
#: pictures beside each other on a wide window; the room of a sheet is guessed by it until it is painted
_ACROSS = 7
#: what is written over the bands of a filter
_BANDS = {
    "kept": "kept",
    "borderline": "borderline: nearest to the threshold, on either side",
    "rejected": "rejected",
}
#: how the bands of a filter are chosen, where a sheet does not say
_CHOSEN = {
    "kept": "The smallest hashes of their content ids: a random sample, the same whoever draws it.",
    "borderline": "Those whose scores are nearest to the threshold, half of them from each side.",
    "rejected": "The smallest hashes of their content ids: a random sample, the same whoever draws it.",
}


@dataclass(frozen=True, slots=True)
class Tile:
    """One pair on a sheet."""

    jpeg: bytes  # a JPEG file, blurred already where `blurred` is said
    caption: str = ""
    score: float | None = None
    reason: str = ""  # why it was rejected; "" for a kept pair
    host: str = ""  # of the image
    blurred: bool = False
    note: str = ""  # further plain words


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sample of one filter's decisions, or of one cell of a comparison."""

    name: str  # of the filter, or of what is compared
    band: str  # "kept", "borderline", "rejected", or other plain words
    tiles: tuple[Tile, ...]
    of: int  # rows there are, of which the tiles are a sample
    chosen: str = ""  # how they were chosen, as a sentence
    score: str = ""  # the score's name, "" where there is none
    note: str = ""  # why there are fewer pictures than one would expect, or none


def shortened(value: str, longest: int) -> str:
    """The beginning of a text, with three dots where there is more of it."""
    return value if len(value) <= longest else value[:longest] + "..."


def sheet_html(sheet: Sheet, *, heading: int = 4) -> str:
    """One sheet as a section; "" where it has neither pictures nor a note of why it has none.

    Args:
        sheet: the sample.
        heading: level of its heading, 2 to 6.
    """
    title = _words(_BANDS.get(sheet.band, sheet.band))
    note = f'<p class="soft">{text(shortened(sheet.note, _LONGEST_NOTE))}</p>' if sheet.note else ""
    if not sheet.tiles:
        return f'<section class="sheet"><h{heading}>{title}</h{heading}>{note}</section>' if note else ""
    shown, of = len(sheet.tiles), max(sheet.of, len(sheet.tiles))
    counted = f"{shown:,} of {of:,}" if of > shown else f"all {shown:,}" if shown > 1 else "the only one"
    blurred = sum(one.blurred for one in sheet.tiles)
    chosen = sheet.chosen or (_CHOSEN.get(sheet.band, "") if of > shown else "")
    told = [_words(chosen)] if chosen else []
    if blurred:
        told.append(f"{blurred:,} blurred, because they may be unsafe to look at.")
    lines = min(4, -(-shown // _ACROSS))
    words = f'<p class="soft">{" ".join(told)}</p>' if told else ""
    return (
        f'<section class="sheet lines-{lines}"><h{heading}>{title} '
        f'<span class="small">{counted}</span></h{heading}>{words}{note}'
        f'<div class="gallery">{"".join(_figure(one, sheet.score) for one in sheet.tiles)}</div></section>'
    )


def sheets_html(sheets: Iterable[Sheet], *, heading: int = 3) -> str:
    """Sheets of several names, those of one name below one heading; their order is kept. "" where there is none."""
    parts = []
    for name, group in groupby(sheets, key=lambda one: one.name):
        bands = list(group)
        if [one.band for one in bands] == [name]:  # nothing more to say of it
            parts.append(sheet_html(bands[0], heading=heading))
            continue
        drawn = "".join(sheet_html(one, heading=heading + 1) for one in bands)
        if drawn:
            parts.append(
                f'<section class="sheets"><h{heading}><code>{_words(name)}</code></h{heading}>{drawn}</section>'
            )
    return "".join(parts)


def _words(value: str) -> str:
    return text(shortened(value, _LONGEST_CAPTION))


def _figure(tile: Tile, score: str) -> str:
    picture = base64.b64encode(tile.jpeg).decode()
    ending = f'<span class="no">{_words(tile.reason)}</span>' if tile.reason else '<span class="yes">kept</span>'
    facts = [ending]
    if tile.score is not None:
        named = f'<span class="out">{_words(score)} </span>' if score else ""
        facts.append(f'{named}<span class="value">{tile.score:.3g}</span>')
    if tile.blurred:
        facts.append('<span class="mark">blurred</span>')
    if tile.note:
        facts.append(_words(tile.note))
    host = text(shortened(tile.host, _LONGEST_HOST))
    written = f'<span class="host"><bdi>{host}</bdi></span>' if host else ""
    return (
        f'<figure><img alt="" decoding="async" src="data:image/jpeg;base64,{picture}">'
        f'<figcaption><bdi dir="auto">{text(shortened(tile.caption, _LONGEST_CAPTION))}</bdi>'
        f"<span>{', '.join(facts)}</span>{written}</figcaption></figure>"
    )
