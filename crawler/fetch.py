"""Download one image: a `Candidate` in, `Fetched` or `Rejected` out.

Here is what we make of what people say: whether page and site let us ask, which redirects we follow, which status is a
picture, whom we ask again and when we are told to let an image go. How bytes come over the wire is
`crawler.wire.transport`'s matter, whose turn it is at a host the desk's, whether an address may be asked for at all
`crawler.wire.admission`'s.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from crawler.courtesy.agent import token_of
from crawler.courtesy.desk import TurnRefusedError
from crawler.records import Candidate, Fault, Fetched, Rejected
from crawler.rights.opt_outs import answer_refusal, page_refusal
from crawler.rights.site_word import Sites
from crawler.settings import Fetch, OptOuts
from crawler.wire.admission import Admitted, Refused, admit, joined
from crawler.wire.answers import Answer, Get, TransportError
from crawler.wire.asking import ask
from crawler.wire.resolve import LookUps
from crawler.wire.words import PATIENCE

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
class Web:
    """What images are asked through: the wire, and the rules of sites."""

    get: Get
    sites: Sites
    look_ups: LookUps = field(default_factory=LookUps)  # counts while it is open


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms images are taken, from the recipe."""

    fetch: Fetch
    opt_outs: OptOuts

    @property
    def token(self) -> str:
        """Our name in rules that are made for single robots, in lower case."""
        return token_of(self.fetch.user_agent)


#: Called with the size of a body before the slot of its download is free for the next: it may wait, and so hold up the
#: network where the stages behind it are slower.
Receive = Callable[[int], Awaitable[None]]


async def _receive_at_once(_size: int) -> None:
    """Nobody is slower than the network."""


async def fetch(
    candidate: Candidate,
    web: Web,
    terms: Terms,
    *,
    receive: Receive = _receive_at_once,
    now: Callable[[], float] = time.time,
) -> Fetched | Rejected:
    """Download one candidate; redirects are followed by our own policy, each judged like the first address.

    `terms.fetch.total_seconds` is the time in turns at hosts: it covers look-up, connection, headers, body and all
    redirects, and runs neither while we queue for a turn nor for a request that is answered with a wish for patience.
    `receive` is called once for each `Fetched`. `now` gives seconds since 1970.

    What a server does wrong comes back as `Rejected`; anything else is our bug and ends the job.
    """
    if refusal := page_refusal(candidate.opt_outs, terms.opt_outs, terms.token):
        return Rejected(candidate, Fault.PAGE_OPTED_OUT, refusal)
    download = _Download(web, terms, receive, now)
    end = await download.follow(candidate.image_url)
    heard = tuple(download.heard)
    if isinstance(end, _Failure):
        return Rejected(candidate, end.fault, end.detail, heard)
    content_type = next(iter(end.answer.values("content-type")), "")
    return Fetched(candidate, end.answer.body, end.url, content_type, heard, int(now()))


@dataclass(frozen=True, slots=True)
class _End:
    """The last answer, which is a picture as far as HTTP can tell, and where it came from."""

    answer: Answer
    url: str


@dataclass(frozen=True, slots=True)
class _Failure:
    fault: Fault
    detail: str


class _Download:
    """One image on its way; `heard` are the opt-outs of sites and answers, in order, each once."""

    def __init__(self, web: Web, terms: Terms, receive: Receive, now: Callable[[], float]) -> None:
        self.heard: dict[str, None] = {}
        self._web = web
        self._terms = terms
        self._receive = receive
        self._now = now
        self._seconds = terms.fetch.total_seconds  # that are left

    async def follow(self, url: str) -> _End | _Failure:
        """Ask, and ask where the answer points, until an answer points nowhere."""
        visited: list[str] = []
        while True:
            step = _next_step(url, visited, self._terms.fetch)
            if isinstance(step, _Failure):
                return step
            visited.append(step.url)
            word = await self._web.sites.word_on(step)
            self.heard |= dict.fromkeys(word.opt_outs)
            if word.refusal is not None:
                return _Failure(word.refusal, word.detail)
            answer = await self._answer(step)
            if isinstance(answer, _Failure):
                return answer
            if not _points_on(answer):
                return _End(answer, step.url)
            url = joined(step.url, answer.location)

    async def _answer(self, step: Admitted) -> Answer | _Failure:
        """What a server says in the end: where it asks for patience it is asked again, as often as the terms allow."""
        failure: _Failure | None = None
        for _ in range(self._terms.fetch.tries):
            try:
                answer = await self._ask(step)
            except TurnRefusedError as error:
                return failure or _Failure(error.fault, error.detail)
            if isinstance(answer, _Failure) or answer.status not in PATIENCE:
                return answer
            failure = _Failure(status_fault(answer.status), str(answer.status))
        assert failure is not None  # the terms allow one try at least
        return failure

    async def _ask(self, step: Admitted) -> Answer | _Failure:
        """Send one request in a turn at its host, and let the desk know how it went.

        Raises:
            TurnRefusedError: the host is left alone just now.
        """
        try:
            return await ask(self._web.get, step, self._seconds, self._now, self._taken)
        except TransportError as error:
            deadline = f"after {self._terms.fetch.total_seconds:g} seconds" if error.fault is Fault.TIMEOUT else ""
            return _Failure(error.fault, error.detail or deadline)

    async def _taken(self, answer: Answer, took: float) -> Answer | _Failure:
        """The answer, unless it may not be used or is no picture; a picture's body is received."""
        if answer.status in PATIENCE:
            return answer
        self._seconds -= took
        signals = opt_outs_of(answer)
        # on the way too: an image that moved to a content network was reserved by the site that it moved from
        self.heard |= dict.fromkeys(signals)
        if refusal := answer_refusal(tuple(signals), self._terms.opt_outs, self._terms.token):
            return _Failure(Fault.IMAGE_OPTED_OUT, refusal)
        if _points_on(answer):
            return answer
        if answer.status != 200:
            return _Failure(status_fault(answer.status), str(answer.status))
        if not answer.body:
            return _Failure(Fault.BODY_EMPTY, "")
        await self._receive(len(answer.body))
        return answer


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


def _points_on(answer: Answer) -> bool:
    return answer.is_redirect and bool(answer.location)


def status_fault(status: int) -> Fault:
    """What a status other than 200 means for an image. 206 is a part nobody asked for, 204 and 304 are nothing."""
    if fault := _STATUS_FAULTS.get(status):
        return fault
    return Fault.HTTP_SERVER_ERROR if 500 <= status <= 599 else Fault.HTTP_OTHER


def opt_outs_of(answer: Answer) -> list[str]:
    """The opt-out headers of an answer as "name: value", in order, names in lower case, values as sent."""
    return [f"{name}: {value}" for name, value in answer.headers if name in _OPT_OUT_HEADERS]
