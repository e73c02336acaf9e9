"""A finished file on its way to the tracker, or to the storage that the campaign names.

It is opened anew for every try and sent from the offset that the server tells. (The first tracker's client opened
it once, outside of its loop: the second try sent nothing, and the server said yes.)
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import msgspec
from yarl import URL

from crawler.errors import PairtrawlError
from workers.protocol.messages import Refusal, UploadPermit

#: waits until so many more bytes may be sent
Pace = Callable[[int], Awaitable[None]]
#: is told how many bytes of the file are there
Progress = Callable[[int], None]

#: of one PATCH: what arrived of it lasts even where a proxy between collects whole requests
_PIECE_BYTES = 64 * 2**20
_READ_BYTES = 2**20
_SENT_BYTES = 64 * 2**10
#: without a single block sent, or without an answer: the server hashes 8 GiB after the last byte
_SILENT_SECONDS = 300.0
#: of a refusal that is read
_REFUSAL_BYTES = 64 * 2**10
#: the only headers that a permit may set: the tracker has no say in the others
_SIGNED_HEADERS = ("content-length", "content-type", "if-none-match", "x-amz-")
#: answers after which the same file may be sent again, to the same address
_LATER = frozenset({408, 409, 423, 425, 429, 460, 500, 502, 503, 504, 507})


class UploadRefusedError(PairtrawlError):
    """The file is not taken as it is; the same try again would be refused again.

    `code` is the server's: wrong_sha256 (what arrived was not what was promised: look at the file, then send all of it
    again), gone (ask for another permit), permit (it has run out, or was not ours: ask for another), foreign_address,
    wrong_size, or whatever else it says.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class UploadInterruptedError(PairtrawlError):
    """The rest can be sent later: the line broke, or the server is busy or full. `retry_after`: seconds, if it said."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


async def send(
    session: aiohttp.ClientSession,
    permit: UploadPermit,
    path: Path,
    *,
    key: str,
    tracker: str,
    uploads: Iterable[str] = (),
    rate: Pace | None = None,
    progress: Progress | None = None,
) -> None:
    """Send a file, from wherever the last try ended. Whether it is stored the tracker says when the result is given in.

    Args:
        session: for the requests.
        permit: what the tracker answered to `ReserveUpload`.
        path: the file. It must not change meanwhile.
        key: the worker's; goes to the tracker only.
        tracker: its address, to which a permit's address may be relative.
        uploads: the campaign's `uploads`: where else bytes may be sent to.
        rate: waits until so many bytes may go.
        progress: is told how many bytes are there.

    Raises:
        UploadRefusedError: it is not taken so; `code` says why.
        UploadInterruptedError: call again later.
        OSError: the file cannot be read.
    """
    size = (await asyncio.to_thread(path.stat)).st_size
    sending = _Sending(session, path, size, rate or _at_once, progress or (lambda _count: None))
    match permit.how:
        case "stored":
            sending.progress(size)
        case "tus":
            await _send_by_tus(sending, _address_of_tracker(permit.address, tracker), key)
        case "put":
            await _send_by_put(sending, _below(permit.address, uploads), permit.headers)
        case _:
            raise UploadRefusedError("unknown_way", f"the tracker wants the bytes by {permit.how!r}: update pairtrawl")


@dataclass(frozen=True, slots=True)
class _Sending:
    session: aiohttp.ClientSession
    path: Path
    size: int
    rate: Pace
    progress: Progress

    def check(self, promised: str) -> None:
        """Raises UploadRefusedError: the file is not of the size that was promised."""
        if promised != str(self.size):
            message = f"{self.path.name} has {self.size} bytes, and {promised} were promised to the tracker"
            raise UploadRefusedError("wrong_size", message)


async def _at_once(_count: int) -> None:
    """No limit."""


async def _send_by_tus(sending: _Sending, address: URL, key: str) -> None:
    ours = {"Tus-Resumable": "1.0.0", "Authorization": f"Bearer {key}"}
    status, headers, _ = await _ask(sending, "HEAD", address, ours)
    if status not in {200, 204}:
        raise _refused(status, headers, b"")
    offset, length = _number(headers, "Upload-Offset"), _number(headers, "Upload-Length")
    sending.check(str(length))
    while offset < length:
        sending.progress(offset)
        count = min(_PIECE_BYTES, length - offset)
        piece = {
            "Upload-Offset": str(offset), "Content-Length": str(count),
            "Content-Type": "application/offset+octet-stream",
        }  # fmt: skip
        status, headers, told = await _ask(sending, "PATCH", address, ours | piece, offset, count)
        if status != 204:
            raise _refused(status, headers, told)
        reached = _number(headers, "Upload-Offset")
        if not offset < reached <= length:
            raise UploadInterruptedError(
                f"the tracker took {count} bytes at {offset}, and says that it is at {reached}"
            )
        offset = reached
    sending.progress(length)


async def _send_by_put(sending: _Sending, address: URL, headers: Mapping[str, str]) -> None:
    foreign = [name for name in headers if not name.lower().startswith(_SIGNED_HEADERS)]
    if foreign:
        raise UploadRefusedError("foreign_header", f"the tracker wants the header {foreign[0]!r} sent to a storage")
    sending.check({name.lower(): value for name, value in headers.items()}.get("content-length", "none"))
    status, told_headers, told = await _ask(sending, "PUT", address, headers, 0, sending.size)
    if status in {400, 401, 403}:
        code = "wrong_sha256" if b"BadDigest" in told or b"InvalidDigest" in told else "permit"
        raise UploadRefusedError(code, f"the storage does not take {sending.path.name}: HTTP {status}")
    # 412: it is there: an earlier try arrived, and its answer was lost. The tracker looks at the bytes
    if status not in {200, 201, 204, 412}:
        raise _refused(status, told_headers, told)
    sending.progress(sending.size)


async def _ask(
    sending: _Sending, method: str, address: URL, headers: Mapping[str, str], start: int = 0, count: int = 0
) -> tuple[int, Mapping[str, str], bytes]:
    """One request. The one border to aiohttp: whatever it raises is UploadInterruptedError behind it."""
    try:
        async with asyncio.timeout(_SILENT_SECONDS) as silence:
            body = _body(sending, start, count, silence) if count else None
            async with sending.session.request(
                method, address, headers=headers, data=body, allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=None),
            ) as response:  # fmt: skip
                return response.status, response.headers.copy(), await response.content.read(_REFUSAL_BYTES)
    except TimeoutError as error:
        raise UploadInterruptedError(f"{address.host}: nothing moved for {_SILENT_SECONDS:.0f} s") from error
    except (aiohttp.ClientError, ConnectionError) as error:
        raise UploadInterruptedError(f"{address.host}: {type(error).__name__}: {error}") from error


async def _body(sending: _Sending, start: int, count: int, silence: asyncio.Timeout) -> AsyncIterator[bytes]:
    """The bytes from `start` on, from the file as it is now.

    Raises:
        OSError: it cannot be read, or has become shorter: the request ends, and is no whole one.
    """
    file = await asyncio.to_thread(sending.path.open, "rb", buffering=0)
    try:
        await asyncio.to_thread(file.seek, start)
        left = count
        while left:
            block = await asyncio.to_thread(file.read, min(_READ_BYTES, left))
            if not block:
                raise OSError(f"{sending.path} has become shorter")
            for first in range(0, len(block), _SENT_BYTES):
                part = block[first : first + _SENT_BYTES]
                await sending.rate(len(part))
                yield part
                silence.reschedule(asyncio.get_running_loop().time() + _SILENT_SECONDS)
            left -= len(block)
            sending.progress(start + count - left)
    finally:
        file.close()


def _address_of_tracker(address: str, tracker: str) -> URL:
    """Raises UploadRefusedError: it is not the tracker's, whose key must go to nobody else."""
    if address.startswith("/") and not address.startswith("//"):
        address = tracker.rstrip("/") + address
    return _below(address, [tracker])


