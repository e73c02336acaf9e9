from __future__ import annotations

import json
import math
import random
import tarfile
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from crawler.commit import write_atomically
from crawler.errors import RunFolderError
from crawler.picture.encode import encode
from crawler.records import Caption, Fault, Hashes, Picture, Rejected, Sample, TextSource
from crawler.rows import (
    Facts,
    columns_with,
    rejected_row,
)
from crawler.settings import Output
from crawler.statuses import FILTERED, NOT_DOWNLOADED, NOT_RESIZED, STATUS_OF_FAULT, status_of
from crawler.write import ShardWriter, is_committed, key_of, pictured, read_stats, shard_paths
from tests.builders import a_candidate, a_fetched, a_picture, image_bytes

OUTPUT = Output()
COLUMNS = (("similarity", "float"), ("similarity_model", "string"))
IMG2DATASET = [
    "caption", "url", "key", "status", "error_message", "width", "height", "original_width", "original_height", "exif",
    "sha256",
]  # fmt: skip
HASHES = Hashes("m" * 32, "1" * 40, "2" * 64, 0x00FF_0000_0000_0001, 0xF0 << 200, 99)


def a_sample(number: int = 0, picture: Picture | None = None, **changes: Any) -> Sample:
    if picture is None:
        fetched = a_fetched(
            candidate=a_candidate(f"boat number {number}", image_url=f"http://images.test/{number}.jpg")
        )
        picture = a_picture((80, 60 + number), fetched=fetched)
    encoded = encode(picture, OUTPUT)
    fields: dict[str, Any] = {
        "fetched": picture.fetched,
        "header": picture.header,
        "hashes": HASHES,
        "image": encoded.image,
        "width": encoded.width,
        "height": encoded.height,
        "scores": (("similarity", 0.25 + number / 1000),),
    }
    return Sample(**(fields | changes))


def a_writer(folder: Path, columns: Sequence[tuple[str, str]] = COLUMNS, rows: int = 1_000) -> ShardWriter:
    return ShardWriter(folder, 7, rows, OUTPUT, columns)


def rows_in(folder: Path, number: int = 7) -> list[dict[str, Any]]:
    return list(pq.read_table(shard_paths(folder, number, OUTPUT).table).to_pylist())


def members_in(folder: Path, number: int = 7) -> dict[str, bytes]:
    with tarfile.open(shard_paths(folder, number, OUTPUT).tar) as tar:
        return {entry.name: file.read() for entry in tar if (file := tar.extractfile(entry)) is not None}


def write_mixed(folder: Path, order: Sequence[int], *, at: int = 1_795_219_200) -> None:
    """Twelve rows, every third one rejected, given in `order`."""
    with a_writer(folder) as writer:
        for index in order:
            if index % 3 == 2:
                writer.reject(index, rejected_row(Rejected(a_candidate(f"gone {index}"), Fault.TIMEOUT)))
            else:
                sample = a_sample(index)
                fetched = a_fetched(candidate=sample.fetched.candidate, fetched_at=at)
                writer.keep(index, pictured(a_sample(index, a_picture((80, 60 + index), fetched=fetched)), OUTPUT))
        writer.commit({})


# keys ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "index", "rows", "key"),
    [
        (1, 5, 10_000, "000010005"), (0, 0, 20, "0000000"), (3, 19, 20, "0000319"), (2, 999, 1_000, "00002999"),
        (2, 1_000, 1_001, "000021000"), (4, 0, 1, "00004"), (123_456, 1, 10, "1234561"),
    ],
)  # fmt: skip
def test_keys_are_img2datasets(number: int, index: int, rows: int, key: str) -> None:
    assert key_of(number, index, rows, OUTPUT) == key


