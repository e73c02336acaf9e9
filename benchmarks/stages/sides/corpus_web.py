"""The offline web of the corpus on loopback, from memory: each of its hosts is an address of its own.

    python -m benchmarks.stages.sides.corpus_web FOLDER

FOLDER holds a folder for each host. It prints its port when it listens, and ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import atexit
import mimetypes
import re
import subprocess
import sys
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from urllib.parse import unquote

from benchmarks.contest.sides import ROOT
from benchmarks.supercomputer.local_web import Asked

_PICTURES = frozenset((".png", ".jpg", ".jpeg", ".webp", ".gif", ".svg"))


def places_of(web: Path, port: int) -> dict[str, str]:
    """Which "address:port" each host of the web has."""
    names = sorted(one.name for one in web.iterdir() if one.name.endswith(".test"))
    return {name: f"127.3.9.{number + 1}:{port}" for number, name in enumerate(names)}


@cache
def corpus_web_up(web: Path) -> int:
    """The port of a web that is up until this process ends."""
    words = [sys.executable, "-m", "benchmarks.stages.sides.corpus_web", str(web)]
    server = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def end() -> None:
        assert server.stdin is not None
        server.stdin.close()
        server.wait()

    atexit.register(end)
    assert server.stdout is not None
    return int(server.stdout.readline())


class _Hosts(Asked):
    """Answers by address and path; what is asked behind a question mark makes no difference."""

    def __init__(self, answers: Mapping[str, bytes]) -> None:
        super().__init__(0)
        self._answers = answers

    def answer(self, head: bytes) -> None:
        address = self.transport.get_extra_info("sockname")[0]
        path = unquote(head.split(b" ", 2)[1].decode("latin-1").partition("?")[0])
        path = re.sub("//+", "/", path)  # as nginx does; urljoin of cc2dataset has done so before
        self.transport.write(self._answers.get(address + path, _answer(404, "text/plain", b"")))
        if b"connection: close" in head.lower():
            self.transport.close()


def _answers(web: Path) -> dict[str, bytes]:
    found = {}
    for name, place in places_of(web, 0).items():
        for file in (web / name).rglob("*"):
            if file.suffix.lower() in _PICTURES and file.is_file():
                kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
                path = file.relative_to(web / name).as_posix()
                found[f"{place.partition(':')[0]}/{path}"] = _answer(200, kind, file.read_bytes())
    return found


def _answer(status: int, kind: str, body: bytes) -> bytes:
    said = f"HTTP/1.1 {status} -\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return said.encode() + body


async def _serve(web: Path) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(partial(_Hosts, _answers(web)), "0.0.0.0", 0, backlog=4096)  # noqa: S104 - all of 127/8
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
