"""Rows cut out of shards: what is left is what a fresh write of the remaining rows would have been, byte for byte."""

from __future__ import annotations

import errno
import io
import json
import os
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from crawler.dataset.cutting import ShardFiles, cut_shard, cut_tar
from crawler.dataset.cutting_vectors import cut_vectors
from crawler.dataset.renumbering import Span, keys_for, patches, renumber_tar
from crawler.errors import InputError
from crawler.records import Embedded, Fault, Hashes, Header, Rejected, Sample
from crawler.rows import Pictured, rejected_row
from crawler.settings import Output
from crawler.tar import member
from crawler.write import ShardWriter, pictured, shard_paths
from tests.builders import a_candidate, a_fetched

SCORES = (("similarity", "float"), ("similarity_model", "string"))
HASHES = Hashes("m" * 32, "1" * 40, "2" * 64, 1, 2, 99)
KEEPING = Output(keep_embeddings=True)


def a_row(number: int) -> Pictured:
    """Every third row has no picture; captions do their worst."""
    text = f'boat {number}, whose "key":"00007{number:03d}" is \\"key": "00007{number:03d}"'
    candidate = a_candidate(text, image_url=f"http://images.test/{number}.jpg")
    if number % 3 == 2:
        return Pictured(rejected_row(Rejected(candidate, Fault.TIMEOUT)), b"", "")
    fetched = a_fetched(b"as received", candidate=candidate)
    header = Header(width=8, height=8, format="PNG", frames=1)
    scores = (("similarity", number / 1000),)
    return pictured(Sample(fetched, header, HASHES, bytes([number % 256]) * (700 + number), 8, 8, scores), Output())


def a_vector(number: int) -> NDArray[np.float32]:
    vector = np.random.default_rng(number).normal(size=8)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def write(folder: Path, rows: Sequence[int], *, number: int = 7) -> None:
    """A shard of these rows, as a job leaves it."""
    folder.mkdir(parents=True, exist_ok=True)
    with ShardWriter(folder, number, 1_000, KEEPING, SCORES) as writer:
        for index, row in enumerate(rows):
            one = a_row(row)
            if one.extension:
                vectors = Embedded(a_candidate(), a_vector(row), a_vector(1_000 + row), "tiny@1")
                writer.keep(index, one, {"tiny": vectors} if row % 2 else {})
            else:
                writer.reject(index, one.row)
        writer.commit({})


def files(folder: Path, number: int = 7) -> ShardFiles:
    paths = shard_paths(folder, number, KEEPING)
    return ShardFiles(paths.table, paths.tar)


def spans_of(tar: Path) -> dict[str, Span]:
    """By an independent reader: where the members of each sample lie."""
    found: dict[str, Span] = {}
    with tarfile.open(tar) as archive:
        for entry in archive:
            key = entry.name.partition(".")[0]
            end = entry.offset_data + entry.size + -entry.size % 512
            begin = found[key].offset if key in found else entry.offset
            found[key] = Span(begin, end - begin)
    return found


def cut(source: Path, target: Path, keep: Sequence[int]) -> Any:
    target.mkdir()
    shard = files(source)
    assert shard.tar is not None
    return cut_shard(shard, files(target), "00007", np.array(keep, np.int64), spans_of(shard.tar))


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".json"
    }


# the whole shard -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "gone",
    [{0}, {3}, {29}, {2}, {0, 1, 2, 3}, set(range(0, 30, 2)), set(range(29)), set(), set(range(30))],
)
def test_what_is_left_of_a_shard_has_the_bytes_of_a_fresh_write(tmp_path: Path, gone: set[int]) -> None:
    write(tmp_path / "old", range(30))
    keep = [row for row in range(30) if row not in gone]
    write(tmp_path / "fresh", keep)
    done = cut(tmp_path / "old", tmp_path / "new", keep)
    cut_vectors(tmp_path / "old", "00007", tmp_path / "new", done.keys)
    assert contents(tmp_path / "new") == contents(tmp_path / "fresh")
    assert (done.rows, done.samples) == (len(keep), sum(row % 3 != 2 for row in keep))


def test_what_was_cut_twice_is_what_would_have_been_cut_at_once(tmp_path: Path) -> None:
    write(tmp_path / "old", range(20))
    cut(tmp_path / "old", tmp_path / "one", [row for row in range(20) if row % 5])
    cut(tmp_path / "one", tmp_path / "two", range(3, 16))
    cut(tmp_path / "old", tmp_path / "both", [row for row in range(20) if row % 5][3:])
    assert contents(tmp_path / "two") == contents(tmp_path / "both")