@given(st.integers(0, 99_999), st.integers(1, 1_000_000), st.data())
def test_keys_follow_the_formula_and_sort_like_rows(number: int, rows: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, rows - 1))
    digits = math.ceil(math.log10(rows))
    assert key_of(number, index, rows, OUTPUT) == f"{10**digits * number + index:0{digits + 5}d}"
    if index:
        assert key_of(number, index - 1, rows, OUTPUT) < key_of(number, index, rows, OUTPUT)


def test_a_row_outside_of_its_shard_is_our_bug(tmp_path: Path) -> None:
    with a_writer(tmp_path, rows=10) as writer, pytest.raises(ValueError, match="outside"):
        writer.keep(10, pictured(a_sample(), OUTPUT))


# the files -------------------------------------------------------------------------------------------------------


def test_a_shard_is_three_files_with_img2datasets_names(tmp_path: Path) -> None:
    write_mixed(tmp_path, range(12))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["00007.parquet", "00007.tar", "00007_stats.json"]


def test_members_are_sorted_and_in_img2datasets_order(tmp_path: Path) -> None:
    write_mixed(tmp_path, range(12))
    keys = [f"00007{index:03d}" for index in range(12) if index % 3 != 2]
    assert list(members_in(tmp_path)) == [f"{key}.{one}" for key in keys for one in ("jpg", "json", "txt")]
    with tarfile.open(tmp_path / "00007.tar") as tar:
        for entry in tar:
            assert (entry.mode, entry.uid, entry.gid, entry.mtime) == (0o444, 0, 0, 0)
            assert (entry.uname, entry.gname, entry.isreg()) == ("bigdata", "bigdata", True)


def test_a_member_holds_the_picture_its_caption_and_its_facts(tmp_path: Path) -> None:
    candidate = a_candidate("ein schönes Boot\nauf dem See", other_captions=(Caption(TextSource.TITLE, "Böot"),))
    picture = a_picture(fetched=a_fetched(candidate=candidate))
    with a_writer(tmp_path) as writer:
        sample = a_sample(picture=picture)
        writer.keep(3, pictured(sample, OUTPUT))
        writer.commit({})
    members = members_in(tmp_path)
    assert members["00007003.jpg"] == sample.image
    assert members["00007003.txt"].decode() == "ein schönes Boot\nauf dem See"
    facts = json.loads(members["00007003.json"])
    assert list(facts)[: len(IMG2DATASET)] == IMG2DATASET
    assert facts["caption"] == "ein schönes Boot\nauf dem See"
    assert (facts["status"], facts["error_message"], facts["reason"]) == ("success", None, None)
    assert (facts["width"], facts["height"], facts["original_width"]) == (80, 60, 80)
    assert (facts["phash"], facts["sha256"]) == ("00ff000000000001", "2" * 64)
    assert facts["similarity"] == 0.25
    assert json.loads(facts["other_captions"]) == [{"source": "title", "text": "Böot"}]
    assert "fetched_at" not in facts


def test_tar_bytes_do_not_depend_on_order_or_time(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in "ab"]
    order = list(range(12))
    for number, folder in enumerate(folders):
        folder.mkdir()
        random.Random(number).shuffle(order)
        write_mixed(folder, order, at=1_800_000_000 + number)
    assert (folders[0] / "00007.tar").read_bytes() == (folders[1] / "00007.tar").read_bytes()


def test_table_bytes_depend_on_nothing_but_the_rows(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in "ab"]
    for folder, order in zip(folders, (range(12), range(11, -1, -1)), strict=True):
        folder.mkdir()
        write_mixed(folder, order)
    assert (folders[0] / "00007.parquet").read_bytes() == (folders[1] / "00007.parquet").read_bytes()


def test_an_empty_shard_is_a_shard(tmp_path: Path) -> None:
    with a_writer(tmp_path) as writer:
        writer.commit({})
    assert members_in(tmp_path) == {}
    assert rows_in(tmp_path) == []
    assert is_committed(tmp_path, 7, OUTPUT)


# the table -------------------------------------------------------------------------------------------------------


