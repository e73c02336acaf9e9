"""Which image addresses are asked for at all. Pure: nothing is looked up.

This is the polite first look, on the address as written and again on every redirect target. It is not the wall: a name
that looks public may point anywhere, and what is dialled is judged at the socket (crawler.wire.transport).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from crawler.records import Fault
from crawler.settings import Fetch
from crawler.urls import Base, normalise
from crawler.wire.addresses import AddressPolicy
from crawler.wire.host_table import StaticHosts

#: longer ones come from redirects that grow with every hop; signed links of storage services stay below
_URL_CHARACTERS = 4096
_HOST_CHARACTERS = 253
_DEFAULT_PORTS = {"http": 80, "https": 443}
#: an address as WHATWG has written it, up to its path: scheme, user and password with their "@", host, port
_ORIGIN = re.compile(r"(https?)://([^/?#@]*@)?(\[[0-9a-f:.]+\]|[^/?#@:]*)(?::([0-9]*))?(?=[/?#]|$)")
_NAME = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
#: names that are not the public web: RFC 6761, 6762, 7686, 8375, ICANN's .internal, and what routers call themselves
_PRIVATE_SUFFIXES = frozenset(
    ("alt", "arpa", "corp", "home", "i2p", "internal", "intranet", "lan", "local", "localdomain", "localhost", "onion",
     "private")
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Admitted:
    """An address that may be asked for. Dial `url` and not what it was made from: it is the one that was judged."""

    url: str  # normalised (WHATWG), ASCII, no fragment
    authority: str  # "host:port", the port always named

    @property
    def host(self) -> str:
        """The name or address alone, lower case, without dot at the end or brackets: what turns are asked for."""
        return self.authority.rpartition(":")[0].strip("[]")


@dataclass(frozen=True, slots=True)
class Refused:
    """An address that is not asked for; `why` is the rule that it breaks, and never holds the address."""

    why: str
    fault: Fault = Fault.URL_REFUSED


def admit(url: str, settings: Fetch) -> Admitted | Refused:
    """Judge one absolute address as a browser would read it. No text, however odd, makes it raise.

    Raises:
        SettingsError: `allow_networks`, `refuse_networks` or `hosts` of the settings are wrong.
    """
    if len(url) > 2 * _URL_CHARACTERS:  # not worth parsing
        return Refused(f"longer than {_URL_CHARACTERS} characters")
    normal = normalise(url)
    if not normal:
        return Refused("not an absolute http or https address")
    if len(normal) > _URL_CHARACTERS:
        return Refused(f"longer than {_URL_CHARACTERS} characters")
    origin = _ORIGIN.match(normal)
    if origin is None:  # WHATWG writes none that this pattern does not read
        return Refused("not an absolute http or https address")
    scheme, user, written_host, written_port = origin.groups()
    if user:
        return Refused("holds a user name or password")
    port = int(written_port) if written_port else _DEFAULT_PORTS[scheme]
    if port not in settings.ports:
        return Refused(f"port {port}")
    host = written_host.strip("[]").rstrip(".")
    if _is_address(host):
        policy = AddressPolicy.of(settings.allow_networks, settings.refuse_networks)
        if not policy.permits(host):
            return Refused("host is an IP address that is not public", Fault.ADDRESS_REFUSED)
        if not policy.allows(host):
            return Refused("host is an IP address")
    elif why := _name_is_refused(host, settings):
        return Refused(why)
    return Admitted(normal, f"[{host}]:{port}" if ":" in host else f"{host}:{port}")


def joined(base: str, location: str) -> str:
    """Where a Location header points from the normalised address `base`, by WHATWG's rules; "" where that is no web."""
    return Base(base).join(location) if len(location) <= 2 * _URL_CHARACTERS else ""


def _is_address(host: str) -> bool:
    """Whether the host is an IP address. WHATWG has written it: every odd spelling of one is plain."""
    return ":" in host or host.rpartition(".")[2].isdigit()


def _name_is_refused(host: str, settings: Fetch) -> str:
    """The rule that this host name breaks, or ""."""
    if len(host) > _HOST_CHARACTERS or not _NAME.fullmatch(host):
        return "host is not a DNS name"
    if settings.hosts and StaticHosts.of(settings.hosts).find(host):
        return ""
    _, dot, suffix = host.rpartition(".")
    if not dot:
        return "host has no domain"
    if suffix in _PRIVATE_SUFFIXES:
        return "host is a private name"
    return ""