def test_row_groups_and_codec_are_those_of_the_table_that_was_cut(tmp_path: Path) -> None:
    old = pa.table({"key": [f"00007{row:04d}" for row in range(350)], "url": ["u"] * 350})
    with pq.ParquetWriter(tmp_path / "old.parquet", old.schema, compression="snappy") as writer:
        writer.write_table(old, row_group_size=100)
    cut_shard(ShardFiles(tmp_path / "old.parquet"), ShardFiles(tmp_path / "new.parquet"), "00007", np.arange(10, 260))
    metadata = pq.read_metadata(tmp_path / "new.parquet")
    assert [metadata.row_group(number).num_rows for number in range(3)] == [100, 100, 50]
    assert metadata.row_group(0).column(0).compression == "SNAPPY"
    assert pq.read_table(tmp_path / "new.parquet")["key"].to_pylist() == [f"00007{row:04d}" for row in range(250)]


def test_a_column_that_a_list_brought_along_is_not_taken_for_keys(tmp_path: Path) -> None:
    """Vectors call their keys image_path; somebody's table may call something else so."""
    table = pa.table({"key": ["000070000", "000070003"], "image_path": ["images/1.jpg", "images/2.jpg"]})
    pq.write_table(table, tmp_path / "old.parquet")
    cut_shard(ShardFiles(tmp_path / "old.parquet"), ShardFiles(tmp_path / "new.parquet"), "00007", np.array([1]))
    assert pq.read_table(tmp_path / "new.parquet").to_pylist() == [{"key": "000070000", "image_path": "images/2.jpg"}]


def test_a_sample_of_which_the_table_says_nothing_is_not_carried_on(tmp_path: Path) -> None:
    write(tmp_path / "old", range(6))
    table = pq.read_table(files(tmp_path / "old").table)
    pq.write_table(table.slice(1), files(tmp_path / "old").table)
    done = cut(tmp_path / "old", tmp_path / "new", range(5))
    assert done.strays == 1
    assert list(spans_of(shard_paths(tmp_path / "new", 7, KEEPING).tar)) == ["00007000", "00007002", "00007003"]


def test_two_rows_with_one_key_are_not_guessed_about(tmp_path: Path) -> None:
    pq.write_table(pa.table({"key": ["000070000", "000070000"]}), tmp_path / "old.parquet")
    with pytest.raises(InputError, match="the same one"):
        cut_shard(ShardFiles(tmp_path / "old.parquet"), ShardFiles(tmp_path / "new"), "00007", np.arange(1))


# the tar ---------------------------------------------------------------------------------------------------------


def test_a_tar_of_img2dataset_is_cut_and_renumbered_and_nothing_else_changes(tmp_path: Path) -> None:
    def tar_of(path: Path, numbers: Sequence[int], keys: Sequence[str]) -> None:
        with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
            for number, key in zip(numbers, keys, strict=True):
                row = {"caption": f'a "key": "{key}"', "key": key, "exif": '{"key": "' + key + '"}'}
                for ending, content in (
                    ("jpg", bytes(number)),
                    ("json", json.dumps(row, indent=4).encode()),
                    ("txt", b"text"),
                ):
                    entry = tarfile.TarInfo(f"{key}.{ending}")
                    entry.size, entry.mtime, entry.mode, entry.uname = (
                        len(content),
                        1_700_000_000 + number,
                        0o444,
                        "bigdata",
                    )
                    archive.addfile(entry, io.BytesIO(content))

    old = [f"0000700{row:02d}" for row in range(9)]
    stays = [1, 2, 5, 8]
    tar_of(tmp_path / "old.tar", range(9), old)
    spans = spans_of(tmp_path / "old.tar")
    places = cut_tar(tmp_path / "old.tar", tmp_path / "new.tar", [spans[old[row]] for row in stays])
    renumber_tar(tmp_path / "new.tar", places, old[:4])
    # captions and exif keep the key that they speak of: a fresh write must speak of it too
    with tarfile.open(tmp_path / "new.tar") as archive:
        members = {one.name: (one.mtime, file.read()) for one in archive if (file := archive.extractfile(one))}
    assert list(members) == [f"{key}.{ending}" for key in old[:4] for ending in ("jpg", "json", "txt")]
    for row, key in zip(stays, old, strict=False):
        said = json.loads(members[f"{key}.json"][1])
        assert said == {"caption": f'a "key": "{old[row]}"', "key": key, "exif": '{"key": "' + old[row] + '"}'}
        assert members[f"{key}.jpg"] == (1_700_000_000 + row, bytes(row))
    assert (tmp_path / "new.tar").stat().st_size % 10_240 == 0