def test_every_row_is_in_the_table_in_the_order_of_the_keys(tmp_path: Path) -> None:
    write_mixed(tmp_path, [5, 0, 11, *range(1, 5), *range(6, 11)])
    rows = rows_in(tmp_path)
    assert [row["key"] for row in rows] == [f"00007{index:03d}" for index in range(12)]
    assert [row["status"] for row in rows] == ["success", "success", "failed_to_download"] * 4
    assert list(rows[0])[: len(IMG2DATASET)] == IMG2DATASET


def test_img2datasets_columns_have_img2datasets_types(tmp_path: Path) -> None:
    write_mixed(tmp_path, range(3))
    schema = pq.read_schema(tmp_path / "00007.parquet")
    types = {name: str(schema.field(name).type) for name in IMG2DATASET}
    sizes = {"width", "height", "original_width", "original_height"}
    assert types == {name: "int32" if name in sizes else "string" for name in IMG2DATASET}


def test_a_kept_row_says_where_the_pair_comes_from(tmp_path: Path) -> None:
    candidate = a_candidate(
        licence="https://creativecommons.org/licenses/by/4.0/", language="de", opt_outs=("robots: noai",),
        position=4, other_captions=(Caption(TextSource.TITLE, "boats"),),
    )  # fmt: skip
    picture = a_picture(fetched=a_fetched(candidate=candidate, opt_outs=("x-robots-tag: noai",)))
    with a_writer(tmp_path) as writer:
        writer.keep(0, pictured(a_sample(picture=picture), OUTPUT))
        writer.commit({})
    row = rows_in(tmp_path)[0]
    assert row["content_id"] == candidate.content_id
    assert (row["page_url"], row["archive"], row["offset"], row["position"]) == (
        candidate.page_url, candidate.archive, 1234, 4,
    )  # fmt: skip
    assert (row["licence"], row["language"]) == (candidate.licence, "de")
    assert (row["page_opt_outs"], row["header_opt_outs"]) == (["robots: noai"], ["x-robots-tag: noai"])
    assert (row["caption_source"], row["image_source"]) == ("alt", "img_src")
    assert row["other_captions"] == [{"source": "title", "text": "boats"}]
    assert (row["format"], row["frames"], row["body_bytes"]) == ("PNG", 1, len(picture.fetched.body))
    assert (row["fetched_at"], row["similarity"], row["similarity_model"]) == (1_795_219_200, 0.25, None)


def test_what_was_not_learnt_is_null_and_not_zero(tmp_path: Path) -> None:
    with a_writer(tmp_path) as writer:
        writer.reject(0, rejected_row(Rejected(a_candidate(), Fault.DNS_FAILED)))
        writer.commit({})
    row = rows_in(tmp_path)[0]
    unknown = {
        "width", "height", "original_width", "original_height", "sha256", "md5", "sha1", "phash", "similarity",
        "final_url", "content_type", "format", "frames", "body_bytes", "fetched_at", "header_opt_outs",
    }  # fmt: skip
    assert {name for name in unknown if row[name] is not None} == set()
    assert (row["reason"], row["caption"]) == ("dns_failed", "a red boat on a lake")


def test_a_picture_that_a_filter_rejects_keeps_what_was_learnt(tmp_path: Path) -> None:
    picture = a_picture((90, 70))
    scores = (("similarity", 0.1), ("similarity_model", "tiny"))
    facts = Facts(picture.fetched, picture.header, picture.hashes, scores)
    with a_writer(tmp_path) as writer:
        writer.reject(0, rejected_row(Rejected(picture.fetched.candidate, "clip"), facts))
        writer.commit({})
    row = rows_in(tmp_path)[0]
    assert (row["status"], row["error_message"], row["reason"]) == ("filtered", "filtered: clip", "clip")
    assert (row["original_width"], row["original_height"], row["width"]) == (90, 70, None)
    assert (row["similarity"], row["similarity_model"]) == (0.1, "tiny")
    assert row["sha256"] == picture.hashes.sha256
    assert members_in(tmp_path) == {}


