"""One lease on its way: input, job, signature, uploads, result. Each step lasts before the next one begins.

What is on the disk says where it goes on after a kill (`LeaseFolder.stage`); what is in memory says only what to tell.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Literal

from crawler.commit import sweep
from crawler.job import Job, JobKind
from workers.blame import Blame
from workers.failpoints import failpoint
from workers.home.delivering import deliver
from workers.home.errands import Ended
from workers.home.errors import ChildLostError
from workers.home.lease_folder import Ending, LeaseFolder, Stage
from workers.home.outfit import Outfit
from workers.home.signing import sha256_of, signed_result
from workers.protocol.faults import Fault
from workers.protocol.messages import Fail, Leased, Release

#: an input that came with other bytes is brought again so often
_TRIES_OF_INPUT = 3
_FAULTS = {Blame.NOBODY: Fault.NETWORK, Blame.INPUT: Fault.INPUT, Blame.SET_UP: Fault.LOCAL, Blame.OURS: Fault.BUG}
_DETAIL_CHARACTERS = 4_000


@dataclass(slots=True)
class Carried:
    """One lease, and what is known of it beside what lies on the disk."""

    leased: Leased
    folder: LeaseFolder
    begun_at: float | None = None  # when its job began, by the loop's clock
    step: str = ""
    done: int = 0
    total: int = 0
    made: bool = False  # there is a result, or will be none: it only has to be told
    work: asyncio.Task[None] | None = None
    dropped: Literal["", "abandon", "give back"] = ""
    fault: Fault | None = None  # how its job failed
    refused: str = ""  # the tracker's word for why nothing of this machine is taken any more

    @property
    def name(self) -> str:
        """For messages: kind and number."""
        return f"{self.leased.spec.kind}-{self.leased.spec.number:05d}"

    def drop(self, how: Literal["abandon", "give back"]) -> None:
        """Stop working on it, if it is not made; what is made is told in any case, but where it is not wanted."""
        if self.made and how == "give back":
            return
        self.dropped = self.dropped or how
        if self.work is not None:
            self.work.cancel()


#: waits until a job may begin
Turn = Callable[[Carried], Awaitable[None]]


async def carry(carried: Carried, outfit: Outfit, turn: Turn) -> None:
    """Bring a lease to its end.

    Raises:
        LeftBehindError: the rest of the way is for the next volunteer in this folder.
    """
    try:
        if not carried.dropped and carried.folder.stage(carried.leased) in {Stage.INPUT, Stage.JOB}:
            await _until_dropped(carried, _make(carried, outfit, turn))
        if carried.dropped == "give back" and not carried.made:
            await _end(carried, outfit, Ending(release=Release(why="its volunteer is stopping")))
        carried.made = True
        if carried.dropped != "abandon":
            await _until_dropped(carried, _tell(carried, outfit))
    finally:
        outfit.voice.over(carried.name)
    if carried.dropped == "abandon":
        outfit.voice.say("abandoned", f"{carried.name}: not wanted any more; dropped", job=carried.name)
    if not carried.refused:
        await asyncio.to_thread(carried.folder.remove)


async def _until_dropped(carried: Carried, work: Coroutine[None, None, None]) -> None:
    """Do it in a task that `Carried.drop` can end without ending us."""
    carried.work = asyncio.ensure_future(work)
    try:
        await asyncio.wait({carried.work})
    except asyncio.CancelledError:
        carried.work.cancel()
        await asyncio.wait({carried.work})
        raise
    if not carried.work.cancelled():
        carried.work.result()
    carried.work = None


async def _make(carried: Carried, outfit: Outfit, turn: Turn) -> None:
    """Until there is a result, or an ending."""
    await turn(carried)
    carried.begun_at = asyncio.get_running_loop().time()
    if carried.folder.stage(carried.leased) is Stage.INPUT and not await _brought(carried, outfit):
        return
    ended = await _done(carried, outfit)
    if ended.report is not None:
        carried.step = "sign"
        await outfit.patience.insist("disk", lambda: _signed(carried, outfit, ended))
        return
    fault = _FAULTS[ended.blame]
    outfit.voice.say("failed", f"{carried.name}: failed ({fault}): {ended.failure}", job=carried.name, fault=fault)
    await _failed(carried, outfit, fault, ended.failure)


async def _brought(carried: Carried, outfit: Outfit) -> bool:
    """Bring the input; whether it is there. What is there has the bytes that the lease says."""
    leased, folder = carried.leased, carried.folder
    folder.half_input.parent.mkdir(exist_ok=True)
    carried.step = "input"
    for _ in range(_TRIES_OF_INPUT):
        await outfit.patience.insist(
            "inputs",
            lambda: outfit.transfers.bring(
                f"/v1/leases/{leased.lease}/input", folder.half_input, leased.spec.input_bytes
            ),
        )
        if await asyncio.to_thread(sha256_of, folder.half_input) == leased.spec.input_sha256:
            await asyncio.to_thread(folder.keep_input, leased)
            return True
        folder.half_input.unlink()
    outfit.voice.say("failed", f"{carried.name}: its input came with other bytes than the lease says, "
                     f"{_TRIES_OF_INPUT} times", job=carried.name, fault=Fault.NETWORK)  # fmt: skip
    await _failed(carried, outfit, Fault.NETWORK, "the input had other bytes than the lease says")
    return False


async def _done(carried: Carried, outfit: Outfit) -> Ended:
    """Do the job; however it ends comes back."""
    spec, folder = carried.leased.spec, carried.folder
    folder.output.mkdir(exist_ok=True)
    sweep(folder.output)
    job = Job(
        kind=JobKind(spec.kind), number=spec.number, output=str(folder.output), recipe=spec.recipe, form=spec.form,
        input=spec.input if spec.kind == "extract" else str(folder.input_file(carried.leased)),
    )  # fmt: skip
    carried.step = "job"
    failpoint("home.job_begun")

    def told(done: int, total: int) -> None:
        carried.done, carried.total = done, total
        outfit.voice.under_way(carried.name, "job", done, total)
        if done:
            failpoint("home.job_half")

    outfit.voice.say("begun", f"{carried.name}: begun", job=carried.name)
    try:
        ended = await outfit.doer.do(job, told)
    except ChildLostError as error:
        return Ended(failure=str(error), blame=Blame.SET_UP if error.local else Blame.OURS)
    failpoint("home.job_done")
    return ended


async def _signed(carried: Carried, outfit: Outfit, ended: Ended) -> None:
    signer = outfit.signer
    result = await asyncio.to_thread(
        signed_result, carried.leased, ended, carried.folder.output, private_key=signer.private_key,
        version=signer.version, environment=signer.environment,
    )  # fmt: skip
    carried.folder.keep_result(result)


async def _failed(carried: Carried, outfit: Outfit, fault: Fault, why: str) -> None:
    carried.fault = fault
    await _end(carried, outfit, Ending(fail=Fail(fault=fault.value, detail=why[-_DETAIL_CHARACTERS:])))


async def _end(carried: Carried, outfit: Outfit, ending: Ending) -> None:
    async def kept() -> None:
        carried.folder.keep_ending(ending)

    await outfit.patience.insist("disk", kept)
    carried.made = True


async def _tell(carried: Carried, outfit: Outfit) -> None:
    """Deliver what was made."""
    carried.step = "deliver"
    carried.refused = await deliver(carried.leased, carried.folder, outfit, carried.name)
