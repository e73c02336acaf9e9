"""A web server for measurements: every host, one port, pictures from memory, each answer late by the same time.

    python benchmarks/supercomputer/local_web.py FOLDER [--address 127.0.0.1] [--port 0] [--late 0.0]

FOLDER holds pictures by name; `/NAME` with any query is one of them, `/robots.txt` allows everything, whatever else is
asked for is not there. It prints "ADDRESS:PORT" when it listens, and ends when its standard input does. A process of
its own and a bare protocol: what the server costs must not be taken for what the crawler costs.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

_ROBOTS = b"User-agent: *\nAllow: /\n"


class Asked(asyncio.Protocol, ABC):
    """One connection. A request is what ends with an empty line; each is answered so many seconds later."""

    def __init__(self, late_seconds: float) -> None:
        self._late_seconds = late_seconds
        self._heard = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Whoever asks is there."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """A part of a request, or several of them."""
        self._heard += data
        while (end := self._heard.find(b"\r\n\r\n")) >= 0:
            head, self._heard = self._heard[:end], self._heard[end + 4 :]
            if self._late_seconds:
                asyncio.get_running_loop().call_later(self._late_seconds, self.answer, head)
            else:
                self.answer(head)

    @abstractmethod
    def answer(self, head: bytes) -> None:
        """Write the answer to a request, whose first line and headers these are."""


class _Site(Asked):
    def __init__(self, answers: Mapping[bytes, bytes], late_seconds: float) -> None:
        super().__init__(late_seconds)
        self._answers = answers

    def answer(self, head: bytes) -> None:
        words = head.split(b" ", 2)
        path = words[1].partition(b"?")[0] if len(words) == 3 else b""
        if not self.transport.is_closing():
            self.transport.write(self._answers.get(path, _answer(404, b"")))


def _answer(status: int, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status} -\r\nContent-Type: application/octet-stream\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def answers_of(folder: Path) -> dict[bytes, bytes]:
    """By path the whole answer, head and body."""
    answers = {f"/{file.name}".encode(): _answer(200, file.read_bytes()) for file in folder.iterdir()}
    return answers | {b"/robots.txt": _answer(200, _ROBOTS)}


async def serve(answers: Mapping[bytes, bytes], address: str, port: int, late_seconds: float) -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(partial(_Site, answers, late_seconds), address, port, backlog=4096)
    print(f"{address}:{server.sockets[0].getsockname()[1]}", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


@contextmanager
def local_web(
    folder: Path,
    late_seconds: float = 0.0,
    address: str = "127.0.0.1",
    starter: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """The server in a process of its own while inside; yields "ADDRESS:PORT".

    `starter` are words before the command, to start it elsewhere, with this environment.
    """
    words = [*starter, sys.executable, str(Path(__file__).resolve()), str(folder), "--late", str(late_seconds)]
    words += ["--address", address]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as server:
        assert server.stdout is not None
        at = server.stdout.readline().strip()
        if not at:
            raise AssertionError(f"the web server of {folder} did not start")
        yield at  # leaving `with` closes its standard input, and it ends


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--late", type=float, default=0.0, help="seconds before each answer")
    asked = parser.parse_args()
    asyncio.run(serve(answers_of(asked.folder), asked.address, asked.port, asked.late))


if __name__ == "__main__":
    main()
