"""Which IP addresses may be dialled: the world's, and never our own house's.

A page can name any host, and a host's owner can point its name at any address: at the volunteer's router, a printer,
the metadata service of a cloud, the scheduler of a cluster (server-side request forgery). So the judgement falls on the
address that is really dialled (crawler.wire.transport asks here for every socket), not on the name.

The tables are IANA's special-purpose registries plus addresses that clouds answer on. `ipaddress.is_global` is not used
for it: its answer differs between Python versions, and on 3.11 it calls multicast, 6to4 and NAT64 forms of private
addresses global.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from crawler.errors import SettingsError

Network = IPv4Network | IPv6Network

_REFUSED_4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this host; Linux dials loopback
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier NAT; also a cloud's metadata at 100.100.100.200
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's host agent, on an otherwise public network
        "169.254.0.0/16",  # link-local; metadata at 169.254.169.254
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast: one packet, many receivers
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
_GLOBAL_6 = IPv6Network("2000::/3")  # the only block that IANA gives out; all else is local or reserved
_REFUSED_6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo (hides an IPv4 address), ORCHID, benchmarks
        "2001:db8::/32",
        "2002::/16",  # 6to4 hides an IPv4 address, and a relay would dial it
        "2620:4f:8000::/48",
        "3ffe::/16",  # the 6bone, given back
        "3fff::/20",
    )
)
#: networks behind which there is an IPv4 address in the last 32 bits, and which are real ways to reach it: NAT64 is how
#: an IPv6-only home reaches the IPv4 web, so it is unwrapped and judged, not refused
_WRAPPED_4 = (IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96"))


#: addresses whose reading is kept at hand: each is judged as it is admitted and again as it is dialled; 300 bytes each
_KEPT = 8_192


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """Says which addresses may be dialled: global unicast, with exceptions both ways.

    `refuse` beats all else; `allow` (for tests and demos on loopback) beats the table and `own`, the networks that this
    machine stands in.
    """

    allow: tuple[Network, ...] = ()
    refuse: tuple[Network, ...] = ()
    own: tuple[Network, ...] = ()

    @staticmethod
    def of(allow: tuple[str, ...], refuse: tuple[str, ...] = (), own: tuple[Network, ...] = ()) -> AddressPolicy:
        """The policy that allows and refuses these networks too, written like "127.0.0.0/8".

        Raises:
            SettingsError: one of them is not a network.
        """
        return AddressPolicy(_networks("allow_networks", allow), _networks("refuse_networks", refuse), own)

    def permits(self, address: str) -> bool:
        """Whether this address may be dialled. Never raises: what is no address in its plain spelling is refused."""
        parsed = _parsed(address)
        if parsed is None or _in(parsed, self.refuse):
            return False
        return _in(parsed, self.allow) or (_is_global(parsed) and not _in(parsed, self.own))

    def allows(self, address: str) -> bool:
        """Whether this address lies in one of the networks allowed on top of the public ones. Never raises."""
        parsed = _parsed(address)
        return parsed is not None and _in(parsed, self.allow) and not _in(parsed, self.refuse)


@lru_cache(maxsize=32)
def _networks(key: str, written: tuple[str, ...]) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(network) for network in written)
    except ValueError as error:
        raise SettingsError(f"fetch.{key}: {error}; write networks like 127.0.0.0/8") from error


def _in(address: IPv4Address | IPv6Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)


@lru_cache(maxsize=_KEPT)
def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    """The address, an IPv4 address in IPv6 clothes unwrapped; None where it is none or names an interface."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address):
        if parsed.scope_id is not None:
            return None
        if _in(parsed, _WRAPPED_4):
            return IPv4Address(int(parsed) & 0xFFFF_FFFF)
    return parsed


def _is_global(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        return not _in(address, _REFUSED_4)
    return address in _GLOBAL_6 and not _in(address, _REFUSED_6)
