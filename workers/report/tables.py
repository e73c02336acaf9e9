"""What the tables of shards say as a whole, whoever wrote them: in few passes, each over few columns.

A pass asks for what can be counted side by side, for files are opened anew in each. What a column that is not there
would tell is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from filters.redrawn import quoted
from workers.report.hosts import hosts_of
from workers.report.numbers import spreads_of
from workers.report.repeated import repeated_files
from workers.report.rows import Rows
from workers.report.times import timeline_of

_TOP_SIGNALS = 40
_TOP_VALUES = 50
_TOP_MODELS = 8
#: characters of a value: a page may declare a licence of a megabyte
_LONGEST = 200
#: column -> key of the report: kept rows by value
_KINDS = {
    "language": "languages", "caption_language": "caption_languages", "caption_source": "text_sources",
    "licence": "licences", "format": "formats",
}  # fmt: skip


def told_by(rows: Rows) -> dict[str, Any]:
    """Everything that a report says of rows; keys as in `report.json`, those that would be empty left out.

    `totals` has `rows` and `kept`; the rest is described in docs/formats.md.
    """
    if not rows.columns:
        return {}
    found, kept = rows.one("SELECT count(*), count(*) FILTER (WHERE kept) FROM rows")
    told: dict[str, Any] = {"totals": {"rows": int(found), "kept": int(kept)}}
    values = _values(rows)
    told |= {key: values[column][0] for column, key in _KINDS.items() if column in values}
    told["reasons"] = _reasons(rows)
    told |= spreads_of(rows)
    for score, made_by in rows.made_by.items():
        if score in told.get("scores", {}):
            told["scores"][score]["models"] = list(values[made_by][1])[:_TOP_MODELS]
    told |= hosts_of(rows)
    told["opt_outs"] = _opt_outs(rows)
    told["repeated_files"] = repeated_files(rows, int(found))
    told["timeline"] = timeline_of(rows)
    return {key: value for key, value in told.items() if value}


def _values(rows: Rows) -> dict[str, tuple[dict[str, int], dict[str, int]]]:
    """Kept rows, and all rows, by the values of each column that is counted; the most frequent ones, without null."""
    columns = [name for name in (*_KINDS, *rows.made_by.values()) if rows.has(name)]
    if not columns:
        return {}
    names = ", ".join(f"v{place}" for place in range(len(columns)))
    cut = ", ".join(f"left({quoted(name)}, {_LONGEST}) AS v{place}" for place, name in enumerate(columns))
    sets = ", ".join(f"(v{place})" for place in range(len(columns)))
    query = f"""
        SELECT GROUPING({names}) AS which, coalesce({names}) AS value, count(*) AS found,
               count(*) FILTER (WHERE kept) AS ours
        FROM (SELECT kept, {cut} FROM rows) GROUP BY GROUPING SETS ({sets})
        HAVING value IS NOT NULL
        QUALIFY least(row_number() OVER (PARTITION BY which ORDER BY ours DESC, value),
                      row_number() OVER (PARTITION BY which ORDER BY found DESC, value)) <= {_TOP_VALUES}
    """  # noqa: S608 - names are quoted
    # GROUPING has a bit for each column, the first the highest, that is 0 for the one that was grouped by
    every = (1 << len(columns)) - 1
    place_of = {every ^ (1 << (len(columns) - 1 - place)): place for place in range(len(columns))}
    found: dict[str, dict[str, int]] = {name: {} for name in columns}
    kept: dict[str, dict[str, int]] = {name: {} for name in columns}
    for which, value, count, ours in rows.ask(query):
        name = columns[place_of[which]]
        found[name][value] = count
        if ours:
            kept[name][value] = ours
    return {name: (largest_first(kept[name]), largest_first(found[name])) for name in columns}


def largest_first(counts: Mapping[str, int]) -> dict[str, int]:
    """The most frequent values first, equals by name; so many that a table of them can be read."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_TOP_VALUES])


def _reasons(rows: Rows) -> dict[str, int]:
    """Rejected rows by reason; of img2dataset's tables by its message."""
    if not rows.has("status"):
        return {}
    why = [name for name in ("reason", "error_message", "status") if rows.has(name)]
    query = f"""
        SELECT left(coalesce({", ".join(why)}, 'unknown'), {_LONGEST}) AS why, count(*) AS number
        FROM rows WHERE NOT kept GROUP BY why ORDER BY number DESC, why LIMIT {_TOP_VALUES}
    """  # noqa: S608 - names of this module
    return dict(rows.ask(query))


def _opt_outs(rows: Rows) -> list[dict[str, Any]]:
    """Signals heard of pages, answers and sites, honoured or not, and how many of their rows were kept."""
    lists = [name for name in ("page_opt_outs", "header_opt_outs") if rows.has(name)]
    if not lists:
        return []
    several = ", ".join(f"coalesce({name}, [])" for name in lists)
    some = " OR ".join(f"len({name}) > 0" for name in lists)
    query = f"""
        SELECT left(signal, {_LONGEST}) AS heard, count(*) AS found, count(*) FILTER (WHERE kept) AS ours
        FROM (SELECT kept, unnest(list_distinct(list_concat({several}))) AS signal FROM rows WHERE {some})
        GROUP BY heard ORDER BY found DESC, heard LIMIT {_TOP_SIGNALS}
    """  # noqa: S608 - names of this module
    return [{"signal": one, "found": found, "kept": kept} for one, found, kept in rows.ask(query)]
