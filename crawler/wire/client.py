"""HTTP/1.1 as far as one GET needs it: dialling through the door, kept connections, heads. The border to aiohttp.

What reads the wire is aiohttp's: its protocol, and its parser with its limits of lines and headers. What is above them
there (session, connector, request, response) is not used: it takes twice the time of all that is done here, for what a
crawler does without. There are no redirects, cookies, proxies or credentials here, and nothing is taken from around us.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import aiohttp
from aiohappyeyeballs import pop_addr_infos_interleave, start_connection
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_parser import RawResponseMessage
from aiohttp.streams import StreamReader

from crawler.errors import SettingsError
from crawler.settings import Fetch
from crawler.wire.door import AddressInfo, MeteredSocket, SocketDoor
from crawler.wire.only_once import HungUpError
from crawler.wire.resolve import Names
from crawler.wire.target import Target

#: an idle connection is kept so long for the next image of its host
_KEEP_ALIVE_SECONDS = 15.0
#: before the next address of a name is tried beside the first (RFC 8305)
_NEXT_ADDRESS_SECONDS = 0.25


@dataclass(slots=True)
class Line:
    """A connection, in use or kept."""

    protocol: ResponseHandler
    wire: MeteredSocket
    secure: bool
    reused: bool = False  # it has served another request before

    @property
    def is_fit(self) -> bool:
        """Whether it can be asked again.

        An answer that came while nobody asked would be taken for that to the next request: who can put one there
        answers in the place of other pages of the same host.
        """
        return self.protocol.is_connected() and not self.protocol.should_close

    def close(self) -> None:
        """Hang up, without the courtesies of TLS: a server could keep us waiting for its own."""
        if self.secure:
            self.protocol.abort()
        else:
            self.protocol.close()


class Client:
    """Sends GET requests through one door, inside one event loop. It knows no limit of connections, and one deadline.

    Args:
        settings: how long dialling may take, and whom TLS trusts.
        user_agent: of every request.
        names: where hosts live.
        door: makes the sockets.
        keep_seconds: how long an idle connection is kept.

    Raises:
        SettingsError: the CA file cannot be used.
    """

    def __init__(
        self,
        settings: Fetch,
        user_agent: str,
        names: Names,
        door: SocketDoor,
        *,
        keep_seconds: float = _KEEP_ALIVE_SECONDS,
    ) -> None:
        # no "image/webp": servers that see it convert, and we want what was published; images are compressed already,
        # a coding is a bomb or a waste
        ours = f"User-Agent: {user_agent}\r\nAccept: image/*,*/*;q=0.1\r\nAccept-Encoding: identity\r\n"
        self._keeping = f"{ours}\r\n".encode("ascii")
        self._closing = f"{ours}Connection: close\r\n\r\n".encode("ascii")
        self._connect_seconds = settings.connect_seconds
        self._keep_seconds = keep_seconds
        self._tls = tls_context(settings.ca_file, settings.verify_tls)
        self._names = names
        self._door = door
        self._loop = asyncio.get_running_loop()
        self._kept: dict[tuple[str, str, int], list[tuple[float, Line]]] = {}
        self._sweep: asyncio.TimerHandle | None = None

    async def line(self, target: Target, *, fresh: bool = False) -> Line:
        """A connection to a target: a kept one, or one that is dialled; `fresh`: not a kept one.

        Raises:
            OSError: there is none: LookUpError, AddressRefusedError, ssl.SSLError, TimeoutError or another one.
            UnicodeError: the host is no name.
        """
        kept = None if fresh else self._kept.get(target.key)
        while kept:
            since, line = kept.pop()
            if not kept:
                del self._kept[target.key]
            if line.is_fit and time.monotonic() - since <= self._keep_seconds:
                line.reused = True
                return line
            line.close()
        return await self._dial(target)

    async def ask(self, line: Line, target: Target, *, keep: bool) -> tuple[RawResponseMessage, StreamReader]:
        """Send the request; the head of the answer, and its body to be read. News (1xx) are passed over.

        Raises:
            HungUpError: the server hung up before it had answered.
            HttpProcessingError: what it says is not HTTP.
            ClientError: the connection is of no use.
        """
        protocol = line.protocol
        protocol.set_response_params(read_until_eof=True, auto_decompress=False)  # aiohttp's inflating has no cap
        if (transport := protocol.transport) is None:
            raise HungUpError("gone before it was asked", wordless=True) from aiohttp.ServerDisconnectedError()
        transport.write(target.head + (self._keeping if keep else self._closing))
        try:
            while True:
                message, body = await protocol.read()
                if not 100 <= message.code <= 199 or message.code == 101:
                    return message, body
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
            # the beginning of an answer comes along as a message in place of words
            heard = isinstance(error, aiohttp.ServerDisconnectedError) and not isinstance(error.message, str | None)
            raise HungUpError(f"{type(error).__name__}: {error}", wordless=not heard) from error

    def give_back(self, line: Line, target: Target, *, keep: bool) -> None:
        """An answer is at its end, or is not read on: keep the connection if it is fit, or hang up."""
        if not (keep and line.is_fit):
            line.close()
            return
        self._kept.setdefault(target.key, []).append((time.monotonic(), line))
        if self._sweep is None:
            self._sweep = self._loop.call_later(self._keep_seconds, self._hang_up_old_ones)

    async def close(self) -> None:
        """Hang up all kept connections."""
        if self._sweep is not None:
            self._sweep.cancel()
        for kept in self._kept.values():
            for _, line in kept:
                line.close()
        self._kept.clear()
        await asyncio.sleep(0)  # sockets are closed by the loop's next round

    async def _dial(self, target: Target) -> Line:
        left = await self._addresses(target)
        secure = target.scheme == "https"
        while True:
            try:
                async with asyncio.timeout(self._connect_seconds):
                    wire = await start_connection(
                        left, happy_eyeballs_delay=_NEXT_ADDRESS_SECONDS, loop=self._loop, socket_factory=self._door
                    )
                    _, protocol = await self._loop.create_connection(
                        partial(ResponseHandler, self._loop), sock=wire,
                        ssl=self._tls if secure else None, server_hostname=target.host if secure else None,
                    )  # fmt: skip
            except OSError:
                pop_addr_infos_interleave(left, 1)
                if not left:
                    raise
            else:
                assert isinstance(wire, MeteredSocket)  # the door makes no others
                return Line(protocol, wire, secure)

    async def _addresses(self, target: Target) -> list[AddressInfo]:
        """What may be dialled for a target: the address itself where it is one, for that is never looked up."""
        if ":" in target.host or target.host.rpartition(".")[2].isdigit():
            found: Sequence[str] = (target.host,)
            port = target.port
        else:
            known = await self._names.look_up(target.host)
            found, port = known.addresses, known.port or target.port
        return [_address_info(address, port) for address in found]

    def _hang_up_old_ones(self) -> None:
        self._sweep = None
        oldest = time.monotonic() - self._keep_seconds
        for key, kept in list(self._kept.items()):
            for since, line in kept:
                if since <= oldest or not line.is_fit:
                    line.close()
            still = [(since, line) for since, line in kept if line.protocol.is_connected()]
            if still:
                self._kept[key] = still
            else:
                del self._kept[key]
        if self._kept:
            self._sweep = self._loop.call_later(self._keep_seconds, self._hang_up_old_ones)


def _address_info(address: str, port: int) -> AddressInfo:
    if ":" in address:
        return socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port, 0, 0)
    return socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port)


@lru_cache(maxsize=2)
def tls_context(ca_file: str, verify: bool) -> ssl.SSLContext:
    """One context for all connections of this process: making one costs 20 ms.

    Raises:
        SettingsError: the CA file cannot be used.
    """
    context = ssl.create_default_context()
    if not verify:  # asked for by name only (`fetch.verify_tls`)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if ca_file:
        try:
            context.load_verify_locations(Path(ca_file))
        except OSError as error:  # ssl.SSLError is one
            raise SettingsError(f"fetch.ca_file: {ca_file}: no readable PEM file: {error}") from error
    return context