@pytest.mark.parametrize("number", [errno.EXDEV, errno.ENOSYS, errno.EOPNOTSUPP, 0])
def test_where_the_kernel_cannot_copy_the_bytes_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    (tmp_path / "old").write_bytes(os.urandom(512 * 40))
    spans = [Span(512, 1024), Span(1536, 512), Span(5120, 512 * 20)]
    cut_tar(tmp_path / "old", tmp_path / "kernel", spans)

    def refuses(*_: Any, **__: Any) -> int:
        if number:
            raise OSError(number, "cannot")
        return 0

    monkeypatch.setattr(os, "copy_file_range", refuses)
    cut_tar(tmp_path / "old", tmp_path / "plain", spans)
    assert (tmp_path / "plain").read_bytes() == (tmp_path / "kernel").read_bytes()


def test_a_tar_that_ends_within_a_sample_is_not_cut(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(bytes(1024))
    with pytest.raises(InputError, match="ends within"):
        cut_tar(tmp_path / "old", tmp_path / "new", [Span(512, 1024)])


def test_a_full_disk_is_an_error_and_no_shorter_tar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> int:
        raise OSError(errno.ENOSPC, "no space left")

    (tmp_path / "old").write_bytes(bytes(1024))
    monkeypatch.setattr(os, "copy_file_range", full)
    with pytest.raises(OSError, match="no space"):
        cut_tar(tmp_path / "old", tmp_path / "new", [Span(0, 1024)])


# keys ------------------------------------------------------------------------------------------------------------


@given(st.lists(st.text('abké"\\:{}[] key', max_size=12), max_size=4), st.booleans())
def test_only_the_key_itself_is_renamed_whatever_else_the_json_says(texts: list[str], ours: bool) -> None:
    row: dict[str, Any] = {text: {"key": "000070001", "x": [text, {"key": "000070001"}]} for text in texts}
    row |= {"caption": '"key":"000070001"', "key": "000070001", "last": texts}
    content = json.dumps(row, separators=(",", ":") if ours else None, indent=None if ours else 4).encode()
    sample = bytearray(member("000070001.json", content))
    for place, piece in patches(bytes(sample), "000070000"):
        sample[place : place + len(piece)] = piece
    renamed = json.dumps(
        row | {"key": "000070000"}, separators=(",", ":") if ours else None, indent=None if ours else 4
    )
    assert bytes(sample) == member("000070000.json", renamed.encode())


@given(st.binary(max_size=600), st.integers(0, 999))
def test_a_member_with_a_new_key_is_the_member_that_would_have_been_written_with_it(content: bytes, key: int) -> None:
    sample = bytearray(member("00007999.jpg", content))
    for place, piece in patches(bytes(sample), f"00007{key:03d}"):
        sample[place : place + len(piece)] = piece
    assert bytes(sample) == member(f"00007{key:03d}.jpg", content)


@pytest.mark.parametrize(
    "sample",
    [
        member("000070001.json", b'{"caption": "\\"key\\": \\"000070001\\""}'),
        member("000070001.json", b'{"a": {"key": "000070001"}}'),
        member("00007001.jpg", b"another width"),
        member("noending", b""),
        member("000070001.jpg", b"x" * 600)[:-512],
        member("000070001.jpg", b"")[:156] + b"L" + member("000070001.jpg", b"")[157:],
        member("000070001.jpg", b"")[:124] + b"-0000001001\0" + member("000070001.jpg", b"")[136:],
        member("000070001.jpg", b"")[:124] + b"no number\0\0\0" + member("000070001.jpg", b"")[136:],
    ],
)
def test_a_sample_that_is_not_what_it_should_be_is_refused(sample: bytes) -> None:
    with pytest.raises(InputError):
        list(patches(sample, "000070000"))


@pytest.mark.parametrize(
    ("name", "keys", "rows", "wanted"),
    [
        ("00007", ["000070005", "000070019"], 2, ["000070000", "000070001"]),
        ("100000", ["1000000005"], 1, ["1000000000"]),
        ("00007", ["00007"], 1, ["00007"]),  # one row a shard: no digits
        ("part-3", ["990017", "990042"], 2, ["990000", "990001"]),
        ("part-3", [f"99{row:02d}" for row in range(20, 35)], 12, [f"99{row:02d}" for row in range(12)]),
        ("00007", ["000070005"], 0, []),
    ],
)
def test_keys_are_numbered_from_zero_at_their_width(name: str, keys: list[str], rows: int, wanted: list[str]) -> None:
    assert keys_for(name, keys, rows) == wanted


@pytest.mark.parametrize("keys", [["1", "22"], ["000070", "000071", "000072"]])
def test_keys_that_cannot_be_numbered_are_named(keys: list[str]) -> None:
    with pytest.raises(InputError, match="00007"):
        keys_for("00007", keys, 11)
