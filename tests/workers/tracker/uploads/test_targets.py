"""What every target promises, held by both."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import msgspec
import pytest

from tests.fakes.s3 import S3Server
from tests.workers.tracker.uploads.upload_tracker import TARGETS, UploadTracker, a_body, upload_tracker
from workers.home.uploading import UploadRefusedError, send
from workers.protocol.messages import UploadPermit
from workers.tracker.moves.records import UploadRow
from workers.tracker.states import UploadState
from workers.tracker.uploads import LostObjectError, TargetError
from workers.tracker.uploads.reserving import NoRoomError
from workers.tracker.uploads.settings import S3, Disk, Targets

BODY = a_body(40_000)


async def sent(tracker: UploadTracker, permit: UploadPermit, body: bytes, origin: str) -> None:
    path = tracker.folder / "file"
    path.write_bytes(body)
    async with aiohttp.ClientSession() as session:
        await send(session, permit, path, key="key-of-one", tracker=tracker.root, uploads=[origin])


async def keeps_its_promises(tracker: UploadTracker, name: str, origin: str) -> None:
    """The contract of `Target`, for the one of this name."""
    target = tracker.target(name)
    upload = await tracker.reserved(BODY, target=name)
    assert await target.room(0, 0) > len(BODY)
    assert await target.room(2**62, 0) == 0
    assert not await target.is_whole(upload)
    assert await target.objects() == {}
    assert await target.remove(upload.upload), "what is not there is removed"
    permit = target.permit(upload)
    assert permit == target.permit(upload) or permit.how == "put"
    assert upload.name not in permit.address
    with pytest.raises(UploadRefusedError):
        await sent(tracker, permit, b"?" + BODY[1:], origin)
    with pytest.raises(UploadRefusedError):
        await sent(tracker, permit, BODY[:-1], origin)
    assert await target.objects() == {}
    await sent(tracker, permit, BODY, origin)
    await tracker.uploads.settle_lease(upload.lease)
    stored = await tracker.row(upload)
    assert stored.state is UploadState.STORED
    assert await target.objects() == {upload.upload: len(BODY)}
    path = await target.path_or_fetch(stored)
    assert path.read_bytes() == BODY
    assert await target.path_or_fetch(stored) == path
    await target.let_go(stored)
    assert await target.objects() == {upload.upload: len(BODY)}
    assert await target.remove(upload.upload)
    assert await target.objects() == {}
    with pytest.raises(LostObjectError):
        await target.path_or_fetch(stored)
    for hostile in ("../../secrets.json", "", "A" * 32, "0" * 32 + "\n"):
        with pytest.raises(ValueError, match="no upload has the id"):
            await target.remove(hostile)


def test_a_disk_keeps_its_promises(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with upload_tracker(tmp_path) as tracker:
            await keeps_its_promises(tracker, "disk", tracker.root)

    asyncio.run(scenario())


def test_a_bucket_keeps_its_promises(tmp_path: Path, s3: S3Server) -> None:
    async def scenario() -> None:
        bucket = S3(bucket=s3.bucket, endpoint=s3.root, region=s3.region)
        async with upload_tracker(tmp_path, Targets(targets=(bucket,))) as tracker:
            await keeps_its_promises(tracker, "s3", s3.root)

    asyncio.run(scenario())


def test_of_two_disks_the_first_that_has_room_is_taken(tmp_path: Path) -> None:
    # invariant 12
    async def scenario() -> None:
        full, free = Disk(name="full", reserve_bytes=2**62), Disk(name="free", folder="more", reserve_bytes=0)
        async with upload_tracker(tmp_path, Targets(targets=(full, free))) as tracker:
            assert await tracker.uploads.target_for(len(BODY)) == "free"
            assert await tracker.uploads.room() > 0
            tracker.uploads.failed("free")
            with pytest.raises(NoRoomError) as nowhere:
                await tracker.uploads.target_for(len(BODY))
            assert nowhere.value.retry_after == 60
            assert await tracker.uploads.room() == 0
            tracker.clock.now += 60
            assert await tracker.uploads.target_for(len(BODY)) == "free"

    asyncio.run(scenario())


def test_bytes_that_are_promised_are_not_promised_twice(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with upload_tracker(tmp_path) as tracker:
            await tracker.reserved(BODY, declared=2**60, name="huge.tar")
            with pytest.raises(NoRoomError):
                await tracker.uploads.target_for(1)

    asyncio.run(scenario())


def test_a_target_that_the_settings_name_no_more_is_an_error_of_the_operators(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with upload_tracker(tmp_path) as tracker:
            upload: UploadRow = await tracker.reserved(BODY, target="sold")
            with pytest.raises(TargetError, match="names no more"):
                await tracker.uploads.settle(upload)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "wrong",
    [
        {"targets": []},
        {"targets": [{"how": "disk"}, {"how": "disk"}]},
        {"targets": [{"how": "ftp"}]},
        {"targets": [{"how": "disk", "name": "../up"}]},
        {"targets": [{"how": "s3", "bucket": "b/../c"}]},
        {"targets": [{"how": "s3", "bucket": "bucket", "prefix": "../"}]},
        {"targets": [{"how": "s3", "bucket": "bucket", "endpoint": "file:///etc"}]},
        {"targets": [{"how": "disk", "folders": "x"}]},
        {"block_seconds": 0},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, Targets)
    assert msgspec.convert(TARGETS, Targets) == TARGETS
