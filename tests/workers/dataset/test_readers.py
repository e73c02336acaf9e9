"""What is laid out for them is read by mlcroissant, datasets, huggingface_hub and wids, as it is."""

from __future__ import annotations

import hashlib
import importlib
import json
import logging
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

from tests.dataset_versions import a_keys, a_store
from tests.picture_shards import caption, is_kept, key, picture_folder
from workers.dataset.commits.checking_out import check_out
from workers.dataset.commits.committing import commit_run
from workers.dataset.describing.hub_layout import HUB, folder_of
from workers.export.choice import Choice
from workers.export.hub import export_hub
from workers.export.versions import open_place

#: webdataset 0.2.86, the last that came with wids; `make install` puts it there
PEERS = Path(sys.prefix) / "peers"
NUMBERS = [number for shard in range(2) for number in range(100 * shard, 100 * shard + 8)]
KEPT = [number for number in NUMBERS if is_kept(number)]

#: in a process of its own: this one has a newer webdataset, without wids
WIDS = """
import json, sys
sys.path.insert(0, sys.argv[1])
import wids
found = wids.ShardListDataset(sys.argv[2], cache_dir=sys.argv[3], transformations=[])
samples = [found[at] for at in range(len(found))]
print(json.dumps([[one["__key__"], one[".txt"].read().decode(), len(one[".jpg"].read()) > 99] for one in samples]))
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a version with their descriptions, two shards."""
    base = tmp_path_factory.mktemp("readers")
    keys = a_keys(base / "keys")
    store = a_store(base / "store", keys)
    commit_run(store, keys, picture_folder(base / "run"))
    export_hub(open_place(str(base / "store")), base / "checkout", Choice(kept_only=False), told=lambda _: None)
    return base / "checkout"


def test_mlcroissant_finds_no_fault_in_the_description_and_reads_the_rows_by_it(
    checkout: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mlcroissant = importlib.import_module("mlcroissant")
    with caplog.at_level(logging.WARNING), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of rdflib and pandas, which mlcroissant is to mend
        found = mlcroissant.Dataset(jsonld=str(checkout / "croissant.json"))
        shards, rows = list(found.records("shards")), list(found.records("rows"))
    assert found.metadata.ctx.issues.errors == set()
    assert [one for one in found.metadata.ctx.issues.warnings if "citeAs" not in one] == []
    assert found.metadata.ctx.conforms_to.value == "http://mlcommons.org/croissant/1.1"
    assert [(one["shards/rows"], one["shards/samples"]) for one in shards] == [(8, 6), (8, 6)]
    assert [_text(one["rows/caption"]) for one in rows] == [caption(number) for number in NUMBERS]


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def test_the_hub_reads_the_front_matter_of_the_card(checkout: Path) -> None:
    from huggingface_hub import DatasetCard

    card = DatasetCard.load(checkout / "README.md")
    assert card.data.pretty_name == "boats"
    assert card.data.size_categories == ["n<1K"]
    assert [one["config_name"] for one in card.data.configs] == ["default"]
    assert "12 image-text pairs in 2 shards" in card.text


def test_datasets_loads_pictures_and_tables_by_the_card_alone(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    import datasets

    datasets.disable_progress_bars()
    cache = str(tmp_path / "cache")
    pairs = datasets.load_dataset(str(checkout), split="train", cache_dir=cache)
    assert pairs["txt"][:] == [caption(number) for number in KEPT]
    assert [picture.size for picture in pairs["jpg"]] == [(40 + number % 50, 30) for number in KEPT]
    rows = datasets.load_dataset("parquet", data_files=str(checkout / HUB.tables), split="train", cache_dir=cache)
    assert rows["key"][:] == [key(number) for number in NUMBERS]


@pytest.mark.clip
@pytest.mark.slow
def test_wids_finds_every_sample_by_its_number(checkout: Path, tmp_path: Path) -> None:
    assert PEERS.is_dir(), "make install puts webdataset 0.2.86 there"
    words = [
        sys.executable,
        "-W",
        "ignore",
        "-c",
        WIDS,
        str(PEERS),
        str(checkout / "wids.json"),
        str(tmp_path / "wids"),
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [[key(number), caption(number), True] for number in KEPT]


def test_no_folder_of_a_checkout_has_ten_thousand_files() -> None:
    names = [f"{number:06d}" for number in range(120_000)]
    counted: dict[str, int] = {}
    for name in names:
        counted[folder_of(name)] = counted.get(folder_of(name), 0) + 1
    assert max(counted.values()) == 1_000
    assert len(counted) == 120
    assert folder_of("00017") == "data/00"
    assert folder_of("017") == "data/0"
    assert folder_of("boats") == folder_of("boats") != folder_of("ships")


def test_descriptions_of_a_commit_are_true_in_a_checkout(tmp_path: Path) -> None:
    keys = a_keys(tmp_path / "keys")
    store = a_store(tmp_path / "store", keys)
    commit_run(store, keys, picture_folder(tmp_path / "run"))
    check_out(store, "main", tmp_path / "out")
    listed = json.loads((tmp_path / "out" / "wids.json").read_text())
    assert listed["__kind__"] == "wids-shard-index-v1"
    for one in listed["shardlist"]:
        assert (tmp_path / "out" / one["url"]).stat().st_size == one["filesize"]
    described = json.loads((tmp_path / "out" / "croissant.json").read_text())
    manifest, tables, pictures = described["distribution"]
    listing = (tmp_path / "out" / manifest["contentUrl"]).read_bytes()
    assert hashlib.sha256(listing).hexdigest() == manifest["sha256"]
    assert len(list((tmp_path / "out").glob(tables["includes"]))) == 2
    assert len(list((tmp_path / "out").glob(pictures["includes"]))) == 2
