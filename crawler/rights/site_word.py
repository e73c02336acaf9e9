"""What a site says of one address before it is asked for, as the download sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from crawler.records import Fault
from crawler.wire.admission import Admitted


@dataclass(frozen=True, slots=True)
class SiteWord:
    """Whether an address may be asked for, and what was heard on the way."""

    #: ROBOTS_REFUSED, ROBOTS_UNKNOWN or SITE_OPTED_OUT; HOST_BUSY or HOST_DOWN where there was no turn to ask; or what
    #: is wrong with the host itself, such as DNS_FAILED
    refusal: Fault | None = None
    detail: str = ""  # for people
    opt_outs: tuple[str, ...] = ()  # signals, honoured or not, such as "tdmrep.json: 1", "ai.txt: disallowed"


class Sites(Protocol):
    """Knows the rules of every site, asking for them where need be. `crawler.rights.sites` has the real one."""

    async def word_on(self, step: Admitted) -> SiteWord:
        """What the site says of this address. Never raises for what a server does."""
        ...  # pragma: no cover


class NoRules:
    """Sites without any rules, for downloads that are no business of robots.txt, and for tests."""

    async def word_on(self, step: Admitted) -> SiteWord:  # noqa: ARG002 - the protocol's
        """Nothing is refused."""
        return SiteWord()
