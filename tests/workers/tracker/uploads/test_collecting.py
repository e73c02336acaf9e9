from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.workers.tracker.uploads.upload_tracker import NOW, UploadTracker, a_body, chunk, until, upload_tracker
from workers.tracker.moves.records import UploadRow
from workers.tracker.states import ResultState, UploadState
from workers.tracker.uploads.collecting import collect, fsck_objects

BODY = a_body(10_000)
DAY = 86_400.0
HARD = 21_600.0


async def stored(tracker: UploadTracker, name: str = "00000.parquet") -> UploadRow:
    upload = await tracker.reserved(BODY, name=name)
    async with (
        aiohttp.ClientSession() as session,
        session.patch(tracker.address(upload), data=BODY, headers=chunk(0)) as answer,
    ):
        assert answer.status == 204
    return upload


async def submitted(tracker: UploadTracker, state: ResultState, *, canonical: bool = False) -> None:
    await tracker.set("leases", state="submitted")
    await tracker.store.do(
        lambda tx: tx.run(
            "INSERT INTO results (lease, job, worker, account, version, kind, received_at, state, canonical,"
            " manifest_json, manifest_sha256, signature)"
            " VALUES ('lease-1', 1, 1, 1, '1', 'crawl', ?, ?, ?, '{}', '', '')",
            NOW, state, int(canonical),
        )
    )  # fmt: skip


def test_what_was_never_finished_is_removed_after_its_time(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with upload_tracker(tmp_path) as tracker, aiohttp.ClientSession() as session:
            upload = await tracker.reserved(BODY)
            async with session.patch(tracker.address(upload), data=BODY[:50], headers=chunk(0)) as answer:
                assert answer.status == 204
            tracker.clock.now += HARD - 1  # its lease may still submit
            assert (await collect(tracker.uploads, older_than=3600)).uploads == 0
            tracker.clock.now += 1
            collected = await collect(tracker.uploads, older_than=3600)
            assert (collected.uploads, collected.bytes, collected.failed) == (1, len(BODY), 0)
            assert (await tracker.row(upload)).state is UploadState.GONE
            assert tracker.files() == {}
            assert tracker.is_tidy()
            async with session.head(tracker.address(upload), headers=chunk(0)) as answer:
                assert answer.status == 410

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("state", "canonical", "kept"),
    [
        (ResultState.RECEIVED, False, True),
        (ResultState.CHECKING, False, True),
        (ResultState.SUSPICIOUS, False, True),
        (ResultState.VALID, True, True),
        (ResultState.VALID, False, False),  # a replica that was believed, and is not in the data set
        (ResultState.INVALID, False, False),
        (ResultState.REVOKED, False, False),
    ],
)
def test_what_a_result_may_still_need_is_kept(tmp_path: Path, state: ResultState, canonical: bool, kept: bool) -> None:
    # invariant 17
    async def scenario() -> None:
        async with upload_tracker(tmp_path) as tracker:
            upload = await stored(tracker)
            await submitted(tracker, state, canonical=canonical)
            tracker.clock.now += 30 * DAY
            await collect(tracker.uploads, older_than=DAY)
            assert ((await tracker.row(upload)).state is UploadState.STORED) == kept
            assert tracker.files() == ({upload.upload: BODY} if kept else {})
            assert await fsck_objects(tracker.uploads) == []

    asyncio.run(scenario())


def test_what_is_in_the_data_set_in_a_copy_is_removed_after_a_while(tmp_path: Path) -> None:
    # invariant 17
    async def scenario() -> None:
        async with upload_tracker(tmp_path) as tracker:
            upload = await stored(tracker)
            await submitted(tracker, ResultState.VALID, canonical=True)
            await tracker.set("uploads", state="promoted", moved_at=NOW + DAY)
            tracker.clock.now += 2 * DAY - 1
            assert (await collect(tracker.uploads, older_than=DAY)).uploads == 0
            assert tracker.files() == {upload.upload: BODY}
            assert await fsck_objects(tracker.uploads) == []
            tracker.clock.now += 2
            assert (await collect(tracker.uploads, older_than=DAY)).uploads == 1
            assert tracker.files() == {}
            assert await fsck_objects(tracker.uploads) == []

    asyncio.run(scenario())


def test_who_sends_while_it_is_collected_is_told_so_and_nothing_is_left(tmp_path: Path) -> None:
    # invariant 17
    async def scenario() -> None:
        async with upload_tracker(tmp_path) as tracker, aiohttp.ClientSession() as session:
            upload = await tracker.reserved(BODY)
            go_on = asyncio.Event()

            async def slowly() -> AsyncIterator[bytes]:
                yield BODY[:1]
                await go_on.wait()
                yield BODY[1:]

            headers = chunk(0, Content_Length=str(len(BODY)))
            sending = asyncio.create_task(session.patch(tracker.address(upload), data=slowly(), headers=headers))
            await until(tracker.files)
            tracker.clock.now += 30 * DAY
            collected = await collect(tracker.uploads, older_than=DAY)
            assert (collected.uploads, collected.failed) == (1, 1)  # it is being written: later
            go_on.set()
            assert (await sending).status == 404
            assert (await tracker.row(upload)).state is UploadState.GONE
            assert await fsck_objects(tracker.uploads, mend=True) == [
                f"disk: object {upload.upload} is not needed: its row says gone, removed"
            ]
            assert tracker.files() == {}

    asyncio.run(scenario())


def test_a_file_that_was_removed_may_come_again_under_another_id(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with upload_tracker(tmp_path) as tracker:
            first = await stored(tracker)
            tracker.clock.now += 30 * DAY
            await collect(tracker.uploads, older_than=DAY)
            await tracker.set("leases", hard_at=tracker.clock.now + 1)
            second = await stored(tracker)
            assert second.upload != first.upload
            assert tracker.files() == {second.upload: BODY}

    asyncio.run(scenario())


def test_objects_and_rows_that_do_not_agree_are_named(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with upload_tracker(tmp_path) as tracker:
            lost, cut = await stored(tracker, "lost.parquet"), await stored(tracker, "cut.parquet")
            (tracker.objects / lost.upload[:2] / lost.upload).unlink()
            path = tracker.objects / cut.upload[:2] / cut.upload
            path.unlink()
            path.write_bytes(BODY[:5])
            stray = tracker.objects / "ab" / ("ab" + "0" * 30)
            stray.parent.mkdir(exist_ok=True)
            stray.write_bytes(b"stray")
            (tracker.objects / "README").write_text("an operator's own: none of ours")
            said = await fsck_objects(tracker.uploads, mend=True)
            assert said[0] == f"disk: object {stray.name} is not needed: it has no row, removed"
            assert set(said[1:]) == {
                f"disk: upload {lost.upload} is stored, {len(BODY)} bytes: found None",
                f"disk: upload {cut.upload} is stored, {len(BODY)} bytes: found 5",
            }
            assert set(tracker.files()) == {"README", cut.upload}
            await tracker.set("uploads", target="elsewhere")
            assert "elsewhere: 2 uploads are on this target, which settings.toml names no more" in await fsck_objects(
                tracker.uploads
            )

    asyncio.run(scenario())
