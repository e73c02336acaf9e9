"""What a report says of tables is what anybody would count, whoever wrote them and whatever stands in them."""

from __future__ import annotations

import math
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.columns import arrow_schema, columns_with
from crawler.errors import InputError
from workers.report.rows import open_rows
from workers.report.tables import told_by

HOSTILE = "</script>\"'><img src=x onerror=alert(1)>\u202e\u2028\x00\x1b%_\\"
SCORES = (("similarity", "float"), ("similarity_model", "string"))
SCHEMA = arrow_schema(columns_with(SCORES))
WORDS = st.sampled_from(["en", "", "de", HOSTILE, "line\nline", "'; --", "x" * 300])
NUMBERS = st.sampled_from([-1.0, -0.0, 0.1, 0.28, 0.3, 1.0, math.inf, -math.inf, math.nan, 5e-324])
HOSTS = st.sampled_from(["a.test", "B.test", "user@c.test", "c.test:80"])


def _rows() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "status": st.sampled_from(["success", "filtered", None]),
            "reason": st.sampled_from([None, "aspect", "timeout"]),
            "url": st.none() | st.builds("https://{}/{}".format, HOSTS, st.integers(0, 3)) | WORDS,
            "caption": st.none() | WORDS,
            "content_id": st.integers(0, 16**8).map("{:032x}".format),
            "similarity": st.none() | NUMBERS,
            "similarity_model": st.sampled_from([None, "tiny", "large"]),
            "original_width": st.none() | st.integers(0, 5_000),
            "original_height": st.none() | st.integers(0, 5_000),
            "body_bytes": st.none() | st.integers(0, 10**9),
            "licence": st.none() | WORDS,
            "language": st.none() | WORDS,
            "caption_language": st.none() | WORDS,
            "format": st.sampled_from([None, "JPEG", "PNG"]),
            "sha256": st.none() | st.sampled_from(["f" * 64, "0" * 64]),
            "page_opt_outs": st.none() | st.lists(WORDS, max_size=3),
            "header_opt_outs": st.none() | st.lists(WORDS, max_size=3),
            "fetched_at": st.none() | st.integers(1_767_000_000, 1_767_100_000) | st.just(-5),
        }
    )


def told(*tables: pa.Table, alike: bool = False) -> dict[str, Any]:
    """The report of tables."""
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for number, table in enumerate(tables):
            paths.append(Path(folder) / f"{number:05d}.parquet")
            pq.write_table(table, paths[-1])
        with open_rows(paths, alike=alike) as rows:
            return told_by(rows)


def a_table(rows: Iterable[Mapping[str, Any]], leave_out: Iterable[str] = ()) -> pa.Table:
    return pa.Table.from_pylist([dict(one) for one in rows], schema=SCHEMA).drop_columns(list(leave_out))


def is_kept(row: Mapping[str, Any]) -> bool:
    return bool(row["status"] == "success")


def counted(values: Iterable[Any], longest: int = 200) -> dict[str, int]:
    return dict(Counter(one[:longest] for one in values if one is not None))


def binned(edges: Sequence[float], values: Iterable[float]) -> list[int]:
    some = list(values)
    last = edges[-1]
    return [sum(low <= one < high or (high == last and one == last) for one in some) for low, high in pairwise(edges)]


@settings(max_examples=8, deadline=None)
@given(st.lists(_rows(), max_size=12), st.booleans())
def test_the_counts_are_those_of_a_plain_count(rows: list[dict[str, Any]], alike: bool) -> None:
    half = len(rows) // 2
    report = told(a_table(rows[:half]), a_table(rows[half:]), alike=alike)
    kept, lost = [one for one in rows if is_kept(one)], [one for one in rows if not is_kept(one)]
    assert report["totals"] == {"rows": len(rows), "kept": len(kept)}
    for column, key in (("language", "languages"), ("caption_language", "caption_languages"), ("licence", "licences"),
                        ("format", "formats")):  # fmt: skip
        assert report.get(key, {}) == counted(one[column] for one in kept)
    assert report.get("reasons", {}) == counted(one["reason"] or one["status"] or "unknown" for one in lost)
    _check_spread(report, kept, lost)
    _check_hosts(report, rows)
    _check_signals(report, rows)
    timed = [one for one in rows if (one["fetched_at"] or 0) > 0]
    timeline = report.get("timeline", {"rows": [], "kept": [], "bytes": []})
    assert sum(timeline["rows"]) == len(timed)
    assert sum(timeline["kept"]) == sum(map(is_kept, timed))
    assert sum(timeline["bytes"]) == sum(one["body_bytes"] or 0 for one in timed)
    assert len(timeline["rows"]) <= 120


def _check_spread(report: dict[str, Any], kept: list[dict[str, Any]], lost: list[dict[str, Any]]) -> None:
    def finite(rows: list[dict[str, Any]]) -> list[float]:
        return [one["similarity"] for one in rows if one["similarity"] is not None and math.isfinite(one["similarity"])]

    both = finite(kept) + finite(lost)
    if not both:
        assert "similarity" not in report.get("scores", {})
        return
    score = report["scores"]["similarity"]
    assert score["kept"] == binned(score["edges"], finite(kept))
    assert score["rejected"] == binned(score["edges"], finite(lost))
    curve = score["curve"]
    assert curve["scored"] == len(both)
    assert curve["kept"] == [sum(one >= at for one in both) for at in curve["thresholds"]]
    assert set(score["models"]) == {one["similarity_model"] for one in kept + lost} - {None}
    captions = report.get("sizes", {}).get("caption characters")
    if captions:
        assert captions["kept"] == binned(
            captions["edges"], (len(one["caption"]) for one in kept if one["caption"] is not None)
        )


