"""The one door through which every connection leaves: it looks at the address that is really dialled.

A check of names would not hold: an address written in a URL or a redirect is never looked up, and a name may have
another address by the time it is dialled (docs/decisions/0004-one-socket-door.md).
"""

from __future__ import annotations

import socket
import weakref
from typing import Any

from crawler.addresses import AddressPolicy

#: what getaddrinfo gives: family, kind, protocol, canonical name, and the address, whose first part is the IP address
AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]


class AddressRefusedError(OSError):
    """The address policy forbids to dial this address."""


class _CountedSocket(socket.socket):
    """A socket that leaves the count when it is closed, not when its last reference (in some cycle) is collected."""

    open: weakref.WeakSet[socket.socket]

    def close(self) -> None:
        """Close it, and count it no more."""
        self.open.discard(self)
        super().close()


class SocketDoor:
    """Makes the sockets that aiohttp dials with: the one place that no address gets around."""

    def __init__(self, policy: AddressPolicy) -> None:
        self.open: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._policy = policy

    def __call__(self, address: AddressInfo) -> socket.socket:
        """A socket to dial this address with.

        Raises:
            AddressRefusedError: it may not be dialled.
        """
        family, kind, protocol, _name, sockaddr = address
        if not self._policy.permits(str(sockaddr[0])):
            # the same words for every address: aiohttp melts differing errors of one name into one that has no type
            raise AddressRefusedError("not a public address")
        made = _CountedSocket(family, kind, protocol)
        made.open = self.open
        self.open.add(made)
        return made
