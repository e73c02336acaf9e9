"""Getting a finished job to the tracker, through whatever outage: every file, then the result; or that there is none.

A file counts as delivered when the tracker has said of the whole result that it has it, and not before. (The first
tracker's client took a failed upload for a finished job.)
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from urllib.parse import urlsplit

from workers.failpoints import failpoint
from workers.home.errors import AwayError, RefusedError
from workers.home.lease_folder import Ending, LeaseFolder
from workers.home.outfit import Outfit
from workers.home.signing import changed_files
from workers.home.uploading import UploadRefusedError
from workers.protocol.messages import Artefact, Fail, Leased, ResultTold, SubmitResult

#: how the tracker is called among those that may be away, where nothing is uploaded to it
TRACKER = "tracker"
#: an upload that is refused with one of these is begun anew, with another permit
_ASK_ANEW = frozenset({"permit", "gone", "wrong_sha256", "unknown_upload"})


async def deliver(leased: Leased, folder: LeaseFolder, outfit: Outfit, name: str) -> str:
    """Tell the tracker how a lease has ended, until it has heard.

    Returns why nothing of this machine is taken any more, in the tracker's words: then all is kept; mostly "".

    Raises:
        LeftBehindError: nobody listens, and the volunteer is to stop.
    """
    while True:
        ending = folder.ending()
        if ending is not None:
            return await _told(leased, ending, outfit, name)
        result = folder.result()
        if result is None:
            return ""  # on a disk that lost it; the lease runs out, and somebody else does the job
        try:
            told = await _submitted(leased, result, folder, outfit, name)
        except RefusedError as no:
            if no.status == HTTPStatus.UNAUTHORIZED:
                return str(no)
            await _weigh(no, result, folder, outfit, name)
            if no.status == HTTPStatus.UNPROCESSABLE_ENTITY:
                continue
            return ""
        failpoint("home.result_told")
        kept = result.manifest.counts
        outfit.voice.say(
            "delivered", f"{name}: delivered, {told.outcome}", job=name, outcome=told.outcome,
            bytes=sum(one.bytes for one in result.manifest.artefacts), counts=len(kept),
        )  # fmt: skip
        return ""


async def _submitted(
    leased: Leased, result: SubmitResult, folder: LeaseFolder, outfit: Outfit, name: str
) -> ResultTold:
    for file in result.manifest.artefacts:
        try:
            await _uploaded(leased, file, folder, outfit, name)
        except RefusedError as no:
            if no.status != HTTPStatus.CONFLICT:
                raise
            break  # it has the result already: an earlier answer was lost
    failpoint("home.result_asked")
    return await outfit.patience.insist(TRACKER, lambda: outfit.client.submit(leased.lease, result))


async def _uploaded(leased: Leased, file: Artefact, folder: LeaseFolder, outfit: Outfit, name: str) -> None:
    """Send one file. Each target is waited for by itself: one that is dead holds up nobody who needs another."""
    path = folder.output / file.name

    def progress(done: int) -> None:
        outfit.voice.under_way(name, "upload", done, file.bytes)
        if 0 < done < file.bytes:
            failpoint("home.upload_half")

    while True:
        permit = await outfit.patience.insist(TRACKER, lambda: outfit.client.reserve(leased.lease, file))
        target = urlsplit(permit.address).netloc or "uploads"
        try:
            await outfit.transfers.send(permit, path, progress)
        except UploadRefusedError as no:
            if no.code not in _ASK_ANEW:
                raise RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, no.code, str(no)) from no
            await outfit.patience.pause(target, str(no))
        except AwayError as error:
            await outfit.patience.pause(target, str(error), error.retry_after)
        except OSError as error:
            raise RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, "not_stored", str(error)) from error
        else:
            outfit.patience.heard(target)
            failpoint("home.upload_done")
            return


async def _told(leased: Leased, ending: Ending, outfit: Outfit, name: str) -> str:
    """Say that there is no result."""
    try:
        if ending.fail is not None:
            asked_fail = ending.fail
            await outfit.patience.insist(TRACKER, lambda: outfit.client.fail(leased.lease, asked_fail))
        elif ending.release is not None:
            asked_release = ending.release
            await outfit.patience.insist(TRACKER, lambda: outfit.client.release(leased.lease, asked_release))
            outfit.voice.say("released", f"{name}: given back", job=name)
    except RefusedError as no:
        if no.status == HTTPStatus.UNAUTHORIZED:
            return str(no)
        outfit.voice.say("refused", f"{name}: {no}", job=name)
    failpoint("home.ending_told")
    return ""


async def _weigh(no: RefusedError, result: SubmitResult, folder: LeaseFolder, outfit: Outfit, name: str) -> None:
    """What to make of a tracker that does not take a result: send again, or say what is wrong with it."""
    if no.status != HTTPStatus.UNPROCESSABLE_ENTITY:
        outfit.voice.say("refused", f"{name}: its result is not taken: {no}", job=name)
        return
    changed = await asyncio.to_thread(changed_files, result, folder.output)
    if changed:
        why = f"files have changed on this machine's disk since they were made: {', '.join(changed)}"
        outfit.voice.say("failed", f"{name}: {why}", job=name)
        folder.keep_ending(Ending(fail=Fail(fault="local", detail=why[:4_000])))
    elif no.code not in {"not_stored", "wrong_bytes", "wrong_sha256"}:
        outfit.voice.say("failed", f"{name}: its result is not taken: {no}", job=name)
        folder.keep_ending(Ending(fail=Fail(fault="bug", detail=str(no)[:4_000])))
    else:
        await outfit.patience.pause(TRACKER, f"{name}: {no}; sending it again")
