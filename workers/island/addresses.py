"""At which address this node is reached by the others: always a number, and always one of this machine's own."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable

from crawler.errors import SettingsError

#: Ray takes 127.0.0.1 for "find out my address", asks the network and moves with it; this one it leaves alone
_ALONE = "127.0.0.2"


def own_address(
    node: str,
    *,
    alone: bool,
    suffix: str = "",
    ip: str = "",
    lookup: Callable[[str], list[str]] | None = None,
    is_here: Callable[[str], bool] | None = None,
) -> str:
    """The address for Ray: `ip` if given, else that of the name `node` + `suffix`; IPv4 before IPv6.

    The suffix chooses a network: many centres name a node's fast card so (`jwb0001i`). An island of one node needs no
    network and, unless it is told otherwise, uses none.

    Raises:
        SettingsError: there is no such name, or it is not an address of this machine that others could reach.
    """
    here = is_here or is_local
    if ip:
        return _checked(ip, here)
    if alone and not suffix and here(_ALONE):
        return _ALONE
    name = node + suffix
    found = (lookup or look_up)(name)
    if not found:
        raise SettingsError(f"{name}: has no address here; correct --net-suffix, or give --node-ip")
    fit = [one for one in sorted(found, key=lambda one: ":" in one) if here(one) and (alone or not _is_loopback(one))]
    if not fit:
        raise SettingsError(f"{name}: {', '.join(found)} is no address of this machine that other nodes can reach; "
                            "correct --net-suffix, or give --node-ip")  # fmt: skip
    return fit[0]


def look_up(name: str) -> list[str]:
    """The addresses of a name, in the resolver's order; none where there is no such name."""
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except socket.gaierror:
        return []
    return list(dict.fromkeys(str(one[4][0]) for one in found))


def is_local(ip: str) -> bool:
    """Whether the system lets us listen there: the surest way to know an own address."""
    with socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_STREAM) as one:
        try:
            one.bind((ip, 0))
        except OSError:
            return False
    return True


def with_port(ip: str, port: int) -> str:
    """`10.0.0.1:6379`, or `[fd00::1]:6379`."""
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def split_port(address: str) -> tuple[str, int]:
    """What `with_port` put together."""
    ip, _, port = address.rpartition(":")
    return ip.strip("[]"), int(port)


def _checked(ip: str, here: Callable[[str], bool]) -> str:
    """The address that a person has given: theirs to know who reaches it, but it must be one, and ours."""
    try:
        unspecified = ipaddress.ip_address(ip).is_unspecified
    except ValueError as error:
        raise SettingsError(f"--node-ip {ip}: is no address; give numbers, not a name") from error
    if unspecified or not here(ip):
        raise SettingsError(f"--node-ip {ip}: is no address of this machine")
    return ip


def _is_loopback(ip: str) -> bool:
    return ipaddress.ip_address(ip.partition("%")[0]).is_loopback
