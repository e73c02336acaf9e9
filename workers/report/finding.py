"""Rows to search: a sample for the page, and a search over all of them for the command line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from filters.redrawn import quoted
from workers.report.hosts import host_of
from workers.report.rows import Rows

#: rows of the sample, and characters of JSON that it may have
SAMPLE_ROWS, SAMPLE_CHARACTERS = 20_000, 4_000_000
#: characters of a caption or a host in a sample
_LONGEST = 240
#: ids below this share of all are read at first: a little more than are needed, for chance
_SLACK = 1.2
_SPARE = 200


@dataclass(frozen=True, slots=True)
class Found:
    """A row that was looked for."""

    caption: str
    host: str
    url: str
    kept: bool
    reason: str  # "" where it was kept, or where nobody says why not
    score: float | None  # the first score of the tables
    content_id: str

    def as_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {name: getattr(self, name) for name in self.__slots__}


def searchable(rows: Rows, *, most: int = SAMPLE_ROWS, characters: int = SAMPLE_CHARACTERS) -> dict[str, Any]:
    """`rows`, each as (caption, host, 1 for kept, reason, score), and `of` how many they are a sample.

    Half of them are kept and half rejected rows, as far as there are so many, by the smallest content id: ids are
    hashes, so this is a sample without favour, and the same one each time. Of tables without ids it is by a hash of
    address and caption. Texts are cut at 240 characters.
    """
    if not (rows.has("caption") or rows.has("url")):
        return {"rows": [], "of": 0}
    kept, of = rows.one("SELECT count(*) FILTER (WHERE kept), count(*) FROM rows")
    lost = of - kept
    shares = {True: max(most // 2, most - lost), False: max(most // 2, most - kept)}
    sample = [
        (one.content_id, _as_listed(one))
        for side, there in ((True, kept), (False, lost))
        for one in (_smallest(rows, side, min(shares[side], there), there) if there else [])
    ]
    sample.sort(key=lambda one: one[0])  # cut at any place, it is a sample of both
    told, room = [], characters
    for _, row in sample[:most]:
        room -= len(json.dumps(row, ensure_ascii=False)) + 1
        if room < 0:
            break
        told.append(row)
    return {"rows": told, "of": int(of)}


def find(
    rows: Rows, words: str = "", *, host: str = "", rejected: bool = False, limit: int = 20
) -> tuple[list[Found], int]:
    """Rows whose caption has all of `words`, and whose host is `host` or ends in it; and how many there are in all.

    Words are found within others, and case does not matter. The rows are those with the smallest content ids.

    Args:
        rows: to be searched.
        words: apart by white space; "" for any caption.
        host: such as "example.org", which finds images.example.org, too; "" for any.
        rejected: rows that were rejected, instead of kept ones.
        limit: most rows to give.
    """
    asked: dict[str, object] = {}
    wanted = ["NOT kept" if rejected else "kept"]
    if words.split():
        for place, word in enumerate(words.split()):
            asked[f"word{place}"] = word
            wanted.append(f"contains(lower(caption), lower($word{place}))")
    if host:
        asked["host"] = host.lower().strip(".")
        told = host_of("url")
        wanted.append(f"({told} = $host OR ends_with({told}, '.' || $host))")
    if (words.split() and not rows.has("caption")) or (host and not rows.has("url")):
        return [], 0
    where = " AND ".join(wanted)
    found = rows.ask(
        f"SELECT *, count(*) OVER () FROM ({_listed(rows)} WHERE {where}) ORDER BY id, url, caption LIMIT {limit:d}",  # noqa: S608 - texts of this package; words are parameters
        **asked,
    )
    return [_found(row) for row in found], int(found[0][-1]) if found else 0


def _smallest(rows: Rows, kept: bool, most: int, of: int) -> list[Found]:
    """So many rows with the smallest ids: at first only rows are read whose ids are small enough to be among them."""
    where = "WHERE kept" if kept else "WHERE NOT kept"
    ordered = f"ORDER BY id, url, caption LIMIT {most:d}"
    if rows.has("content_id"):
        share = (most * _SLACK + _SPARE) / of
        if share < 1:
            below = f"{int(share * 16**12):012x}"
            few = rows.ask(f"SELECT * FROM ({_listed(rows)} {where} AND content_id < $below) {ordered}", below=below)  # noqa: S608 - texts of this package
            if len(few) == most:
                return [_found(row) for row in few]
    return [_found(row) for row in rows.ask(f"SELECT * FROM ({_listed(rows)} {where}) {ordered}")]  # noqa: S608 - as above


def _listed(rows: Rows) -> str:
    """SQL: the columns of `Found`; content ids are `id`."""
    text = {
        name: f"coalesce({name}, '')" if rows.has(name) else "''" for name in ("caption", "url", "reason", "status")
    }
    reason = text["reason"] if rows.has("reason") else text["status"]
    identity = "content_id" if rows.has("content_id") else f"md5({text['url']} || chr(10) || {text['caption']})"
    score = quoted(rows.scores[0]) if rows.scores else "NULL"
    host = host_of("url") if rows.has("url") else "''"
    why = f"CASE WHEN kept THEN '' ELSE {reason} END"
    return (
        f"SELECT {text['caption']} AS caption, {host} AS host, {text['url']} AS url, kept, {why} AS reason, "  # noqa: S608 - names are quoted
        f"{score} AS score, coalesce({identity}, '') AS id FROM rows"
    )


def _found(row: tuple[Any, ...]) -> Found:
    caption, host, url, kept, reason, score, identity, *_ = row
    score = score if score is not None and abs(score) < float("inf") else None
    return Found(caption, host or "", url, kept, reason, score, identity)


def _as_listed(one: Found) -> list[Any]:
    score = None if one.score is None else round(one.score, 4)
    return [one.caption[:_LONGEST], one.host[:_LONGEST], int(one.kept), one.reason[:_LONGEST], score]
