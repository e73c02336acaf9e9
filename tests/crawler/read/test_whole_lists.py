"""Lists as tables: every row, whatever stands in it, in flat batches."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crawler.errors import InputError
from crawler.read.lists.whole import ROWS_AT_ONCE, open_whole
from crawler.settings import List


def read(
    path: Path, *columns: str, guess_types: bool = False, **settings: Any
) -> tuple[list[dict[str, Any]], int, str]:
    """All rows, how many are broken, and why the list ends too early."""
    opened = open_whole(path, path.name, List(**settings), guess_types=guess_types)
    batches = list(opened.batches(columns or opened.names))
    return (
        [row for one in batches for row in one.columns.to_pylist()],
        sum(one.broken for one in batches),
        opened.incomplete,
    )


def test_a_line_is_an_address_whatever_stands_in_it(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    lines = [
        b"http://a.test/one,two.jpg", b"http://a.test/a b.jpg", "http://a.test/pe\u00f1oles.jpg".encode(), b"",
        b'"http://a.test/x,y.jpg"', b'"http://a.test/say ""hi"".jpg"', b"http://a.test/\xff", b"not a url",
        b"http://a.test/one,two.jpg",
    ]  # fmt: skip
    path.write_bytes(b"\r\n".join(lines))
    rows, broken, _ = read(path)
    assert [row["url"] for row in rows] == [
        "http://a.test/one,two.jpg", "http://a.test/a b.jpg", "http://a.test/peñoles.jpg", "http://a.test/x,y.jpg",
        'http://a.test/say "hi".jpg', "http://a.test/\ufffd", "not a url", "http://a.test/one,two.jpg",
    ]  # fmt: skip
    assert broken == 0


def test_a_broken_record_of_csv_is_a_row_of_nulls_and_costs_no_other(tmp_path: Path) -> None:
    path = tmp_path / "list.csv.gz"
    text = (
        "url,caption,width\r\n"
        'http://a.test/1,"with, comma and ""quotes""",10\r\n'
        'http://a.test/2,"two\r\nlines",\r\n'
        "\r\n"
        "http://a.test/3,too,many,fields\r\n"
        "http://a.test/4,Ünï,x\r\n"
    )
    path.write_bytes(gzip.compress(text.encode()))
    rows, broken, _ = read(path)
    assert rows == [
        {"url": "http://a.test/1", "caption": 'with, comma and "quotes"', "width": "10"},
        {"url": "http://a.test/2", "caption": "two\nlines", "width": ""},
        {"url": None, "caption": None, "width": None},
        {"url": "http://a.test/4", "caption": "Ünï", "width": "x"},
    ]
    assert broken == 1


def test_types_of_csv_are_guessed_if_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "list.tsv"
    path.write_text("url\tn\tx\tempty\nhttp://a.test/1\t3\t0.5\t\nhttp://a.test/2\t\t7\t\n")
    guessed, _, _ = read(path, guess_types=True)
    assert guessed[0] == {"url": "http://a.test/1", "n": 3, "x": 0.5, "empty": ""}
    assert guessed[1] == {"url": "http://a.test/2", "n": None, "x": 7.0, "empty": ""}
    as_texts, _, _ = read(path)
    assert as_texts[0]["n"] == "3"


@pytest.mark.parametrize("name", ["list.jsonl", "list.json"])
def test_objects_keep_their_types_and_odd_values_are_counted(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    rows: list[Any] = [
        {"url": "http://a.test/1", "n": 1, "boxes": [[0.1, 0.2, 0.3, 0.4]]},
        {"url": "http://a.test/2", "boxes": []},
        "no object",
        {"url": 5, "n": 2},
    ]
    later = [{"url": f"http://a.test/{number}", "n": number} for number in range(ROWS_AT_ONCE)]
    rows += [*later, {"n": "three", "url": {"odd": True}}]
    text = json.dumps(rows) if name == "list.json" else "".join(json.dumps(row) + "\n\n" for row in rows)
    path.write_text(text)
    opened = open_whole(path, name, List())
    batches = list(opened.batches(["url", "n", "boxes"]))
    found = [row for one in batches for row in one.columns.to_pylist()]
    assert len(found) == len(rows)
    assert found[0] == {"url": "http://a.test/1", "n": 1, "boxes": [[0.1, 0.2, 0.3, 0.4]]}
    assert found[2] == {"url": None, "n": None, "boxes": None}
    assert found[3]["url"] == "5"
    assert found[-1] == {"url": '{"odd": true}', "n": None, "boxes": None}
    assert sum(one.broken for one in batches) == 1
    assert sum(one.not_of_type for one in batches) == 1


def test_documents_of_mmc4_are_a_row_for_each_picture(tmp_path: Path) -> None:
    path = tmp_path / "docs.jsonl"
    document = {
        "url": "http://page.test/",
        "text_list": ["first", "second"],
        "image_info": [
            {"image_name": "a.png", "raw_url": "http://a.test/a.png", "matched_text_index": 1, "matched_sim": 0.3},
            {"image_name": "b.png", "raw_url": "http://a.test/b.png", "matched_text_index": 7, "matched_sim": 0.2},
        ],
    }
    path.write_text(json.dumps(document) + "\n")
    rows, _, _ = read(path, "url", "caption", "page_url", "image_name")
    assert rows == [
        {"url": "http://a.test/a.png", "caption": "second", "page_url": "http://page.test/", "image_name": "a.png"},
        {"url": "http://a.test/b.png", "caption": None, "page_url": "http://page.test/", "image_name": "b.png"},
    ]


def test_a_row_group_that_cannot_be_read_is_rows_of_nulls(tmp_path: Path) -> None:
    path = tmp_path / "list.parquet"
    urls = [f"http://a.test/{number}" for number in range(30)]
    pq.write_table(
        pa.table({"url": urls, "n": range(30)}), path, row_group_size=10, compression="none", use_dictionary=False
    )
    content = bytearray(path.read_bytes())
    start = pq.read_metadata(path).row_group(1).column(0).data_page_offset
    content[start : start + 20] = b"\xff" * 20
    path.write_bytes(content)
    rows, broken, _ = read(path)
    assert [row["url"] for row in rows] == [*urls[:10], *[None] * 10, *urls[20:]]
    assert broken == 10


def test_a_text_that_was_cut_short_says_so(tmp_path: Path) -> None:
    path = tmp_path / "list.txt.gz"
    whole = gzip.compress(b"".join(b"http://a.test/%d\n" % number for number in range(50_000)))
    path.write_bytes(whole[: len(whole) // 2])
    rows, _, incomplete = read(path)
    assert 0 < len(rows) < 50_000
    assert incomplete


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("list.parquet", b"no parquet", "is called parquet and is none"),
        ("list.unknown", b"http://a.test/", "not clear how it is written"),
        ("list.csv", "url\nhttp://a.test/".encode("utf-16"), "UTF-16"),
        ("list.jsonl", b"1\n2\n", "none of its first rows is a JSON object"),
        ("list.parquet", b"PAR1 and no footer", "cannot be read as parquet"),
    ],
)
def test_what_is_no_list_is_named(tmp_path: Path, name: str, content: bytes, why: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=why):
        read(path)
