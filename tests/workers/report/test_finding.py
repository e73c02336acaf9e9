"""The sample to search is the same every time and favours nobody; the search over all rows finds what is there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from workers.report.finding import find, searchable
from workers.report.rows import Rows, open_rows


def a_row(number: int, **changes: Any) -> dict[str, Any]:
    kept = number % 3 == 0
    return {
        "content_id": hashlib.md5(str(number).encode()).hexdigest(),
        "caption": f"boat {number} on a LAKE",
        "url": f"https://images.site{number % 5}.test/{number}.jpg",
        "status": "success" if kept else "filtered",
        "reason": None if kept else "clip_similarity",
        "similarity": number / 1000,
        **changes,
    }


@contextmanager
def opened(folder: Path, rows: Sequence[dict[str, Any]], tables: int = 1) -> Iterator[Rows]:
    paths = [folder / f"{number:05d}.parquet" for number in range(tables)]
    for number, path in enumerate(paths):
        pq.write_table(pa.Table.from_pylist(list(rows[number::tables])), path)
    with open_rows(paths) as found:
        yield found


def test_a_sample_is_half_kept_and_half_rejected_rows_however_they_lie(tmp_path: Path) -> None:
    rows = [a_row(number) for number in range(900)]
    with opened(tmp_path, rows) as found:
        sample = searchable(found, most=100)
    with opened(tmp_path, rows[::-1], tables=3) as found:
        assert searchable(found, most=100) == sample
    assert sample["of"] == 900
    assert [sum(one[2] == kept for one in sample["rows"]) for kept in (1, 0)] == [50, 50]
    smallest = sorted((one for one in rows if one["status"] == "success"), key=lambda one: str(one["content_id"]))[:50]
    assert {one[0] for one in sample["rows"] if one[2]} == {one["caption"] for one in smallest}
    caption, host, _, reason, score = next(one for one in sample["rows"] if not one[2])
    number = int(caption.split()[1])
    assert (host, reason, score) == (f"images.site{number % 5}.test", "clip_similarity", number / 1000)


def test_what_one_side_lacks_the_other_has(tmp_path: Path) -> None:
    rows = [a_row(3 * number) for number in range(90)] + [a_row(1)]
    with opened(tmp_path, rows) as found:
        sample = searchable(found, most=50)
    assert sum(one[2] for one in sample["rows"]) == 49
    assert len(sample["rows"]) == 50


def test_few_rows_are_all_there(tmp_path: Path) -> None:
    with opened(tmp_path, [a_row(number) for number in range(7)]) as found:
        assert len(searchable(found)["rows"]) == 7


def test_a_sample_has_no_more_text_than_a_page_can_bear(tmp_path: Path) -> None:
    rows = [a_row(number, caption="лодка " * 1_000) for number in range(300)]
    with opened(tmp_path, rows) as found:
        sample = searchable(found, characters=20_000)
    assert 0 < len(json.dumps(sample["rows"], ensure_ascii=False, separators=(",", ":"))) <= 20_000
    assert all(len(one[0]) == 240 for one in sample["rows"])


def test_ids_that_are_no_hashes_lose_no_row(tmp_path: Path) -> None:
    rows = [a_row(number, content_id=f"zz{number:05}") for number in range(1_000)]
    with opened(tmp_path, rows) as found:
        assert len(searchable(found, most=100)["rows"]) == 100


def test_tables_without_ids_or_captions_are_searched_by_what_they_have(tmp_path: Path) -> None:
    with opened(tmp_path, [{"url": f"https://a.test/{number}"} for number in range(10)]) as found:
        sample = searchable(found, most=4)
        assert [one[1:] for one in sample["rows"]] == [["a.test", 1, "", None]] * 4
        assert find(found, host="a.test")[1] == 10
        assert find(found, "boat") == ([], 0)
    with opened(tmp_path, [{"similarity": 0.5}]) as found:
        assert searchable(found) == {"rows": [], "of": 0}


def test_scores_that_are_no_numbers_are_no_numbers_of_json(tmp_path: Path) -> None:
    rows = [a_row(0, similarity=float("nan")), a_row(3, similarity=float("inf"))]
    with opened(tmp_path, rows) as found:
        json.dumps(searchable(found), allow_nan=False)
        assert [one.score for one in find(found)[0]] == [None, None]


#: words, host, whether rejected rows are meant, and how many of 900 there are
SEARCHES: tuple[tuple[str, str, bool, int], ...] = (
    ("lake boat", "", False, 300),
    ("LAKE", "", True, 600),
    ("  ", "", False, 300),
    ("899", "", True, 1),
    ("no such words", "", False, 0),
    ("", "images.site0.test", False, 60),
    ("", "Site0.test.", False, 60),
    ("", "ite0.test", False, 0),
    ("boat' OR 1=1 --", "", False, 0),
    ("%", "", False, 0),
)


def test_words_and_hosts_are_found_in_all_rows(tmp_path: Path) -> None:
    with opened(tmp_path, [a_row(number) for number in range(900)], tables=2) as rows:
        for words, host, rejected, expected in SEARCHES:
            found, of = find(rows, words, host=host, rejected=rejected, limit=5)
            assert of == expected, (words, host)
            assert len(found) == min(5, expected)
            assert all(one.kept is not rejected for one in found)
            assert [one.content_id for one in found] == sorted(one.content_id for one in found)
