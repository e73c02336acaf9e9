"""A committed shard is read by the loaders that people train with, as they are, without a line of adaptation."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from crawler.picture.encode import encode
from crawler.records import Caption, Fault, Rejected, Sample, TextSource
from crawler.rows import rejected_row
from crawler.settings import Output
from crawler.write import ShardWriter, pictured
from tests.builders import a_candidate, a_fetched, a_picture

# Loaders that infer types look at the first five samples; further captions and opt-outs come only after these.
PLAIN = 6
KEPT = 16
ROOT = Path(__file__).resolve().parents[2]
CAPTIONS = [f"boat number {number}, schön & größer" for number in range(KEPT)]

#: webdataset 0.2.86, the newest that open_clip 3.3's training reader works with; `make install` puts it there
PEERS = Path(sys.prefix) / "peers"

# In a process of its own, for this one has a newer webdataset. Prints shapes, mean of the red channel, and captions.
TRAIN = """
import argparse, json, sys
sys.path[:0] = [sys.argv[1], sys.argv[2]]
from filters.models.open_clip_border import import_open_clip
open_clip = import_open_clip()
from open_clip_train.data import get_data
import webdataset
tar, kept = sys.argv[3], int(sys.argv[4])
arguments = argparse.Namespace(
    train_data=tar, val_data=None, dataset_type="webdataset", dataset_resampled=False,
    train_data_upsampling_factors=None, train_num_samples=kept, val_num_samples=0, batch_size=4, seed=0, workers=0,
    world_size=1, distributed=False, imagenet_val=None, imagenet_v2=None,
)
preprocess = open_clip.image_transform(64, is_train=True, mean=(0, 0, 0), std=(1, 1, 1))
data = get_data(arguments, (preprocess, preprocess), tokenizer=open_clip.get_tokenizer("ViT-B-32"))
batches = list(data["train"].dataloader)
print(json.dumps({
    "webdataset": webdataset.__version__,
    "images": [list(images.shape) for images, _ in batches],
    "red": [float(images[:, 0].mean()) for images, _ in batches],
    "tokens": sorted(row.tolist() for _, tokens in batches for row in tokens),
}))
"""


def a_sample(number: int, output: Output) -> Sample:
    more = (Caption(TextSource.TITLE, f"title {number}"),) if number >= PLAIN else ()
    opt_outs = ("robots: noai",) if number >= PLAIN else ()
    candidate = a_candidate(CAPTIONS[number], other_captions=more, opt_outs=opt_outs, position=number)
    picture = a_picture((320 + number, 240), fetched=a_fetched(candidate=candidate, opt_outs=opt_outs))
    encoded = encode(picture, output)
    return Sample(
        fetched=picture.fetched,
        header=picture.header,
        hashes=picture.hashes,
        image=encoded.image,
        width=encoded.width,
        height=encoded.height,
        scores=(("similarity", number / 16),),
    )


def a_shard(folder: Path, output: Output) -> Path:
    """Sixteen samples with a rejected row between any two."""
    with ShardWriter(folder, 0, 100, output, (("similarity", "float"),)) as writer:
        for number in reversed(range(KEPT)):
            writer.keep(2 * number, pictured(a_sample(number, output), output))
            writer.reject(2 * number + 1, rejected_row(Rejected(a_candidate(), Fault.TIMEOUT)))
        writer.commit({})
    return folder / "00000.tar"


@pytest.mark.parametrize("name", ["jpg", "png", "webp"])
def test_webdataset_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: Any) -> None:
    import webdataset

    monkeypatch.setattr("webdataset.utils.enforce_security", True, raising=False)  # WDS_SECURE=1
    tar = a_shard(tmp_path, Output(encode_format=name))
    samples = list(webdataset.WebDataset(str(tar), shardshuffle=False).decode("pil"))
    assert [sample["__key__"] for sample in samples] == [f"{2 * number:07d}" for number in range(KEPT)]
    assert [sample["txt"] for sample in samples] == CAPTIONS
    assert [sample["json"]["similarity"] for sample in samples] == [number / 16 for number in range(KEPT)]
    for number, sample in enumerate(samples):
        assert isinstance(sample[name], Image.Image)
        assert sample[name].size == (sample["json"]["width"], sample["json"]["height"])
        assert sample["json"]["original_width"] == 320 + number


def test_hugging_face_datasets_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    import datasets

    tar = a_shard(tmp_path, Output())
    datasets.disable_progress_bars()
    table = datasets.load_dataset(
        "webdataset", data_files={"train": str(tar)}, split="train", cache_dir=str(tmp_path / "cache")
    )
    assert table["txt"][:] == CAPTIONS
    assert [row["jpg"].size for row in table] == [(row["json"]["width"], row["json"]["height"]) for row in table]
    assert json.loads(table[KEPT - 1]["json"]["other_captions"]) == [{"source": "title", "text": "title 15"}]
    assert json.loads(table[0]["json"]["other_captions"]) == []


def test_hugging_face_datasets_reads_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    import datasets

    table = a_shard(tmp_path, Output()).with_suffix(".parquet")
    datasets.disable_progress_bars()
    rows = datasets.load_dataset(
        "parquet", data_files={"train": str(table)}, split="train", cache_dir=str(tmp_path / "cache")
    )
    assert rows["status"][:] == ["success", "failed_to_download"] * KEPT


@pytest.mark.clip
@pytest.mark.slow
def test_open_clip_trains_on_it(tmp_path: Path) -> None:
    assert PEERS.is_dir(), "make install puts webdataset 0.2.86 there"
    tar = a_shard(tmp_path, Output())
    words = [sys.executable, "-W", "ignore", "-c", TRAIN, str(PEERS), str(ROOT), str(tar), str(KEPT)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["webdataset"] == "0.2.86"
    assert seen["images"] == [[4, 3, 64, 64]] * 4
    assert all(abs(red - 200 / 255) < 0.02 for red in seen["red"])
    tokenizer = pytest.importorskip("filters.models.open_clip_border").import_open_clip().get_tokenizer("ViT-B-32")
    assert seen["tokens"] == sorted(tokenizer(CAPTIONS).tolist())


@pytest.mark.clip
@pytest.mark.parametrize("name", ["jpg", "png", "webp"])
def test_open_clip_evaluates_on_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: Any) -> None:
    open_clip = pytest.importorskip("filters.models.open_clip_border").import_open_clip()
    from open_clip_train.data import get_data

    # with WDS_SECURE=1 the opener that open_clip uses refuses all local files; there is nothing to unpickle in a shard
    monkeypatch.setattr("webdataset.utils.enforce_security", False, raising=False)
    tar = str(a_shard(tmp_path, Output(encode_format=name)))
    arguments = argparse.Namespace(
        train_data=None, val_data=tar, dataset_type="webdataset",
        dataset_resampled=False, train_data_upsampling_factors=None, train_num_samples=KEPT, val_num_samples=KEPT,
        batch_size=4, seed=0, workers=0, world_size=1, distributed=False, imagenet_val=None, imagenet_v2=None,
    )  # fmt: skip
    preprocess = open_clip.image_transform(64, is_train=False, mean=(0, 0, 0), std=(1, 1, 1))
    tokenizer = open_clip.get_tokenizer("ViT-B-32")
    data = get_data(arguments, (preprocess, preprocess), tokenizer=tokenizer)
    batches = list(data["val"].dataloader)
    assert [tuple(images.shape) for images, _ in batches] == [(4, 3, 64, 64)] * 4
    assert [tuple(tokens.shape) for _, tokens in batches] == [(4, 77)] * 4
    assert all(abs(float(images[:, 0].mean()) - 200 / 255) < 0.02 for images, _ in batches)
    seen = sorted(tuple(row.tolist()) for _, tokens in batches for row in tokens)
    assert seen == sorted(tuple(row.tolist()) for row in tokenizer(CAPTIONS))
