"""Vectors of a shard: in clip-retrieval's layout, row for row those of the pictures in the tar, and vouched for."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from crawler.commit import sweep
from crawler.embeddings import folder_name
from crawler.picture.encode import encode
from crawler.records import Embedded, Fault, Hashes, Rejected, Sample
from crawler.rows import rejected_row
from crawler.settings import Output
from crawler.write import ShardWriter, is_committed, pictured, read_stats
from tests.builders import a_candidate, a_fetched, a_picture

KEEPING = Output(keep_embeddings=True)
COLUMNS = (("similarity", "float"), ("similarity_model", "string"))
HASHES = Hashes("m" * 32, "1" * 40, "2" * 64, 1, 2, 99)
DIMENSIONS = 16


def a_sample(number: int) -> Sample:
    picture = a_picture(fetched=a_fetched(candidate=a_candidate(f"boat {number}", image_url=f"http://x.test/{number}")))
    encoded = encode(picture, KEEPING)
    scores = (("similarity", number / 100), ("similarity_model", "tiny@1"))
    return Sample(picture.fetched, picture.header, HASHES, encoded.image, encoded.width, encoded.height, scores)


SAMPLES = [pictured(a_sample(number), Output()) for number in range(9)]


def unit(seed: int, dimensions: int = DIMENSIONS) -> NDArray[np.float32]:
    vector = np.random.default_rng(seed).normal(size=dimensions)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def embedded(number: int, dimensions: int = DIMENSIONS) -> Embedded:
    return Embedded(a_candidate(), unit(number, dimensions), unit(100 + number, dimensions), "tiny@1")


def a_writer(folder: Path, settings: Output = KEEPING) -> ShardWriter:
    folder.mkdir(exist_ok=True)
    return ShardWriter(folder, 7, 1_000, settings, COLUMNS)


def write(folder: Path, order: Sequence[int], settings: Output = KEEPING) -> None:
    """Nine samples, in this order; number 4 is rejected and number 5 is taken back."""
    with a_writer(folder, settings) as writer:
        for number in order:
            if number == 4:
                writer.reject(number, rejected_row(Rejected(a_candidate("gone"), Fault.TIMEOUT)))
            else:
                writer.keep(number, SAMPLES[number], {"tiny float32": embedded(number)})
        writer.take_back(5, Fault.PLACEHOLDER)
        writer.commit({})


def read(
    folder: Path, engine: str = "tiny_float32"
) -> tuple[NDArray[np.float16], NDArray[np.float16], list[dict[str, object]]]:
    place = folder / "embeddings" / engine
    images, texts = (
        np.load(place / kind / f"{kind}_00007.npy", allow_pickle=False) for kind in ("img_emb", "text_emb")
    )
    return images, texts, pq.read_table(place / "metadata" / "metadata_00007.parquet").to_pylist()


KEPT = [0, 1, 2, 3, 6, 7, 8]


def test_rows_are_those_of_the_tar_in_the_order_of_the_keys(tmp_path: Path) -> None:
    write(tmp_path, [3, 8, 1, 0, 4, 7, 5, 2, 6])
    images, texts, rows = read(tmp_path)
    assert images.dtype == texts.dtype == np.float16
    assert np.array_equal(images, np.stack([unit(number) for number in KEPT]).astype(np.float16))
    assert np.array_equal(texts, np.stack([unit(100 + number) for number in KEPT]).astype(np.float16))
    table = pq.read_table(tmp_path / "00007.parquet").to_pylist()
    kept = [row for row in table if row["status"] == "success"]
    columns = ("caption", "url", "key", "similarity", "similarity_model")
    assert [{name: row[name] for name in columns} for row in rows] == [
        {name: row[name] for name in columns} for row in kept
    ]
    assert [row["image_path"] for row in rows] == [row["key"] for row in rows]
    assert [row["caption"] for row in rows] == [f"boat {number}" for number in KEPT]


def test_bytes_do_not_depend_on_the_order_in_which_the_web_answers(tmp_path: Path) -> None:
    for name, order in (("a", range(9)), ("b", range(8, -1, -1))):
        write(tmp_path / name, list(order))
    files = [{path.name: path.read_bytes() for path in (tmp_path / name).glob("embeddings/*/*/*")} for name in "ab"]
    assert sorted(files[0]) == ["img_emb_00007.npy", "metadata_00007.parquet", "text_emb_00007.npy"]
    assert files[0] == files[1]


def test_each_engine_has_a_folder_with_its_own_rows(tmp_path: Path) -> None:
    with a_writer(tmp_path) as writer:
        writer.keep(0, SAMPLES[0], {"a float32": embedded(0), "b/c bfloat16": embedded(1, 8)})
        writer.keep(1, SAMPLES[1], {"b/c bfloat16": embedded(2, 8)})
        writer.keep(2, SAMPLES[2])
        writer.commit({})
    images, _, rows = read(tmp_path, "a_float32")
    assert (images.shape, [row["caption"] for row in rows]) == ((1, DIMENSIONS), ["boat 0"])
    images, _, rows = read(tmp_path, "b_c_bfloat16")
    assert (images.shape, [row["caption"] for row in rows]) == ((2, 8), ["boat 0", "boat 1"])


def test_a_recipe_that_does_not_keep_them_has_none(tmp_path: Path) -> None:
    write(tmp_path, range(9), Output())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["00007.parquet", "00007.tar", "00007_stats.json"]


def test_an_engine_without_rows_has_no_files(tmp_path: Path) -> None:
    with a_writer(tmp_path) as writer:
        writer.keep(0, SAMPLES[0], {"a float32": embedded(0)})
        writer.take_back(0, Fault.PLACEHOLDER)
        writer.commit({})
    assert not (tmp_path / "embeddings").exists()
    assert is_committed(tmp_path, 7, KEEPING)


def test_the_marker_names_them_and_vouches_for_their_sizes(tmp_path: Path) -> None:
    write(tmp_path, range(9))
    files = read_stats(tmp_path, 7, KEEPING)["files"]
    place = "embeddings/tiny_float32"
    assert sorted(files) == [
        "00007.parquet", "00007.tar", f"{place}/img_emb/img_emb_00007.npy", f"{place}/metadata/metadata_00007.parquet",
        f"{place}/text_emb/text_emb_00007.npy",
    ]  # fmt: skip
    vectors = tmp_path / place / "img_emb" / "img_emb_00007.npy"
    assert (
        files[f"{place}/img_emb/img_emb_00007.npy"]["bytes"]
        == vectors.stat().st_size
        == 128 + 2 * DIMENSIONS * len(KEPT)
    )
    assert is_committed(tmp_path, 7, KEEPING)
    vectors.write_bytes(vectors.read_bytes()[:-1])
    assert not is_committed(tmp_path, 7, KEEPING)
    vectors.unlink()
    assert not is_committed(tmp_path, 7, KEEPING)


def test_a_marker_that_does_not_name_the_tar_vouches_for_nothing(tmp_path: Path) -> None:
    write(tmp_path, range(9))
    marker = tmp_path / "00007_stats.json"
    content = msgspec.json.decode(marker.read_bytes())
    del content["files"]["00007.tar"]
    marker.write_bytes(msgspec.json.encode(content))
    assert not is_committed(tmp_path, 7, KEEPING)


def test_a_job_that_ends_early_leaves_nothing(tmp_path: Path) -> None:
    with a_writer(tmp_path) as writer:
        writer.keep(0, SAMPLES[0], {"a float32": embedded(0)})
    assert list(tmp_path.rglob("*")) == []


DIES_WHILE_IT_WRITES = """
import os, signal, sys
from pathlib import Path
import tests.crawler.test_embeddings as here

