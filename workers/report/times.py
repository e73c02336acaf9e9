"""Rows and bytes over time, and when a run was at work and when it stood still."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from workers.report.rows import Rows
from workers.telling.events import Event, RunBegan, RunEnded

_BUCKETS = 120
#: lengths of a bucket that people can read, in seconds
_LENGTHS = (
    1,
    2,
    5,
    10,
    15,
    30,
    *(60 * one for one in (1, 2, 5, 10, 15, 30)),
    *(3600 * one for one in (1, 2, 3, 6, 12)),
)
_DAY = 86_400
#: times outside of these are no times at which something was fetched: the web's first page, the end of the century
_EARLIEST, _LATEST = 662_688_000, 4_102_444_800
#: a sitting that follows sooner than so many seconds is no pause
_SHORTEST_PAUSE = 1.0


def timeline_of(rows: Rows) -> dict[str, Any]:
    """`timeline`: {began, seconds, rows, kept, bytes}, by the times at which pictures were received, UTC.

    At most 120 buckets of `seconds` each; rows without a time, or with one that cannot be, are in none.
    """
    if not rows.has("fetched_at"):
        return {}
    whole = f"fetched_at BETWEEN {_EARLIEST} AND {_LATEST}"
    first, last = rows.one(f"SELECT min(fetched_at), max(fetched_at) FROM rows WHERE {whole}")  # noqa: S608 - numbers
    if first is None:
        return {}
    seconds = bucket_seconds(first, last)
    received = "coalesce(sum(body_bytes), 0)::BIGINT" if rows.has("body_bytes") else "0"
    counted = {
        place: rest
        for place, *rest in rows.ask(f"""
            SELECT fetched_at::BIGINT // {seconds}, count(*), count(*) FILTER (WHERE kept), {received}
            FROM rows WHERE {whole} GROUP BY 1
        """)  # noqa: S608 - numbers
    }
    places = range(first // seconds, last // seconds + 1)
    columns = list(zip(*(counted.get(place, (0, 0, 0)) for place in places), strict=True))
    return {
        "began": moment(places.start * seconds),
        "seconds": seconds,
        **{name: [int(one) for one in column] for name, column in zip(("rows", "kept", "bytes"), columns, strict=True)},
    }


def bucket_seconds(first: int, last: int) -> int:
    """The shortest round time of which 120 reach from `first` to `last`, both in seconds since 1970."""
    for one in _LENGTHS:
        if last // one - first // one < _BUCKETS:
            return one
    days = -(-(last - first) // (_BUCKETS * _DAY)) or 1
    while last // (days * _DAY) - first // (days * _DAY) >= _BUCKETS:
        days += 1
    return days * _DAY


def sittings_of(events: Iterable[Event]) -> dict[str, Any]:
    """`sittings` and `pauses` of a run, as its timeline says; nothing where it says nothing.

    A sitting has `began`, `verb`, `place` and `slice` ("" for the whole run). A pause is from the last that was heard
    of anybody until somebody began again: `began`, `seconds`, and `why` the one before it had ended, in a word.
    """
    sittings: list[dict[str, Any]] = []
    pauses: list[dict[str, Any]] = []
    before: Event | None = None
    for one in sorted(events, key=lambda event: event.at):
        if isinstance(one, RunBegan):
            sittings.append({"began": _told(one.at), "verb": one.verb, "place": one.place, "slice": one.slice})
            gap = (one.at - before.at).total_seconds() if before is not None else 0.0
            if before is not None and gap >= _SHORTEST_PAUSE:
                pauses.append({"began": _told(before.at), "seconds": round(gap), "why": _why(before)})
        before = one
    return {"sittings": sittings, "pauses": pauses} if sittings else {}


def _why(last: Event) -> str:
    if not isinstance(last, RunEnded):
        return "killed"
    return last.stopped or ("failed" if last.exit_code else "ended")


def moment(seconds: int) -> str:
    """A time as ISO 8601, UTC."""
    return _told(datetime.fromtimestamp(seconds, UTC))


def _told(at: datetime) -> str:
    return at.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"
