"""The run's shared desk (`workers.desk_actor`), as a process of a Ray cluster sees it.

Turns are asked for and given back in batches: what comes up within a few milliseconds travels in one call, and the next
call waits for the reply to the last one, so a busy desk gets fewer and larger batches. No request of its own blocks the
event loop. Rule files that were met once are kept in this process, too.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from functools import partial
from itertools import count
from typing import Any, TypeVar
from uuid import uuid4

import msgspec

from crawler.courtesy.desk import OpenDesk, SiteFiles, Turn, TurnRefusedError
from crawler.courtesy.host_health import Refusal
from crawler.courtesy.local_desk import SharedRules
from crawler.courtesy.rule_shelf import RuleShelf
from crawler.errors import DeskLostError
from crawler.settings import Manners
from workers.desk_actor import Ask, DeskActor, Leave, Slow, Wish, decode_calls, encode_wishes
from workers.ray_cluster import import_ray, losses, near_the_driver

Answer = TypeVar("Answer")

#: a desk that cannot be reached for so long, in seconds, ends the job; Ray restarts a dead one in a few
PATIENCE = 60.0
#: a place at a host that is held so much longer than a download may take, in seconds, was not given back
HOLD_SECONDS = 600.0
#: wishes are gathered so long before they are posted, in seconds
_GATHER = 0.002
#: a call without an answer for so long has failed, in seconds; the desk itself holds none longer than a second
_ANSWER = 20.0
#: between two tries to reach it, in seconds
_PAUSE = 0.5
#: for the last wishes when a job ends, in seconds
_FAREWELL = 5.0

#: calls that the desk holds at once: each worker has one or two, and as many more as rule files that it waits for
_CALLS = 10_000


def start_desk(manners: Manners, *, hold_seconds: float) -> Any:  # noqa: ANN401 - Ray's handle has no type
    """A new desk in the Ray cluster that this process belongs to. Whoever starts it kills it when the run ends.

    A place that is held for `hold_seconds` is taken back: more than a turn can last.
    """
    # Ray restarts a dead one, which knows nothing. It repeats no calls; workers do that themselves
    options = {"num_cpus": 0, "max_restarts": -1, "max_concurrency": _CALLS, "scheduling_strategy": near_the_driver()}
    actor = import_ray().remote(DeskActor).options(**options)
    return actor.remote(msgspec.json.encode(manners), hold_seconds)


class RayDesk:
    """A `Desk` over the handle of a `DeskActor`. One for each process; `patience` in seconds."""

    def __init__(self, actor: Any, *, patience: float = PATIENCE) -> None:  # noqa: ANN401 - Ray's handle has no type
        self._actor = actor
        self._patience = patience
        self._shelf: RuleShelf[SiteFiles] = RuleShelf()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[OpenDesk]:
        """See `Desk.open`. Who still waits for a turn when the context ends is cancelled.

        A turn, or a rule file, raises `DeskLostError` when the desk cannot be reached for too long.
        """
        async with _open_line(self._actor, self._patience) as line:
            yield OpenDesk(_RayTurns(line), _RayRules(line, self._shelf))


class _Line:
    """The connection of one opening to the desk: wishes go out, calls come in."""

    def __init__(self, actor: Any, patience: float) -> None:  # noqa: ANN401 - Ray's handle has no type
        self.actor = actor
        self.name = uuid4().hex
        self._patience = patience
        self._numbers = count()
        self._wishes: list[Wish] = []
        self._some = asyncio.Event()
        self._waiting: dict[int, tuple[str, asyncio.Future[Refusal | None]]] = {}
        self._inside: set[int] = set()
        self._session = ""
        self._in_doubt = False  # whether the desk knows of all who wait, and we of all who were called
        self._broken: BaseException | None = None

    def ask(self, host: str) -> tuple[int, asyncio.Future[Refusal | None]]:
        """A new visit's number, and what will tell whether it has a turn."""
        self.check()
        number, future = next(self._numbers), asyncio.get_running_loop().create_future()
        self._waiting[number] = host, future
        self.wish(Ask(number, host))
        return number, future

    def end(self, number: int, turn: Turn) -> None:
        """The visit is over, or nobody waits for it any more."""
        if number in self._inside or number in self._waiting:  # else it was refused
            self._inside.discard(number)
            self._waiting.pop(number, None)
            self.wish(Leave(number, turn.word))

    def wish(self, wish: Wish) -> None:
        """Post this soon."""
        self._wishes.append(wish)
        self._some.set()

    def check(self) -> None:
        """Raise what broke the line, if it is broken."""
        if self._broken is not None:
            raise self._broken

    def breaks(self, task: asyncio.Task[None]) -> None:
        """One of the two tasks has ended. They never do, unless the line is closed or broken."""
        if task.cancelled():
            return
        self._broken = task.exception()
        for _, future in self._waiting.values():
            if not future.done():
                future.set_result(None)  # and then they `check`

    async def post(self) -> None:
        """Send wishes as they come up, for ever."""
        while True:
            await self._some.wait()
            await asyncio.sleep(_GATHER)
            self._some.clear()
            self._hear(await self.reach(partial(self.actor.post.remote, self.name, self.take_wishes())))

    async def collect(self) -> None:
        """Listen for calls, for ever."""
        while True:
            self._hear(await self.reach(partial(self.actor.collect.remote, self.name)))

    def take_wishes(self) -> bytes:
        """What was not sent yet."""
        wishes, self._wishes = self._wishes, []
        return encode_wishes(wishes)

    def withdraw_all(self) -> None:
        """Cancel who still waits."""
        for _, future in self._waiting.values():
            future.cancel()
        self._waiting.clear()
        self._inside.clear()

    async def reach(self, call: Callable[[], Awaitable[Answer]]) -> Answer:
        """Call the desk, again and again while it is being restarted.

        Raises:
            DeskLostError: it cannot be reached for too long.
        """
        lost: tuple[type[Exception], ...] = (*losses(), TimeoutError)
        since = 0.0  # nothing was lost yet
        while True:
            try:
                async with asyncio.timeout(_ANSWER):
                    return await call()
            except lost as error:
                self._in_doubt = True
                since = since or time.monotonic()
                away = time.monotonic() - since
                if away >= self._patience:
                    raise DeskLostError(
                        f"the desk that all workers share could not be reached for {away:.0f} s"
                    ) from error
            await asyncio.sleep(_PAUSE)

    def _hear(self, reply: bytes) -> None:
        told = decode_calls(reply)
        for number, refusal in told.calls:
            if number in self._waiting:
                _, future = self._waiting.pop(number)
                if refusal is None:
                    self._inside.add(number)  # until `end`, which comes for a cancelled one too
                if not future.done():
                    future.set_result(refusal)
            elif refusal is None and number not in self._inside:
                self.wish(Leave(number, None))  # said again too late: its visit is over
        if self._in_doubt or told.session != (self._session or told.session):
            for number, (host, _) in self._waiting.items():
                self.wish(Ask(number, host))
        self._in_doubt = False
        self._session = told.session


