"""Tables in other people's forms: their columns and types, our values the right way round, and nothing twice after a stop."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crawler.errors import InputError, RunFolderError, SettingsError
from tests.dataset_versions import a_keys, a_store
from tests.picture_shards import caption, is_kept, picture_folder, url
from workers.dataset.commits.committing import commit_run
from workers.export.choice import Choice
from workers.export.coyo import COYO
from workers.export.img2dataset_list import img2dataset_list
from workers.export.laion import LIKE
from workers.export.places import Place, open_folder
from workers.export.tables import column_types, export_table, export_urls
from workers.export.versions import open_place

KEPT = [number for shard in range(2) for number in range(100 * shard, 100 * shard + 8) if is_kept(number)]
ALL = Choice(kept_only=False)
KEPT_ONLY = Choice()


def quiet(_count: int) -> None:
    pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return picture_folder(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def store(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("versions")
    keys = a_keys(base / "keys")
    commit_run(a_store(base / "store", keys), keys, folder)
    return base / "store"


def exported(place: Place, to: Path, form: Any, choice: Choice = KEPT_ONLY, **more: Any) -> list[dict[str, Any]]:
    export_table(place, to, form, choice, told=quiet, **more)
    rows: list[dict[str, Any]] = pa.concat_tables([pq.read_table(one) for one in sorted(to.glob("part-*"))]).to_pylist()
    return rows


def test_addresses_are_one_a_line_in_the_order_of_the_rows(folder: Path, store: Path, tmp_path: Path) -> None:
    wanted = "".join(f"{url(number)}\n" for number in KEPT)
    counts = export_urls(open_folder(folder), tmp_path / "urls.txt", Choice(), told=quiet)
    assert counts == {"lines": 12, "without": 0}
    assert (tmp_path / "urls.txt").read_text() == wanted
    for name in ("one.gz", "two.gz"):
        export_urls(open_place(str(store)), tmp_path / name, Choice(), told=quiet)
    assert gzip.decompress((tmp_path / "one.gz").read_bytes()).decode() == wanted
    assert (tmp_path / "one.gz").read_bytes() == (tmp_path / "two.gz").read_bytes()
    export_urls(open_folder(folder), tmp_path / "all.txt", ALL, told=quiet)
    assert len((tmp_path / "all.txt").read_text().splitlines()) == 16


def test_an_address_that_would_break_its_line_loses_the_break_and_an_empty_one_has_no_line(tmp_path: Path) -> None:
    rows = pa.table({"url": ["http://a.test/1\n2", "", None, "http://a.test/\r\t3"], "status": ["success"] * 4})
    pq.write_table(rows, tmp_path / "00000.parquet")
    (tmp_path / "00000_stats.json").write_text("{}")
    counts = export_urls(open_folder(tmp_path), tmp_path / "urls.txt", Choice(), told=quiet)
    assert counts == {"lines": 2, "without": 2}
    assert (tmp_path / "urls.txt").read_text() == "http://a.test/12\nhttp://a.test/3\n"


@pytest.mark.parametrize(
    ("like", "columns"),
    [
        ("400m", "SAMPLE_ID URL TEXT HEIGHT WIDTH LICENSE NSFW similarity"),
        ("joined", "URL TEXT WIDTH HEIGHT similarity hash punsafe pwatermark"),
        ("joined-multi", "URL TEXT WIDTH HEIGHT similarity LANGUAGE hash punsafe pwatermark"),
        ("aesthetic", "URL TEXT WIDTH HEIGHT similarity hash punsafe pwatermark aesthetic"),
    ],
)
def test_laion_s_tables_have_their_columns_and_width_is_the_width(
    folder: Path, tmp_path: Path, like: str, columns: str
) -> None:
    rows = exported(open_folder(folder), tmp_path / "laion", LIKE[like])
    schema = pq.read_schema(tmp_path / "laion" / "part-00000.parquet")
    assert schema.names == columns.split()
    types = {
        "SAMPLE_ID": "int64", "URL": "string", "TEXT": "string", "HEIGHT": "int32", "WIDTH": "int32", "LICENSE": "string",
        "NSFW": "string", "similarity": "double", "LANGUAGE": "string", "hash": "int64", "punsafe": "float",
        "pwatermark": "float", "aesthetic": "float",
    }  # fmt: skip
    assert {name: str(schema.field(name).type) for name in schema.names} == {name: types[name] for name in schema.names}
    assert [(one["URL"], one["TEXT"]) for one in rows] == [(url(number), caption(number)) for number in KEPT]
    assert [(one["WIDTH"], one["HEIGHT"]) for one in rows] == [(40 + number % 50, 30) for number in KEPT]
    assert b"not swapped" in schema.metadata[b"pairtrawl.width_and_height"]
    assert [one["similarity"] for one in rows] == [number / 1000 for number in KEPT]
    if like == "400m":
        assert {one["LICENSE"] for one in rows} == {"?"}
        assert len({one["SAMPLE_ID"] for one in rows}) == len(KEPT)


def test_laion_s_hash_is_that_of_address_and_text() -> None:
    form = LIKE["joined"]
    batch = pa.RecordBatch.from_pydict({"url": ["hel", None], "caption": ["lo", None]})
    # MurmurHash3 x64-128 of "hello" with seed 0 begins with cbd8a7b341bd9b02 in every implementation; of "" it is 0
    assert form.table(batch).column("hash").to_pylist() == [0xCBD8A7B341BD9B02 - 2**64, 0]


def test_coyo_s_table_has_its_fields_and_scores_of_the_right_model(folder: Path, tmp_path: Path) -> None:
    rows = exported(open_folder(folder), tmp_path / "coyo", COYO)
    assert list(rows[0]) == [
        "id",
        "url",
        "text",
        "width",
        "height",
        "image_phash",
        "text_length",
        "word_count",
        "num_tokens_bert",
        "num_tokens_gpt",
        "num_faces",
        "clip_similarity_vitb32",
        "clip_similarity_vitl14",
        "nsfw_score_opennsfw2",
        "nsfw_score_gantman",
        "watermark_score",
        "aesthetic_score_laion_v2",
    ]
    assert [(one["width"], one["height"]) for one in rows] == [(40 + number % 50, 30) for number in KEPT]
    assert [(one["text_length"], one["word_count"]) for one in rows] == [(len(caption(n)), 5) for n in KEPT]
    assert [one["clip_similarity_vitb32"] for one in rows] == [number / 1000 for number in KEPT]
    assert {one["clip_similarity_vitl14"] for one in rows} == {None}
    assert all(len(one["image_phash"]) == 16 for one in rows)
    # as monotonically_increasing_id(): shard, then row
    assert [one["id"] for one in rows] == [((number // 100) << 33) + number % 100 for number in KEPT]


def test_a_list_for_img2dataset_keeps_further_columns_as_they_are_and_none_that_it_would_refuse(
    folder: Path, tmp_path: Path
) -> None:
    place = open_folder(folder)
    form = img2dataset_list("sha256", column_types(place, ["content_id", "header_opt_outs"]))
    (first, *_) = exported(place, tmp_path / "list", form)
    assert list(first) == ["url", "caption", "sha256", "content_id", "header_opt_outs"]
    assert (first["url"], first["caption"], first["header_opt_outs"]) == (url(0), caption(0), [])
    assert len(first["sha256"]) == 64
    assert '--verify_hash \'["sha256","sha256"]\'' in form.notes["use"]
    with pytest.raises(SettingsError, match="status"):
        img2dataset_list("", column_types(place, ["status"]))
    with pytest.raises(SettingsError, match="no such column"):
        column_types(place, ["statu"])


def test_a_condition_chooses_rows_and_one_that_is_none_is_refused_by_name(folder: Path, tmp_path: Path) -> None:
    chosen = Choice(where="similarity >= 0.1 AND width <> 41")
    rows = exported(open_folder(folder), tmp_path / "some", LIKE["joined"], chosen)
    assert [one["URL"] for one in rows] == [url(number) for number in KEPT if number >= 100 and number != 101]
    with pytest.raises(SettingsError, match="similarty"):
        exported(open_folder(folder), tmp_path / "none", LIKE["joined"], Choice(where="similarty > 0"))


def test_a_version_and_its_folder_give_the_same_tables(folder: Path, store: Path, tmp_path: Path) -> None:
    one = exported(open_folder(folder), tmp_path / "one", COYO)
    assert one == exported(open_place(str(store)), tmp_path / "two", COYO)
    assert one == exported(open_place(str(store), "main"), tmp_path / "three", COYO)


def test_an_export_that_was_stopped_goes_on_and_ends_as_if_it_had_not_been(folder: Path, tmp_path: Path) -> None:
    place = open_folder(folder)
    wanted = exported(place, tmp_path / "whole", COYO, rows_per_part=1)
    assert len(list((tmp_path / "whole").glob("part-*"))) == 2

    def stop(_count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_table(place, tmp_path / "cut", COYO, Choice(), told=stop, rows_per_part=1)
    assert [one.name for one in (tmp_path / "cut").glob("part-*")] == ["part-00000.parquet"]
    (tmp_path / "cut" / "part-00000.parquet").touch()
    counts = export_table(place, tmp_path / "cut", COYO, Choice(), told=quiet, rows_per_part=1)
    assert counts == {"rows": 12, "parts": 2, "written": 1}
    assert exported(place, tmp_path / "cut", COYO, rows_per_part=1) == wanted


def test_a_folder_of_another_export_or_of_other_files_is_left_alone(folder: Path, tmp_path: Path) -> None:
    place = open_folder(folder)
    exported(place, tmp_path / "out", COYO)
    with pytest.raises(RunFolderError, match="coyo, not joined"):
        exported(place, tmp_path / "out", LIKE["joined"])
    with pytest.raises(RunFolderError, match="another where"):
        exported(place, tmp_path / "out", COYO, Choice(where="width > 0"))
    with pytest.raises(RunFolderError, match="other shards"):
        exported(open_folder(picture_folder(tmp_path / "run", shards=(0,))), tmp_path / "out", COYO)
    with pytest.raises(RunFolderError, match="no export"):
        exported(place, folder, COYO)


def test_only_committed_shards_are_taken_and_a_place_without_any_is_refused(tmp_path: Path) -> None:
    folder = picture_folder(tmp_path / "run")
    (folder / "00001_stats.json").unlink()
    assert [shard.name for shard in open_folder(folder).shards()] == ["00000"]
    with pytest.raises(InputError, match="no finished shard"):
        open_folder(tmp_path)
    with pytest.raises(InputError, match="no store"):
        open_place(str(folder), "main")
    (folder / "00000.parquet").write_bytes(b"no table")
    with pytest.raises(InputError, match=r"00000\.parquet"):
        list(open_folder(folder).shards())


def test_masked_rows_of_a_version_are_in_no_export(store: Path, tmp_path: Path) -> None:
    import msgspec
    import numpy as np

    from crawler.dataset.keys import open_keys
    from crawler.dataset.store import open_store
    from crawler.dataset.tables import packed_mask
    from tests.dataset_versions import commit_list

    opened = open_store(str(store))
    first, second = opened.shards(opened.read_commit("main")[1])
    mask = opened.objects.put_bytes(packed_mask(np.array([True, False, False, True, False, False, False, False])))
    masked = msgspec.structs.replace(first, mask=mask, masked=2)
    commit_list(opened, open_keys(store.parent / "keys"), [masked, second], ref="without")
    export_urls(open_place(str(store), "without"), tmp_path / "urls.txt", ALL, told=quiet)
    lines = (tmp_path / "urls.txt").read_text().splitlines()
    assert lines == [url(number) for number in (*range(1, 3), *range(4, 8), *range(100, 108))]
