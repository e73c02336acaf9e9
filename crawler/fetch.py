"""Download one image: a `Candidate` in, `Fetched` or `Rejected` out.

Here is what we make of answers: which redirects we follow, which status is a picture, what is written down. How bytes
come over the wire is `crawler.transport`'s matter, whether an address may be asked for at all is `crawler.admission`'s.

Robots rules, back-off after Retry-After and judging opt-outs are not here: they stand before a turn (`Get.turn`) or
behind this stage (a filter over `Fetched.opt_outs`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from crawler.admission import Admitted, Refused, admit, joined
from crawler.answers import Answer, Get, TransportError
from crawler.records import Candidate, Fault, Fetched, Rejected
from crawler.settings import Fetch

_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_STATUS_FAULTS = {
    401: Fault.HTTP_FORBIDDEN,
    402: Fault.HTTP_FORBIDDEN,  # some sites sell crawling: that is a refusal
    403: Fault.HTTP_FORBIDDEN,
    404: Fault.HTTP_GONE,
    410: Fault.HTTP_GONE,
    429: Fault.HTTP_RATE_LIMITED,
    451: Fault.HTTP_FORBIDDEN,
    503: Fault.HTTP_RATE_LIMITED,  # what storage services say when they mean 429
}
#: the headers with which a server says what may not be done with an image
_OPT_OUT_HEADERS = frozenset(("x-robots-tag", "tdm-reservation", "tdm-policy", "content-usage"))


@dataclass(frozen=True, slots=True)
class _End:
    """Where a download ended: the last answer, and what was heard on the way to it."""

    answer: Answer
    url: str
    opt_outs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Failure:
    fault: Fault
    detail: str


async def fetch(
    candidate: Candidate, get: Get, settings: Fetch, *, now: Callable[[], float] = time.time
) -> Fetched | Rejected:
    """Download one candidate, once; redirects are followed by our own policy, each judged like the first address.

    `settings.total_seconds` is the time in turns at hosts: it covers look-up, connection, headers, body and all
    redirects, and does not run while we queue for our turn. `now` gives seconds since 1970.

    What a server does wrong comes back as `Rejected`; anything else is our bug and ends the job.
    """
    end = await _follow(candidate.image_url, get, settings)
    if isinstance(end, _End):
        failure = _judge(end.answer)
        if failure is None:
            content_type = next(iter(end.answer.values("content-type")), "")
            return Fetched(candidate, end.answer.body, end.url, content_type, end.opt_outs, int(now()))
        end = failure
    return Rejected(candidate, end.fault, end.detail)


async def _follow(url: str, get: Get, settings: Fetch) -> _End | _Failure:
    """Ask, and ask where the answer points, until an answer points nowhere."""
    seconds = settings.total_seconds
    visited: list[str] = []
    opt_outs: dict[str, None] = {}
    while True:
        step = _next_step(url, visited, settings)
        if isinstance(step, _Failure):
            return step
        visited.append(step.url)
        async with get.turn(step.authority):
            started = time.monotonic()
            try:
                async with asyncio.timeout(seconds):
                    answer = await get(step.url)
            except TimeoutError:
                return _Failure(Fault.TIMEOUT, f"after {settings.total_seconds:g} seconds")
            except TransportError as error:
                return _Failure(error.fault, error.detail)
            seconds -= time.monotonic() - started
        # on the way too: an image that moved to a content network was reserved by the site it moved from
        opt_outs |= dict.fromkeys(opt_outs_of(answer))
        if answer.status not in _REDIRECTS or not answer.location:
            return _End(answer, step.url, tuple(opt_outs))
        url = joined(step.url, answer.location)


def _next_step(url: str, visited: list[str], settings: Fetch) -> Admitted | _Failure:
    """Whether this address is asked for, after those visited."""
    after = "redirect: " if visited else ""
    if len(visited) > settings.redirects:
        return _Failure(Fault.TOO_MANY_REDIRECTS, f"more than {settings.redirects}")
    admitted = admit(url, settings)
    if isinstance(admitted, Refused):
        return _Failure(admitted.fault, after + admitted.why)
    if admitted.url in visited:  # we keep no cookies, so it would say the same again
        return _Failure(Fault.TOO_MANY_REDIRECTS, "loop")
    return admitted


def _judge(answer: Answer) -> _Failure | None:
    """What is wrong with a last answer; None where it is a picture as far as HTTP can tell."""
    if answer.status == 200:
        return None if answer.body else _Failure(Fault.BODY_EMPTY, "")
    return _Failure(status_fault(answer.status), str(answer.status))


def status_fault(status: int) -> Fault:
    """What a status other than 200 means for an image. 206 is a part nobody asked for, 204 and 304 are nothing."""
    if fault := _STATUS_FAULTS.get(status):
        return fault
    return Fault.HTTP_SERVER_ERROR if 500 <= status <= 599 else Fault.HTTP_OTHER


def opt_outs_of(answer: Answer) -> list[str]:
    """The opt-out headers of an answer as "name: value", in order, names in lower case, values as sent."""
    return [f"{name}: {value}" for name, value in answer.headers if name in _OPT_OUT_HEADERS]
