"""Outputs of img2dataset as runs of it left them, whole and cut short, taken over by what they say themselves."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crawler.errors import InputError
from tests.builders import image_bytes
from workers.rebuild.adopting import Adoption

GPS = json.dumps({"Image Make": "Nikon", "GPS GPSLatitude": "[52, 1, 2]", "EXIF BodySerialNumber": "SN1"})


def url(number: int) -> str:
    return f"http://pictures.test/{number}.jpg"


def picture(number: int) -> bytes:
    return image_bytes(color=(number, 9, 9), kind="JPEG")


def meta(shard: int, index: int, number: int) -> dict[str, Any]:
    return {"url": url(number), "key": f"{shard * 1000 + index:08d}", "status": "success", "error_message": None, "width": 80,
            "height": 60, "original_width": 800, "original_height": 600, "exif": GPS, "sha256": f"{number:064x}"}  # fmt: skip


def old_tar(folder: Path, shard: int, numbers: Sequence[int], *, table: bool = True) -> None:
    """A shard of 1000 rows a shard; of a number that is negative the download failed."""
    rows = [meta(shard, index, abs(number)) for index, number in enumerate(numbers)]
    folder.mkdir(exist_ok=True)
    with tarfile.open(folder / f"{shard:05d}.tar", "w") as tar:
        for row, number in zip(rows, numbers, strict=True):
            if number < 0:
                row |= {"status": "failed_to_download", "width": None}
                continue
            for extension, content in (("jpg", picture(number)), ("json", json.dumps(row).encode()), ("txt", b"t")):
                member = tarfile.TarInfo(f"{row['key']}.{extension}")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    if table:
        # in the order in which downloads ended, as img2dataset has them
        pq.write_table(pa.Table.from_pylist(rows[::-1]), folder / f"{shard:05d}.parquet")


def adopted(tmp_path: Path, jobs: dict[int, list[int]], **options: Any) -> dict[int, dict[int, dict[str, Any]]]:
    """Job to index to row of the table that was made for it, each picture checked."""
    plan = tmp_path / "plan"
    plan.mkdir(exist_ok=True)
    for number, numbers in jobs.items():
        pq.write_table(pa.table({"url": [url(one) for one in numbers]}), plan / f"{number:05d}.parquet")
    adoption = Adoption(
        tmp_path / "old", tmp_path / "adopted", lambda number: plan / f"{number:05d}.parquet", **options
    )
    found: dict[int, dict[int, dict[str, Any]]] = {}
    for number in jobs:
        base = adoption.base(number)
        assert adoption.base(number) == base
        found[number] = {row["index"]: row for row in pq.read_table(base).to_pylist()} if base else {}
        for index, row in found[number].items():
            content = Path(row["path"]).read_bytes()[row["offset"] : row["offset"] + row["bytes"]]
            assert content == picture(jobs[number][index])
            assert row["url"] == url(jobs[number][index])
    return found


def test_samples_are_found_by_their_keys(tmp_path: Path) -> None:
    old_tar(tmp_path / "old", 0, [1, -2, 3])
    old_tar(tmp_path / "old", 1, [4])
    found = adopted(tmp_path, {0: [1, 2, 3], 1: [4, 5], 2: [6]})
    assert {job: sorted(rows) for job, rows in found.items()} == {0: [0, 2], 1: [0], 2: []}
    row = found[0][2]
    assert (row["width"], row["original_width"], row["sha256"], row["extension"]) == (80, 800, f"{3:064x}", "jpg")
    assert json.loads(row["exif"]) == {"Image Make": "Nikon"}
    assert not list((tmp_path / "adopted").glob("addresses*"))


def test_an_old_exif_stays_as_it_was_only_if_that_is_asked_for(tmp_path: Path) -> None:
    old_tar(tmp_path / "old", 0, [1])
    assert adopted(tmp_path, {0: [1]}, exif="all")[0][0]["exif"] == GPS


def test_without_a_table_the_samples_speak_for_themselves(tmp_path: Path) -> None:
    old_tar(tmp_path / "old", 0, [1, 2], table=False)
    (tmp_path / "old" / "00000.parquet").write_bytes(b"PAR1 and no footer")
    assert sorted(adopted(tmp_path, {0: [1, 2]})[0]) == [0, 1]


def test_of_a_tar_that_was_cut_what_is_whole_is_taken(tmp_path: Path) -> None:
    old_tar(tmp_path / "old", 0, [1, 2, 3])
    tar = tmp_path / "old" / "00000.tar"
    with tarfile.open(tar) as archive:
        third = archive.getmember("00000002.jpg")
    tar.write_bytes(tar.read_bytes()[: third.offset_data + 20])
    assert sorted(adopted(tmp_path, {0: [1, 2, 3]})[0]) == [0, 1]


def test_a_folder_of_files_is_taken_and_half_a_sample_is_not(tmp_path: Path) -> None:
    folder = tmp_path / "old" / "00000"
    folder.mkdir(parents=True)
    for index in range(3):
        row = meta(0, index, index)
        (folder / f"{row['key']}.jpg").write_bytes(picture(index))
        (folder / f"{row['key']}.json").write_text(json.dumps(row))
    (folder / "00000002.json").unlink()  # it is written last
    assert sorted(adopted(tmp_path, {0: [0, 1, 2]})[0]) == [0, 1]


def test_another_order_or_size_of_shards_is_matched_by_address(tmp_path: Path) -> None:
    old_tar(tmp_path / "old", 0, [9, 8, 7, 6, 5, 5])
    old_tar(tmp_path / "old", 3, [4, 3])
    said: list[str] = []
    found = adopted(tmp_path, {0: [1, 3, 5], 1: [7, 5, 9]}, say=said.append)
    assert {job: sorted(rows) for job, rows in found.items()} == {0: [1, 2], 1: [0, 1, 2]}
    assert "was not made of this list in this order" in said[0]


def test_what_is_no_picture_is_not_taken_over(tmp_path: Path) -> None:
    folder = tmp_path / "old" / "00000"
    folder.mkdir(parents=True)
    row = meta(0, 0, 1)
    (folder / f"{row['key']}.jpg").write_bytes(b"<html>not found</html>")
    (folder / f"{row['key']}.json").write_text(json.dumps(row))
    assert adopted(tmp_path, {0: [1]}) == {0: {}}


@pytest.mark.parametrize("content", ["nothing", "missing", "parquet"])
def test_a_folder_that_holds_no_shards_is_refused(tmp_path: Path, content: str) -> None:
    if content != "missing":
        (tmp_path / "old").mkdir()
    if content == "parquet":
        pq.write_table(pa.table({"jpg": [b""]}), tmp_path / "old" / "00000.parquet")
    with pytest.raises(InputError, match="old"):
        adopted(tmp_path, {0: [1]})
