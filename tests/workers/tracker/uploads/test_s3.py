from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import aiohttp
import msgspec
import pytest
from yarl import URL

from crawler.errors import SettingsError
from tests.fakes.s3 import S3Server
from tests.workers.tracker.uploads.upload_tracker import NOW, TARGETS, UploadTracker, a_body, sha256, upload_tracker
from workers.home.uploading import UploadInterruptedError, UploadRefusedError, send
from workers.protocol.messages import UploadPermit
from workers.tracker.moves.records import UploadRow
from workers.tracker.states import UploadState
from workers.tracker.uploads import LostObjectError, TargetError, WrongBytesError, new_upload_id
from workers.tracker.uploads.collecting import fsck_objects
from workers.tracker.uploads.s3 import S3Target
from workers.tracker.uploads.settings import S3, Targets

BODY = a_body(5000)


def a_row(body: bytes = BODY, *, upload: str = "") -> UploadRow:
    return UploadRow(
        upload=upload or new_upload_id(), lease="lease-1", worker=1, name="00000.tar", bytes=len(body),
        sha256=sha256(body), state=UploadState.RESERVED, offset=0, target="s3", made_at=NOW, moved_at=NOW,
    )  # fmt: skip


def settings(s3: S3Server, **more: object) -> S3:
    return msgspec.convert({"bucket": s3.bucket, "endpoint": s3.root, "region": s3.region, **more}, S3)


async def put(address: str, headers: Mapping[str, str], body: bytes = BODY) -> int:
    async with (
        aiohttp.ClientSession() as session,
        session.put(
            URL(address, encoded=True), headers=headers, data=body, skip_auto_headers=["Content-Type"]
        ) as answer,
    ):
        return answer.status


def test_a_permit_is_good_for_one_object_once_and_for_nothing_else(s3: S3Server, tmp_path: Path) -> None:
    # checklist 30; invariant 15
    mine, other = a_row(), a_row()
    target = S3Target(settings(s3), tmp_path / "fetched")
    permit = target.permit(mine)
    headers = permit.headers

    def without(name: str) -> dict[str, str]:
        return {one: value for one, value in headers.items() if one != name}

    async def scenario() -> None:
        assert await put(permit.address.replace(mine.upload, other.upload), headers) == 403  # another lease's key
        assert await put(permit.address.replace("X-Amz-Expires=3600", "X-Amz-Expires=604800"), headers) == 403
        assert await put(permit.address[:-4] + "0000", headers) == 403  # another signature
        assert await put(permit.address, without("If-None-Match")) == 403
        assert await put(permit.address, without("x-amz-checksum-sha256")) == 403
        assert await put(permit.address, {**headers, "If-None-Match": '"etag"'}) == 403
        longer = {**headers, "Content-Length": str(len(BODY) + 1)}
        assert await put(permit.address, longer, BODY + b"x") == 403
        assert await put(permit.address, headers, b"x" * len(BODY)) == 400  # other bytes
        s3.later = timedelta(seconds=3700)
        assert await put(permit.address, headers) == 403  # its time is over
        s3.later = timedelta()
        assert s3.objects == {}
        assert await put(permit.address, headers) == 200
        assert await put(permit.address, headers) == 412  # written once
        assert s3.objects == {f"uploads/{mine.upload}": BODY}

    asyncio.run(scenario())


def test_what_is_signed_is_what_must_be_sent(s3: S3Server, tmp_path: Path) -> None:
    target = S3Target(settings(s3), tmp_path)
    permit = target.permit(a_row())
    assert URL(permit.address).query["X-Amz-SignedHeaders"].split(";") == [
        "content-length", "host", "if-none-match", "x-amz-checksum-sha256",
    ]  # fmt: skip
    assert {name.lower() for name in permit.headers} == {"content-length", "if-none-match", "x-amz-checksum-sha256"}
    assert target.origin == s3.root
    assert s3.secret not in permit.address


def test_an_object_counts_when_its_bytes_hash_to_what_was_declared(s3: S3Server, tmp_path: Path) -> None:
    # invariant 13: as the store computed it, or as we do where it does not tell, or where we are told not to believe it
    async def scenario() -> None:
        believing, careful = S3Target(settings(s3), tmp_path), S3Target(settings(s3, read_back=True), tmp_path)
        upload = a_row()
        for target, tells in [(believing, True), (believing, False), (careful, True)]:
            s3.tells_checksums, s3.asked = tells, []
            assert not await target.is_whole(upload)
            s3.objects[f"uploads/{upload.upload}"] = BODY
            assert await target.is_whole(upload)
            assert any(method == "GET" for method, _, _ in s3.asked) == (target is careful or not tells)
            for wrong in (b"x" * len(BODY), BODY[:-1], BODY + b"x", b""):
                s3.objects[f"uploads/{upload.upload}"] = wrong
                with pytest.raises(WrongBytesError):
                    await target.is_whole(upload)
                assert s3.objects == {}
        await believing.close()
        await careful.close()

    asyncio.run(scenario())


def test_an_object_that_changed_behind_our_back_is_never_handed_to_the_checker(s3: S3Server, tmp_path: Path) -> None:
    async def scenario() -> None:
        target = S3Target(settings(s3), tmp_path / "fetched")
        upload = a_row()
        for there in ({}, {f"uploads/{upload.upload}": BODY[:-1] + b"?"}):
            s3.objects = there
            with pytest.raises(LostObjectError):
                await target.path_or_fetch(upload)
        assert list((tmp_path / "fetched").iterdir()) == []
        await target.close()

    asyncio.run(scenario())