writer = here.a_writer(Path(sys.argv[1]))
writer.keep(0, here.SAMPLES[0], {"a float32": here.embedded(0)})
with writer._embeddings.writing():
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_job_leaves_lies_where_it_is_swept_up(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", DIES_WHILE_IT_WRITES, str(tmp_path)], cwd=root, check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(sweep(tmp_path)) == 5  # the spools of pictures and of vectors, and three files of the engine
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_shard_that_is_made_again_has_no_vectors_of_the_first_try(tmp_path: Path) -> None:
    for engine in ("first float32", "second float32"):
        with a_writer(tmp_path) as writer:
            writer.keep(0, SAMPLES[0], {engine: embedded(0)})
            writer.commit({})
    assert [path.parts[-3] for path in tmp_path.rglob("*.npy")] == ["second_float32"] * 2
    assert is_committed(tmp_path, 7, KEEPING)


def test_vectors_of_two_lengths_from_one_engine_are_our_bug(tmp_path: Path) -> None:
    with a_writer(tmp_path) as writer:
        writer.keep(0, SAMPLES[0], {"a float32": embedded(0)})
        with pytest.raises(ValueError, match="8 numbers among those of 16"):
            writer.keep(1, SAMPLES[1], {"a float32": embedded(1, 8)})


@given(st.text(min_size=1))
def test_the_folder_of_an_engine_is_one_folder_on_any_system(name: str) -> None:
    folder = folder_name(f"{name} float32")
    assert set(folder) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-")
    assert folder not in (".", "..")
    assert folder_name(folder) == folder
