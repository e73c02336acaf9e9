"""One request in a turn at its host, with a deadline, of which the desk hears: the way everything is asked for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from crawler.records import Fault
from crawler.wire.admission import Admitted
from crawler.wire.answers import Answer, Get, TransportError
from crawler.wire.words import word_after, word_of

_T = TypeVar("_T")


async def ask(
    get: Get,
    step: Admitted,
    seconds: float,
    now: Callable[[], float],
    taken: Callable[[Answer, float], Awaitable[_T]],
) -> _T:
    """What `taken` makes, still in our turn at the host, of what the server says within `seconds`.

    It is given the answer, and how many seconds that took from the moment when our turn had come. `now` gives seconds
    since 1970.

    Raises:
        TurnRefusedError: there is no turn at the host just now.
        TransportError: there is no answer, or not in time (`TIMEOUT`, without a detail).
    """
    async with get.turn(step.host) as turn:
        began = time.monotonic()
        try:
            async with asyncio.timeout(seconds):
                answer = await get(step.url)
        except TimeoutError as error:
            turn.word = word_after(Fault.TIMEOUT)
            raise TransportError(Fault.TIMEOUT) from error
        except TransportError as error:
            turn.word = word_after(error.fault)
            raise
        turn.word = word_of(answer, now)
        return await taken(answer, time.monotonic() - began)
