"""The checker: takes results, looks, concludes, takes back, and puts what is believed into the data set.

Each step may be cut off anywhere and is done again: what a killed checker had begun to look at is another's when its
turn has run out, and promotion writes the same bytes. Several checkers may run, on several machines that share the
campaign's folder and its database.
"""

from __future__ import annotations

import asyncio
import logging
import random
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from crawler.errors import PairtrawlError, ScreeningError
from crawler.job import JobKind
from workers.failpoints import failpoint
from workers.tracker.checking.gathering import Gathering
from workers.tracker.checking.looked import Looked
from workers.tracker.checking.looks import Looks, look
from workers.tracker.checking.order import asked, judge
from workers.tracker.checking.peers import Who
from workers.tracker.checking.promoting import Believed, Promoter
from workers.tracker.checking.shares import Shares, read_shares
from workers.tracker.checking.verdict import pronounce
from workers.tracker.clock import Clock
from workers.tracker.moves.job_state import told
from workers.tracker.moves.records import CheckOrder, Promotion
from workers.tracker.moves.revoking import to_withdraw, withdrawn
from workers.tracker.moves.verdicts import next_to_check, promoted, to_promote
from workers.tracker.store import Store
from workers.tracker.trust import Said, Signal
from workers.tracker.trust.beliefs import is_bound, judged
from workers.tracker.trust.policy import Policy
from workers.tracker.uploads import LostObjectError, TargetError

#: a look that takes longer is another checker's, too: it finds the verdict written, or writes the same
_TURN_SECONDS = 3600.0
#: between two looks into a queue that was empty
_WAIT_SECONDS = 2.0
#: results promoted in a row before the next one is looked at
_PROMOTED_AT_ONCE = 8
#: what a list matches implausibly often, or a disk that is full, is tried again so much later
_HELD_SECONDS = 600.0

_log = logging.getLogger("pairtrawl.tracker.checking")


@dataclass(slots=True)
class Checker:
    """One checker of one campaign."""

    name: str
    store: Store
    clock: Clock
    policy: Policy
    gathering: Gathering
    looks: Looks
    promoter: Promoter
    #: on this machine; what is looked at lies here, for as long as it is
    scratch: Path
    chance: random.Random = field(default_factory=random.SystemRandom)
    shares: Shares = field(default_factory=Shares)
    _held: dict[int, float] = field(default_factory=dict)

    async def run(self, stop: asyncio.Event, *, once: bool = False) -> int:
        """Work until told to stop, or with `once` until nothing is left; returns how many results were looked at.

        What is being looked at is finished first.
        """
        checked = 0
        while not stop.is_set():
            did = await self.tidy()
            if await self.check_next():
                checked, did = checked + 1, True
            if not did:
                if once:
                    break
                with suppress(TimeoutError):
                    async with asyncio.timeout(_WAIT_SECONDS):
                        await stop.wait()
        return checked

    async def check_next(self) -> bool:
        """Look at the next result that waits; False where none does.

        Raises:
            OSError: this machine's disk is full.
            PairtrawlError: this machine cannot look at anything: a package is missing, a file of ours is gone.
        """
        now = self.clock()
        order = await self.store.do(partial(next_to_check, now=now, checker=self.name, seconds=_TURN_SECONDS))
        if order is None:
            return False
        if self.shares.is_old(now):
            self.shares = await self.store.look(partial(read_shares, now=now))
        unbound = self.shares.with_one_more(order.kind, order.account)
        found = await self._looked(order, unbound)
        failpoint("checking.looked")
        judgement = judge(order, found.signals, self.policy, unbound)
        now = self.clock()
        concluded = await self.store.do(
            partial(pronounce, now=now, order=order, judgement=judgement, policy=self.policy, figures=found.figures)
        )
        failpoint("checking.concluded")
        if concluded.changed and judgement.said is Said.GOOD:
            self.looks.remember(found.figures, Who(order.job, order.account, order.kind))
        if concluded.changed and concluded.canonical:
            self.shares.add(order.kind, order.account, bound=is_bound(judgement.signals, order.kind))
        return True

    async def tidy(self) -> bool:
        """Withdraw what was taken back, promote what is believed; whether there was anything."""
        did = False
        for gone in await self.store.look(partial(to_withdraw, now=self.clock(), most=_PROMOTED_AT_ONCE)):
            await asyncio.to_thread(self.promoter.withdraw, JobKind(gone.kind), gone.number)
            failpoint("checking.withdrawn")
            now = self.clock()
            await self.store.do(partial(withdrawn, now=now, result=gone.result))
            did = True
        now = self.clock()
        for one in await self.store.look(partial(to_promote, now=now, most=_PROMOTED_AT_ONCE + len(self._held))):
            if self._held.get(one.result, -1e300) <= now:
                did = await self._promote(one) or did
        return did

    async def _promote(self, one: Promotion) -> bool:
        with tempfile.TemporaryDirectory(dir=self.scratch) as folder:
            try:
                await self.gathering.fetch(one.manifest, one.uploads, Path(folder) / "files")
                believed = Believed(
                    kind=JobKind(one.kind), number=one.number, input=one.input, folder=Path(folder) / "files"
                )
                placed = await asyncio.to_thread(self.promoter.place, believed)
            except (ScreeningError, TargetError, LostObjectError) as error:
                await self._hold(one, error)
                return False
        now = self.clock()
        await self.store.do(partial(promoted, now=now, result=one.result, follow=placed.follow))
        failpoint("checking.promoted")
        return True

    async def _hold(self, one: Promotion, error: Exception) -> None:
        """Promote it later; the operator is told. The volunteer's answer was given long ago, and is the same."""
        now = self.clock()
        if one.result not in self._held:
            kind = "screening" if isinstance(error, ScreeningError) else "storage"
            detail = "screening took out more than is plausible" if kind == "screening" else str(error)[:500]
            await self.store.do(lambda tx: told(tx, now, "promotion held", job=one.job, detail=detail))
        _log.warning("job %d is held back: %s", one.job, error)
        self._held[one.result] = now + _HELD_SECONDS

    async def _looked(self, order: CheckOrder, unbound: float) -> Looked:
        """All looks at a result; NOTHING where they could not be had now."""
        wanted = asked(order, self.policy, self.chance.random(), unbound)
        with tempfile.TemporaryDirectory(dir=self.scratch) as folder:
            try:
                exhibits = await self.gathering.exhibits(order, Path(folder))
                found = await asyncio.to_thread(look, exhibits, wanted, self.looks, self.gathering.maker)
            except LostObjectError as error:
                return Looked((Signal("unbound", Said.ODD, detail=f"its files are lost here: {error}"[:300]),))
            except (TargetError, PairtrawlError) as error:
                _log.warning("result %d could not be looked at: %s", order.result, error)
                return Looked((Signal("structure", Said.NOTHING, detail=str(error)[:300]),))
        if judged(found.signals) is not Said.GOOD:
            _log.info(
                "result %d: %s", order.result, "; ".join(f"{one.name} {one.said} {one.detail}" for one in found.signals)
            )
        return found
