"""A small HTTP/1.1 client for load: a thousand simulated volunteers in one process must cost less than the tracker does."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_KEYS = itertools.count()


@dataclass(slots=True)
class Times:
    """How long answers took, by what was asked; and what the statuses were."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    statuses: dict[int, int] = field(default_factory=dict)

    def note(self, what: str, status: int, seconds: float) -> None:
        """One answer."""
        self.seconds.setdefault(what, []).append(seconds)
        self.statuses[status] = self.statuses.get(status, 0) + 1

    def percentile(self, share: float, what: str | None = None) -> float:
        """Seconds within which that share of the answers came."""
        found = sorted(one for name, some in self.seconds.items() if what in {None, name} for one in some)
        return found[min(int(len(found) * share), len(found) - 1)] if found else 0.0

    @property
    def answers(self) -> int:
        """How many there were."""
        return sum(self.statuses.values())


class Line:
    """One connection of one simulated volunteer, opened when it is needed."""

    def __init__(self, port: int, key: str, times: Times) -> None:
        self._port = port
        self._key = key
        self._times = times
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, body: object = None) -> tuple[int, Any]:
        """POST JSON under a fresh Idempotency-Key."""
        sent = json.dumps(body if body is not None else {}).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": f"load-{next(_KEYS)}"}
        return await self.ask("POST", path, sent, headers)

    async def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """One request; returns status and JSON (None where there is none). A broken connection is opened anew once."""
        what = f"{method} {path.rsplit('/', 1)[-1] if '/leases/' in path else path.split('?', maxsplit=1)[0]}"
        began = time.perf_counter()
        for last in (False, True):
            try:
                status, told = await self._exchange(method, path, body, headers or {})
                break
            except (ConnectionError, asyncio.IncompleteReadError):
                self.close()
                if last:
                    raise
        self._times.note(what, status, time.perf_counter() - began)
        return status, told

    async def _exchange(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, Any]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        head = [
            f"{method} {path} HTTP/1.1",
            "Host: tracker",
            f"Authorization: Bearer {self._key}",
            f"Content-Length: {len(body)}",
        ]
        head += [f"{name}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        told = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        length = int(told.get("content-length", 0))
        content = await reader.readexactly(length) if length else b""
        if told.get("connection", "").lower() == "close":
            self.close()
        is_json = "json" in told.get("content-type", "")
        return int(lines[0].split()[1]), json.loads(content) if content and is_json else None

    def close(self) -> None:
        """Hang up."""
        if self._streams:
            self._streams[1].close()
            self._streams = None
