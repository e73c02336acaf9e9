"""tus 1.0 over uploads that were reserved by POST /v1/leases/{lease}/uploads: HEAD, PATCH, OPTIONS and DELETE.

Extensions: checksum (sha256, sha1), expiration, termination. There is no `creation`: what may be uploaded is decided
with the lease. Only the worker that reserved an upload is answered anything about it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus

import msgspec
from aiohttp import web

from workers.protocol.messages import Refusal
from workers.tracker.moves.records import MoveRefused, UploadRow
from workers.tracker.moves.uploads import upload_of
from workers.tracker.states import UploadState
from workers.tracker.store import StoreError
from workers.tracker.uploads import FullError, TargetError, WrongBytesError, is_upload_id
from workers.tracker.uploads.checksums import ALGORITHMS, Checksum, parse_checksum
from workers.tracker.uploads.disk import DiskTarget, OffsetError, SealedError
from workers.tracker.uploads.objects import BusyError
from workers.tracker.uploads.receiving import CutOffError, WrongChunkError
from workers.tracker.uploads.reserving import Uploads
from workers.tracker.web.call import Call
from workers.tracker.web.routes import Route, Who

_VERSION = "1.0.0"
_CONTENT_TYPE = "application/offset+octet-stream"
#: of tus: a chunk does not hash to its checksum
_CHECKSUM_MISMATCH = 460
_DIGITS = 19
#: seconds; whoever sends to the same upload is done or gone by then
_BUSY_SECONDS = 5


class _No(Exception):  # noqa: N818 - an answer, not an error
    """What is answered to a request that is refused, and why."""

    def __init__(
        self, status: int, code: str, message: str, *, retry_after: float | None = None, offset: int | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.retry_after, self.offset = status, code, message, retry_after, offset

    def answered(self) -> web.Response:
        headers = {} if self.offset is None else {"Upload-Offset": str(self.offset)}
        if self.retry_after is not None:
            headers["Retry-After"] = str(max(1, round(self.retry_after)))
        told = Refusal(code=self.code, message=self.message, retry_after=self.retry_after)
        return _answer(self.status, headers, msgspec.json.encode(told))


@dataclass(slots=True)
class Tus:
    """The four methods of one upload's address."""

    uploads: Uploads
    _receiving: int = field(default=0, init=False)

    def routes(self) -> list[Route]:
        """For the server to mount."""
        path = "/v1/uploads/{upload}"
        methods = {"HEAD": self.head, "PATCH": self.patch, "DELETE": self.delete}
        return [
            Route("OPTIONS", path, Who.PUBLIC, answer=self.options),
            *(Route(method, path, Who.WORKER, answer=_refusing(answer)) for method, answer in methods.items()),
        ]

    async def options(self, _call: Call) -> web.StreamResponse:
        """What this server can do. Says nothing of any upload."""
        return _answer(
            204,
            {
                "Tus-Version": _VERSION, "Tus-Extension": "checksum,expiration,termination",
                "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
            },
        )  # fmt: skip

    async def head(self, call: Call) -> web.StreamResponse:
        """How far an upload is: what is answered is on the disk. One that is whole but not hashed is hashed first."""
        upload, target = await self._of(call)
        offset = upload.bytes
        if upload.state in {UploadState.RESERVED, UploadState.PARTIAL}:
            offset = await target.offset(upload.upload)
            if offset == upload.bytes and not await self._settled(upload):
                offset = 0
        told = {"Upload-Offset": str(offset), "Upload-Length": str(upload.bytes)}
        return _answer(200, told | self._expiry(upload, offset))

    async def patch(self, call: Call) -> web.StreamResponse:
        """Take a chunk. The last one answers when the whole has been hashed."""
        upload, target = await self._of(call)
        if upload.state not in {UploadState.RESERVED, UploadState.PARTIAL}:
            raise _stored()
        offset, count, checksum = _asked(call.request, upload)
        if self._receiving >= self.uploads.settings.at_once:
            raise _No(503, "busy", "too many uploads at the same time; come again", retry_after=_BUSY_SECONDS)
        self._receiving += 1
        try:
            reached = await self._taken(call, upload, target, offset, count, checksum)
        finally:
            self._receiving -= 1
        return _answer(204, {"Upload-Offset": str(reached), **self._expiry(upload, reached)})

    async def delete(self, call: Call) -> web.StreamResponse:
        """Forget what was sent of an upload that is not stored yet: it can be sent anew."""
        upload, target = await self._of(call)
        if upload.state not in {UploadState.RESERVED, UploadState.PARTIAL}:
            raise _stored()
        if not await target.remove(upload.upload):
            raise BusyError(upload.upload)
        await self.uploads.begun_again(upload)
        return _answer(204)

    async def _of(self, call: Call) -> tuple[UploadRow, DiskTarget]:
        name = call.named("upload")
        upload = await self.uploads.store.look(lambda tx: upload_of(tx, name)) if is_upload_id(name) else None
        if upload is None:
            raise _No(404, "unknown_upload", "there is no such upload; reserve one for your lease")
        if upload.worker != call.worker.id:
            raise _No(403, "not_yours", "another worker reserved this upload")
        if upload.state is UploadState.GONE:
            raise _No(410, "gone", "this upload was removed; reserve it again, if your lease still stands")
        target = self.uploads.target_of(upload)
        if not isinstance(target, DiskTarget):
            raise _No(409, "elsewhere", "this upload goes to a storage: use the address of its permit")
        version = call.request.headers.get("Tus-Resumable")
        if version != _VERSION:
            raise _No(412, "tus_version", f"Tus-Resumable must be {_VERSION}")
        return upload, target

    async def _taken(
        self, call: Call, upload: UploadRow, target: DiskTarget, offset: int, count: int, checksum: Checksum | None
    ) -> int:
        """Where the upload ends after this chunk; the database knows, too."""
        try:
            reached = await target.append(upload, offset, call.request.content, count, checksum)
        except (CutOffError, WrongChunkError, FullError) as error:
            if isinstance(error, FullError):
                self.uploads.failed(upload.target)
            await self.uploads.moved(upload, await target.offset(upload.upload))
            raise
        except WrongBytesError:
            await self.uploads.begun_again(upload)
            raise
        if reached.whole:
            await self.uploads.arrived(upload)
        else:
            await self.uploads.moved(upload, reached.offset)
        return reached.offset

    async def _settled(self, upload: UploadRow) -> bool:
        """Whether it is stored now; False: it was wrong, and must be sent from the start."""
        try:
            return await self.uploads.settle(upload)
        except WrongBytesError:
            return False

    def _expiry(self, upload: UploadRow, offset: int) -> dict[str, str]:
        if offset == upload.bytes:
            return {}
        # in UTC by our clock, as tus wants it; a worker goes by the permit's relative seconds
        return {"Upload-Expires": formatdate(self.uploads.clock() + self.uploads.settings.idle_seconds, usegmt=True)}


