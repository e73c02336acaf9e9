"""What one HTTP request gives, as the rest of the crawler sees it: no socket and no library shows through.

`crawler.wire.transport` makes these over real sockets, `tests/fakes/web.py` without any.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from crawler.courtesy.desk import Turn
from crawler.records import Fault

_REDIRECTS = frozenset((301, 302, 303, 307, 308))


class TransportError(Exception):
    """A request came to nothing, and whose doing it was; `detail` is for people and holds no address of a page."""

    def __init__(self, fault: Fault, detail: str = "") -> None:
        super().__init__(f"{fault}: {detail}" if detail else str(fault))
        self.fault = fault
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said to one request."""

    status: int
    headers: tuple[tuple[str, str], ...]  # in order, names in lower case, values as sent
    body: bytes  # all of it, content coding removed; b"" where the status is not 200, for then it is not read

    def values(self, name: str) -> list[str]:
        """All values of the header with this lower-case name, in order."""
        return [value for known, value in self.headers if known == name]

    @property
    def location(self) -> str:
        """Where a redirect points, as written; "" where it does not say."""
        return next(iter(self.values("location")), "").strip()

    @property
    def is_redirect(self) -> bool:
        """Whether it sends us elsewhere, wherever that may be: 300 and 304 do not."""
        return self.status in _REDIRECTS


class Get(Protocol):
    """Asks for one address, once. `tests/fakes/web.py` has one that needs no network; both obey one contract test."""

    def turn(self, host: str) -> AbstractAsyncContextManager[Turn]:
        """Wait for a turn at this host, and for a slot of this process, and hold both inside the `with`.

        As `desk.Turns.turn`, which it passes on to. Deadlines belong inside, not around. Never inside another
        turn: two slots for one task could be one too many for all of them.

        Raises:
            TurnRefusedError: as there.
        """
        ...  # pragma: no cover

    async def __call__(self, url: str) -> Answer:
        """Send one GET for a normalised http or https URL, inside a turn at its host.

        No redirect is followed. Waits as long as the server keeps sending: the caller sets the deadline, and cancelling
        is safe.

        Raises:
            TransportError: there is no answer that can be used.
        """
        ...  # pragma: no cover
