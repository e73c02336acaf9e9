"""What a request asks, and whom, read from a normalised address. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

#: a normalised address without user and fragment: scheme, host, port, and what is asked for
_URL = re.compile(r"(https?)://(\[[0-9A-Fa-f:.]+\]|[^/?#@:\[\]\x00-\x20\x7f]+)(?::([0-9]{1,5}))?([/?][\x21-\x7e]*|)")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Target:
    """What a request asks, and whom."""

    scheme: str
    host: str  # lower case, without brackets or dot at the end
    port: int
    head: bytes  # of the request, but for our own headers

    @staticmethod
    def of(url: str) -> Target:
        """The target of a normalised http or https address.

        Raises:
            UnicodeError: it is none, or holds what a request line cannot: a line break would be a header of the page's.
        """
        read = _URL.fullmatch(url)
        if read is None or not url.isascii():
            raise UnicodeError("not a normalised http or https address")
        scheme, written, port, path = read.groups()
        host = written.rstrip(".")
        named = f"{host}:{port}" if port else host
        asked = path if path.startswith("/") else f"/{path}"
        head = f"GET {asked} HTTP/1.1\r\nHost: {named}\r\n".encode("ascii")
        return Target(scheme, host.strip("[]").lower(), int(port) if port else _PORTS[scheme], head)

    @property
    def key(self) -> tuple[str, str, int]:
        """Targets with equal ones can be asked over one connection."""
        return self.scheme, self.host, self.port
