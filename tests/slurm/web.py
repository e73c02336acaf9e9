"""The demo's web on the pretended internet, for nodes to fetch from: `web.py ADDRESS FOLDER`, on the login node.

Each request waits until it is as many seconds old as FOLDER/delay says, which may change meanwhile: a test holds a run
where it wants to see it, and lets it go. FOLDER/asked gets a line for each request that was answered.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import TextIO

from workers.demo.web import DemoWeb, demo_web

#: bytes; a request of ours is one piece
_PIECE = 1 << 16


async def main() -> None:
    (host, _, port), folder = sys.argv[1].partition(":"), Path(sys.argv[2])
    asked = open_notes(folder)
    with demo_web() as served:

        async def meet(client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
            inner_host, _, inner_port = served.address.partition(":")
            server, ask = await asyncio.open_connection(inner_host, int(inner_port))
            await asyncio.gather(pass_on(client, ask, folder / "delay"), pass_on(server, answer, None))

        async with await asyncio.start_server(meet, host, int(port)):
            await take_notes(served, asked)


async def pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter, delay: Path | None) -> None:
    try:
        while piece := await source.read(_PIECE):
            if delay is not None:
                arrived = time.monotonic()
                while time.monotonic() < arrived + seconds_in(delay):  # noqa: ASYNC110 - a test in another process says so
                    await asyncio.sleep(0.05)
            sink.write(piece)
            await sink.drain()
    except OSError:
        return  # one side has hung up, as some pages of the demo do
    finally:
        sink.close()


def seconds_in(delay: Path) -> float:
    return float(delay.read_text() or 0)


def open_notes(folder: Path) -> TextIO:
    return (folder / "asked").open("w")


async def take_notes(served: DemoWeb, asked: TextIO) -> None:
    noted = 0
    while True:
        fresh = served.requests[noted:]
        asked.writelines(f"{one.host} {one.path}\n" for one in fresh)
        noted += len(fresh)
        asked.flush()
        await asyncio.sleep(0.2)


if __name__ == "__main__":
    asyncio.run(main())
