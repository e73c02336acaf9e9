"""Lists: whatever their form, what was written into them comes out, row by row, and nothing is lost without a word."""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import tracemalloc
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from crawler.errors import InputError
from crawler.list_forms import ListForm
from crawler.read import Incomplete, Skipped, read_list
from crawler.read.lists.lines import LONGEST_LINE_BYTES, lines_of
from crawler.records import ListRow
from crawler.settings import List, parse_recipe

Read = list[ListRow | Skipped | Incomplete]
Pair = tuple[str, str]


def read(folder: Path, name: str, content: bytes, **said: Any) -> Read:
    path = folder / "file"
    path.write_bytes(content)
    return list(read_list(path, name=name, settings=List(**said)))


def pairs_of(found: Read) -> list[Pair | str]:
    """Address and caption of each row, or why it is none."""
    return [
        one.images[0] if isinstance(one, ListRow) else one.reason.value if isinstance(one, Skipped) else "incomplete"
        for one in found
    ]


def refused(folder: Path, name: str, content: bytes, **said: Any) -> str:
    with pytest.raises(InputError) as caught:
        read(folder, name, content, **said)
    assert name in str(caught.value)
    return str(caught.value)


def parquet_of(columns: dict[str, Any] | pa.Table, **options: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), out, **options)
    return out.getvalue()


# what is written comes out, in each form


def as_parquet(pairs: Sequence[Pair]) -> bytes:
    return parquet_of(
        {
            "url": pa.array([one for one, _ in pairs], pa.string()),
            "text": pa.array([two for _, two in pairs], pa.string()),
        },
        row_group_size=2,
    )


def as_table(pairs: Sequence[Pair], delimiter: str) -> bytes:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows([("url", "text"), *pairs])
    return out.getvalue().encode()


FORMS: dict[str, Callable[[Sequence[Pair]], bytes]] = {
    "a.parquet": as_parquet,
    "a.csv": lambda pairs: as_table(pairs, ","),
    "a.tsv": lambda pairs: as_table(pairs, "\t"),
    "a.csv.gz": lambda pairs: gzip.compress(as_table(pairs, ",")),
    "a.jsonl": lambda pairs: b"".join(json.dumps({"url": url, "text": text}).encode() + b"\n" for url, text in pairs),
    "a.json": lambda pairs: json.dumps(
        [{"url": url, "text": text} for url, text in pairs], ensure_ascii=False
    ).encode(),
    "a.json.gz": lambda pairs: gzip.compress(
        json.dumps([{"url": url, "text": text} for url, text in pairs], indent=2).encode()
    ),
}
TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from([
    "", " ", ",", '"', '""', "a, b", 'say "boat"', "\t", "a\tb", "two\nlines", "\r\n", "ends with \\", "Ελλάδα", "船", "\u2028", "\x00", "'", "{}", "]",
])  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
@given(pairs=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=6))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_written_comes_out(tmp_path: Path, name: str, pairs: list[Pair]) -> None:
    found = read(tmp_path, name, FORMS[name](pairs))
    assert [one.offset for one in found if isinstance(one, ListRow)] == list(range(len(pairs)))
    # csv cannot tell one line end from another
    assert [plain(one) for one in pairs_of(found)] == [plain(one) for one in pairs]  # type: ignore[arg-type]  # no row is broken
    assert all(isinstance(one, ListRow) and one.archive == name and one.url == "" for one in found)


