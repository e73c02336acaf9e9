"""The one door through which every connection leaves: it looks at the address that is really dialled.

A check of names would not hold: an address written in a URL or a redirect is never looked up, and a name may have
another address by the time it is dialled (docs/decisions/0004-one-socket-door.md). What the door must know of this
machine is asked here too: its own addresses, and how many sockets it allows.
"""

from __future__ import annotations

import contextlib
import socket
import weakref
from ipaddress import ip_address, ip_network
from typing import Any

import psutil

from crawler.wire.addresses import AddressPolicy, Network

#: what getaddrinfo gives: family, kind, protocol, canonical name, and the address, whose first part is the IP address
AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]

#: what may come beside a body: servers themselves take heads of 8 to 64 KiB, and certificates are smaller
_OVERHEAD_BYTES = 256 * 1024
#: bytes on the wire for each byte of a body, at the most: chunks of one byte take six
_WIRE_PER_CONTENT = 2
#: read in one go before there is content: asyncio's 256 KiB, in chunks of one byte, keep all others waiting for 75 ms
_READ_BYTES = 64 * 1024
#: open files that are left to the rest of the process: shards, pipes to decoders, Ray's connections
_OTHER_FILES = 256
#: asked for at most: where "unlimited" is an answer, it is no useful one
_MOST_FILES = 65_536
#: a network of ours wider than this is a slip of somebody's pen, and would cut off a part of the world
_WIDEST_4 = 16
_WIDEST_6 = 48


class AddressRefusedError(OSError):
    """The address policy forbids to dial this address."""


class TooMuchError(OSError):
    """The other side has sent more than this socket may take."""


class MeteredSocket(socket.socket):
    """A socket that is counted until it is closed, and takes no more bytes than it may.

    The meter is down here because the layers above count pictures only: what is no picture (answers before the answer,
    names of chunks, chunks of one byte) costs time, and a server can send it without end.
    """

    received: int = 0
    content: int = 0  # bytes of a body that were among them, as far as that is known
    _open: weakref.WeakValueDictionary[int, MeteredSocket]

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """As the base class's.

        Raises:
            TooMuchError: the meter is at its end.
        """
        data = super().recv(min(size, _READ_BYTES + self.content), flags)
        self._count(len(data))
        return data

    def recv_into(self, buffer: Any, size: int = 0, flags: int = 0, /) -> int:  # noqa: ANN401 - the base class's type
        """As the base class's, which TLS uses.

        Raises:
            TooMuchError: the meter is at its end.
        """
        taken = super().recv_into(buffer, min(size or len(buffer), _READ_BYTES + self.content), flags)
        self._count(taken)
        return taken

    @property
    def may_receive(self) -> int:
        """Bytes that are due at most, by what has come so far."""
        return _OVERHEAD_BYTES + _WIRE_PER_CONTENT * self.content

    def begin(self) -> None:
        """Another answer is due: the meter stands at 0."""
        self.received = self.content = 0

    def close(self) -> None:
        """Close it, and count it no more."""
        self._open.pop(self.fileno(), None)
        super().close()

    def counted_among(self, sockets: weakref.WeakValueDictionary[int, MeteredSocket]) -> None:
        """Stand in this table, under the file's number, until closed."""
        self._open = sockets
        sockets[self.fileno()] = self

    def _count(self, taken: int) -> None:
        self.received += taken
        if self.received > self.may_receive:
            raise TooMuchError(f"{self.received} bytes where {self.may_receive} were due")


class SocketDoor:
    """Makes the sockets that are dialled with: the one place that no address gets around."""

    def __init__(self, policy: AddressPolicy) -> None:
        self._open: weakref.WeakValueDictionary[int, MeteredSocket] = weakref.WeakValueDictionary()
        self._policy = policy

    def __len__(self) -> int:
        """Sockets that are open now."""
        return len(self._open)

    def __call__(self, address: AddressInfo) -> MeteredSocket:
        """A socket to dial this address with.

        Raises:
            AddressRefusedError: it may not be dialled.
        """
        family, kind, protocol, _name, sockaddr = address
        if not self._policy.permits(str(sockaddr[0])):
            # the same words for every address: differing errors of one name are melted into one that has no type
            raise AddressRefusedError("not a public address")
        made = MeteredSocket(family, kind, protocol)
        made.counted_among(self._open)
        return made


def own_networks() -> tuple[Network, ...]:
    """The networks that this machine stands in, as far as they look public, in no order.

    Not only its own addresses: with IPv6, and in many universities, the printer next door has a public address too, and
    no router between it and us.
    """
    found: set[Network] = set()
    for addresses in psutil.net_if_addrs().values():
        for address in addresses:
            if address.family in {socket.AF_INET, socket.AF_INET6}:
                found |= network_of(address.address, address.netmask or "")
    return tuple(found)


def network_of(address: str, netmask: str) -> set[Network]:
    """The public network around an address of ours, both as interfaces name them: one, or none. Never raises.

    The address alone where the mask ("255.255.255.0", "ffff:ffff:ffff:ffff::") is missing or too wide to be meant.
    """
    try:
        own = ip_address(address.partition("%")[0])
    except ValueError:
        return set()
    if not AddressPolicy().permits(str(own)):
        return set()  # refused anyway
    try:
        bits = int(ip_address(netmask)).bit_count()
    except ValueError:
        bits = own.max_prefixlen
    if bits < (_WIDEST_4 if own.version == 4 else _WIDEST_6):
        bits = own.max_prefixlen
    return {ip_network((own, min(bits, own.max_prefixlen)), strict=False)}


def sockets_allowed() -> int:
    """How many sockets this process may open, others' files left aside; its limit is raised as far as it may be."""
    try:
        import resource  # noqa: PLC0415 - not on every system
    except ImportError:
        return _MOST_FILES - _OTHER_FILES  # Windows counts sockets otherwise, and has no such limit
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        # some systems name a hard limit that they do not grant
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return max(_MOST_FILES if soft == resource.RLIM_INFINITY else soft, 0) - _OTHER_FILES