@asynccontextmanager
async def _open_line(actor: Any, patience: float) -> AsyncIterator[_Line]:  # noqa: ANN401 - Ray's handle has no type
    """A line, open for as long as the context lasts. Nothing is left of it afterwards, here or at the desk."""
    line = _Line(actor, patience)
    tasks = [asyncio.create_task(line.post()), asyncio.create_task(line.collect())]
    for task in tasks:
        task.add_done_callback(line.breaks)
    try:
        yield line
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        line.withdraw_all()
        with suppress(*losses(), TimeoutError):  # a dead desk has forgotten us already
            async with asyncio.timeout(_FAREWELL):
                await actor.bye.remote(line.name, line.take_wishes())


class _RayTurns:
    """`Turns` over a line."""

    def __init__(self, line: _Line) -> None:
        self._line = line

    @asynccontextmanager
    async def turn(self, host: str) -> AsyncIterator[Turn]:
        """See `Turns.turn`."""
        number, call = self._line.ask(host)
        turn = Turn()
        try:
            refusal = await call
            self._line.check()
            if refusal is not None:
                raise TurnRefusedError(refusal.fault, refusal.detail)
            yield turn
        finally:
            self._line.end(number, turn)

    def slow_to(self, host: str, seconds: float) -> None:
        """See `Turns.slow_to`."""
        self._line.wish(Slow(host, seconds))


class _RayRules:
    """`RuleStore` over a line: first this process's own shelf, then the desk's, then `make`."""

    def __init__(self, line: _Line, shelf: RuleShelf[SiteFiles]) -> None:
        self._line = line
        self._here = SharedRules(shelf, time.time)

    async def of(self, origin: str, make: Callable[[], Awaitable[SiteFiles]]) -> SiteFiles:
        """See `RuleStore.of`."""
        return await self._here.of(origin, partial(self._of_the_run, origin, make))

    async def _of_the_run(self, origin: str, make: Callable[[], Awaitable[SiteFiles]]) -> SiteFiles:
        line, actor = self._line, self._line.actor
        answer, files = "later", b""
        while answer == "later":
            answer, files = await line.reach(partial(actor.claim.remote, line.name, origin))
        if answer == "here":
            return msgspec.msgpack.decode(files, type=SiteFiles)
        with ExitStack() as unless_made:
            # sent and not waited for, for we may be on our way out; if it is lost, the claim ends by itself
            unless_made.callback(actor.give_up.remote, line.name, origin)
            made = await make()
            unless_made.pop_all()
        packed = msgspec.msgpack.encode(made)
        await line.reach(partial(actor.put.remote, line.name, origin, packed, made.expires_at))
        return made
