"""The recipe's own table of names that are not looked up (`fetch.hosts`): how a bundled web is reached without DNS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from crawler.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Found:
    """Where a name lives. `port` 0 means the port that the URL says."""

    addresses: tuple[str, ...]
    port: int = 0


class StaticHosts:
    """A table of names that are not looked up: "host" or "*.suffix" to "address" or "address:port"."""

    def __init__(self, table: Mapping[str, str]) -> None:
        """Read the table.

        Raises:
            SettingsError: a value is not an address with or without a port.
        """
        self._found = {name.lower().rstrip("."): _static_address(name, value) for name, value in table.items()}

    @staticmethod
    def of(table: Mapping[str, str]) -> StaticHosts:
        """The same, made once for equal tables.

        Raises:
            SettingsError: a value is not an address with or without a port.
        """
        return _static_hosts(tuple(table.items()))

    def find(self, name: str) -> Found | None:
        """The entry for this name (lower case), else the one with the longest matching "*." suffix, else None."""
        if not self._found:
            return None
        if found := self._found.get(name):
            return found
        labels = name.split(".")
        for first in range(1, len(labels)):
            if found := self._found.get("*." + ".".join(labels[first:])):
                return found
        return None


@lru_cache(maxsize=16)
def _static_hosts(table: tuple[tuple[str, str], ...]) -> StaticHosts:
    return StaticHosts(dict(table))


def _static_address(name: str, value: str) -> Found:
    """The parsed right side of one entry: "127.0.0.1", "127.0.0.1:8080", "::1" or "[::1]:8080"."""
    problem = f'fetch.hosts: "{name}" = "{value}": write an IP address, with or without ":port" ([address]:port for v6)'
    host, colon, port = value.rpartition(":")
    if not colon or (":" in host and not host.endswith("]")):
        host, port = value, "0"
    elif not (port.isascii() and port.isdecimal() and 0 < int(port) < 65536):
        raise SettingsError(problem)
    try:
        address = ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError as error:
        raise SettingsError(problem) from error
    if ("[" in host) != ("]" in host) or ("[" in host and not isinstance(address, IPv6Address)):
        raise SettingsError(problem)
    return Found((str(address),), int(port))
