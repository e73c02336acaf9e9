"""Asking a host for one file of its rules, and what the way of its answering means (RFC 9309 section 2.3)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from crawler.courtesy.desk import FileState, SiteFile, TurnRefusedError
from crawler.records import Fault
from crawler.settings import Fetch
from crawler.wire.admission import Refused, admit, joined
from crawler.wire.answers import Answer, Get, TransportError
from crawler.wire.asking import ask

#: a file that is not there, or not asked for: no rules
ABSENT = SiteFile(FileState.ABSENT)

#: RFC 9309 section 2.3.1.2: at least five are followed, and behind more there is no file
_REDIRECTS = 5
#: bytes of a file that are read without going to a thread
_AT_ONCE = 64 * 1024
#: what is wrong with the host itself, and so with every image on it
_OF_THE_HOST = frozenset((Fault.ADDRESS_REFUSED, Fault.DNS_FAILED, Fault.CONNECT_FAILED, Fault.TLS_FAILED))


async def ask_for(
    url: str, reduced: Callable[[bytes], str], *, get: Get, fetch: Fetch, now: Callable[[], float]
) -> SiteFile:
    """The file at this address, reduced to what of it concerns us; redirects are followed wherever we may ask.

    - 200 is the file, wherever a redirect led: it speaks for the host that was asked first.
    - 4xx but 429, more than five redirects, and 204: there is none.
    - 429, 5xx, no connection, no answer within `fetch.total_seconds` in turns, an answer that cannot be used, and a
      redirect to where we do not ask: there may be one, and it cannot be had. `SiteFile.fault` is given where that is
      the matter with the host itself.
    - Of other 2xx the body is not read, so there may be rules in it: the same.

    Raises:
        TurnRefusedError: there is no turn at the host of `url` itself.
    """
    seconds = fetch.total_seconds
    here = url
    visited: list[str] = []
    while len(visited) <= _REDIRECTS:
        step = admit(here, fetch)
        if isinstance(step, Refused):
            return _unreachable(f"redirect: {step.why}")
        if step.url in visited:
            return ABSENT  # the redirects would go on for ever
        try:
            answer, took = await ask(get, step, seconds, now, _as_it_is)
            seconds -= took
        except TurnRefusedError as error:
            if not visited:
                raise
            return _unreachable(f"redirect: {error.detail}")
        except TransportError as error:
            return _unreachable(str(error), None if visited or error.fault not in _OF_THE_HOST else error.fault)
        if not answer.is_redirect:
            return await _read(answer, reduced)
        visited.append(step.url)
        here = joined(step.url, answer.location) if answer.location else ""
    return ABSENT


async def _as_it_is(answer: Answer, took: float) -> tuple[Answer, float]:
    return answer, took


async def _read(answer: Answer, reduced: Callable[[bytes], str]) -> SiteFile:
    """The file that an answer which does not point elsewhere holds, or its lack."""
    if answer.status == 200:
        # in a thread where it takes its time: 512 KiB are some 50 ms, and every download would stand still for them
        text = await asyncio.to_thread(reduced, answer.body) if len(answer.body) > _AT_ONCE else reduced(answer.body)
        return SiteFile(FileState.FOUND, text)
    if answer.status == 204 or (400 <= answer.status <= 499 and answer.status != 429):
        return ABSENT
    return _unreachable(str(answer.status))


def _unreachable(detail: str, fault: Fault | None = None) -> SiteFile:
    return SiteFile(FileState.UNREACHABLE, fault=fault, detail=detail)
