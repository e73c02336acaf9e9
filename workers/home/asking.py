"""Asking for leases, politely: one request at a time, kept before it is sent, and later if the tracker says so."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from http import HTTPStatus

import msgspec

from workers.exit_codes import ExitCode
from workers.failpoints import failpoint
from workers.home.client import new_key
from workers.home.errors import AwayError, RefusedError
from workers.home.kept import KeptAsking
from workers.home.outfit import Outfit
from workers.protocol.messages import Leased, TakeLeases

#: how asking for work is called among those that may be away
_WORK = "work"
#: a tracker that is being drained is asked again after this, and up to as much again
_DRAINED_SECONDS = 300.0
#: what a suspended machine waits for at least
_SUSPENDED_SECONDS = 900.0


class Asking:
    """When to ask, and with which request. `end` is called where asking again would not help."""

    def __init__(self, outfit: Outfit, end: Callable[[ExitCode, str], None]) -> None:
        self._outfit = outfit
        self._end = end
        self._said = ""
        self._tested_again = False
        #: asked again from here on, by the loop's clock
        self.at = 0.0

    def is_open(self) -> bool:
        """Whether a request was sent, or was about to be, of which no answer is known."""
        return self._outfit.folder.asking() is not None

    def forget(self) -> None:
        """Every lease of the answer is kept."""
        self._outfit.folder.forget_asking()

    def not_before(self, seconds: float) -> None:
        """Do not ask for so long."""
        self.at = max(self.at, asyncio.get_running_loop().time() + seconds)

    def drained(self) -> None:
        """The tracker hands out nothing for a while: what is in flight is finished, and nothing is asked for."""
        self.not_before(_DRAINED_SECONDS * (1 + random.random()))  # noqa: S311 - spreads volunteers

    def explain(self, why: str) -> None:
        """Say why nothing is asked for, once."""
        if why and why != self._said:
            self._outfit.voice.say("waiting", why)
        self._said = why

    async def ask(self, kinds: tuple[str, ...], most: int) -> list[Leased] | None:
        """Ask once; no leases where there are none, or none for us now. None where no answer came.

        The request lasts before it is sent: of an answer that is lost it is asked again with the same key.
        """
        outfit, folder = self._outfit, self._outfit.folder
        try:
            asking = folder.asking()
            if asking is None:
                disk = max(0, outfit.capacity.spool_bytes)
                body = TakeLeases(kinds=list(kinds), most=most, version=outfit.signer.version, disk_bytes=disk)
                asking = KeptAsking(key=new_key(), body=msgspec.json.encode(body).decode())
                folder.keep_asking(asking)
                failpoint("home.asking_kept")
            leases = await outfit.client.take(asking)
        except AwayError as error:
            self._wait(error)
            return [] if error.code else None  # without a word of its own it has perhaps not heard us
        except RefusedError as no:
            await self._weigh(no)
        except OSError as error:
            self.not_before(outfit.patience.backoffs.failed("disk"))
            self.explain(f"no work is asked for: {error}")
            return None
        else:
            failpoint("home.leases_told")
            outfit.patience.heard(_WORK)
            return leases
        return []

    def _wait(self, error: AwayError) -> None:
        wait = self._outfit.patience.backoffs.failed(_WORK, error.retry_after)
        self.not_before(wait)
        self.explain(f"work: {error}; asking again every now and then")

    async def _weigh(self, no: RefusedError) -> None:
        outfit = self._outfit
        if no.code == "selftest_wanted" and not self._tested_again:
            self._tested_again = True
            await outfit.retest()
        elif no.status == HTTPStatus.GONE:
            self._end(ExitCode.DONE, f"the campaign is done: {no}")
        elif no.code == "suspended":
            self.not_before(outfit.patience.backoffs.failed(_WORK, no.retry_after or _SUSPENDED_SECONDS))
            self.explain(f"{no}; asking again later")
        elif no.status == HTTPStatus.UPGRADE_REQUIRED:
            self._end(ExitCode.YOURS, f"{no}: pip install --upgrade 'pairtrawl[home]', then the same command again")
        else:
            self._end(ExitCode.YOURS, str(no))
