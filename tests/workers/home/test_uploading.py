from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from tests.workers.tracker.uploads.upload_tracker import UploadTracker, a_body, until, upload_tracker
from workers.home.uploading import Pace, Progress, UploadInterruptedError, UploadRefusedError, send
from workers.protocol.messages import UploadPermit
from workers.tracker.moves.records import UploadRow
from workers.tracker.states import UploadState
from workers.tracker.uploads.receiving import BLOCK_BYTES

BODY = a_body(200_000)
UPLOAD = "0" * 32
TUS = UploadPermit(upload=UPLOAD, how="tus", address=f"/v1/uploads/{UPLOAD}")
PUT_HEADERS = {"Content-Length": str(len(BODY)), "If-None-Match": "*", "x-amz-checksum-sha256": "A" * 44}
SECRET = "key-of-one"


async def sends(
    tracker: UploadTracker, upload: UploadRow, path: Path, rate: Pace | None = None, progress: Progress | None = None
) -> None:
    async with aiohttp.ClientSession() as session:
        permit = await tracker.permit(upload)
        await send(session, permit, path, key=SECRET, tracker=tracker.root, rate=rate, progress=progress)


@asynccontextmanager
async def a_server(
    behave: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> AsyncIterator[tuple[str, list[web.Request]]]:
    """One that does what it is told, and what it was asked."""
    asked: list[web.Request] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(request)
        return await behave(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", asked
    finally:
        await runner.cleanup()


def a_file(folder: Path, body: bytes = BODY) -> Path:
    path = folder / "00000.tar"
    path.write_bytes(body)
    return path


def test_a_file_is_sent_and_its_progress_told(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with upload_tracker(tmp_path) as tracker:
            upload = await tracker.reserved(BODY)
            paced: list[int] = []
            told: list[int] = []

            async def rate(count: int) -> None:
                paced.append(count)

            await sends(tracker, upload, a_file(tmp_path), rate=rate, progress=told.append)
            assert (await tracker.row(upload)).state is UploadState.STORED
            assert sum(paced) == len(BODY)
            assert max(paced) <= 65_536  # a limit of a few KB/s is kept smoothly
            assert told == sorted(told)
            assert told[-1] == len(BODY)

    asyncio.run(scenario())


def test_a_second_try_sends_the_whole_file_again_not_what_is_left_of_an_open_one(tmp_path: Path) -> None:
    # invariant 14; defect 11: the handle was at its end, and nothing was sent; the server said yes
    async def scenario() -> None:
        async with upload_tracker(tmp_path) as tracker:
            upload = await tracker.reserved(BODY)
            with pytest.raises(UploadRefusedError) as refused:
                await sends(tracker, upload, a_file(tmp_path, b"?" + BODY[1:]))
            assert refused.value.code == "wrong_sha256"
            assert (await tracker.row(upload)).state is UploadState.RESERVED  # defect 10: it was counted as done
            sent = []

            async def rate(count: int) -> None:
                sent.append(count)

            await sends(tracker, upload, a_file(tmp_path), rate=rate)
            assert sum(sent) == len(BODY)
            assert (await tracker.row(upload)).state is UploadState.STORED
            assert tracker.files() == {upload.upload: BODY}

    asyncio.run(scenario())


def test_a_broken_line_is_resumed_where_it_broke(tmp_path: Path) -> None:
    # invariant 16
    async def scenario() -> None:
        body = a_body(2 * BLOCK_BYTES)
        async with upload_tracker(tmp_path) as tracker:
            upload, path = await tracker.reserved(body), a_file(tmp_path, body)
            sent = []

            async def breaks(count: int) -> None:
                sent.append(count)
                if sum(sent) > BLOCK_BYTES:
                    await until(tracker.files)  # its first block is written
                    raise ConnectionResetError("the cable was pulled")

            with pytest.raises(UploadInterruptedError):
                await sends(tracker, upload, path, rate=breaks)
            while not (await tracker.row(upload)).offset:
                pass
            reached, again = (await tracker.row(upload)).offset, []

            async def counts(count: int) -> None:
                again.append(count)

            await sends(tracker, upload, path, rate=counts)
            assert sum(again) == len(body) - reached
            assert (await tracker.row(upload)).state is UploadState.STORED

    asyncio.run(scenario())


def test_a_file_that_shrinks_while_it_is_sent_is_no_success(tmp_path: Path) -> None:
    async def scenario() -> None:
        body = a_body(3_000_000)
        async with upload_tracker(tmp_path) as tracker:
            upload, path = await tracker.reserved(body), a_file(tmp_path, body)

            async def shrinks(_count: int) -> None:
                path.write_bytes(body[:1000])

            with pytest.raises(UploadInterruptedError):
                await sends(tracker, upload, path, rate=shrinks)
            with pytest.raises(UploadRefusedError) as refused:
                await sends(tracker, upload, path)
            assert refused.value.code == "wrong_size"
            assert (await tracker.row(upload)).state is not UploadState.STORED

    asyncio.run(scenario())


def test_a_file_that_is_not_there_is_said_to_be_so(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with upload_tracker(tmp_path) as tracker:
            upload = await tracker.reserved(BODY)
            with pytest.raises(FileNotFoundError):
                await sends(tracker, upload, tmp_path / "gone")

    asyncio.run(scenario())


def test_what_is_stored_already_is_not_sent(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with aiohttp.ClientSession() as session:
            told: list[int] = []
            permit = UploadPermit(upload=UPLOAD, how="stored")
            await send(
                session, permit, a_file(tmp_path), key=SECRET, tracker="http://nowhere.invalid", progress=told.append
            )
            assert told == [len(BODY)]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("how", "address"),
    [
        ("tus", "https://evil.example/v1/uploads/0"),
        ("tus", "//evil.example/v1/uploads/0"),
        ("tus", "http://tracker.example/v1/uploads/0"),  # without TLS
        ("tus", "https://tracker.example:8443/v1/uploads/0"),
        ("tus", "https://tracker.example@evil.example/"),
        ("tus", "https://user:word@tracker.example/v1/uploads/0"),
        ("tus", "https://tracker.example.evil.example/"),
        ("tus", "https://store.example/a"),  # the key is the tracker's
        ("tus", "file:///etc/passwd"),
        ("tus", ""),
        ("tus", "https://[::1"),
        ("put", "https://tracker.example/v1/uploads/0"),
        ("put", "/v1/uploads/0"),
        ("put", "https://store.example/other/b"),
        ("put", "https://store.example/bucketeer/b"),
        ("put", "https://store.example/bucket/../other/b"),
        ("put", "https://store.example/bucket/%2E%2e/other/b"),
        ("put", "https://store.example\\@evil.example/bucket/b"),
        ("put", "http://169.254.169.254/latest/meta-data"),
        ("email", "https://store.example/bucket/b"),
    ],
)
def test_nothing_is_sent_where_the_campaign_may_not_point(tmp_path: Path, how: str, address: str) -> None:
    async def scenario() -> None:
        permit = UploadPermit(upload=UPLOAD, how=how, address=address, headers=PUT_HEADERS)
        async with aiohttp.ClientSession() as session:
            with pytest.raises(UploadRefusedError) as refused:
                await send(
                    session, permit, a_file(tmp_path), key=SECRET, tracker="https://tracker.example",
                    uploads=["https://store.example/bucket"],
                )  # fmt: skip
        assert refused.value.code in {"foreign_address", "unknown_way"}

    asyncio.run(scenario())


def test_a_redirect_is_not_followed_and_the_key_goes_nowhere_else(tmp_path: Path) -> None:
    async def scenario() -> None:
        async def takes(_request: web.Request) -> web.StreamResponse:
            raise AssertionError("nobody must come here")

        async with a_server(takes) as (elsewhere, asked):

            async def redirects(request: web.Request) -> web.StreamResponse:
                return web.Response(status=307, headers={"Location": elsewhere + request.path})

            async with a_server(redirects) as (root, _), aiohttp.ClientSession() as session:
                for permit in (TUS, UploadPermit(upload=UPLOAD, how="put", address=root + "/b", headers=PUT_HEADERS)):
                    with pytest.raises(UploadInterruptedError):
                        await send(session, permit, a_file(tmp_path), key=SECRET, tracker=root, uploads=[root])
            assert asked == []

    asyncio.run(scenario())


def test_a_storage_gets_the_signed_headers_and_no_key_of_ours(tmp_path: Path) -> None:
    async def scenario() -> None:
        async def takes(request: web.Request) -> web.StreamResponse:
            assert await request.read() == BODY
            return web.Response()

        async with a_server(takes) as (root, asked), aiohttp.ClientSession() as session:
            address = f"{root}/bucket/uploads%2F0?X-Amz-Signature=a%2Fb"
            permit = UploadPermit(upload=UPLOAD, how="put", address=address, headers=PUT_HEADERS)
            await send(
                session, permit, a_file(tmp_path), key=SECRET, tracker="https://t.example", uploads=[root + "/bucket"]
            )
            (request,) = asked
            assert request.raw_path == "/bucket/uploads%2F0?X-Amz-Signature=a%2Fb"  # byte by byte: it is signed
            assert SECRET not in str(request.headers)
            assert {name: request.headers[name] for name in PUT_HEADERS} == PUT_HEADERS

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "headers",
    [{"Authorization": "Bearer x"}, {"Host": "evil.example"}, {"Cookie": "a=b"}, {"Content-Length": "5"}, {"X-Forwarded-For": "::1"}],
)  # fmt: skip
def test_a_permit_may_set_no_header_but_those_of_an_upload(tmp_path: Path, headers: dict[str, str]) -> None:
    async def scenario() -> None:
        permit = UploadPermit(upload=UPLOAD, how="put", address="https://s.example/b", headers=PUT_HEADERS | headers)
        async with aiohttp.ClientSession() as session:
            with pytest.raises(UploadRefusedError) as refused:
                await send(
                    session,
                    permit,
                    a_file(tmp_path),
                    key=SECRET,
                    tracker="https://t.example",
                    uploads=["https://s.example"],
                )
        assert refused.value.code in {"foreign_header", "wrong_size"}

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("status", "headers", "body", "raised", "what"),
    [
        (500, {}, b"", UploadInterruptedError, None),
        (503, {"Retry-After": "7"}, b"<html>", UploadInterruptedError, 7.0),
        (507, {}, b'{"code":"no_room","message":"full","retry_after":60}', UploadInterruptedError, 60.0),
        (200, {}, b"", UploadInterruptedError, None),  # a proxy's own page: no offset
        (200, {"Upload-Offset": "-3", "Upload-Length": str(len(BODY))}, b"", UploadInterruptedError, None),
        (200, {"Upload-Offset": "0", "Upload-Length": "7"}, b"", UploadRefusedError, "wrong_size"),
        (404, {}, b"", UploadRefusedError, "gone"),
        (410, {}, b"", UploadRefusedError, "gone"),
        (403, {}, b"", UploadRefusedError, "http_403"),
    ],
)
def test_what_a_server_answers_is_either_final_or_for_later(
    tmp_path: Path, status: int, headers: dict[str, str], body: bytes, raised: type[Exception], what: object
) -> None:
    async def scenario() -> None:
        async def answers(request: web.Request) -> web.StreamResponse:
            if status == 507 and request.method == "HEAD":
                return web.Response(headers={"Upload-Offset": "0", "Upload-Length": str(len(BODY))})
            await request.read()
            return web.Response(status=status, headers=headers, body=body)

        async with a_server(answers) as (root, _), aiohttp.ClientSession() as session:
            with pytest.raises(raised) as told:
                await send(session, TUS, a_file(tmp_path), key=SECRET, tracker=root + "/")
            assert getattr(told.value, "code", None) == what or getattr(told.value, "retry_after", None) == what
            assert SECRET not in str(told.value)

    asyncio.run(scenario())


def test_a_server_that_takes_everything_and_moves_no_further_is_not_believed(tmp_path: Path) -> None:
    async def scenario() -> None:
        async def stands_still(request: web.Request) -> web.StreamResponse:
            await request.read()
            return web.Response(
                status=204 if request.method == "PATCH" else 200,
                headers={"Upload-Offset": "0", "Upload-Length": str(len(BODY))},
            )

        async with a_server(stands_still) as (root, asked), aiohttp.ClientSession() as session:
            with pytest.raises(UploadInterruptedError):
                await send(session, TUS, a_file(tmp_path), key=SECRET, tracker=root)
            assert [one.method for one in asked] == ["HEAD", "PATCH"]

    asyncio.run(scenario())


def test_a_tracker_that_is_down_is_for_later(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with aiohttp.ClientSession() as session:
            with pytest.raises(UploadInterruptedError):
                await send(session, TUS, a_file(tmp_path), key=SECRET, tracker="http://127.0.0.1:1")

    asyncio.run(scenario())
