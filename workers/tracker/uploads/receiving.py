"""One request's body on its way to the disk: in bounded memory, off the event loop, and kept as far as it came."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, Protocol, TypeVar

import aiohttp
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from workers.tracker.uploads.checksums import Checksum, Hash
from workers.tracker.uploads.objects import OpenObject

#: what is written at once, and what an upload holds in memory beside aiohttp's own 128 KiB
BLOCK_BYTES = 256 * 2**10

Given = ParamSpec("Given")
Result = TypeVar("Result")


class WrongChunkError(Exception):
    """A chunk does not hash to its Upload-Checksum; nothing of it is kept."""


class CutOffError(Exception):
    """The body ended early, or came too slowly. What came is kept, but for a chunk with a checksum."""


class Body(Protocol):
    """What a request's bytes are read from: aiohttp's StreamReader."""

    async def read(self, count: int = -1, /) -> bytes:
        """At most so many bytes; b"" at the end."""
        ...


class Threads:
    """A few threads for what blocks: writing, flushing, hashing."""

    def __init__(self, most: int) -> None:
        self._pool = ThreadPoolExecutor(most, thread_name_prefix="uploads")

    async def run(self, function: Callable[Given, Result], /, *args: Given.args, **named: Given.kwargs) -> Result:
        """Call it in a thread; returns after it has ended, even when this is cancelled.

        A thread cannot be stopped, and the file that it writes to must outlive it: its number may be another's next.
        """
        future = asyncio.get_running_loop().run_in_executor(self._pool, lambda: function(*args, **named))
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future])
            raise

    def close(self) -> None:
        """End the threads, once they have nothing to do."""
        self._pool.shutdown(wait=True)


async def receive(
    body: Body, into: OpenObject, count: int, checksum: Checksum | None, threads: Threads, block_seconds: float
) -> None:
    """Append a body of exactly `count` bytes to an object; what is kept of it lasts when this returns or raises.

    Raises:
        WrongChunkError: it does not hash to the checksum.
        CutOffError: it is not whole.
        OSError: the disk is full or broken. What was written before stays.
    """
    start = into.length
    hashed = checksum.begun() if checksum else None
    try:
        whole = await _copy(body, into, count, hashed, threads, block_seconds)
    except OSError:
        if checksum:
            await threads.run(into.cut, start)
        raise
    wrong = checksum is not None and hashed is not None and hashed.digest() != checksum.digest
    if checksum and (wrong or not whole):
        await threads.run(into.cut, start)
    await threads.run(into.flush)
    if not whole:
        raise CutOffError(f"{into.length - start} of {count} bytes came")
    if wrong:
        raise WrongChunkError("the bytes that came are not those of Upload-Checksum")


async def _copy(
    body: Body, into: OpenObject, count: int, hashed: Hash | None, threads: Threads, block_seconds: float
) -> bool:
    """Whether all came."""
    left = count
    while left:
        block = await _block(body, min(BLOCK_BYTES, left), block_seconds)
        if hashed:
            hashed.update(block)
        await threads.run(into.append, block)
        if len(block) < min(BLOCK_BYTES, left):
            return False
        left -= len(block)
    return True


async def _block(body: Body, count: int, seconds: float) -> bytearray:
    """So many bytes; fewer where the body ended, its sender is gone, or was too slow."""
    block = bytearray()
    try:
        async with asyncio.timeout(seconds):
            while len(block) < count:
                piece = await body.read(count - len(block))
                if not piece:
                    break
                block += piece
    except (TimeoutError, ConnectionError, aiohttp.ClientError, HttpProcessingError, web.RequestPayloadError):
        pass  # told by the length
    return block
