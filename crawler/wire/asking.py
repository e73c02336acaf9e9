"""One request in a turn at its host, with a deadline, of which the desk hears: the way everything is asked for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from crawler.records import Fault
from crawler.wire.admission import Admitted
from crawler.wire.answers import Answer, Get, TransportError
from crawler.wire.words import word_after, word_of


@asynccontextmanager
async def asked(
    get: Get, step: Admitted, seconds: float, now: Callable[[], float]
) -> AsyncIterator[tuple[Answer, float]]:
    """What a server says within `seconds`, and how many of them it took; inside it is still our turn at its host.

    The seconds count from the moment when our turn has come. `now` gives seconds since 1970.

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
        turn.word = word_of(answer, now())
        yield answer, time.monotonic() - began