def test_a_body_that_does_not_decode_keeps_its_address_and_size(tmp_path: Path) -> None:
    fetched = a_fetched(b"<html>", content_type="text/html")
    with a_writer(tmp_path) as writer:
        writer.reject(0, rejected_row(Rejected(fetched.candidate, Fault.NOT_AN_IMAGE), Facts(fetched)))
        writer.commit({})
    row = rows_in(tmp_path)[0]
    assert (row["body_bytes"], row["content_type"], row["original_width"]) == (6, "text/html", None)
    assert (row["status"], row["error_message"]) == ("failed_to_resize", "Image decoding error")


def test_a_score_is_read_back_as_it_was_compared(tmp_path: Path) -> None:
    score = 0.1 + 0.2  # not a float32
    with a_writer(tmp_path) as writer:
        writer.keep(0, pictured(a_sample(scores=(("similarity", score),)), OUTPUT))
        writer.commit({})
    assert rows_in(tmp_path)[0]["similarity"] == score


def test_headers_that_are_no_text_do_not_end_the_job(tmp_path: Path) -> None:
    fetched = a_fetched(
        content_type="image/\udcff", opt_outs=("x-robots-tag: \udc80",), final_url="http://a.test/\ud800"
    )
    with a_writer(tmp_path) as writer:
        writer.keep(0, pictured(a_sample(picture=a_picture(fetched=fetched)), OUTPUT))
        writer.commit({})
    assert rows_in(tmp_path)[0]["content_type"] == "image/?"


@hypothesis_settings(max_examples=25, deadline=None)
@given(text=st.text(max_size=50), score=st.floats(allow_nan=False, allow_infinity=False))
def test_any_text_comes_back(tmp_path_factory: pytest.TempPathFactory, text: str, score: float) -> None:
    folder = tmp_path_factory.mktemp("shard")
    with a_writer(folder) as writer:
        writer.keep(
            0, pictured(a_sample(picture=a_picture(fetched=a_fetched(candidate=a_candidate(text or "x")))), OUTPUT)
        )
        writer.reject(
            1,
            rejected_row(Rejected(a_candidate(text), "clip"), Facts(a_fetched(), None, None, (("similarity", score),))),
        )
        writer.commit({})
    rows = rows_in(folder)
    assert [row["caption"] for row in rows] == [text or "x", text]
    assert rows[1]["similarity"] == score
    assert members_in(folder)["00007000.txt"].decode() == (text or "x")


# mistakes of ours ------------------------------------------------------------------------------------------------


def test_a_row_is_written_once(tmp_path: Path) -> None:
    with a_writer(tmp_path) as writer:
        writer.keep(0, pictured(a_sample(), OUTPUT))
        with pytest.raises(ValueError, match="twice"):
            writer.reject(0, rejected_row(Rejected(a_candidate(), Fault.TIMEOUT)))


def test_a_score_without_a_column_is_an_error(tmp_path: Path) -> None:
    with a_writer(tmp_path, columns=()) as writer, pytest.raises(ValueError, match="similarity has no column"):
        writer.keep(0, pictured(a_sample(), OUTPUT))


