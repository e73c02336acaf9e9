"""The border to aiohttp: requests to the tracker, and the inputs of jobs from it. Nobody else is asked here.

Redirects are not followed: a tracker has one address, and what leads elsewhere is a portal, a proxy or an attack.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from crawler.courtesy.etiquette import retry_after_seconds
from crawler.errors import SettingsError
from workers.failpoints import failpoint
from workers.home.errors import AwayError
from workers.home.rate import Rate

#: a tracker's longest answer is 64 leases; who sends more is none
_MOST_BYTES = 4 * 2**20
_ASK_SECONDS = 60.0
_CONNECT_SECONDS = 20.0
#: without a byte for so long a download has failed, and goes on later where it stopped
_STALL_SECONDS = 60.0
_BLOCK = 256 * 1024


@dataclass(frozen=True, slots=True)
class Asking:
    """One request."""

    method: str
    path: str  # from / on
    body: bytes = b""
    bearer: str = ""
    key: str = ""  # Idempotency-Key


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, whatever it says."""

    status: int
    body: bytes
    is_json: bool = True
    retry_after: float | None = None  # seconds


#: Asks once. Raises AwayError where there is no whole answer.
Ask = Callable[[Asking], Awaitable[Answer]]


class HttpWire:
    """A tracker at one address."""

    def __init__(self, session: aiohttp.ClientSession, tracker: str, trust: ssl.SSLContext | bool = True) -> None:
        self._session = session
        self._tracker = tracker
        self._trust = trust

    async def ask(self, asking: Asking) -> Answer:
        """Ask once.

        Raises:
            AwayError: no answer, not all of it in time, or more than any tracker says.
        """
        headers = {"Accept": "application/json"}
        if asking.bearer:
            headers["Authorization"] = f"Bearer {asking.bearer}"
        if asking.key:
            headers["Idempotency-Key"] = asking.key
        if asking.body:
            headers["Content-Type"] = "application/json"
        try:
            async with (
                asyncio.timeout(_ASK_SECONDS),
                self._session.request(
                    asking.method, self._tracker + asking.path, data=asking.body or None, headers=headers,
                    allow_redirects=False, ssl=self._trust,
                ) as answer,
            ):  # fmt: skip
                body = await _bounded(answer.content)
                kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
                return Answer(answer.status, body, kind == "application/json", _retry_after(answer))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise AwayError(f"no answer: {_told(error)}") from error

    async def bring(self, path: str, bearer: str, half: Path, size: int, rate: Rate) -> int:
        """Bring the file at `path` of the tracker to the file `half`, or go on where it stopped; how many bytes came.

        When this returns `half` has `size` bytes, whatever they are. What a failed try has brought stays.

        Raises:
            AwayError: not all of it came.
            OSError: it cannot be stored.
        """
        have = _begun(half, size)
        if have == size > 0:
            return 0
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        if have:
            headers["Range"] = f"bytes={have}-"
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=_STALL_SECONDS)
        try:
            async with self._session.get(
                self._tracker + path, headers=headers, allow_redirects=False, timeout=timeout, ssl=self._trust
            ) as answer:
                if answer.status not in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
                    raise AwayError(f"the file is not to be had: {answer.status}", _retry_after(answer))
                if answer.status == HTTPStatus.OK:
                    have = 0  # the whole file: a server that knows no ranges
                elif not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
                    raise AwayError("the file came from another place than was asked for")
                await _take(answer.content, half, have, size, rate)
                return size - have
        except (aiohttp.ClientError, ConnectionError, TimeoutError, ValueError) as error:
            raise AwayError(f"the file stopped coming: {_told(error)}") from error


def _begun(half: Path, size: int) -> int:
    """How many bytes have come already; more than there should be count as none."""
    have = half.stat().st_size if half.exists() else 0
    return have if have <= size else 0


async def _take(content: aiohttp.StreamReader, half: Path, have: int, size: int, rate: Rate) -> None:
    with half.open("r+b" if have else "wb") as file:
        file.seek(have)
        async for block in content.iter_chunked(_BLOCK):
            have += len(block)
            if have > size:
                raise AwayError(f"the file is longer than the {size:,} bytes that the lease says")
            file.write(block)
            if have > size // 2:
                file.flush()
                failpoint("home.input_half")
            await rate.take(len(block))
    if have < size:
        raise AwayError(f"the file ended after {have:,} of {size:,} bytes")


@asynccontextmanager
async def open_session(version: str) -> AsyncIterator[aiohttp.ClientSession]:
    """The session for tracker and uploads: no cookies, no proxies from the environment, nothing unpacked."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(resolver=aiohttp.ThreadedResolver()),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=_STALL_SECONDS),
        headers={"User-Agent": f"pairtrawl/{version}", "Accept-Encoding": "identity"},
        cookie_jar=aiohttp.DummyCookieJar(), trust_env=False, auto_decompress=False,
    ) as session:  # fmt: skip
        yield session


def tracker_address(written: str, *, allow_private: bool) -> str:
    """A tracker's address as scheme and host, without a / at the end.

    Raises:
        SettingsError: it is none, or keys would go over the network for everyone to read.
    """
    try:
        parts = urlsplit(written.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise SettingsError(f"{written}: is no address of a tracker: {error}") from error
    if parts.scheme not in {"http", "https"} or not host:
        raise SettingsError(f"{written}: is no address of a tracker; it looks like https://tracker.example.org")
    if parts.username is not None or parts.path.strip("/") or parts.query or parts.fragment:
        raise SettingsError(f"{written}: a tracker's address is scheme and host alone: https://{host}")
    if parts.scheme == "http" and not allow_private:
        raise SettingsError(f"{written}: without https:// everybody on the way could read this machine's key; use "
                            f"https://{host}, or --allow-private for a tracker on this very machine")  # fmt: skip
    shown_host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown_host}" + (f":{port}" if port else "")


async def _bounded(content: aiohttp.StreamReader) -> bytes:
    body = bytearray()
    async for block in content.iter_chunked(_BLOCK):
        body += block
        if len(body) > _MOST_BYTES:
            raise AwayError("the answer is longer than any tracker's")
    return bytes(body)


def _retry_after(answer: aiohttp.ClientResponse) -> float | None:
    now = datetime.now(UTC).timestamp()
    written, date = answer.headers.get("Retry-After", ""), answer.headers.get("Date", "")
    return retry_after_seconds(written, server_date=date, now=now) if written else None


def _told(error: Exception) -> str:
    return str(error) or type(error).__name__
