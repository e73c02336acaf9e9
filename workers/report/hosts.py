"""Rows by the hosts of their images: the largest hosts, and whether a few of them are most of the data set."""

from __future__ import annotations

from typing import Any

from workers.report.rows import Rows

_TOP_HOSTS = 20
#: SQL: the host of the address `url`. The authority is cut out first, and looked at closely once for each that there is
_AUTHORITY = "split_part(url, '/', 3)"
_HOST = "lower(left(regexp_extract({authority}, '^(?:[^@]*@)?([^:?#@]*)', 1), 253))"


def host_of(column: str) -> str:
    """SQL: the host of the address in a column; empty where it is no address."""
    authority = f"split_part({column}, '/', 3)"
    return f"CASE WHEN contains({column}, '://') THEN {_HOST.format(authority=authority)} ELSE '' END"


def hosts_of(rows: Rows) -> dict[str, Any]:
    """`top_hosts` and `host_sizes`; nothing where rows have no addresses.

    Memory holds every host: some 200 bytes each, and what is too much for DuckDB's share spills to disk.
    """
    if not rows.has("url"):
        return {}
    rows.ask(f"""
        CREATE OR REPLACE TEMP TABLE hosts AS
        SELECT {_HOST.format(authority="authority")} AS host, sum(found)::BIGINT AS found, sum(ours)::BIGINT AS ours
        FROM (SELECT {_AUTHORITY} AS authority, count(*) AS found, count(*) FILTER (WHERE kept) AS ours
              FROM rows WHERE starts_with(url, 'http') OR contains(url, '://') GROUP BY authority)
        GROUP BY host HAVING host <> ''
    """)  # noqa: S608 - texts of this module
    top = rows.ask("SELECT host, found, ours FROM hosts ORDER BY found DESC, host LIMIT $top", top=_TOP_HOSTS)
    classes = rows.ask("""
        SELECT length(found::VARCHAR) AS digits, found = 1 AS single, count(*), sum(found)::BIGINT, sum(ours)::BIGINT
        FROM hosts GROUP BY digits, single ORDER BY digits, single DESC
    """)
    rows.ask("DROP TABLE hosts")
    return {
        "top_hosts": [{"host": host, "found": found, "kept": ours} for host, found, ours in top],
        "host_sizes": {
            class_of(digits, single=single): {"hosts": hosts, "rows": found, "kept": ours}
            for digits, single, hosts, found, ours in classes
        },
    }


def class_of(digits: int, *, single: bool) -> str:
    """What hosts are called whose numbers of rows have so many digits: "2 to 9", "10 to 99"."""
    if single:
        return "1 row"
    return f"{max(2, 10 ** (digits - 1)):,} to {10**digits - 1:,} rows"
