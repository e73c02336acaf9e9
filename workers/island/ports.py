"""Which ports an island takes: a window of its own, chosen by its key, and in it what is free on this node.

Two islands of one user often share a node, and Ray's fixed ports (6379, 10001, 52365) would be taken by the first.
"""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable

from crawler.errors import SettingsError

_WINDOW = 100
#: above the ports that Ray's processes choose by default (10002 to 19999), below those that Linux gives to outgoing
#: connections (from 32768)
_FIRST, _END = 20_000, 32_700


def window(key: str) -> range:
    """The 100 ports of the island with this key; islands with different keys rarely share theirs."""
    chosen = int.from_bytes(hashlib.sha256(key.encode()).digest()) % ((_END - _FIRST) // _WINDOW)
    first = _FIRST + chosen * _WINDOW
    return range(first, first + _WINDOW)


def free_ports(key: str, ip: str, count: int, is_free: Callable[[str, int], bool] | None = None) -> list[int]:
    """The first `count` ports of the island's window that nobody on this node has.

    Raises:
        SettingsError: there are fewer.
    """
    look = is_free or can_bind
    ports = window(key)
    found: list[int] = []
    for port in ports:
        if look(ip, port):
            found.append(port)
        if len(found) == count:
            return found
    raise SettingsError(f"{ip}: of the ports {ports[0]} to {ports[-1]}, {len(found)} are free on this node and Ray "
                        f"needs {count}: end what holds them, or submit again for other ports")  # fmt: skip


def can_bind(ip: str, port: int) -> bool:
    """Whether nobody listens at this port, at `ip` or at any other address of this machine.

    Ray's servers listen at all addresses, and with SO_REUSEPORT: two of one user would share a port and its callers.
    """
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    for address in (ip, "::" if family == socket.AF_INET6 else "0.0.0.0"):  # noqa: S104 - only asked for, never listened at
        with socket.socket(family, socket.SOCK_STREAM) as one:
            try:
                one.bind((address, port))
            except OSError:
                return False
    return True
