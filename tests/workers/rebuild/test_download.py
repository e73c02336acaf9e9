"""The Python call and the commands as a user of img2dataset meets them: files, keys, members, columns, words."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from click.testing import CliRunner
from PIL import Image

from crawler.errors import MissingPackageError, RunFolderError, SettingsError
from tests.builders import image_bytes
from tests.crawler.test_tfrecord import features
from tests.fakes.changing_host import HOST, ChangingHost, changing_host
from workers.asked import Asked
from workers.cli import app
from workers.rebuild import download
from workers.rebuild.retrying import retry

#: of img2dataset 1.47 with caption_col, in order
COLUMNS = ["caption", "url", "key", "status", "error_message", "width", "height", "original_width", "original_height",
           "exif", "sha256"]  # fmt: skip


@pytest.fixture
def host() -> Iterator[ChangingHost]:
    with changing_host() as served:
        served.files = {f"/{number}.jpg": picture(number) for number in range(5)}
        yield served


def picture(number: int, size: tuple[int, int] = (80, 60)) -> bytes:
    return image_bytes(size, (number * 37 % 256, 90, 60), kind="JPEG", quality=90)


def a_list(folder: Path, count: int = 3, **columns: Any) -> str:
    table = {"url": [f"{HOST}/{number}.jpg" for number in range(count)],
             "text": [f"number {number}" for number in range(count)], **columns}  # fmt: skip
    pq.write_table(pa.table(table), folder / "list.parquet")
    return str(folder / "list.parquet")


def run(host: ChangingHost, urls: str, output: Path | str, *more: str, **options: Any) -> int:
    finds = (
        'fetch.allow_networks=["127.0.0.1/32"]', f'fetch.hosts={{"*.test" = "127.0.0.1:{host.port}"}}',
        "manners.seconds_between_requests=0", "output.placeholder_addresses=0", "resources.decoders=1", *more,
    )  # fmt: skip
    told: dict[str, Any] = {
        "number_sample_per_shard": 3,
        "oom_shard_count": 5,
        "input_format": "parquet",
        "caption_col": "text",
    } | options
    return download(urls, output_folder=str(output), contact="mailto:nobody@example.org", overrides=finds, **told)


def names_in(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir() if not one.name.startswith("_"))


def rows_of(output: Path) -> list[dict[str, Any]]:
    return [row for path in sorted(output.glob("*.parquet")) for row in pq.read_table(path).to_pylist()]


def members_of(tar: Path) -> dict[str, bytes]:
    with tarfile.open(tar) as archive:
        return {one.name: archive.extractfile(one).read() for one in archive}  # type: ignore[union-attr]


def test_webdataset_looks_as_img2dataset_makes_it(host: ChangingHost, tmp_path: Path) -> None:
    host.files["/1.jpg"] = 404
    host.files["/3.jpg"] = b"<html>no picture</html>"
    assert run(host, a_list(tmp_path, 5), tmp_path / "out", output_format="webdataset", columns="img2dataset") == 0
    assert names_in(tmp_path / "out") == [
        "00000.parquet", "00000.tar", "00000_stats.json", "00001.parquet", "00001.tar", "00001_stats.json",
    ]  # fmt: skip
    rows = rows_of(tmp_path / "out")
    assert list(rows[0]) == COLUMNS
    assert [row["key"] for row in rows] == ["000000", "000001", "000002", "000010", "000011"]
    assert [(row["status"], row["error_message"]) for row in rows] == [
        ("success", None), ("failed_to_download", "HTTP Error 404: Not Found"), ("success", None),
        ("failed_to_resize", "Image decoding error"), ("success", None),
    ]  # fmt: skip
    members = members_of(tmp_path / "out" / "00000.tar")
    assert list(members) == ["000000.jpg", "000000.json", "000000.txt", "000002.jpg", "000002.json", "000002.txt"]
    assert json.loads(members["000000.json"]) == rows[0]
    assert list(json.loads(members["000000.json"])) == COLUMNS
    assert members["000002.txt"] == b"number 2"
    assert rows[0]["sha256"] == hashlib.sha256(picture(0)).hexdigest()
    assert (rows[0]["width"], rows[0]["height"], rows[0]["original_width"], rows[0]["original_height"]) == (
        256,
        256,
        80,
        60,
    )
    assert rows[0]["exif"] == "{}"
    assert Image.open(io.BytesIO(members["000000.jpg"])).size == (256, 256)
    stats = json.loads((tmp_path / "out" / "00000_stats.json").read_bytes())
    assert (stats["count"], stats["successes"], stats["failed_to_download"], stats["failed_to_resize"]) == (3, 2, 1, 0)
    assert stats["status_dict"] == {"success": 2, "HTTP Error 404: Not Found": 1}


def again(host: ChangingHost, output: Path, path: str) -> None:
    """What was dead is there now, and nothing else is asked for."""
    host.files[path] = picture(1)
    host.asked.clear()
    assert retry(output, ["dead"], Asked()) == 0
    assert host.asked == [path]
    assert {row["status"] for row in rows_of(output)} == {"success"}


@pytest.mark.slow
def test_files_are_the_default_as_there(host: ChangingHost, tmp_path: Path) -> None:
    host.files["/1.jpg"] = 404
    assert run(host, a_list(tmp_path), tmp_path / "out") == 0
    assert names_in(tmp_path / "out") == ["00000", "00000.parquet", "00000_stats.json"]
    files = ["000000.jpg", "000000.json", "000000.txt", "000002.jpg", "000002.json", "000002.txt"]
    assert names_in(tmp_path / "out" / "00000") == files
    again(host, tmp_path / "out", "/1.jpg")


@pytest.mark.slow
def test_parquet_holds_the_pictures_in_a_column_of_their_format(host: ChangingHost, tmp_path: Path) -> None:
    host.files["/1.jpg"] = 404
    assert run(host, a_list(tmp_path), tmp_path / "out", output_format="parquet", encode_format="webp") == 0
    assert names_in(tmp_path / "out") == ["00000.parquet", "00000_stats.json"]
    table = pq.read_table(tmp_path / "out" / "00000.parquet")
    assert table.schema.field("webp").type == pa.binary()
    pictures: list[Any] = table.column("webp").to_pylist()
    assert pictures[1] is None
    assert Image.open(io.BytesIO(pictures[0])).format == "WEBP"
    again(host, tmp_path / "out", "/1.jpg")
    assert pq.read_table(tmp_path / "out" / "00000.parquet").column("webp").to_pylist()[0] == pictures[0]


def test_tfrecord_has_the_features_that_img2dataset_writes(host: ChangingHost, tmp_path: Path) -> None:
    assert run(host, a_list(tmp_path), tmp_path / "out", output_format="tfrecord", columns="img2dataset") == 0
    assert names_in(tmp_path / "out") == ["00000.parquet", "00000.tfrecord", "00000_stats.json"]
    content = (tmp_path / "out" / "00000.tfrecord").read_bytes()
    found = features(content[12 : 12 + int.from_bytes(content[:8], "little")])
    assert list(found) == ["key", "jpg", "txt", *(name for name in COLUMNS if name != "key")]
    with pytest.raises(SettingsError, match="cannot be read back"):
        retry(tmp_path / "out", ["dead"], Asked())


def test_columns_stand_where_img2dataset_puts_them(host: ChangingHost, tmp_path: Path) -> None:
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(3).integers(0, 255, (300, 300, 3), np.uint8)).save(out, "JPEG")
    host.files["/0.jpg"] = out.getvalue()
    md5 = [hashlib.md5(one).hexdigest() for one in (out.getvalue(), picture(1))] + ["0" * 32]
    boxes = [[[0.1, 0.1, 0.5, 0.5]], None, [[-1.0, 0.0, 9.0, float("nan")]]]
    urls = a_list(
        tmp_path, id=pa.array(range(3), pa.int16()), md5=md5, faces=pa.array(boxes, pa.list_(pa.list_(pa.float32())))
    )
    options: dict[str, Any] = {
        "output_format": "webdataset", "save_additional_columns": ["id"], "bbox_col": "faces", "extract_exif": False,
        "compute_hash": "md5", "verify_hash": ["md5", "md5"], "columns": "img2dataset",
    }  # fmt: skip
    assert run(host, urls, tmp_path / "out", **options) == 0
    schema = pq.read_schema(tmp_path / "out" / "00000.parquet")
    assert schema.names == ["id", "faces", "caption", "md5", "url", "key", "status", "error_message", "width", "height",
                            "original_width", "original_height"]  # fmt: skip
    assert schema.field("id").type == pa.int16()
    last = rows_of(tmp_path / "out")[-1]
    assert (last["status"], last["error_message"]) == ("failed_to_download", "hash mismatch")
    assert last["md5"] == hashlib.md5(picture(2)).hexdigest()  # what came, where img2dataset says nothing
    shown = Image.open(io.BytesIO(members_of(tmp_path / "out" / "00000.tar")["000000.jpg"])).convert("L")
    inside, outside = (np.asarray(shown.crop(box)).std() for box in ((60, 60, 110, 110), (190, 190, 240, 240)))
    assert inside < outside / 3  # the box is blurred


def test_limits_of_size_and_shape_have_their_words(host: ChangingHost, tmp_path: Path) -> None:
    host.files |= {"/0.jpg": picture(0, (30, 30)), "/1.jpg": picture(1, (400, 50)), "/2.jpg": picture(2, (300, 300))}
    options = {"min_image_size": 40, "max_aspect_ratio": 4.0, "max_image_area": 50_000.0}
    assert run(host, a_list(tmp_path, 4), tmp_path / "out", **options) == 0
    assert [(row["status"], row["error_message"]) for row in rows_of(tmp_path / "out")] == [
        ("failed_to_resize", "image too small"), ("failed_to_resize", "aspect ratio too large"),
        ("failed_to_resize", "image area too large"), ("success", None),
    ]  # fmt: skip


def test_a_run_that_cannot_be_is_refused_in_words(host: ChangingHost, tmp_path: Path) -> None:
    urls = a_list(tmp_path)
    with pytest.raises(SettingsError, match="disk or shared file system"):
        run(host, urls, "s3://bucket/out")
    with pytest.raises(MissingPackageError, match="pip install wandb"):
        run(host, urls, tmp_path / "out", enable_wandb=True)
    with pytest.raises(RunFolderError, match="holds no rebuild"):
        retry(tmp_path, ["dead"], Asked())
    assert not (tmp_path / "out").exists()


def test_file_and_private_addresses_are_never_read(host: ChangingHost, tmp_path: Path) -> None:
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(picture(9))
    urls = [
        secret.as_uri(),
        "http://127.0.0.2/0.jpg",
        "http://169.254.169.254/latest",
        "data:image/png;base64,AAAA",
        "ftp://a.test/a.jpg",
    ]
    pq.write_table(pa.table({"url": urls, "text": [""] * len(urls)}), tmp_path / "list.parquet")
    assert run(host, str(tmp_path / "list.parquet"), tmp_path / "out", ignore_ssl_certificate=True) == 0
    assert {row["status"] for row in rows_of(tmp_path / "out")} == {"failed_to_download"}


@pytest.mark.slow
def test_retry_asks_for_what_failed_and_for_nothing_else(host: ChangingHost, tmp_path: Path) -> None:
    host.files["/1.jpg"] = 404
    output = tmp_path / "out"
    assert run(host, a_list(tmp_path, 5), output, output_format="webdataset") == 0
    before = members_of(output / "00000.tar")
    untouched = (output / "00001.tar").stat().st_ino
    host.files["/1.jpg"] = picture(1)
    host.asked.clear()
    assert retry(output, ["dead", "failed"], Asked()) == 0
    assert host.asked == ["/1.jpg"]
    after = members_of(output / "00000.tar")
    assert {name: content for name, content in after.items() if not name.startswith("000001")} == before
    assert after["000001.txt"] == b"number 1"
    assert (output / "00001.tar").stat().st_ino == untouched
    assert [row["outcome"] for row in rows_of(output)] == ["unverified"] * 5
    host.asked.clear()
    assert retry(output, ["dead", "failed"], Asked()) == 0
    assert host.asked == []
    with pytest.raises(SettingsError, match="identical"):
        retry(output, ["identical"], Asked())


@pytest.mark.slow
def test_a_folder_of_texts_is_taken_in_order_begun_anew_and_gone_on_with(host: ChangingHost, tmp_path: Path) -> None:
    lists, output = tmp_path / "lists [1]", tmp_path / "out"
    lists.mkdir()
    (lists / "b.txt").write_text(f"{HOST}/1.jpg\n")
    (lists / "a.txt").write_text(f"{HOST}/0.jpg\n")
    (lists / "notes.md").write_text("nothing")
    options: dict[str, Any] = {"input_format": "txt", "caption_col": None, "output_format": "webdataset"}
    assert run(host, str(lists), output, **options) == 0
    assert [(row["key"], row["url"][-5:]) for row in rows_of(output)] == [("000000", "0.jpg"), ("000010", "1.jpg")]
    assert "caption" not in pq.read_schema(output / "00000.parquet").names
    assert list(members_of(output / "00000.tar")) == ["000000.jpg", "000000.json"]
    asked = len(host.asked)
    assert run(host, str(lists), output, **options) == 0
    assert len(host.asked) == asked
    assert run(host, str(lists), output, incremental_mode="overwrite", **options | {"output_format": "dummy"}) == 0
    assert len(host.asked) == 2 * asked
    assert names_in(output) == ["00000_stats.json", "00001_stats.json"]


def test_a_list_whose_name_says_nothing_is_a_text(host: ChangingHost, tmp_path: Path) -> None:
    (tmp_path / "addresses").write_text(f"{HOST}/0.jpg\n{HOST}/2.jpg\n")
    assert run(host, str(tmp_path / "addresses"), tmp_path / "out", input_format=None, caption_col=None) == 0
    assert [row["status"] for row in rows_of(tmp_path / "out")] == ["success", "success"]


@pytest.mark.slow
def test_what_img2dataset_has_is_taken_over_and_the_rest_is_asked_for(host: ChangingHost, tmp_path: Path) -> None:
    host.files["/1.jpg"] = 404
    urls, old, new = a_list(tmp_path), tmp_path / "old", tmp_path / "new"
    assert run(host, urls, old, output_format="webdataset", columns="img2dataset") == 0
    shutil.rmtree(old / "_pairtrawl")  # what is left is what img2dataset leaves
    host.files = {"/1.jpg": picture(1)}
    host.asked.clear()
    with pytest.raises(RunFolderError, match="--adopt"):
        run(host, urls, old, output_format="webdataset")
    assert run(host, urls, new, adopt=old, output_format="webdataset") == 0
    assert host.asked == ["/1.jpg"]
    assert [row["outcome"] for row in rows_of(new)] == ["unverified"] * 3
    before, after = members_of(old / "00000.tar"), members_of(new / "00000.tar")
    assert after["000000.jpg"] == before["000000.jpg"]
    assert rows_of(new)[0]["sha256"] == rows_of(old)[0]["sha256"]
    with pytest.raises(SettingsError, match="is the output itself"):
        run(host, urls, new, adopt=new)


@pytest.mark.slow
def test_a_further_list_is_numbered_after_what_is_there(host: ChangingHost, tmp_path: Path) -> None:
    first, output = a_list(tmp_path), tmp_path / "out"
    (tmp_path / "more").mkdir()
    second = a_list(tmp_path / "more", 5)
    Path(second).rename(tmp_path / "second.parquet")
    extend: dict[str, Any] = {"output_format": "webdataset", "incremental_mode": "extend"}
    assert run(host, first, output, **extend) == 0
    host.asked.clear()
    for _ in range(2):
        assert run(host, str(tmp_path / "second.parquet"), output, **extend) == 0
        assert len(host.asked) == 5
    assert [row["key"] for row in rows_of(output)][-5:] == ["000010", "000011", "000012", "000020", "000021"]
    report = json.loads((output / "_pairtrawl" / "report.json").read_bytes())
    assert (report["totals"]["planned"], report["totals"]["kept"], report["totals"]["shards"]) == (8, 8, 3)
    with pytest.raises(RunFolderError, match="other options"):
        run(host, first, output, image_size=64, **extend)


def test_the_command_takes_both_kinds_of_options(host: ChangingHost, tmp_path: Path) -> None:
    (tmp_path / "finds.toml").write_text(
        f'[fetch]\ncontact = "mailto:nobody@example.org"\nallow_networks = ["127.0.0.1/32"]\ntotal_seconds = 20.0\n'
        f'hosts = {{"*.test" = "127.0.0.1:{host.port}"}}\n[resources]\ndecoders = 1\n[output]\nencode_quality = 30\n'
    )
    words = ["rebuild", a_list(tmp_path), "-o", str(tmp_path / "out"), "--recipe", str(tmp_path / "finds.toml"),
             "--output_format=webdataset", "--caption-col", "text", "--noextract_exif", "--image_size", "64",
             "--oom_shard_count", "8", "--as", "img2dataset", "--set", "manners.seconds_between_requests=0"]  # fmt: skip
    result = CliRunner().invoke(typer.main.get_command(app), words)  # type: ignore[arg-type]  # typer's own Click
    assert result.exit_code == 0, result.output
    assert names_in(tmp_path / "out") == ["00000000.parquet", "00000000.tar", "00000000_stats.json"]
    row = rows_of(tmp_path / "out")[0]
    assert list(row) == [name for name in COLUMNS if name != "exif"]
    assert (row["key"], row["caption"], max(row["width"], row["height"])) == ("000000000000", "number 0", 80)
    wrong = CliRunner().invoke(typer.main.get_command(app), ["rebuild", "list.txt", "--resize_mode", "bigger"])  # type: ignore[arg-type]  # as above
    assert "resize_mode" in str(wrong.exception)


@pytest.mark.slow
def test_slices_share_a_plan_that_is_made_first(host: ChangingHost, tmp_path: Path) -> None:
    urls = a_list(tmp_path, 5)
    words = [
        "rebuild", urls, "-o", str(tmp_path / "out"), "--output_format", "webdataset", "--number_sample_per_shard", "2",
        "--set", 'fetch.allow_networks=["127.0.0.1/32"]', "--set", f'fetch.hosts={{"*.test" = "127.0.0.1:{host.port}"}}',
        "--contact", "mailto:nobody@example.org", "--set", "manners.seconds_between_requests=0",
    ]  # fmt: skip
    command = typer.main.get_command(app)
    assert CliRunner().invoke(command, [*words, "--plan-only"]).exit_code == 0  # type: ignore[arg-type]  # typer's own Click
    assert host.asked == []
    for number in range(2):
        result = CliRunner().invoke(command, [*words, "--slice", f"{number}/2"])  # type: ignore[arg-type]  # as above
        assert result.exit_code == 0, result.output
    assert [row["caption"] for row in rows_of(tmp_path / "out")] == [f"number {number}" for number in range(5)]
    assert sorted(host.asked) == [f"/{number}.jpg" for number in range(5)]