def test_a_store_that_is_down_is_no_reason_to_forget_anything(s3: S3Server, tmp_path: Path) -> None:
    async def scenario() -> None:
        target = S3Target(settings(s3), tmp_path)
        upload = a_row()
        s3.objects[f"uploads/{upload.upload}"] = BODY
        calls: list[Callable[[], Awaitable[object]]] = [
            lambda: target.is_whole(upload), lambda: target.path_or_fetch(upload), lambda: target.remove(upload.upload),
            target.objects, lambda: target.room(0, 0),
        ]  # fmt: skip
        for call in calls:
            s3.failing = [403]  # not tried again, unlike 503
            with pytest.raises(TargetError):
                await call()
        assert s3.objects == {f"uploads/{upload.upload}": BODY}
        await target.close()

    asyncio.run(scenario())


def test_room_is_what_is_neither_promised_nor_held(s3: S3Server, tmp_path: Path) -> None:
    async def scenario() -> None:
        target = S3Target(settings(s3, room_bytes=100), tmp_path)
        assert [await target.room(30, 50), await target.room(0, 0), await target.room(90, 50)] == [20, 100, 0]
        await target.close()

    asyncio.run(scenario())


def test_a_bucket_without_credentials_is_a_clear_error(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(SettingsError, match="no credentials"):
        S3Target(settings(s3), tmp_path)


async def reserved_on_s3(tracker: UploadTracker, s3: S3Server) -> tuple[UploadRow, UploadPermit]:
    upload = await tracker.reserved(BODY, target=await tracker.uploads.target_for(len(BODY)))
    return upload, await tracker.permit(upload)


def test_a_volunteer_sends_to_the_bucket_and_the_tracker_sees_for_itself(s3: S3Server, tmp_path: Path) -> None:
    # invariants 13 and 14
    async def scenario() -> None:
        path = tmp_path / "file"
        path.write_bytes(BODY)
        both = Targets(targets=(settings(s3), *TARGETS.targets))
        async with upload_tracker(tmp_path, both) as tracker, aiohttp.ClientSession() as session:
            upload, permit = await reserved_on_s3(tracker, s3)
            await tracker.uploads.settle_lease(upload.lease)
            assert (await tracker.row(upload)).state is UploadState.RESERVED
            for _ in range(2):  # the second finds it there: its first answer was lost
                await send(session, permit, path, key="key-of-one", tracker=tracker.root, uploads=[s3.root])
            assert {status for method, _, status in s3.asked if method == "PUT"} == {200, 412}
            await tracker.uploads.settle_lease(upload.lease)
            assert (await tracker.row(upload)).state is UploadState.STORED
            assert (await tracker.permit(upload)).how == "stored"
            assert await fsck_objects(tracker.uploads) == []

    asyncio.run(scenario())


def test_the_tracker_takes_no_bytes_that_should_go_to_the_bucket(s3: S3Server, tmp_path: Path) -> None:
    async def scenario() -> None:
        path = tmp_path / "file"
        path.write_bytes(BODY)
        both = Targets(targets=(settings(s3), *TARGETS.targets))
        async with upload_tracker(tmp_path, both) as tracker, aiohttp.ClientSession() as session:
            upload, permit = await reserved_on_s3(tracker, s3)
            there = msgspec.structs.replace(permit, how="tus", address=f"/v1/uploads/{upload.upload}")
            with pytest.raises(UploadInterruptedError):
                await send(session, there, path, key="key-of-one", tracker=tracker.root)
            assert tracker.files() == {}

    asyncio.run(scenario())


def test_a_file_that_rotted_on_the_volunteers_disk_is_refused_by_the_bucket(s3: S3Server, tmp_path: Path) -> None:
    async def scenario() -> None:
        path = tmp_path / "file"
        path.write_bytes(BODY[:-1] + b"?")
        permit = S3Target(settings(s3), tmp_path).permit(a_row())
        async with aiohttp.ClientSession() as session:
            with pytest.raises(UploadRefusedError) as refused:
                await send(session, permit, path, key="secret-key", tracker="https://t.example", uploads=[s3.root])
        assert refused.value.code == "wrong_sha256"
        assert s3.objects == {}

    asyncio.run(scenario())


def test_a_target_that_fails_gets_nothing_new_and_lets_its_uploads_go_elsewhere(s3: S3Server, tmp_path: Path) -> None:
    async def scenario() -> None:
        both = Targets(targets=(settings(s3), *TARGETS.targets), rest_seconds=60)
        async with upload_tracker(tmp_path, both) as tracker:
            upload, _ = await reserved_on_s3(tracker, s3)
            s3.failing = [403]
            name = await tracker.uploads.target_for(len(BODY))
            assert (upload.target, name) == ("s3", "disk")

            async def asked_again(target: str) -> UploadRow:
                return await tracker.store.do(
                    lambda tx: tracker.uploads.elsewhere(tx, tracker.clock(), upload, target, new_upload_id())
                )

            assert await asked_again("") == upload  # nothing has room: it keeps what it has
            moved = await asked_again(name)
            assert (moved.target, moved.state, moved.offset) == ("disk", UploadState.RESERVED, 0)
            assert moved.upload != upload.upload
            tracker.clock.now += 61
            assert await tracker.uploads.target_for(len(BODY)) == "s3"
            stays = replace(moved, target="disk")
            upload = stays
            assert await asked_again("s3") == stays  # its own target is well

    asyncio.run(scenario())
