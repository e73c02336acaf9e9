from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path
from typing import Literal

import pytest

from crawler.containers import Packed, container_files, has_table, image_column, is_there, open_container
from crawler.settings import Output
from tests.crawler.test_tfrecord import features

Kind = Literal["webdataset", "files", "parquet", "tfrecord", "dummy"]


def a_sample(key: str = "000000003", **changes: object) -> Packed:
    fields = {"extension": "jpg", "image": b"\xff\xd8 pixels", "content": {"url": "http://a.test/é.jpg", "width": 8, "exif": None},
              "caption": "a böat"} | changes  # fmt: skip
    return Packed(key, **fields)  # type: ignore[arg-type]  # a builder takes every field


def written(folder: Path, kind: Kind, *samples: Packed) -> dict[str, dict[str, object]]:
    with open_container(folder, "00000", Output(container=kind)) as container:
        for sample in samples:
            container.add(sample)
    return dict(container.described())


def test_a_tar_has_picture_json_and_caption_in_img2datasets_order(tmp_path: Path) -> None:
    described = written(tmp_path, "webdataset", a_sample())
    with tarfile.open(tmp_path / "00000.tar") as tar:
        assert tar.getnames() == ["000000003.jpg", "000000003.json", "000000003.txt"]
    content = (tmp_path / "00000.tar").read_bytes()
    assert described == {"00000.tar": {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}}


def test_a_folder_has_the_files_that_img2dataset_writes(tmp_path: Path) -> None:
    described = written(tmp_path, "files", a_sample(), a_sample("000000007", caption=None))
    folder = tmp_path / "00000"
    assert sorted(one.name for one in folder.iterdir()) == [
        "000000003.jpg", "000000003.json", "000000003.txt", "000000007.jpg", "000000007.json",
    ]  # fmt: skip
    assert (folder / "000000003.txt").read_text(encoding="utf-8") == "a böat"
    assert json.loads((folder / "000000003.json").read_bytes()) == a_sample().content
    ours = described["00000/"]
    listing = "".join(
        f"{hashlib.sha256(one.read_bytes()).hexdigest()}  {one.name}\n" for one in sorted(folder.iterdir())
    )
    assert ours["sha256"] == hashlib.sha256(listing.encode()).hexdigest()  # checked by `sha256sum *`
    assert is_there(tmp_path, "00000/", ours)
    (folder / "000000003.txt").unlink()
    assert not is_there(tmp_path, "00000/", ours)


def test_a_folder_that_is_made_again_has_nothing_of_the_old_one(tmp_path: Path) -> None:
    written(tmp_path, "files", a_sample("000000001"))
    written(tmp_path, "files", a_sample("000000002"))
    assert {one.stem for one in (tmp_path / "00000").iterdir()} == {"000000002"}
    assert [one.name for one in tmp_path.iterdir()] == ["00000"]


@pytest.mark.parametrize("kind", ["webdataset", "files", "tfrecord"])
def test_a_container_that_is_not_finished_leaves_nothing(tmp_path: Path, kind: Kind) -> None:
    def cut_short() -> None:
        with open_container(tmp_path, "00000", Output(container=kind)) as container:
            container.add(a_sample())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        cut_short()
    assert list(tmp_path.iterdir()) == []


def test_a_tfrecord_has_key_picture_caption_and_every_column(tmp_path: Path) -> None:
    written(tmp_path, "tfrecord", a_sample())
    content = (tmp_path / "00000.tfrecord").read_bytes()
    length = int.from_bytes(content[:8], "little")
    found = features(content[12 : 12 + length])
    assert list(found) == ["key", "jpg", "txt", "url", "width", "exif"]
    assert found["txt"][1][2:].decode() == "a böat"


def test_each_layout_has_its_files() -> None:
    files = {kind: container_files("00012", Output(container=kind)) for kind in KINDS}
    assert files == {
        "webdataset": ("00012.tar", "00012.parquet"),
        "files": ("00012/", "00012.parquet"),
        "tfrecord": ("00012.tfrecord", "00012.parquet"),
        "parquet": ("00012.parquet",),
        "dummy": (),
    }
    assert [kind for kind in KINDS if not has_table(Output(container=kind))] == ["dummy"]
    assert image_column(Output(container="parquet", encode_format="webp")) == "webp"
    assert image_column(Output()) is None


KINDS: tuple[Kind, ...] = ("webdataset", "files", "tfrecord", "parquet", "dummy")