def _check_hosts(report: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    hosts = Counter(urlsplit(one["url"]).hostname for one in rows if one["url"] and "://" in one["url"])
    assert {one["host"]: one["found"] for one in report.get("top_hosts", [])} == hosts
    sizes = report.get("host_sizes", {})
    assert sum(one["hosts"] for one in sizes.values()) == len(hosts)
    assert sum(one["rows"] for one in sizes.values()) == hosts.total()


def _check_signals(report: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    signals = Counter(
        signal[:200] for one in rows for signal in {*(one["page_opt_outs"] or ()), *(one["header_opt_outs"] or ())}
    )
    assert {one["signal"]: one["found"] for one in report.get("opt_outs", [])} == signals


@settings(max_examples=4, deadline=None)
@given(st.lists(_rows(), max_size=5), st.sets(st.sampled_from(SCHEMA.names)))
def test_columns_that_are_missing_leave_parts_out_and_nothing_else(
    rows: list[dict[str, Any]], missing: set[str]
) -> None:
    if missing >= set(SCHEMA.names):
        missing = missing - {"caption"}
    report = told(a_table(rows, missing))
    every = told(a_table(rows))
    kept = sum(map(is_kept, rows)) if "status" not in missing else len(rows)
    assert report["totals"] == {"rows": len(rows), "kept": kept}
    if "status" not in missing:
        for key in ("languages", "licences", "formats"):
            assert report.get(key, every.get(key)) == every.get(key)


def test_files_that_stand_under_many_addresses_are_named() -> None:
    rows = [
        {"status": "success", "url": f"https://a.test/{number}", "caption": f"boat {number}", "sha256": "f" * 64}
        for number in range(4)
    ]
    rows += [{"status": "success", "url": f"https://a.test/{number}", "caption": "a", "sha256": f"{number:064}"}
             for number in range(20)]  # fmt: skip
    assert told(a_table(rows))["repeated_files"] == [
        {"sha256": "f" * 64, "addresses": 4, "captions": 4, "kept": 4, "example": "https://a.test/0"}
    ]


def test_hosts_are_sorted_into_classes_of_powers_of_ten() -> None:
    urls = ["https://one.test/"] + ["https://ten.test/"] * 10 + ["https://nine.test/"] * 9 + ["https://two.test/"] * 2
    sizes = told(a_table([{"status": "success", "url": one} for one in urls]))["host_sizes"]
    assert sizes == {
        "1 row": {"hosts": 1, "rows": 1, "kept": 1},
        "2 to 9 rows": {"hosts": 2, "rows": 11, "kept": 11},
        "10 to 99 rows": {"hosts": 1, "rows": 10, "kept": 10},
    }


def test_a_published_list_is_read_by_its_own_names_and_all_of_its_rows_count_as_kept() -> None:
    table = pa.table({
        "URL": ["https://a.test/1", "https://b.test/2"], "TEXT": ["one", "three"], "WIDTH": [100, 200], "HEIGHT": [50, 100],
        "similarity": [0.3, 0.4], "LICENSE": ["?", "?"],
    })  # fmt: skip
    report = told(table)
    assert report["totals"] == {"rows": 2, "kept": 2}
    assert [one["host"] for one in report["top_hosts"]] == ["a.test", "b.test"]
    assert sum(report["sizes"]["shorter side"]["kept"]) == 2
    assert sum(report["sizes"]["caption characters"]["kept"]) == 2
    assert list(report["scores"]) == ["similarity"]
    assert "reasons" not in report


def test_columns_of_our_names_that_hold_something_else_are_passed_over() -> None:
    table = pa.table({"status": [1, 2], "url": [b"x", b"y"], "fetched_at": ["now", "then"], "language": [[1], [2]]})
    assert told(table) == {"totals": {"rows": 2, "kept": 2}}


def test_tables_may_differ_in_their_columns() -> None:
    report = told(pa.table({"url": ["https://a.test/"]}), pa.table({"caption": ["a boat"], "similarity": [0.5]}))
    assert report["totals"]["rows"] == 2
    assert report["top_hosts"] == [{"host": "a.test", "found": 1, "kept": 1}]
    assert list(report["scores"]) == ["similarity"]


@pytest.mark.parametrize("name", ["a[b]*?.parquet", "it's.parquet"])
def test_a_path_is_a_path_whatever_characters_it_has(tmp_path: Path, name: str) -> None:
    pq.write_table(pa.table({"caption": ["a boat"]}), tmp_path / name)
    pq.write_table(pa.table({"caption": ["no", "boat"]}), tmp_path / "ab1.parquet")
    with open_rows([tmp_path / name]) as rows:
        assert told_by(rows)["totals"]["rows"] == 1


def test_columns_with_names_that_are_sql_are_columns(tmp_path: Path) -> None:
    name = 'x" , (SELECT 1) AS "y'
    pq.write_table(pa.table({name: [0.5, 0.25], f"{name}_model": ["m", "m"]}), tmp_path / "a.parquet")
    with open_rows([tmp_path / "a.parquet"]) as rows:
        score = told_by(rows)["scores"][name]
    assert score["models"] == ["m"]
    assert sum(score["kept"]) == 2


def test_hidden_rows_are_nowhere(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    rows = [{"status": "success", "url": f"https://{number}.test/", "caption": "x"} for number in range(3)]
    pq.write_table(a_table(rows), path)
    with open_rows([path], hidden={path: [1]}) as seen:
        report = told_by(seen)
    assert report["totals"]["rows"] == 2
    assert [one["host"] for one in report["top_hosts"]] == ["0.test", "2.test"]


def test_no_tables_say_nothing() -> None:
    assert told() == {}


def test_what_is_no_table_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(InputError, match="cannot be read as a table"), open_rows([tmp_path / "a.parquet"]):
        pass