def _asked(request: web.Request, upload: UploadRow) -> tuple[int, int, Checksum | None]:
    """Offset, length and checksum of a chunk, all of it within what was declared. Raises _No."""
    if request.headers.get("Content-Type", "") != _CONTENT_TYPE:
        raise _No(415, "content_type", f"Content-Type must be {_CONTENT_TYPE}")
    if "Content-Encoding" in request.headers:  # aiohttp would unpack it: a bomb, and another length than was told
        raise _No(415, "packed", "send the bytes as they are, without Content-Encoding")
    text = request.headers.get("Upload-Offset", "")
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        raise _No(400, "bad_offset", "Upload-Offset must be a number")
    count = request.content_length
    if count is None:  # in chunks of HTTP: nobody can say beforehand whether it fits
        raise _No(411, "length_required", "Content-Length is missing")
    offset = int(text)
    if offset > upload.bytes or count > upload.bytes - offset:
        raise _No(413, "too_long", f"the upload has {upload.bytes} bytes; {count} more at {offset} are too many")
    told = request.headers.get("Upload-Checksum")
    checksum = None if told is None else parse_checksum(told)
    if told is not None and checksum is None:
        raise _No(400, "bad_checksum", f"Upload-Checksum must be one of {', '.join(ALGORITHMS)}, a blank, and base64")
    return offset, count, checksum


def _refusing(
    answer: Callable[[Call], Awaitable[web.StreamResponse]],
) -> Callable[[Call], Awaitable[web.StreamResponse]]:
    """Answer with what the errors mean in tus."""

    async def answered(call: Call) -> web.StreamResponse:
        try:
            return await answer(call)
        except _No as no:
            return no.answered()
        except (BusyError, OffsetError, SealedError, WrongChunkError, CutOffError, WrongBytesError) as error:
            return _meaning(error).answered()
        except (TargetError, StoreError) as error:
            return _unable(error).answered()
        except MoveRefused as error:
            return _No(error.status, error.code, error.message, retry_after=error.retry_after).answered()

    return answered


def _meaning(error: Exception) -> _No:
    """What the client did, or what became of what it sent."""
    match error:
        case BusyError():
            return _No(409, "busy", "another request sends to this upload", retry_after=_BUSY_SECONDS)
        case OffsetError():
            return _No(409, "wrong_offset", f"the next byte is {error.offset}", offset=error.offset)
        case SealedError():
            return _stored()
        case WrongChunkError():
            return _No(_CHECKSUM_MISMATCH, "wrong_chunk", str(error))
        case WrongBytesError():
            return _No(422, "wrong_sha256", f"{error}; send all of it again", offset=0)
        case _:
            return _No(HTTPStatus.REQUEST_TIMEOUT, "cut_off", str(error), retry_after=1)


def _unable(error: TargetError | StoreError) -> _No:
    """What we cannot do now; what exactly is the operator's to know."""
    if isinstance(error, FullError):
        return _No(507, "no_room", "the tracker's storage is full; what you sent is kept", retry_after=60)
    return _No(503, "no_storage", "the tracker's storage does not work just now", retry_after=60)


def _stored() -> _No:
    return _No(403, "stored", "this upload is whole, and is not changed any more")


def _answer(status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> web.Response:
    told = {"Tus-Resumable": _VERSION, "Cache-Control": "no-store"} | (headers or {})
    if body:
        told["Content-Type"] = "application/json"
    return web.Response(status=status, headers=told, body=body or None)


def routes(uploads: Uploads) -> list[Route]:
    """The routes of uploads, for the server to mount."""
    return Tus(uploads).routes()
