"""One request is one request: keeps aiohttp from asking again by itself.

aiohttp (3.14) repeats a GET at once when a server hangs up before it has answered: twice the load, exactly when a host
is overloaded, and one more request than its turn was for. Whoever wants a second try makes it in the open.
"""

from __future__ import annotations

import aiohttp


class HungUpError(Exception):
    """The server hung up before it had answered. `wordless`: as far as can be told, without one byte of an answer."""

    def __init__(self, words: str, *, wordless: bool) -> None:
        super().__init__(words)
        self.wordless = wordless


async def only_once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """A middleware for every session of ours.

    Raises:
        HungUpError: in place of the two errors at which aiohttp would ask again.
    """
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:
        raise  # never sent, and never repeated
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        # the beginning of an answer comes along as a message in place of words
        heard = isinstance(error, aiohttp.ServerDisconnectedError) and not isinstance(error.message, str | None)
        raise HungUpError(f"{type(error).__name__}: {error}", wordless=not heard) from error