def plain(pair: Pair) -> Pair:
    url, text = (one.replace("\r\n", "\n").replace("\r", "\n") for one in pair)
    return url, text


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_text_has_an_address_a_line(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    found = read(
        tmp_path, "a.txt", pack(b"\xef\xbb\xbfhttp://a.test/1\r\n\n  http://a.test/\xc3\xbc \nhttp://a.test/3")
    )
    assert pairs_of(found) == [("http://a.test/1", ""), ("", ""), ("http://a.test/ü", ""), ("http://a.test/3", "")]


@given(
    st.binary(max_size=200),
    st.sampled_from(["a.csv", "a.tsv", "a.json", "a.jsonl.gz", "a.txt", "a.parquet"]),
    st.booleans(),
)
@example(b"PAR1PAR1", "a.csv", True)
@example(b"[[[[", "a.json", False)
@example(b"[1,2", "a.json", False)
@example(b'{"url": "http://a.test/\\ud83d"}', "a.json", False)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_file_holds_it_is_rows_or_an_input_error(
    tmp_path: Path, content: bytes, name: str, packed: bool
) -> None:
    try:
        found = read(tmp_path, name, gzip.compress(content) if packed else content, columns=("url", "text"))
    except InputError as error:
        assert name in str(error)  # noqa: PT017 - most contents are no error
        return
    rows = [one for one in found if not isinstance(one, Incomplete)]
    assert [one.offset for one in rows] == list(range(len(rows)))
    for row in rows:
        for text in (one for image in row.images for one in image) if isinstance(row, ListRow) else ():
            text.encode()


# columns

PUBLISHED: list[tuple[str, dict[str, pa.DataType], tuple[str, str, str]]] = [
    ("LAION-400M", {"SAMPLE_ID": pa.int64(), "URL": pa.string(), "TEXT": pa.string(), "HEIGHT": pa.int32(), "WIDTH": pa.int32(), "LICENSE": pa.string(), "NSFW": pa.string(), "similarity": pa.float64()}, ("URL", "TEXT", "")),
    ("LAION-2B joined", {"URL": pa.string(), "TEXT": pa.string(), "WIDTH": pa.int32(), "HEIGHT": pa.int32(), "similarity": pa.float64(), "LANGUAGE": pa.string(), "hash": pa.int64(), "punsafe": pa.float32(), "pwatermark": pa.float32()}, ("URL", "TEXT", "")),
    ("LAION-COCO", {"URL": pa.string(), "TEXT": pa.string(), "top_caption": pa.string(), "all_captions": pa.list_(pa.string()), "all_similarities": pa.list_(pa.float64()), "WIDTH": pa.int64(), "HEIGHT": pa.int64()}, ("URL", "TEXT", "")),
    ("CommonPool", {"uid": pa.string(), "url": pa.string(), "text": pa.string(), "original_width": pa.int64(), "face_bboxes": pa.list_(pa.list_(pa.float64())), "sha256": pa.string()}, ("url", "text", "")),
    ("COYO-700M", {"id": pa.int64(), "url": pa.string(), "text": pa.string(), "width": pa.int32(), "image_phash": pa.string(), "text_length": pa.int32()}, ("url", "text", "")),
    ("img2dataset", {"caption": pa.string(), "url": pa.string(), "key": pa.string(), "status": pa.string()}, ("url", "caption", "")),
    ("WIT", {"language": pa.string(), "page_url": pa.string(), "image_url": pa.string(), "caption_reference_description": pa.string()}, ("image_url", "caption_reference_description", "page_url")),
    ("large strings", {"Url": pa.large_string(), "Caption": pa.large_string()}, ("Url", "Caption", "")),
    ("dictionary", {"url": pa.dictionary(pa.int32(), pa.string()), "text": pa.dictionary(pa.int32(), pa.string())}, ("url", "text", "")),
    ("bytes", {"url": pa.binary(), "text": pa.binary()}, ("url", "text", "")),
]  # fmt: skip


@pytest.mark.parametrize(("columns", "chosen"), [one[1:] for one in PUBLISHED], ids=[one[0] for one in PUBLISHED])
def test_the_columns_of_published_lists_are_found(
    tmp_path: Path, columns: dict[str, pa.DataType], chosen: tuple[str, str, str]
) -> None:
    said: dict[str, Any] = dict(zip(chosen, ("http://a.test/ü", "a boat, red", "http://p.test/"), strict=True))
    values = {name: pa.array([said.get(name), None], kind) for name, kind in columns.items()}
    first, second = read(tmp_path, "part.parquet", parquet_of(values))
    page = "http://p.test/" if chosen[2] else ""
    assert first == ListRow(page, "part.parquet", 0, (("http://a.test/ü", "a boat, red"),))
    assert second == ListRow("", "part.parquet", 1, (("", ""),))


def test_documents_of_mmc4_are_pages_with_images(tmp_path: Path) -> None:
    pictures = [
        {"image_name": "b.jpg", "raw_url": "http://a.test/b.jpg", "matched_text_index": 1, "matched_sim": 0.3},
        {"image_name": "c.jpg", "raw_url": "http://a.test/c.jpg", "matched_text_index": 7, "matched_sim": 0.2},
    ]
    document = {"text_list": ["a lake", "a boat"], "url": "http://p.test/", "image_info": pictures}
    row = ListRow("http://p.test/", "docs.jsonl", 0, (("http://a.test/b.jpg", "a boat"), ("http://a.test/c.jpg", "")))
    broken = {**document, "image_info": "none"}
    lines = [json.dumps(one).encode() for one in (document, broken)]
    found = read(tmp_path, "docs.jsonl", b"\n".join(lines))
    assert found[0] == row
    assert pairs_of(found)[1] == "broken_row"
    table = pa.Table.from_pylist([document])
    assert read(tmp_path, "docs.jsonl", parquet_of(table)) == [row]


def test_a_recipe_names_the_columns(tmp_path: Path) -> None:
    content = as_table([("ignored", "ignored")], ",").replace(b"url,text", b"Link,alt text", 1)
    recipe = parse_recipe('[list]\nurl_column = "link"\ncaption_column = "ALT TEXT"\n')
    assert pairs_of(read(tmp_path, "a.csv", content, **msgspec.structs.asdict(recipe.list))) == [("ignored", "ignored")]


def test_columns_that_are_not_there_are_told_with_those_that_are(tmp_path: Path) -> None:
    content = b"link,words\r\nhttp://a.test/,boat\r\n"
    assert "'link', 'words'" in (message := refused(tmp_path, "a.csv", content))
    assert "url_column" in message
    assert "'link', 'words'" in refused(tmp_path, "a.csv", content, url_column="link", caption_column="alt")
    assert "several columns" in refused(tmp_path, "a.csv", b"Url,URL\r\n", caption_column="")
    assert "no text" in refused(tmp_path, "a.parquet", parquet_of({"url": ["u"], "text": [["a", "b"]]}))


def test_a_list_without_captions_has_empty_ones(tmp_path: Path) -> None:
    assert pairs_of(read(tmp_path, "a.csv", b"id,url\r\n1,http://a.test/\r\n")) == [("http://a.test/", "")]


def test_a_table_without_a_header_gets_its_names_from_the_recipe(tmp_path: Path) -> None:
    content = b'"say cheese\thttp://a.test/1\nboat "red"\thttp://a.test/2\n'
    found = read(tmp_path, "cc12m.tsv", content, columns=("caption", "url"), quotes=False)
    assert pairs_of(found) == [("http://a.test/1", '"say cheese'), ("http://a.test/2", 'boat "red"')]


def test_keys_of_objects_may_be_missing_and_change_their_order(tmp_path: Path) -> None:
    lines = [
        {"id": 1, "url": "http://a.test/1"},
        {"text": "boat", "url": "http://a.test/2"},
        {"text": "nothing", "id": 3},
        {"url": None, "text": math.nan},
        {"url": "http://a.test/5", "text": 12},
    ]
    found = read(tmp_path, "a.jsonl", "\n".join(map(json.dumps, lines)).encode())
    expected = [
        ("http://a.test/1", ""),
        ("http://a.test/2", "boat"),
        ("", "nothing"),
        ("", ""),
        ("http://a.test/5", "12"),
    ]
    assert pairs_of(found) == expected


# broken rows


def test_a_broken_row_costs_no_other(tmp_path: Path) -> None:
    content = b'url,text\nu1,a,b\nu2\n\nu3,"never closed\nu4,d\nu5,\xff\nu6,"e ""f"" \n g"\n' + b"u7,h\n"
    found = read(tmp_path, "a.csv", content, url_column="url")
    expected = [
        "broken_row",
        "broken_row",
        ("", ""),
        "broken_row",
        ("u4", "d"),
        "broken_row",
        ("u6", 'e "f" \n g'),
        ("u7", "h"),
    ]
    assert pairs_of(found) == expected
    assert [one.offset for one in found if not isinstance(one, Incomplete)] == list(range(8))


def test_a_quotation_mark_that_is_never_closed_swallows_no_rows(tmp_path: Path) -> None:
    good = b"".join(b"http://a.test/%d,a boat on a lake\n" % number for number in range(20_000))
    found = read(tmp_path, "a.csv", b'url,text\nu,"open\n' + good)
    assert pairs_of(found[:1]) == ["broken_row"]
    assert pairs_of(found[1:]) == [(f"http://a.test/{number}", "a boat on a lake") for number in range(20_000)]


@pytest.mark.parametrize(
    "line",
    [b"{", b"[1]", b"12", b'"text"', b'{"url": {"a": 1}}', b'{"url": ["u"]}', b'{"url": "\xff"}', b"[" * 100_000],
)
def test_a_line_that_is_no_object_is_a_broken_row(tmp_path: Path, line: bytes) -> None:
    good = b'{"url": "u"}'
    assert pairs_of(read(tmp_path, "a.jsonl", b"\n".join((good, line, b" ", good)))) == [
        ("u", ""), "broken_row", ("", ""), ("u", ""),
    ]  # fmt: skip


def test_half_an_emoji_is_no_broken_row(tmp_path: Path) -> None:
    lines = rb'{"url": "u", "text": "boat \ud83d"}'
    for content in (lines, b"[" + lines + b"]"):
        assert pairs_of(read(tmp_path, "a.json", content)) == [("u", "boat \ufffd")]


def test_an_array_is_read_up_to_where_it_is_no_json(tmp_path: Path) -> None:
    good = b'{"url": "u"}'
    for rest, why in (
        (b"", "ends too early"),
        (b"," + good[:-3], "cannot be read"),
        (b", nonsense]", "cannot be read"),
        (b' {"url"', "no ]"),
    ):
        *rows, last = read(tmp_path, "a.json", b" [" + good + b", 7, " + good + rest)
        assert pairs_of(rows) == [("u", ""), "broken_row", ("u", "")]
        assert isinstance(last, Incomplete)
        assert last.offset == 3
        assert why in last.detail
    assert read(tmp_path, "a.json", b" [ ] ") == []


def test_a_line_longer_than_any_row_is_a_broken_row(tmp_path: Path) -> None:
    long = b"x" * (LONGEST_LINE_BYTES + 1)
    for name, head, good in (
        ("a.txt", b"", b"u"),
        ("a.csv", b"url,text\n", b"u,"),
        ("b.csv", b"url\n", b"u"),
        ("a.jsonl", b"", b'{"url": "u"}'),
    ):
        found = read(tmp_path, name, head + b"\n".join((good, long, good, long)))
        assert pairs_of(found) == [("u", ""), "broken_row", ("u", ""), "broken_row"], name


@given(
    st.lists(st.binary(max_size=4) | st.sampled_from([b"\n", b"\r\n", b"\xef\xbb\xbf"]), max_size=20), st.integers(1, 7)
)
def test_lines_do_not_depend_on_how_a_text_is_cut(pieces: list[bytes], size: int) -> None:
    text = b"".join(pieces)
    parts = (text[start : start + size] for start in range(0, len(text), size))
    wanted = [line.removesuffix(b"\r") for line in text.removeprefix(b"\xef\xbb\xbf").split(b"\n")]
    if not wanted[-1]:
        wanted.pop()
    assert list(lines_of(parts)) == wanted


# broken files


def test_a_file_that_was_cut_is_incomplete_and_its_last_row_is_not_half_an_address(tmp_path: Path) -> None:
    whole = b"".join(b"http://a.test/%d\n" % number for number in range(100_000))
    packed = gzip.compress(whole)
    *rows, last = read(tmp_path, "a.txt.gz", packed[: len(packed) // 2])
    assert isinstance(last, Incomplete)
    assert last.offset == len(rows) > 1000
    assert (
        b"".join(b"%b\n" % pair[0].encode() for pair in pairs_of(rows))
        == whole[: sum(len(pair[0]) + 1 for pair in pairs_of(rows))]
    )


def test_an_empty_file_is_incomplete_and_a_table_without_rows_is_not(tmp_path: Path) -> None:
    assert pairs_of(read(tmp_path, "a.csv", b"")) == ["incomplete"]
    assert read(tmp_path, "a.csv", b"url,text\n") == []
    assert read(tmp_path, "a.parquet", parquet_of({"url": pa.array([], pa.string())})) == []


def test_what_is_no_list_is_said(tmp_path: Path) -> None:
    assert "none" in refused(tmp_path, "a.parquet", b"url,text\n")
    assert "cut short" in refused(tmp_path, "a.parquet", as_parquet([("u", "t")])[:-9])
    assert "UTF-16" in refused(tmp_path, "a.csv", "url\n".encode("utf-16"))
    assert "not clear" in refused(tmp_path, "blob", b"url\n")
    assert pairs_of(read(tmp_path, "blob", b"url\nu\n", form=ListForm.CSV)) == [("u", "")]
    assert pairs_of(read(tmp_path, "blob", as_parquet([("u", "t")]))) == [("u", "t")]


@pytest.mark.parametrize(
    "address", ["crawl-data/CC-MAIN-2026-47/a.warc.wat.gz", "https://h.test/a.warc.gz?x=1", "a.WARC"]
)
def test_a_list_of_archives_is_no_list_of_images(tmp_path: Path, address: str) -> None:
    assert "wat.paths.gz" in refused(tmp_path, "archives.txt", f"\n{address}\n".encode())


def test_a_damaged_row_group_costs_its_rows_and_no_others(tmp_path: Path) -> None:
    pairs = [(f"http://a.test/{number}", "boat") for number in range(30)]
    table = pa.table({"url": [one for one, _ in pairs], "text": [two for _, two in pairs]})
    content = bytearray(parquet_of(table, row_group_size=10, compression="zstd", use_dictionary=False))
    group = pq.ParquetFile(io.BytesIO(bytes(content))).metadata.row_group(1).column(0)
    end = group.data_page_offset + group.total_compressed_size
    content[end - 20 : end] = b"\xff" * 20
    found = pairs_of(read(tmp_path, "a.parquet", bytes(content)))
    assert found == [*pairs[:10], *["broken_row"] * 10, *pairs[20:]]


def test_bytes_in_parquet_that_are_not_utf8_break_their_own_row(tmp_path: Path) -> None:
    raw = pa.array([b"http://a.test/1", b"http://a.test/\xff", b"http://a.test/3"], pa.binary())
    _, offsets, content = raw.buffers()
    assert offsets is not None
    assert content is not None
    text = pa.StringArray.from_buffers(3, offsets, content)
    assert pairs_of(read(tmp_path, "a.parquet", parquet_of({"url": text}))) == [
        ("http://a.test/1", ""), "broken_row", ("http://a.test/3", ""),
    ]  # fmt: skip


# memory


def many(form: str) -> Iterable[bytes]:
    """A text of 48 MB, compressed to little."""
    row = {
        "csv": b"http://a.test/%d,%s\n",
        "jsonl": b'{"url": "http://a.test/%d", "text": "%s"}\n',
        "json": b',{"url": "http://a.test/%d", "text": "%s"}',
        "txt": b"http://a.test/%d?%s\n",
    }[form]
    yield {"csv": b"url,text\n", "json": b'[{"url": "u"}'}.get(form, b"")
    yield from (row % (number, b"x" * 4000) for number in range(12_000))
    yield b"]" if form == "json" else b""


@pytest.mark.parametrize("form", ["csv", "jsonl", "json", "txt"])
def test_memory_does_not_grow_with_the_list(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"list.{form}.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.writelines(many(form))
    tracemalloc.start()
    try:
        rows = sum(1 for _ in read_list(path, name=path.name, settings=List()))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert rows in (12_000, 12_001)
    assert peak < 16_000_000
