"""The volunteer's loop: asks for work, does several jobs at once, keeps leases alive, stops as it is told.

Nothing here waits for anything else: asking for work does not wait for uploads, and a dead upload target holds up
nobody but its own lease.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from workers.exit_codes import ExitCode
from workers.home import surroundings
from workers.home.asked import Hours
from workers.home.asking import Asking
from workers.home.carrying import Carried, carry
from workers.home.client import is_lease_name
from workers.home.deciding import AskForWork, EndNow, Situation, what_next
from workers.home.delivering import TRACKER
from workers.home.errors import AwayError, RefusedError
from workers.home.folder import HomeFolder
from workers.home.keeping import beat, heed
from workers.home.lease_folder import LeaseFolder, Stage
from workers.home.machine import job_bytes
from workers.home.outfit import Outfit
from workers.home.patience import LeftBehindError
from workers.home.refusing import refusals
from workers.protocol.faults import Fault
from workers.protocol.messages import Leased, Release

#: jobs in a row that fail by this machine's fault, or by a bug: then it is not the jobs
_FAILURES_IN_A_ROW = 5
#: leases in a row that point where they must not: then it is not an accident
_REFUSALS_IN_A_ROW = 3


@dataclass(slots=True)
class Volunteer:
    """One volunteer, from its first question to its exit code. `run` once."""

    outfit: Outfit
    hours: Hours | None = None
    jobs_left: int | None = None
    _carried: dict[str, Carried] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _ending: ExitCode | None = None  # no more work is asked for; what to leave with
    _left_behind: int = 0
    _bad_jobs: int = 0  # in a row
    _bad_leases: int = 0  # in a row
    _asking: Asking = field(init=False)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _turn: asyncio.Condition = field(default_factory=asyncio.Condition)

    def __post_init__(self) -> None:
        self._asking = Asking(self.outfit, self._end)

    async def run(self) -> ExitCode:
        """Work until there is nothing left to do, or somebody asks to stop. Cancelled, it leaves all on the disk."""
        outfit = self.outfit
        for folder in outfit.folder.kept():
            self._resume(folder)
        helpers = [
            asyncio.create_task(one)
            for one in (
                beat(self._carried, outfit, self._asking.drained),
                heed(self._carried, outfit, self._changed.set),
            )
        ]
        try:
            await self._reconcile()
            await self._ask_for_work()
            await self._all_carried()
        finally:
            for task in (*helpers, *self._tasks):
                task.cancel()
            await asyncio.gather(*helpers, *self._tasks, return_exceptions=True)
            await outfit.doer.close()
        if self._left_behind:
            outfit.voice.say(
                "left", f"{self._left_behind} finished job{'s' if self._left_behind > 1 else ''} could not be "
                "delivered yet: the same command goes on with that", leases=self._left_behind,
            )  # fmt: skip
            return self._ending or ExitCode.WORK_LEFT
        return self._ending or ExitCode.DONE

    # --- leases

    def _resume(self, folder: LeaseFolder) -> None:
        """Go on with a lease of the disk. What no lease can be read from is nothing that anybody waits for."""
        leased = folder.lease()
        if leased is None or refusals(leased, self.outfit.campaign, self.outfit.campaign.kinds):
            self.outfit.voice.say("swept", f"{folder.path.name}: holds no lease of this campaign; removed")
            folder.remove()
        elif leased.lease not in self._carried:
            self._begin(leased, folder)

    def _begin(self, leased: Leased, folder: LeaseFolder) -> None:
        carried = Carried(leased, folder, made=folder.stage(leased) in {Stage.DELIVER, Stage.END})
        if leased.spec.kind not in self.outfit.capacity.kinds and not carried.made:
            carried.drop("give back")  # an earlier volunteer was told to do more than this one
        self._carried[leased.lease] = carried
        task = asyncio.create_task(self._carry(carried))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, carried: Carried) -> None:
        try:
            await carry(carried, self.outfit, self._wait_for_turn)
        except LeftBehindError:
            self._left_behind += 1
        finally:
            del self._carried[carried.leased.lease]
            self._changed.set()
            async with self._turn:
                self._turn.notify_all()
        if carried.refused:
            self._left_behind += 1
            self._end(ExitCode.YOURS, f"the tracker does not know this machine any more: {carried.refused}")
        self._weigh(carried)

    async def _wait_for_turn(self, carried: Carried) -> None:
        """A job begins when there is room for it beside those that have begun: leases of the disk may be many."""
        async with self._turn:
            await self._turn.wait_for(lambda: self._has_room(carried))
            carried.begun_at = _now()

    def _has_room(self, carried: Carried) -> bool:
        begun = [one.leased.spec.kind for one in self._carried.values() if one.begun_at is not None and not one.made]
        return self.outfit.capacity.room_for(carried.leased.spec.kind, begun) > 0

    def _weigh(self, carried: Carried) -> None:
        """A machine that fails job after job waits longer and longer, and stops in the end."""
        if carried.fault is None:
            if not carried.dropped:
                self._bad_jobs = 0
                self.outfit.patience.backoffs.answered("jobs")
            return
        self._asking.not_before(self.outfit.patience.backoffs.failed("jobs"))
        if carried.fault in {Fault.LOCAL, Fault.BUG}:
            self._bad_jobs += 1
        if self._bad_jobs >= _FAILURES_IN_A_ROW:
            code = ExitCode.OURS if carried.fault is Fault.BUG else ExitCode.YOURS
            self._end(code, f"{self._bad_jobs} jobs in a row failed on this machine; `pairtrawl doctor` may tell why")

    # --- work

    async def _ask_for_work(self) -> None:
        outfit = self.outfit
        needs = {kind: job_bytes(kind, outfit.recipe) for kind in outfit.campaign.kinds}
        while True:
            self._changed.clear()
            match what_next(await self._situation(), outfit.capacity, needs):
                case EndNow():
                    return
                case AskForWork(kinds=kinds, most=most):
                    leases = await self._asking.ask(kinds, most)
                    if leases is not None:
                        await self._take_on(leases, counted=True)
                        self._asking.forget()
                case wait:
                    self._asking.explain(wait.why)
                    try:
                        await asyncio.wait_for(self._changed.wait(), wait.seconds)
                    except TimeoutError:
                        continue

    async def _situation(self) -> Situation:
        folder = self.outfit.folder
        used = await asyncio.to_thread(lambda: sum(one.used_bytes() for one in folder.kept()))
        return Situation(
            running=tuple(one.leased.spec.kind for one in self._carried.values() if not one.made),
            kept=len(self._carried),
            spool_bytes=used,
            free_bytes=surroundings.free_bytes(folder.path),
            in_hours=self.hours is None or self.hours.contain(time.localtime().tm_hour),
            ask_in=self._asking.at - _now(),
            jobs_left=self.jobs_left,
            asked_before=self._asking.is_open(),
            ending=bool(self.outfit.patience.stopping) or self._ending is not None,
        )

    async def _take_on(self, leases: list[Leased], *, counted: bool) -> None:
        """Carry them, if they are what they should be. `counted`: among the jobs after which to stop."""
        for leased in leases:
            asked = self.outfit.capacity.kinds if counted else self.outfit.campaign.kinds
            wrong = refusals(leased, self.outfit.campaign, asked)
            if wrong:
                await self._refuse(leased, wrong[0])
                continue
            self._bad_leases = 0
            folder = await self.outfit.patience.insist("disk", partial(_kept, self.outfit.folder, leased))
            if leased.lease not in self._carried:
                if counted and self.jobs_left:
                    self.jobs_left -= 1
                self._begin(leased, folder)

    async def _refuse(self, leased: Leased, why: str) -> None:
        """Give back what points anywhere but where the campaign may point, undone."""
        self._bad_leases += 1
        self.outfit.voice.say("refused", f"a job is refused: {why}")
        if is_lease_name(leased.lease):
            with suppress(AwayError, RefusedError):  # it runs out by itself
                await self.outfit.client.release(leased.lease, Release(why=f"refused: {why}"[:200]))
        if self._bad_leases >= _REFUSALS_IN_A_ROW:
            self._end(ExitCode.YOURS, f"this tracker hands out jobs that its campaign does not allow ({why}); "
                      "ask its operators")  # fmt: skip

    def _end(self, code: ExitCode, why: str) -> None:
        """Ask for no more work; what is in flight and in the spool goes on to its end."""
        if self._ending is None:
            self._ending = code
            self.outfit.voice.say("ending", why)
        self._changed.set()

    # --- beside the work

    async def _reconcile(self) -> None:
        """What the tracker thinks that we hold, and what we have: after a kill they may differ."""
        try:
            held = await self.outfit.client.held()
        except (AwayError, RefusedError) as error:
            self.outfit.voice.say("away", f"{TRACKER}: {error}", target=TRACKER)
            return
        await self._take_on([one for one in held if one.lease not in self._carried], counted=False)
        self._asking.forget()  # whatever was granted is among them
        known = {one.lease for one in held}
        for carried in list(self._carried.values()):
            if carried.leased.lease not in known and not carried.made:
                carried.drop("abandon")  # it ran out, and nothing was finished; somebody else has it

    async def _all_carried(self) -> None:
        while self._tasks:
            await asyncio.wait(set(self._tasks))


async def _kept(folder: HomeFolder, leased: Leased) -> LeaseFolder:
    return folder.keep_lease(leased)


def _now() -> float:
    return asyncio.get_running_loop().time()
