"""Whose request it is, as far as addresses tell: the network that it comes from. An address itself is never kept."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
#: what one subscriber has: a provider gives out whole /48s, and a computer may have any address of its /64
_BITS = {4: 24, 6: 48}


def caller_of(peer: str, forwarded: Sequence[str], proxies: Sequence[str]) -> str:
    """The address that asks.

    Args:
        peer: who is at the other end of the connection.
        forwarded: every X-Forwarded-For of the request, as it came.
        proxies: networks that are ours. Only what they say is believed, from the last one backwards: all before it was
            written by the caller.
    """
    trusted = [ipaddress.ip_network(one) for one in proxies]
    said = [one.strip() for line in forwarded for one in line.split(",")]
    found = peer
    while said and _is_in(found, trusted):
        found = said.pop()
    return found if _parsed(found) else peer


def network_of(address: str) -> str:
    """The /24 of an IPv4 address, the /48 of an IPv6 one; "unknown" for what is neither, such as a Unix socket."""
    found = _parsed(address)
    if found is None:
        return "unknown"
    return str(ipaddress.ip_network(f"{found}/{_BITS[found.version]}", strict=False))


def _parsed(text: str) -> Address | None:
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _is_in(address: str, networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    found = _parsed(address)
    return found is not None and any(found in one for one in networks if one.version == found.version)
