"""kill -9 at every durable boundary of an upload: afterwards the client goes on, and nothing is lost or left over."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import aiohttp
import pytest

from tests.workers.tracker.uploads.upload_tracker import (
    NOW,
    UploadTracker,
    a_body,
    address_of,
    chunk,
    started,
    upload_tracker,
)
from workers.failpoints import FAILPOINTS
from workers.home.uploading import UploadInterruptedError, send
from workers.tracker.moves.records import UploadRow
from workers.tracker.states import UploadState
from workers.tracker.uploads.collecting import fsck_objects
from workers.tracker.uploads.receiving import BLOCK_BYTES

BODY = a_body(BLOCK_BYTES + 5000)
#: a body of as many bytes, which are others
WRONG = a_body(len(BODY), "wrong")
SENDING = sorted(
    name for name in FAILPOINTS if name.startswith("uploads.") and "collected" not in name and "gone" not in name
)


async def client_sends(tracker: UploadTracker, root: str, upload: UploadRow, path: Path) -> None:
    async with aiohttp.ClientSession() as session:
        await send(session, await tracker.permit(upload), path, key="key-of-one", tracker=root)


async def breaks_off(root: str, upload: UploadRow) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", int(root.rpartition(":")[2]))
    headers = chunk(0, Content_Length=str(len(BODY)), Host="localhost")
    told = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"PATCH /v1/uploads/{upload.upload} HTTP/1.1\r\n{told}\r\n".encode() + BODY[:BLOCK_BYTES])
    await writer.drain()
    writer.close()


@pytest.mark.parametrize("failpoint", SENDING)
def test_killed_while_a_file_arrives(tmp_path: Path, failpoint: str) -> None:
    # invariants 2, 11, 14 and 16
    async def scenario() -> None:
        path = tmp_path / "file"
        path.write_bytes(WRONG if failpoint == "uploads.discarded" else BODY)
        async with upload_tracker(tmp_path) as tracker:
            upload = await tracker.reserved(BODY)
            server = started("serve", tmp_path, failpoint)
            root = await address_of(server)
            if failpoint == "uploads.cut_off":
                await breaks_off(root, upload)
            else:
                with pytest.raises(UploadInterruptedError):
                    await client_sends(tracker, root, upload, path)
            assert await asyncio.to_thread(server.wait) == -signal.SIGKILL
            path.write_bytes(BODY)
            await client_sends(tracker, tracker.root, upload, path)
            assert (await tracker.row(upload)).state is UploadState.STORED
            assert tracker.files() == {upload.upload: BODY}
            assert await fsck_objects(tracker.uploads) == []

    asyncio.run(scenario())


@pytest.mark.parametrize("failpoint", ["uploads.marked_gone", "uploads.collected"])
def test_killed_while_it_removes_what_nobody_needs(tmp_path: Path, failpoint: str) -> None:
    # invariant 17
    async def scenario() -> None:
        async with upload_tracker(tmp_path) as tracker, aiohttp.ClientSession() as session:
            wanted, unwanted = await tracker.reserved(BODY), await tracker.reserved(BODY, worker=2)
            for upload, key in [(wanted, "key-of-one"), (unwanted, "key-of-two")]:
                async with session.patch(tracker.address(upload), data=BODY, headers=chunk(0, key)) as answer:
                    assert answer.status == 204
            await tracker.store.do(
                lambda tx: tx.run(
                    "INSERT INTO results (lease, job, worker, account, version, kind, received_at, state, manifest_json,"
                    " manifest_sha256, signature) VALUES ('lease-1', 1, 1, 1, '1', 'crawl', ?, 'received', '{}', '', '')",
                    NOW,
                )
            )  # fmt: skip
            collector = started("collect", tmp_path, failpoint)
            assert await asyncio.to_thread(collector.wait) == -signal.SIGKILL
            assert (await tracker.row(wanted)).state is UploadState.STORED
            assert (await tracker.row(unwanted)).state is UploadState.GONE
            said = await fsck_objects(tracker.uploads, mend=True)
            assert len(said) == (failpoint == "uploads.marked_gone")
            assert tracker.files() == {wanted.upload: BODY}
            assert await fsck_objects(tracker.uploads) == []

    asyncio.run(scenario())
