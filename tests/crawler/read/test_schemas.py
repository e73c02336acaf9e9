"""Published lists are known by their columns, and what is wrong in them is put right."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from crawler.errors import InputError
from crawler.read.lists.repair import Repair, wanted_of
from crawler.read.lists.schemas import Schema, columns_of_interest, schema_of
from crawler.settings import List, Rebuild

MD5 = "0123456789abcdef" * 2
RAW = ["SAMPLE_ID", "URL", "TEXT", "HEIGHT", "WIDTH", "LICENSE", "NSFW", "similarity"]
JOINED = ["URL", "TEXT", "WIDTH", "HEIGHT", "similarity", "LANGUAGE", "hash", "pwatermark", "punsafe"]
#: labelled as the first LAION tables are: of most pictures the number under HEIGHT is the larger one
AS_FIRST_PUBLISHED = {"WIDTH": [480] * 160 + [900] * 40, "HEIGHT": [640] * 160 + [600] * 40}
AS_THEY_ARE = {"WIDTH": AS_FIRST_PUBLISHED["HEIGHT"], "HEIGHT": AS_FIRST_PUBLISHED["WIDTH"]}


def told(names: list[str], sample: dict[str, list[Any]] | None = None, **rebuild: Any) -> Schema:
    return schema_of(names, "list", List(), Rebuild(**rebuild), sample or {})


PUBLISHED: list[tuple[list[str], dict[str, list[Any]], str, str, str, tuple[tuple[str, str], ...]]] = [
    (RAW, {}, "LAION-400M or LAION-5B, as first published", "URL", "TEXT", ()),
    ([*RAW, "LANGUAGE"], {}, "LAION-400M or LAION-5B, as first published", "URL", "TEXT", ()),
    (JOINED, {}, "LAION-5B, joined", "URL", "TEXT", ()),
    ([*JOINED, "md5"], {"md5": [MD5, None]}, "LAION-5B, joined", "URL", "TEXT", (("md5", "md5"),)),
    ([*JOINED, "aesthetic"], {}, "LAION-Aesthetics", "URL", "TEXT", ()),
    (["URL", "TEXT", "top_caption", "all_captions", "WIDTH", "HEIGHT", "hash"], {}, "LAION-COCO", "URL", "TEXT", ()),
    (
        ["uid", "url", "text", "original_width", "original_height", "face_bboxes", "sha256"],
        {"sha256": [MD5 * 2]}, "CommonPool or DataComp", "url", "text", (("sha256", "sha256"),),
    ),
    (
        ["id", "url", "text", "width", "height", "image_phash", "clip_similarity_vitb32"],
        {"image_phash": [MD5[:16]]}, "COYO", "url", "text", (("image_phash", "perhaps_phash"),),
    ),
    (["url", "caption", "page_url", "image_name", "matched_sim"], {}, "mmc4", "url", "caption", ()),
    (["uid", "url", "alt", "cc_filename", "page_url"], {}, "cc2dataset", "url", "alt", ()),
    (
        ["caption", "url", "key", "status", "error_message", "width", "height", "original_width", "original_height", "md5"],
        {"md5": [MD5]}, "a table of img2dataset", "url", "caption", (("md5", "md5"),),
    ),
    (["Image_URL", "Caption"], {}, "", "Image_URL", "Caption", ()),
]  # fmt: skip


@pytest.mark.parametrize(("names", "sample", "name", "url", "caption", "hashes"), PUBLISHED)
def test_a_published_list_is_known_by_its_columns(
    names: list[str], sample: dict[str, list[Any]], name: str, url: str, caption: str, hashes: Any
) -> None:
    schema = told(names, sample)
    assert (schema.name, schema.url, schema.caption, schema.hashes) == (name, url, caption, hashes)


SIDES: list[tuple[list[str], dict[str, list[int]], bool]] = [
    (RAW, AS_FIRST_PUBLISHED, True),
    (RAW, {}, True),  # too few rows to see: the name tells
    (RAW, AS_THEY_ARE, False),  # somebody put them right
    (JOINED, AS_THEY_ARE, False),
    (JOINED, AS_FIRST_PUBLISHED, False),  # portraits, for all we know
    # a part of a raw table, whose ids somebody left out: the order of its columns and its values tell together
    (["URL", "TEXT", "HEIGHT", "WIDTH", "NSFW"], AS_FIRST_PUBLISHED, True),
    (["URL", "TEXT", "HEIGHT", "WIDTH", "NSFW"], AS_THEY_ARE, False),
    (["URL", "TEXT", "HEIGHT", "WIDTH", "NSFW"], {}, False),
    (["URL", "TEXT", "WIDTH", "HEIGHT", "NSFW"], AS_FIRST_PUBLISHED, False),
]


@pytest.mark.parametrize(("names", "sample", "swapped"), SIDES)
def test_swapped_sides_are_told_from_right_ones(names: list[str], sample: dict[str, list[int]], swapped: bool) -> None:
    schema = told(names, sample)
    assert schema.swapped is swapped
    assert (schema.width, schema.height) == (("HEIGHT", "WIDTH") if swapped else ("WIDTH", "HEIGHT"))
    assert not told(names, sample, repair=False).swapped
    if swapped:
        assert "put right" in schema.told()


def test_a_column_called_like_a_hash_has_to_hold_one() -> None:
    assert told(["url", "md5"], {"md5": ["c2V2ZW50ZWVuIGJ5dGVz", None]}).hashes == ()
    assert told(["url", "hash"]).hashes == ()  # LAION's is of address and text
    named = told(["url", "Original_MD5"], hashes={"original_md5": "md5"})
    assert named.hashes == (("Original_MD5", "md5"),)
    with pytest.raises(InputError, match=r"no column 'sha'.*\[rebuild.hashes\]"):
        told(["url"], hashes={"sha": "sha256"})


def repaired(batch: pa.RecordBatch, *carry: str, **rebuild: Any) -> tuple[pa.Table, dict[str, int]]:
    settings = Rebuild(carry=carry, **rebuild)
    names = batch.schema.names
    sample = batch.select(columns_of_interest(names)).to_pydict()
    schema = schema_of(names, "list", List(), settings, sample)
    wanted = wanted_of(schema, names, carry, captions=True, explicit=settings.hashes, boxes=settings.boxes_column)
    repair = Repair(wanted)
    table = repair.repaired(batch.select(wanted.columns()))
    return table, dict(repair.counts)


def rows_of(column: pa.ChunkedArray[Any]) -> list[Any]:
    return column.to_pylist()


def test_swapped_sides_and_impossible_similarities_are_put_right() -> None:
    columns: dict[str, Any] = {
        "SAMPLE_ID": [1, 2, 3, 4],
        "URL": ["http://a.test/1", None, "http://a.test/3", "http://a.test/4"],
        "TEXT": ["one", "two", None, "four"],
        "HEIGHT": pa.array([640, 0, -1, 3], pa.int32()),
        "WIDTH": pa.array([480, 7, 8, None], pa.int32()),
        "similarity": [0.31, 6016.0, 1.0004, float("nan")],
    }
    batch = pa.record_batch(columns)
    table, counts = repaired(batch, "WIDTH", "HEIGHT", "similarity")
    carried = rows_of(table.column("carried"))
    assert [one["WIDTH"] for one in carried] == [640, 0, -1, 3]
    assert [one["HEIGHT"] for one in carried] == [480, 7, 8, None]
    assert str([one["similarity"] for one in carried]) == "[0.31, None, 1.0004, nan]"
    assert counts == {"values of similarity beyond 1": 1}
    sides = [(one["width"], one["height"]) for one in rows_of(table.column("expected"))]
    assert sides == [(640, 480), (None, 7), (None, 8), (3, None)]
    assert table.column("url").to_pylist() == ["http://a.test/1", "", "http://a.test/3", "http://a.test/4"]
    assert [one["url"] for one in carried][1] is None
    assert table.column("caption").to_pylist() == ["one", "two", "", "four"]
    as_they_are, _ = repaired(batch, "WIDTH", "similarity", repair=False)
    first = rows_of(as_they_are.column("carried"))[1]
    assert (first["WIDTH"], first["similarity"]) == (7, 6016.0)


def test_hashes_are_validated_and_texts_are_made_utf_8() -> None:
    caption: Any = pa.array([b"caf\xe9", b"caf\xc3\xa9", None], pa.binary())
    validity, offsets, content = caption.buffers()
    columns: dict[str, Any] = {
        "url": pa.array([b"http://a.test/\xff", b"http://a.test/2", b"http://a.test/3"]),
        "caption": pa.StringArray.from_buffers(3, offsets, content, validity),
        "md5": [MD5.upper(), "no hash", ""],
        "recorded": [MD5 * 2, None, MD5 * 2],
    }
    batch = pa.record_batch(columns)
    table, counts = repaired(batch, "caption", hashes={"md5": "md5", "recorded": "sha256"})
    assert table.column("url").to_pylist() == ["http://a.test/\ufffd", "http://a.test/2", "http://a.test/3"]
    assert table.column("caption").to_pylist() == ["caf\ufffd", "café", ""]
    expected = rows_of(table.column("expected"))
    assert [one["md5"] for one in expected] == [MD5, None, None]
    assert [one["sha256"] for one in expected] == [MD5 * 2, None, MD5 * 2]
    assert counts == {"values of md5 that are no md5": 1, "texts that are no UTF-8": 1}
    assert list(rows_of(table.column("carried"))[0]) == ["caption", "md5", "sha256", "url"]
