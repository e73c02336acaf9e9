"""A disk that is full, made by the kernel: a limit on the size of files, which the server's own process meets."""

from __future__ import annotations

import asyncio
import resource
from pathlib import Path

import aiohttp
import pytest

from tests.workers.tracker.uploads.upload_tracker import a_body, address_of, bearer, started, upload_tracker
from workers.home.uploading import UploadInterruptedError, send
from workers.tracker.states import UploadState
from workers.tracker.uploads.reserving import NoRoomError
from workers.tracker.uploads.settings import Disk, Targets

BODY = a_body(6 * 2**20)
#: what a file may have; the database's own are far below
LIMIT = 5 * 2**20 + 77


def test_a_full_disk_is_told_and_what_arrived_is_kept_until_there_is_room(tmp_path: Path) -> None:
    # invariant 12
    async def scenario() -> None:
        path = tmp_path / "file"
        path.write_bytes(BODY)
        async with upload_tracker(tmp_path) as tracker, aiohttp.ClientSession() as session:
            upload = await tracker.reserved(BODY)
            server = started("serve", tmp_path)
            try:
                address = await address_of(server)
                resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (LIMIT, resource.RLIM_INFINITY))
                permit = await tracker.permit(upload)
                for _ in range(2):
                    with pytest.raises(UploadInterruptedError, match="full") as full:
                        await send(session, permit, path, key="key-of-one", tracker=address)
                    assert full.value.retry_after == 60
                    assert (await tracker.row(upload)).state is UploadState.PARTIAL
                    async with session.head(f"{address}/v1/uploads/{upload.upload}", headers=bearer()) as answer:
                        assert answer.headers["Upload-Offset"] == str(LIMIT)
                resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
                await send(session, permit, path, key="key-of-one", tracker=address)
                assert (await tracker.row(upload)).state is UploadState.STORED
                assert tracker.files() == {upload.upload: BODY}
            finally:
                server.kill()
                await asyncio.to_thread(server.wait)

    asyncio.run(scenario())


def test_a_disk_near_its_end_promises_nothing_more(tmp_path: Path) -> None:
    # invariant 12
    async def scenario() -> None:
        async with upload_tracker(tmp_path, Targets(targets=(Disk(reserve_bytes=2**62),))) as tracker:
            assert await tracker.uploads.room() == 0
            with pytest.raises(NoRoomError):
                await tracker.uploads.target_for(1)

    asyncio.run(scenario())
