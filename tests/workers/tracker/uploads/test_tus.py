from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError, TusUploadFailed

from tests.workers.tracker.uploads.upload_tracker import (
    TARGETS,
    UploadTracker,
    a_body,
    bearer,
    chunk,
    everything,
    sha256,
    until,
    upload_tracker,
)
from workers.tracker.moves.records import UploadRow
from workers.tracker.states import UploadState
from workers.tracker.uploads.receiving import BLOCK_BYTES
from workers.tracker.uploads.settings import Disk, Targets

BODY = a_body()


def tuspy_sends(
    tracker: UploadTracker, upload: UploadRow, path: Path, stop_at: int | None = None, **how: object
) -> None:
    """An independent client sends (the rest of) a file."""
    client = TusClient(tracker.root, headers={"Authorization": bearer()["Authorization"]})
    uploader = client.uploader(str(path), url=tracker.address(upload), **how)
    if stop_at != 0:
        uploader.upload(stop_at=stop_at)


def test_tuspy_sends_a_whole_file(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with upload_tracker(tmp_path) as tracker:
            (tmp_path / "file").write_bytes(BODY)
            upload = await tracker.reserved(BODY)
            await asyncio.to_thread(tuspy_sends, tracker, upload, tmp_path / "file")
            assert tracker.files() == {upload.upload: BODY}
            assert stat.S_IMODE((tracker.objects / upload.upload[:2] / upload.upload).stat().st_mode) == 0o444
            stored = await tracker.row(upload)
            assert (stored.state, stored.offset) == (UploadState.STORED, len(BODY))

    asyncio.run(scenario())


def test_tuspy_sends_in_chunks_with_checksums(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with upload_tracker(tmp_path) as tracker:
            (tmp_path / "file").write_bytes(BODY)
            upload = await tracker.reserved(BODY)
            await asyncio.to_thread(
                tuspy_sends, tracker, upload, tmp_path / "file", chunk_size=70_000, upload_checksum=True
            )
            assert (await tracker.row(upload)).state is UploadState.STORED

    asyncio.run(scenario())


@pytest.mark.parametrize("reached", [0, 1, len(BODY) // 2, len(BODY) - 1, len(BODY)])
def test_tuspy_resumes_at_any_offset_also_after_a_restart(tmp_path: Path, reached: int) -> None:
    # invariant 16
    async def scenario() -> None:
        (tmp_path / "file").write_bytes(BODY)
        async with upload_tracker(tmp_path) as tracker:
            upload = await tracker.reserved(BODY)
            await asyncio.to_thread(
                tuspy_sends, tracker, upload, tmp_path / "file", reached, chunk_size=max(1, reached)
            )
            assert (await tracker.row(upload)).offset == reached
        async with upload_tracker(tmp_path) as tracker:
            await asyncio.to_thread(tuspy_sends, tracker, upload, tmp_path / "file")
            assert (await tracker.row(upload)).state is UploadState.STORED
            assert tracker.files() == {upload.upload: BODY}

    asyncio.run(scenario())


def test_of_two_chunks_at_once_one_is_told_409_and_the_other_is_whole(tmp_path: Path) -> None:
    # invariant 16
    async def scenario() -> None:
        async with upload_tracker(tmp_path) as tracker, aiohttp.ClientSession() as session:
            upload = await tracker.reserved(BODY)
            go_on = asyncio.Event()

            async def slowly() -> AsyncIterator[bytes]:
                yield BODY[:1000]
                await go_on.wait()
                yield BODY[1000:]

            async def first() -> int:
                headers = chunk(0, Content_Length=str(len(BODY)))
                async with session.patch(tracker.address(upload), data=slowly(), headers=headers) as answer:
                    return answer.status

            sending = asyncio.create_task(first())
            await until(tracker.files)  # until the first has its hand on it
            async with session.patch(tracker.address(upload), data=BODY, headers=chunk(0)) as answer:
                assert answer.status == 409
                assert (await answer.json())["code"] == "busy"
            go_on.set()
            assert await sending == 204
            assert tracker.files() == {upload.upload: BODY}

    asyncio.run(scenario())


WRONG_CHUNKS = [
    ({"Tus_Resumable": "0.2.2"}, 412, "tus_version"),
    ({"Content_Type": "text/plain"}, 415, "content_type"),
    ({"Upload_Offset": "7"}, 409, "wrong_offset"),
    ({"Upload_Offset": "-1"}, 400, "bad_offset"),
    ({"Upload_Offset": "²"}, 400, "bad_offset"),
    ({"Upload_Offset": "9" * 30}, 400, "bad_offset"),
    ({"Upload_Offset": "9" * 19}, 413, "too_long"),
    ({"Upload_Offset": "300000"}, 413, "too_long"),
    ({"Upload_Checksum": "md5 CY9rzUYh03PK3k6DJie09g=="}, 400, "bad_checksum"),
    ({"Upload_Checksum": "sha256"}, 400, "bad_checksum"),
    ({"Upload_Checksum": "sha1 AAAA"}, 400, "bad_checksum"),
    ({"Authorization": "Bearer key-of-two"}, 403, "not_yours"),
]


def test_a_chunk_that_is_not_in_order_is_refused_before_a_byte_is_written(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with upload_tracker(tmp_path) as tracker, aiohttp.ClientSession() as session:
            upload = await tracker.reserved(BODY)
            for headers, status, code in WRONG_CHUNKS:
                async with session.patch(tracker.address(upload), data=BODY[:9], headers=chunk(0, **headers)) as answer:
                    assert (answer.status, (await answer.json())["code"]) == (status, code), headers
                    assert answer.headers["Tus-Resumable"] == "1.0.0"
            assert tracker.files() == {}
            assert (await tracker.row(upload)).state is UploadState.RESERVED

    asyncio.run(scenario())


def test_a_packed_body_is_refused(tmp_path: Path) -> None:
    # a bomb, and of another length than was told
    async def scenario() -> None:
        async with upload_tracker(tmp_path) as tracker, aiohttp.ClientSession() as session:
            upload = await tracker.reserved(BODY)
            packed = gzip.compress(BODY)
            headers = chunk(0, Content_Encoding="gzip")
            async with session.patch(tracker.address(upload), data=packed, headers=headers) as answer:
                assert (answer.status, (await answer.json())["code"]) == (415, "packed")
            assert tracker.files() == {}

    asyncio.run(scenario())


def test_a_body_of_unknown_length_is_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with upload_tracker(tmp_path) as tracker, aiohttp.ClientSession() as session:
            upload = await tracker.reserved(BODY)

            async def endless() -> AsyncIterator[bytes]:
                yield BODY

            async with session.patch(tracker.address(upload), data=endless(), headers=chunk(0)) as answer:
                assert answer.status == 411
            assert tracker.files() == {}

    asyncio.run(scenario())


def test_a_body_that_is_too_long_is_refused_before_a_byte_is_written(tmp_path: Path) -> None:
    # invariant 13
    async def scenario() -> None:
        async with upload_tracker(tmp_path) as tracker, aiohttp.ClientSession() as session:
            upload = await tracker.reserved(BODY)
            async with session.patch(tracker.address(upload), data=BODY + b"x", headers=chunk(0)) as answer:
                assert (answer.status, (await answer.json())["code"]) == (413, "too_long")
            assert tracker.files() == {}

    asyncio.run(scenario())


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_a_chunk_whose_checksum_is_wrong_leaves_nothing(tmp_path: Path, algorithm: str) -> None:
    async def scenario() -> None:
        async with upload_tracker(tmp_path) as tracker, aiohttp.ClientSession() as session:
            upload = await tracker.reserved(BODY)

            async def sent(offset: int, part: bytes, claimed: bytes) -> tuple[int, str]:
                digest = base64.b64encode(hashlib.new(algorithm, claimed).digest()).decode()
                headers = chunk(offset, Upload_Checksum=f"{algorithm} {digest}")
                async with session.patch(tracker.address(upload), data=part, headers=headers) as answer:
                    return answer.status, answer.headers.get("Upload-Offset", "")

            assert await sent(0, BODY[:1000], BODY[:1000]) == (204, "1000")
            assert await sent(1000, BODY[1000:2000], b"something else") == (460, "")
            async with session.head(tracker.address(upload), headers=bearer()) as answer:
                assert answer.headers["Upload-Offset"] == "1000"
            assert await sent(1000, BODY[1000:], BODY[1000:]) == (204, str(len(BODY)))

    asyncio.run(scenario())


def test_wrong_bytes_are_removed_and_the_whole_body_is_wanted_again(tmp_path: Path) -> None:
    # invariants 13 and 14; defect 10: a failed upload was counted as one
    async def scenario() -> None:
        async with upload_tracker(tmp_path) as tracker, aiohttp.ClientSession() as session:
            upload = await tracker.reserved(BODY)
            address = tracker.address(upload)
            async with session.patch(address, data=BODY[:-1] + b"?", headers=chunk(0)) as answer:
                assert (answer.status, (await answer.json())["code"]) == (422, "wrong_sha256")
            assert tracker.files() == {}
            assert tracker.is_tidy()
            assert (await tracker.row(upload)).state is UploadState.RESERVED
            async with session.head(address, headers=bearer()) as answer:
                assert answer.headers["Upload-Offset"] == "0"
            async with session.patch(address, data=BODY, headers=chunk(0)) as answer:
                assert answer.status == 204
            assert (await tracker.row(upload)).state is UploadState.STORED

    asyncio.run(scenario())


def test_two_workers_who_swap_their_files_are_both_refused(tmp_path: Path) -> None:
    # invariant 13
    async def scenario() -> None:
        async with upload_tracker(tmp_path) as tracker, aiohttp.ClientSession() as session:
            mine, yours = a_body(seed="mine"), a_body(seed="yours")
            first, second = await tracker.reserved(mine), await tracker.reserved(yours, worker=2)
            for upload, body, key in [(first, yours, "key-of-one"), (second, mine, "key-of-two")]:
                async with session.patch(tracker.address(upload), data=body, headers=chunk(0, key)) as answer:
                    assert answer.status == 422
                assert (await tracker.row(upload)).state is UploadState.RESERVED

    asyncio.run(scenario())


def test_no_bytes_at_all_are_no_upload(tmp_path: Path) -> None:
    # checklist 30; invariant 13
    async def scenario() -> None:
        async with upload_tracker(tmp_path) as tracker, aiohttp.ClientSession() as session:
            upload = await tracker.reserved(BODY)
            async with session.patch(tracker.address(upload), data=b"", headers=chunk(0)) as answer:
                assert answer.headers["Upload-Offset"] == "0"
            await tracker.uploads.settle_lease(upload.lease)
            assert (await tracker.row(upload)).state is UploadState.PARTIAL

    asyncio.run(scenario())


def test_a_client_that_goes_away_loses_nothing_that_arrived_and_is_not_done(tmp_path: Path) -> None:
    # invariant 13: truncated; invariant 16
    async def scenario() -> None:
        async with upload_tracker(tmp_path) as tracker:
            upload = await tracker.reserved(BODY)

            port = int(tracker.root.rpartition(":")[2])
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            headers = chunk(0, Content_Length=str(len(BODY)), Host="localhost")
            writer.write(f"PATCH /v1/uploads/{upload.upload} HTTP/1.1\r\n".encode())
            writer.write("".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode() + b"\r\n")
            writer.write(BODY[: BLOCK_BYTES + 1000])
            await writer.drain()
            await until(lambda: tracker.files() == {upload.upload: BODY[:BLOCK_BYTES]})
            writer.close()
            while not (reached := (await tracker.row(upload)).offset):
                pass
            assert BLOCK_BYTES <= reached <= BLOCK_BYTES + 1000
            await tracker.uploads.settle_lease(upload.lease)
            assert (await tracker.row(upload)).state is UploadState.PARTIAL
            assert tracker.files() == {upload.upload: BODY[:reached]}

    asyncio.run(scenario())


def test_who_sends_nothing_for_too_long_is_let_go_and_may_resume(tmp_path: Path) -> None:
    async def scenario() -> None:
        hasty = Targets(targets=(Disk(reserve_bytes=0),), block_seconds=0.2)
        async with upload_tracker(tmp_path, hasty) as tracker, aiohttp.ClientSession() as session:
            upload = await tracker.reserved(BODY)

            async def falls_silent() -> AsyncIterator[bytes]:
                yield BODY[:1000]
                await asyncio.Event().wait()

            headers = chunk(0, Content_Length=str(len(BODY)))
            async with session.patch(tracker.address(upload), data=falls_silent(), headers=headers) as answer:
                assert (answer.status, (await answer.json())["code"]) == (408, "cut_off")
            async with session.head(tracker.address(upload), headers=bearer()) as answer:
                assert answer.headers["Upload-Offset"] == "1000"

    asyncio.run(scenario())


def test_what_is_stored_is_never_written_again(tmp_path: Path) -> None:
    # invariant 15, for our own store
    async def scenario() -> None:
        async with upload_tracker(tmp_path) as tracker, aiohttp.ClientSession() as session:
            upload = await tracker.reserved(BODY)
            address = tracker.address(upload)
            async with session.patch(address, data=BODY, headers=chunk(0)) as answer:
                assert answer.status == 204
            for offset, part in [(0, b"other"), (0, BODY), (len(BODY), b""), (5, b"x")]:
                async with session.patch(address, data=part, headers=chunk(offset)) as answer:
                    assert (answer.status, (await answer.json())["code"]) == (403, "stored")
            async with session.delete(address, headers=bearer()) as answer:
                assert answer.status == 403
            # and if the database forgot it, the file still knows
            await tracker.set("uploads", state="partial", offset_bytes=0)
            async with session.patch(address, data=b"other", headers=chunk(0)) as answer:
                assert (answer.status, (await answer.json())["code"]) == (403, "stored")
            assert tracker.files() == {upload.upload: BODY}

    asyncio.run(scenario())


def test_an_upload_can_be_given_up_and_sent_anew(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with upload_tracker(tmp_path) as tracker, aiohttp.ClientSession() as session:
            upload = await tracker.reserved(BODY)
            address = tracker.address(upload)
            async with session.patch(address, data=BODY[:50], headers=chunk(0)) as answer:
                assert answer.status == 204
            async with session.delete(address, headers=bearer()) as answer:
                assert answer.status == 204
            assert tracker.files() == {}
            assert tracker.is_tidy()
            async with session.head(address, headers=bearer()) as answer:
                assert (answer.headers["Upload-Offset"], answer.headers["Upload-Length"]) == ("0", str(len(BODY)))

    asyncio.run(scenario())


def test_options_say_what_the_server_can_do(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            upload_tracker(tmp_path) as tracker,
            aiohttp.ClientSession() as session,
            session.options(f"{tracker.root}/v1/uploads/{'0' * 32}") as answer,
        ):
            assert answer.status == 204
            assert answer.headers["Tus-Version"] == "1.0.0"
            assert answer.headers["Tus-Extension"] == "checksum,expiration,termination"
            assert answer.headers["Tus-Checksum-Algorithm"] == "sha1,sha256"

    asyncio.run(scenario())


HOSTILE_NAMES = [
    "..%2F..%2Fsecrets.json",
    "%00",
    "A" * 32,
    "0" * 32,
    "0" * 31,
    "%2e%2e",
    "0" * 32 + "%0A",
    "a" * 5000,
    "%F0%9F%92%A3",
]


def test_a_name_from_outside_never_becomes_a_path(tmp_path: Path) -> None:
    # invariant 25
    async def scenario() -> None:
        async with upload_tracker(tmp_path) as tracker, aiohttp.ClientSession() as session:
            await tracker.reserved(BODY)
            before = everything(tmp_path)
            for name in HOSTILE_NAMES:
                for method, headers in [("HEAD", bearer()), ("PATCH", chunk(0)), ("DELETE", bearer())]:
                    async with session.request(
                        method,
                        f"{tracker.root}/v1/uploads/{name}",
                        headers=headers,
                        data=BODY if method == "PATCH" else None,
                    ) as answer:
                        assert answer.status == 404, name
            assert everything(tmp_path) == before

    asyncio.run(scenario())


def test_too_many_at_the_same_time_are_told_to_come_later(tmp_path: Path) -> None:
    async def scenario() -> None:
        one = Targets(targets=TARGETS.targets, at_once=1)
        async with upload_tracker(tmp_path, one) as tracker, aiohttp.ClientSession() as session:
            first, second = await tracker.reserved(BODY), await tracker.reserved(BODY, worker=2)
            go_on = asyncio.Event()

            async def slowly() -> AsyncIterator[bytes]:
                yield BODY[:1]
                await go_on.wait()
                yield BODY[1:]

            headers = chunk(0, Content_Length=str(len(BODY)))
            sending = asyncio.create_task(session.patch(tracker.address(first), data=slowly(), headers=headers))
            await until(tracker.files)
            async with session.patch(tracker.address(second), data=BODY, headers=chunk(0, "key-of-two")) as answer:
                assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
            go_on.set()
            assert (await sending).status == 204
            async with session.patch(tracker.address(second), data=BODY, headers=chunk(0, "key-of-two")) as answer:
                assert answer.status == 204

    asyncio.run(scenario())


def test_tuspy_is_told_when_its_upload_is_not_its_own(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with upload_tracker(tmp_path) as tracker:
            (tmp_path / "file").write_bytes(BODY)
            upload = await tracker.reserved(BODY, worker=2)
            with pytest.raises((TusCommunicationError, TusUploadFailed)) as raised:
                await asyncio.to_thread(tuspy_sends, tracker, upload, tmp_path / "file")
            assert raised.value.status_code == 403

    asyncio.run(scenario())


def test_what_was_whole_when_the_tracker_was_stopped_counts_when_it_is_asked_about(tmp_path: Path) -> None:
    # invariant 14: neither lost, nor done before it is hashed
    async def scenario() -> None:
        for body, offset, state in [(BODY, len(BODY), UploadState.STORED), (b"?" + BODY[1:], 0, UploadState.RESERVED)]:
            async with upload_tracker(tmp_path / sha256(body)[:8]) as tracker, aiohttp.ClientSession() as session:
                upload = await tracker.reserved(BODY)
                path = tracker.objects / upload.upload[:2] / upload.upload
                path.parent.mkdir()
                path.write_bytes(body)
                await tracker.set("uploads", state="partial", offset_bytes=len(BODY) - 1)
                async with session.head(tracker.address(upload), headers=bearer()) as answer:
                    assert answer.headers["Upload-Offset"] == str(offset)
                assert (await tracker.row(upload)).state is state

    for name in (sha256(BODY)[:8], sha256(b"?" + BODY[1:])[:8]):
        (tmp_path / name).mkdir()
    asyncio.run(scenario())