@pytest.mark.parametrize("scores", [(("url", "float"),), (("a", "float"), ("a", "float")), (("a", "int"),)])
def test_score_columns_are_checked(scores: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(ValueError, match=r"exists twice|neither"):
        columns_with(scores)


def test_a_counted_key_cannot_be_replaced(tmp_path: Path) -> None:
    with a_writer(tmp_path) as writer, pytest.raises(ValueError, match="count"):
        writer.commit({"count": 12})


# reasons ---------------------------------------------------------------------------------------------------------


def test_every_fault_has_a_status_and_a_message() -> None:
    assert set(STATUS_OF_FAULT) == set(Fault)
    for status, message in STATUS_OF_FAULT.values():
        assert status in (NOT_DOWNLOADED, NOT_RESIZED, FILTERED)
        assert message


@pytest.mark.parametrize(
    ("reason", "detail", "expected"),
    [
        (Fault.HTTP_GONE, "404", ("failed_to_download", "HTTP Error 404: Not Found")),
        (Fault.HTTP_GONE, "status 410", ("failed_to_download", "HTTP Error 410: Gone")),
        (Fault.HTTP_OTHER, "599", ("failed_to_download", "HTTP Error 599")),
        (Fault.HTTP_FORBIDDEN, "", ("failed_to_download", "HTTP Error: forbidden")),
        (Fault.TIMEOUT, "404", ("failed_to_download", "<urlopen error timed out>")),
        ("min_side", "", ("failed_to_resize", "image too small")),
        ("safety", "", ("filtered", "filtered: safety")),
    ],
)
def test_messages_are_img2datasets_where_it_has_one(reason: str, detail: str, expected: tuple[str, str]) -> None:
    assert status_of(reason, detail) == expected


def test_the_documentation_names_every_column_status_and_message() -> None:
    text = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
    names = [name for name, _ in columns_with(())]
    told = {status for status, _ in STATUS_OF_FAULT.values()} | {message for _, message in STATUS_OF_FAULT.values()}
    assert [one for one in (*names, *sorted(told)) if f"`{one}`" not in text] == []


# the marker ------------------------------------------------------------------------------------------------------


def test_stats_have_img2datasets_keys_and_the_callers(tmp_path: Path) -> None:
    with a_writer(tmp_path) as writer:
        writer.keep(0, pictured(a_sample(), OUTPUT))
        writer.reject(1, rejected_row(Rejected(a_candidate(), Fault.TIMEOUT)))
        writer.reject(2, rejected_row(Rejected(a_candidate(), Fault.IMAGE_BROKEN)))
        writer.reject(3, rejected_row(Rejected(a_candidate(), "safety")))
        writer.commit({"recipe": "abc"})
    stats = read_stats(tmp_path, 7, OUTPUT)
    assert list(stats)[:8] == [
        "count", "successes", "failed_to_download", "failed_to_resize", "duration", "start_time", "end_time",
        "status_dict",
    ]  # fmt: skip
    assert [stats[name] for name in ("count", "successes", "failed_to_download", "failed_to_resize", "filtered")] == [
        4, 1, 1, 1, 1,
    ]  # fmt: skip
    assert stats["status_dict"] == {
        "success": 1, "<urlopen error timed out>": 1, "Image decoding error": 1, "filtered: safety": 1,
    }  # fmt: skip
    assert stats["recipe"] == "abc"
    assert stats["files"]["00007.tar"]["bytes"] == (tmp_path / "00007.tar").stat().st_size


def test_a_sample_that_is_taken_back_is_a_rejected_row_with_all_that_was_learnt(tmp_path: Path) -> None:
    with a_writer(tmp_path) as writer:
        for index in range(3):
            writer.keep(index, pictured(a_sample(index), OUTPUT))
        assert writer.take_back(1, Fault.PLACEHOLDER) == len(a_sample(1).image)
        writer.commit({})
    kept, taken, _ = rows_in(tmp_path)
    assert (taken["status"], taken["reason"]) == (FILTERED, "placeholder")
    assert (taken["width"], taken["height"], taken["original_height"]) == (None, None, 61)
    assert (taken["sha256"], taken["similarity"]) == (HASHES.sha256, 0.251)
    assert kept["status"] == "success"
    assert {name.partition(".")[0] for name in members_in(tmp_path)} == {"00007000", "00007002"}
    stats = read_stats(tmp_path, 7, OUTPUT)
    assert (stats["count"], stats["successes"], stats["filtered"]) == (3, 2, 1)
    assert stats["status_dict"] == {"placeholder image": 1, "success": 2}


def test_only_a_kept_sample_can_be_taken_back_and_only_once(tmp_path: Path) -> None:
    with a_writer(tmp_path) as writer:
        writer.reject(0, rejected_row(Rejected(a_candidate(), Fault.TIMEOUT)))
        writer.keep(1, pictured(a_sample(1), OUTPUT))
        writer.take_back(1, Fault.PLACEHOLDER)
        for index in (0, 1, 2):
            with pytest.raises(KeyError):
                writer.take_back(index, Fault.PLACEHOLDER)
        writer.commit({})
    assert [row["reason"] for row in rows_in(tmp_path)] == ["timeout", "placeholder"]


def test_a_shard_is_committed_by_its_marker(tmp_path: Path) -> None:
    assert not is_committed(tmp_path, 7, OUTPUT)
    write_mixed(tmp_path, range(12))
    assert is_committed(tmp_path, 7, OUTPUT)
    assert not is_committed(tmp_path, 8, OUTPUT)


@pytest.mark.parametrize("name", ["00007.tar", "00007.parquet"])
def test_a_shard_whose_file_was_cut_or_lost_is_not_committed(tmp_path: Path, name: str) -> None:
    write_mixed(tmp_path, range(12))
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[:-1])
    assert not is_committed(tmp_path, 7, OUTPUT)
    (tmp_path / name).unlink()
    assert not is_committed(tmp_path, 7, OUTPUT)


