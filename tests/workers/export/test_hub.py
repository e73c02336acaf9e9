"""A repository for the Hub: nothing in it that is not part of the version, and figures of what is in it."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest

from crawler.dataset.tables import packed_mask
from crawler.errors import InputError
from tests.dataset_versions import a_keys, a_store, commit_list
from tests.picture_shards import caption, is_kept, picture_folder
from workers.dataset.commits.committing import commit_run
from workers.export.choice import Choice
from workers.export.hub import export_hub
from workers.export.places import open_folder
from workers.export.vectors import export_vectors
from workers.export.versions import open_place

ALL = Choice(kept_only=False)


def quiet(_count: int) -> None:
    pass


def texts(tar: Path) -> list[str]:
    with tarfile.open(tar) as archive:
        found = [archive.extractfile(one) for one in archive if one.name.endswith(".txt")]
        return [one.read().decode() for one in found if one]


def test_whole_shards_are_laid_out_as_they_are(tmp_path: Path) -> None:
    folder = picture_folder(tmp_path / "run")
    done = export_hub(open_folder(folder), tmp_path / "hub", ALL, told=quiet)
    assert done == {"shards": 2, "rows": 16, "samples": 12}
    for name in ("00000.tar", "00000.parquet", "00001.tar", "00001.parquet"):
        assert (tmp_path / "hub" / "data" / "00" / name).read_bytes() == (folder / name).read_bytes()
    listed = [json.loads(line) for line in (tmp_path / "hub" / "shards.jsonl").read_text().splitlines()]
    assert [(one["name"], one["rows"], one["samples"]) for one in listed] == [("00000", 8, 6), ("00001", 8, 6)]
    before = {path: path.read_bytes() for path in (tmp_path / "hub").rglob("*") if path.is_file()}
    export_hub(open_folder(folder), tmp_path / "hub", ALL, told=quiet)
    assert {path: path.read_bytes() for path in (tmp_path / "hub").rglob("*") if path.is_file()} == before


def test_masked_rows_are_cut_out_of_tables_and_tars(tmp_path: Path) -> None:
    keys = a_keys(tmp_path / "keys")
    store = a_store(tmp_path / "store", keys)
    commit_run(store, keys, picture_folder(tmp_path / "run"))
    first, second = store.shards(store.read_commit("main")[1])
    some = store.objects.put_bytes(packed_mask(np.array([True, False, False, True, False, False, False, False])))
    every = store.objects.put_bytes(packed_mask(np.ones(8, np.bool_)))
    shards = [
        msgspec.structs.replace(first, mask=some, masked=2),
        msgspec.structs.replace(second, mask=every, masked=8),
    ]
    commit_list(store, keys, shards)
    done = export_hub(open_place(str(tmp_path / "store")), tmp_path / "hub", ALL, told=quiet)
    assert done == {"shards": 1, "rows": 6, "samples": 5}
    data = tmp_path / "hub" / "data" / "00"
    assert sorted(one.name for one in data.iterdir()) == ["00000.parquet", "00000.tar"]
    table = pq.read_table(data / "00000.parquet")
    assert table.column("caption").to_pylist() == [caption(number) for number in (1, 2, 4, 5, 6, 7)]
    assert table.column("key").to_pylist() == [f"{row:07d}" for row in range(6)]  # no hole shows where rows were
    assert texts(data / "00000.tar") == [caption(number) for number in (1, 2, 4, 5, 6)]
    statistics = json.loads((tmp_path / "hub" / "statistics.json").read_text())
    assert (statistics["rows"], statistics["masked"]) == (6, 0)
    content = b"".join(path.read_bytes() for path in (tmp_path / "hub").rglob("*") if path.is_file())
    assert caption(0).encode() not in content


def test_tables_can_be_published_without_rejected_rows(tmp_path: Path) -> None:
    folder = picture_folder(tmp_path / "run", shards=(0,))
    assert export_hub(open_folder(folder), tmp_path / "hub", Choice(), told=quiet)["rows"] == 6
    table = pq.read_table(tmp_path / "hub" / "data" / "00" / "00000.parquet")
    assert set(table.column("status").to_pylist()) == {"success"}
    kept = [caption(number) for number in range(8) if is_kept(number)]
    assert table.column("caption").to_pylist() == texts(tmp_path / "hub" / "data" / "00" / "00000.tar") == kept


def test_pictures_in_single_files_are_refused_and_not_left_out_silently(tmp_path: Path) -> None:
    folder = picture_folder(tmp_path / "run", shards=(0,))
    (folder / "00000.tar").unlink()
    (folder / "00000").mkdir()
    with pytest.raises(InputError, match="single files"):
        export_hub(open_folder(folder), tmp_path / "hub", ALL, told=quiet)


def test_vectors_are_laid_out_without_holes_in_their_numbers(tmp_path: Path) -> None:
    folder = picture_folder(tmp_path / "run", shards=range(3))
    with pytest.raises(InputError, match="keep_embeddings"):
        export_vectors(open_folder(folder), tmp_path / "out", "", told=quiet)
    for engine in ("one", "two"):
        for kind, ending in (("img_emb", "npy"), ("text_emb", "npy"), ("metadata", "parquet")):
            place = folder / "embeddings" / engine / kind
            place.mkdir(parents=True)
            for name in ("00000", "00002"):
                (place / f"{kind}_{name}.{ending}").write_text(f"{engine} {kind} {name}")
    with pytest.raises(InputError, match="one, two"):
        export_vectors(open_folder(folder), tmp_path / "out", "", told=quiet)
    assert export_vectors(open_folder(folder), tmp_path / "out", "two", told=quiet) == {"parts": 2}
    assert (tmp_path / "out" / "img_emb" / "img_emb_1.npy").read_text() == "two img_emb 00002"
    assert (tmp_path / "out" / "metadata" / "metadata_0.parquet").read_text() == "two metadata 00000"
    assert export_vectors(open_folder(folder), tmp_path / "out", "two", told=quiet) == {"parts": 2}
