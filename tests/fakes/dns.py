"""A name server on loopback that says what it is told to: just enough DNS (RFC 1035) for A and AAAA over UDP."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import cast

_A, _AAAA = 1, 28
_NO_SUCH_NAME = 3


@dataclass(frozen=True, slots=True)
class Says:
    """One answer: every address of the name, of both families."""

    addresses: tuple[str, ...]
    ttl_seconds: int = 60


@dataclass
class NameServer:
    """A running name server: where it is, and which names it was asked for."""

    names: Mapping[str, Sequence[Says]]  # what is said to the first question, the second, ...; the last one stays
    where: str = ""  # "address:port"
    questions: list[str] = field(default_factory=list)  # one for each question about an A record

    def answer(self, question: bytes) -> bytes:
        """The packet that answers this one."""
        name, end = _name_in(question)
        kind = struct.unpack(">H", question[end : end + 2])[0]
        says = self.names.get(name)
        if says is None:
            return _packet(question, end, [], _NO_SUCH_NAME)
        asked_before = self.questions.count(name)
        if kind == _A:
            self.questions.append(name)
        said = says[min(asked_before, len(says) - 1)]
        found = [ip_address(address) for address in said.addresses]
        records = [
            b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, said.ttl_seconds, len(address.packed)) + address.packed
            for address in found
            if kind == (_A if address.version == 4 else _AAAA)
        ]
        return _packet(question, end, records, 0)


def _name_in(question: bytes) -> tuple[str, int]:
    """The name that is asked for, and where it ends."""
    labels, at = [], 12
    while question[at]:
        labels.append(question[at + 1 : at + 1 + question[at]].decode("ascii"))
        at += 1 + question[at]
    return ".".join(labels).lower(), at + 1


def _packet(question: bytes, end: int, records: list[bytes], code: int) -> bytes:
    head = question[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(records), 0, 0)
    return head + question[12 : end + 4] + b"".join(records)


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, server: NameServer) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)  # 3.11's real one is no subclass of it

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._transport.sendto(self._server.answer(data), addr)


@asynccontextmanager
async def a_name_server(names: Mapping[str, Sequence[Says]]) -> AsyncIterator[NameServer]:
    """A name server that knows these names and no others."""
    server = NameServer(names)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Udp(server), local_addr=("127.0.0.1", 0))
    server.where = f"127.0.0.1:{transport.get_extra_info('sockname')[1]}"
    try:
        yield server
    finally:
        transport.close()
