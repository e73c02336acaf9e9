"""A web of pictures on loopback for measuring downloads: fast, with the latency asked for, and with dead hosts.

    python -m benchmarks.stages.sides.picture_web PORT LATENCY_SECONDS SIZE,SIZE [CERTIFICATE]

Every address of 127.0.0.0/8 is a host. `/SIZE/NUMBER.jpg` is one of a few pictures of that size with the number in a
comment, so that no two files are equal. On `PORT + 1` connections are taken and never answered, on `PORT + 2` they are
not even taken (the queue of those who wait is full), and `PORT + 3` is closed. It ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import socket
import ssl
import sys
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from PIL import Image

from benchmarks.supercomputer.local_web import Asked

#: width, height and JPEG quality; about 20, 74, 144 and 680 KB
SIZES = {
    "small": (400, 300, 80), "medium": (800, 600, 80), "middle": (1024, 768, 84), "large": (2000, 1500, 88),
}  # fmt: skip
SILENT, UNTAKEN, CLOSED = 1, 2, 3
#: different pictures of each size
VARIANTS = 8
#: connections that wait to be taken where nobody ever takes one: the next are dropped, as by a firewall
_BACKLOG = 1


@lru_cache
def picture(size: str, variant: int) -> bytes:
    """A JPEG with about the detail of a photograph: soft patches of colour, and fine noise."""
    width, height, quality = SIZES[size]
    rng = np.random.default_rng(variant)
    samples = np.zeros((height, width, 3), np.float32)
    for patch, weight in ((64, 0.6), (16, 0.3), (4, 0.1)):
        coarse = rng.integers(0, 256, (height // patch + 2, width // patch + 2, 3), dtype=np.uint8)
        samples += weight * np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
    samples += rng.normal(0, 5, samples.shape)
    out = io.BytesIO()
    Image.fromarray(np.clip(samples, 0, 255).astype(np.uint8)).save(out, "JPEG", quality=quality)
    return out.getvalue()


class _Pictures(Asked):
    def answer(self, head: bytes) -> None:
        path = head.split(b" ", 2)[1].decode("ascii")
        _, size, *rest = path.split("/")
        if size not in SIZES:
            self.transport.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        else:
            number = rest[0].removesuffix(".jpg").encode()
            body = picture(size, int(number) % VARIANTS)
            comment = b"\xff\xfe" + (len(number) + 2).to_bytes(2, "big") + number
            length = len(body) + len(comment)
            said = f"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: {length}\r\n\r\n".encode()
            self.transport.writelines((said, body[:2], comment, body[2:]))
        if b"connection: close" in head.lower():
            self.transport.close()


class _Silence(asyncio.Protocol):
    """Takes connections, and says nothing."""


async def serve(port: int, latency_seconds: float, sizes: Sequence[str], certificate: str = "") -> None:
    """Serve pictures of these sizes until the standard input ends, by https where there is a certificate."""
    tls = None
    if certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(certificate)
    loop = asyncio.get_running_loop()
    for size in sizes:
        for variant in range(VARIANTS):
            picture(size, variant)
    await loop.create_server(lambda: _Pictures(latency_seconds), "0.0.0.0", port, backlog=4096, ssl=tls)  # noqa: S104 - all of 127/8
    await loop.create_server(_Silence, "0.0.0.0", port + SILENT, backlog=4096)  # noqa: S104 - all of 127/8
    with contextlib.ExitStack() as open_ones:
        full = open_ones.enter_context(socket.socket())
        full.bind(("0.0.0.0", port + UNTAKEN))  # noqa: S104 - all of 127/8
        full.listen(_BACKLOG)
        for _ in range(_BACKLOG + 2):
            waiting = open_ones.enter_context(socket.socket())
            waiting.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                waiting.connect(("127.0.0.1", port + UNTAKEN))
        print("ready", flush=True)
        await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3].split(","), *sys.argv[4:]))