def _below(address: str, roots: Iterable[str]) -> URL:
    """The address, if it lies below one of the roots: the same scheme, host and port, and a path that begins so.

    Raises:
        UploadRefusedError: it lies elsewhere. The campaign, which is signed, names all places.
    """
    try:
        url = URL(address, encoded=True)  # a presigned address counts byte by byte
        if url.scheme in {"http", "https"} and url.user is None and url.password is None and not url.fragment:
            for root in map(URL, roots):
                if url.origin() == root.origin() and _is_below(url.raw_path, root.raw_path):
                    return url
    except ValueError:
        pass
    message = f"{address[:200]!r} is neither the tracker nor one of the campaign's uploads"
    raise UploadRefusedError("foreign_address", message)


def _is_below(path: str, root: str) -> bool:
    # "..": yarl leaves an encoded address as it is, and a server may resolve it
    steps = path.lower().replace("%2e", ".").split("/")
    return path.startswith(root.rstrip("/") + "/") and not {".", ".."} & set(steps)


def _number(headers: Mapping[str, str], name: str) -> int:
    text = headers.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise UploadInterruptedError(f"the answer has no {name}: something between here and the tracker speaks for it")
    return int(text)


def _refused(status: int, headers: Mapping[str, str], told: bytes) -> PairtrawlError:
    """The error for an answer that is not a yes."""
    try:
        refusal = msgspec.json.decode(told, type=Refusal)
    except msgspec.DecodeError:
        refusal = Refusal(code="gone" if status in {404, 410} else f"http_{status}", message=f"HTTP {status}")
    if status in _LATER or 300 <= status < 400:  # a redirect is a portal's between, or a tracker that has moved
        after = headers.get("Retry-After", "")
        return UploadInterruptedError(refusal.message, float(after) if after.isdigit() else refusal.retry_after)
    return UploadRefusedError(refusal.code, refusal.message)
