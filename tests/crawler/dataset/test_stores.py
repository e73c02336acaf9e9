"""A folder and a bucket keep the same promises; the bucket is on a server of its own process."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from crawler.dataset.bucket import bucket_of
from crawler.dataset.documents import LocalDocuments
from crawler.dataset.objects import LocalObjects
from crawler.dataset.s3 import S3Documents, S3Objects
from crawler.dataset.store import open_store
from crawler.errors import DatasetError, InputError, SettingsError, StoreUnavailableError
from tests.contract_store import check_documents, check_objects, check_that_one_wins, stored
from tests.fakes.s3 import s3_server

MIB = 1024 * 1024


def test_a_folder_keeps_objects(tmp_path: Path) -> None:
    check_objects(LocalObjects(tmp_path / "store"), tmp_path, large=9 * MIB)


def test_a_bucket_keeps_objects(bucket: str, tmp_path: Path) -> None:
    objects = S3Objects(bucket_of(bucket), tmp_path / "cache", part_bytes=5 * MIB)
    check_objects(objects, tmp_path, large=11 * MIB)
    assert bucket_of(bucket).abort_uploads(time.time() + 60) == 0, "an upload that failed was not given up"


def test_a_folder_keeps_documents(tmp_path: Path) -> None:
    check_documents(LocalDocuments(tmp_path))


def test_a_bucket_keeps_documents(bucket: str) -> None:
    check_documents(S3Documents(bucket_of(bucket)))


def test_of_many_that_move_a_ref_in_a_folder_one_wins(tmp_path: Path) -> None:
    check_that_one_wins(LocalDocuments(tmp_path), tries=8, rounds=20)


def test_of_many_that_move_a_ref_in_a_bucket_one_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    with s3_server() as server:  # it looks at conditions and writes in one step, and at every signature
        for name, value in {
            "AWS_ACCESS_KEY_ID": server.access,
            "AWS_SECRET_ACCESS_KEY": server.secret,
            "AWS_DEFAULT_REGION": server.region,
            "AWS_ENDPOINT_URL": server.root,
        }.items():
            monkeypatch.setenv(name, value)
        check_that_one_wins(S3Documents(bucket_of(f"s3://{server.bucket}/boats")), tries=6, rounds=3)
        assert {status for _, _, status in server.asked} <= {200, 404, 412}


def test_an_object_that_rotted_in_a_folder_is_named(tmp_path: Path) -> None:
    objects = LocalObjects(tmp_path)
    kept = objects.put_bytes(b"some bytes")
    path = objects.open_local(kept)
    path.chmod(0o644)
    path.write_bytes(b"some bites")
    assert objects.found(kept.sha256) == stored(b"some bites")
    for ask in (objects.read, objects.checked):
        with pytest.raises(DatasetError, match=kept.sha256):
            ask(kept)
    with pytest.raises(DatasetError, match=kept.sha256):
        objects.copy(kept, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    path.write_bytes(b"short")
    with pytest.raises(DatasetError, match="5 bytes and not 10"):
        objects.open_local(kept)


def test_an_object_that_rotted_in_a_bucket_is_named_and_its_download_is_not_kept(bucket: str, tmp_path: Path) -> None:
    objects = S3Objects(bucket_of(bucket), tmp_path / "cache")
    kept = objects.put_bytes(b"some bytes")
    bucket_of(bucket).put(f"objects/{kept.sha256[:2]}/{kept.sha256}", b"some bites")
    for ask in (objects.open_local, objects.read, objects.checked):
        with pytest.raises(DatasetError, match=kept.sha256):
            ask(kept)
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_a_purge_takes_the_download_of_an_object_too(bucket: str, tmp_path: Path) -> None:
    objects = S3Objects(bucket_of(bucket), tmp_path / "cache")
    kept = objects.put_bytes(b"to be purged")
    path = objects.open_local(kept)
    objects.delete(kept.sha256)
    assert not path.exists()


def test_a_download_that_rotted_in_the_cache_does_not_hide_the_store(bucket: str, tmp_path: Path) -> None:
    objects = S3Objects(bucket_of(bucket), tmp_path / "cache")
    kept = objects.put_bytes(b"some bytes")
    objects.open_local(kept).write_bytes(b"some bites")
    assert objects.checked(kept).read_bytes() == b"some bytes"


def test_half_written_files_of_dead_processes_go_and_objects_stay(tmp_path: Path) -> None:
    objects = LocalObjects(tmp_path)
    kept = objects.put_bytes(b"kept")
    left = objects.incoming / f".{'0' * 64}.elsewhere-1-{'0' * 16}.partial"
    left.write_bytes(b"half")
    os.utime(left, (1, 1))
    objects.tidy()
    assert not left.exists()
    assert objects.read(kept) == b"kept"


@pytest.mark.parametrize("address", ["s3://", "s3://UPPER/x", "s3://bucket?x", "http://host/x"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(InputError, match="s3://BUCKET/PREFIX"):
        open_store(address)


def test_a_bucket_that_is_not_there_is_named(bucket: str) -> None:
    with pytest.raises(InputError, match="no such bucket"):
        bucket_of("s3://another-bucket/x").put("name", b"x")


def test_a_server_that_is_not_there_is_the_weather(
    monkeypatch: pytest.MonkeyPatch, bucket: str, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(StoreUnavailableError, match="s3://"):
        bucket_of(bucket, attempts=1).size("name")


def test_without_credentials_the_message_says_which(
    monkeypatch: pytest.MonkeyPatch, bucket: str, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(SettingsError, match="AWS_ACCESS_KEY_ID"):
        bucket_of(bucket).size("name")