def test_a_marker_of_somebody_else_is_told_to_the_user(tmp_path: Path) -> None:
    write_atomically(tmp_path / "00007_stats.json", b"not json")
    with pytest.raises(RunFolderError, match="00007_stats"):
        is_committed(tmp_path, 7, OUTPUT)
    with pytest.raises(RunFolderError, match="00008_stats"):
        read_stats(tmp_path, 8, OUTPUT)


def test_what_was_not_committed_leaves_nothing(tmp_path: Path) -> None:
    def interrupted() -> None:
        with a_writer(tmp_path) as writer:
            writer.keep(0, pictured(a_sample(), OUTPUT))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_a_commit_that_fails_leaves_no_marker_and_can_be_tried_again(tmp_path: Path) -> None:
    write_mixed(tmp_path, range(6))
    (tmp_path / "00007.tar").unlink()
    (tmp_path / "00007.tar").mkdir()  # stands for any error of the disk: a folder cannot be replaced by a file
    with a_writer(tmp_path) as writer:
        writer.keep(0, pictured(a_sample(), OUTPUT))
        with pytest.raises(OSError, match=r"00007\.tar"):
            writer.commit({})
        assert not (tmp_path / "00007_stats.json").exists()
        (tmp_path / "00007.tar").rmdir()
        writer.commit({})
    assert is_committed(tmp_path, 7, OUTPUT)
    assert len(rows_in(tmp_path)) == 1


def test_a_shard_can_be_made_again(tmp_path: Path) -> None:
    write_mixed(tmp_path, range(12))
    before = (tmp_path / "00007.tar").read_bytes()
    write_mixed(tmp_path, range(11, -1, -1))
    assert (tmp_path / "00007.tar").read_bytes() == before
    assert is_committed(tmp_path, 7, OUTPUT)


def test_pictures_wait_on_disk_and_not_in_memory(tmp_path: Path) -> None:
    body = image_bytes()
    with a_writer(tmp_path) as writer:
        sample = a_sample(image=bytes(200_000), picture=a_picture(fetched=a_fetched(body)))
        writer.keep(999, pictured(sample, OUTPUT))
        writer.commit({})  # brings in pyarrow, whose own memory is not what is measured
        tracemalloc.start()
        try:
            for index in range(300):
                writer.keep(index, pictured(sample, OUTPUT))
            writer.commit({})
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 20_000_000  # 60 MB of pictures went through
