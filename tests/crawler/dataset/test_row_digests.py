"""Row digests: the column-wise text is the cell of the definition, and no two rows have one."""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.dataset.row_digests import Salter, digests, digests_of, leaf_data, texts_of
from crawler.dataset.tar_index import index_of
from crawler.errors import InputError
from tests.small_datasets import a_row, write_shard


def cell(value: Any) -> bytes:
    """docs/versions.md, one value at a time."""
    match value:
        case None:
            return b"-"
        case bool():
            return b"t" if value else b"f"
        case int():
            return b"i%d;" % value
        case float():
            return b"f%d;" % struct.unpack("<q", struct.pack("<d", value))[0]
        case str():
            return b"s%d:%s" % (len(value.encode()), value.encode())
        case bytes():
            return b"b%d:%s" % (len(value), value)
        case list():
            return b"l%d;" % len(value) + b"".join(map(cell, value))
        case dict():
            return b"m%d;" % len(value) + b"".join(cell(key) + cell(one) for key, one in value.items())
    raise AssertionError(value)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
KINDS: tuple[tuple[pa.DataType, st.SearchStrategy[Any]], ...] = (
    (pa.string(), TEXTS),
    (pa.large_string(), TEXTS),
    (pa.binary(), st.binary(max_size=6)),
    (pa.binary(3), st.binary(min_size=3, max_size=3)),
    (pa.int32(), st.integers(-(2**31), 2**31 - 1)),
    (pa.uint64(), st.integers(0, 2**64 - 1)),
    (pa.float64(), st.floats()),
    (pa.float32(), st.floats(width=32)),
    (pa.bool_(), st.booleans()),
    (pa.null(), st.none()),
    (pa.dictionary(pa.int32(), pa.string()), TEXTS),
    (pa.list_(pa.string()), st.lists(st.none() | TEXTS, max_size=3)),
    (pa.large_list(pa.list_(pa.int64())), st.lists(st.lists(st.integers(-9, 9), max_size=2), max_size=2)),
    (pa.list_(pa.bool_(), 2), st.lists(st.none() | st.booleans(), min_size=2, max_size=2)),
    (pa.struct([("a", pa.string()), ("b", pa.list_(pa.float64()))]),
     st.fixed_dictionaries({"a": st.none() | TEXTS, "b": st.none() | st.lists(st.floats(), max_size=2)})),
)  # fmt: skip


@st.composite
def batches(draw: st.DrawFn) -> pa.RecordBatch:
    rows = draw(st.integers(0, 6))
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=5))
    columns = [
        pa.array(draw(st.lists(st.none() | values, min_size=rows, max_size=rows)), kind) for kind, values in kinds
    ]
    batch = pa.RecordBatch.from_arrays(columns, names=[f"c{place}" for place in range(len(columns))])
    return batch.slice(draw(st.integers(0, rows)))  # columns that do not begin at the beginning of their buffers


@given(batches(), st.data())
def test_the_text_of_a_row_is_the_cell_of_its_struct(batch: pa.RecordBatch, data: st.DataObject) -> None:
    rows = batch.num_rows
    images = data.draw(st.lists(st.none() | st.just("ab" * 32), min_size=rows, max_size=rows))
    texts = [bytes(text) for text in texts_of(batch, pa.array(images, pa.string()))]
    expected = [cell(row | {"image": image}) for row, image in zip(batch.to_pylist(), images, strict=True)]
    assert texts == expected


def test_a_time_counts_in_the_units_of_its_column() -> None:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    batch = pa.RecordBatch.from_pydict({"at": pa.array([at], pa.timestamp("ms", "UTC")), "day": pa.array([at.date()])})
    text = next(texts_of(batch, pa.array([None], pa.string())))
    assert bytes(text) == cell({"at": int(at.timestamp() * 1000), "day": int(at.timestamp()) // 86400, "image": None})


def test_a_row_keeps_its_digest_under_another_key() -> None:
    one, other = (pa.RecordBatch.from_pydict({"key": [key], "url": ["u"]}) for key in ("000", "001"))
    none = pa.array([None], pa.string())
    assert list(digests_of(one, none)) == list(digests_of(other, none))


@pytest.mark.parametrize(
    ("column", "value"), [("caption", "a cat"), ("similarity", -0.0), ("made_by", None), ("width", 65)]
)
def test_another_value_in_any_column_gives_another_digest(tmp_path: Path, column: str, value: object) -> None:
    write_shard(tmp_path, 0, [a_row(0, similarity=0.0)])
    write_shard(tmp_path, 1, [a_row(0, similarity=0.0) | {column: value}])
    first, second = (digest_list(tmp_path, number) for number in (0, 1))
    assert first != second


def test_another_picture_under_the_same_row_gives_another_digest(tmp_path: Path) -> None:
    write_shard(tmp_path, 0, [a_row(0)])
    write_shard(tmp_path, 1, [a_row(0, image=b"another picture")])
    assert digest_list(tmp_path, 0) != digest_list(tmp_path, 1)


def test_a_sample_without_a_row_is_refused(tmp_path: Path) -> None:
    write_shard(tmp_path, 0, [a_row(0), a_row(1)])
    table = pq.read_table(tmp_path / "00000.parquet")
    pq.write_table(table.slice(0, 1), tmp_path / "less.parquet")
    with pytest.raises(InputError, match="no row for sample '000000001'"):
        list(digests(tmp_path / "less.parquet", index_of(tmp_path / "00000.tar")))


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"key": ["0", "0"]}), tmp_path / "twice.parquet")
    with pytest.raises(InputError, match="same key"):
        list(digests(tmp_path / "twice.parquet", None))


def test_a_table_without_keys_and_a_file_that_is_no_table_are_refused_by_name(tmp_path: Path) -> None:
    pq.write_table(pa.table({"url": ["u"]}), tmp_path / "list.parquet")
    (tmp_path / "junk.parquet").write_bytes(b"PAR1 junk PAR1")
    for name in ("list", "junk"):
        with pytest.raises(InputError, match=f"{name}.parquet"):
            list(digests(tmp_path / f"{name}.parquet", None))


def test_a_column_that_has_no_cells_is_refused_by_name() -> None:
    batch = pa.RecordBatch.from_arrays([pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int32()))], names=["tags"])
    with pytest.raises(InputError, match="'tags'"):
        list(digests_of(batch, pa.array([None], pa.string())))


def test_equal_rows_get_different_salts_and_always_the_same() -> None:
    first, second = Salter(b"s" * 32), Salter(b"s" * 32)
    given_first = [first.salt(b"d" * 32) for _ in range(3)]
    assert len(set(given_first)) == 3
    assert given_first == [second.salt(b"d" * 32) for _ in range(3)]
    assert Salter(b"t" * 32).salt(b"d" * 32) != given_first[0]
    assert leaf_data(given_first[0], b"d" * 32) != leaf_data(given_first[1], b"d" * 32)


def digest_list(folder: Path, number: int) -> list[bytes]:
    return list(digests(folder / f"{number:05d}.parquet", index_of(folder / f"{number:05d}.tar")))
