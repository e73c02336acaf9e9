"""V3: do pictures stand where the worker says, and is nothing there where it says that nothing was?

The web changes, and no single row proves anything: a picture was replaced, a server was down for a minute, a firewall
does not like one of two networks. So rows are counted, few of one host, and their number is held against what other
workers' rows at the same hosts come to, or 15 in 100 where nobody knows (img2dataset, DataComp: 5 to 15 between two
crawls). Rejected rows are asked for as well: a worker that says "dead" for everything saves itself the work.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from crawler.errors import PairtrawlError
from crawler.fetch import Terms, Web, fetch
from crawler.job import Tools
from crawler.job.costs import Costs
from crawler.job.judging import Makers
from crawler.job.looking import Looked as Pictured
from crawler.job.looking import Shared, look
from crawler.picture.sandbox import Sandbox, open_sandboxes
from crawler.records import Fault, Rejected
from crawler.showing import Showing
from crawler.thumbnails import Thumbnails
from crawler.urls import host_of
from workers.tracker.checking.cell import BrokeOutError, Cell, CellError
from workers.tracker.checking.chance import BAD, ODD, tail
from workers.tracker.checking.looked import Evidence, Looked, bad, good, nothing, odd
from workers.tracker.checking.orders import Sampled
from workers.tracker.checking.sampling import candidate_of, draw_rows
from workers.tracker.trust import Signal

NAME = "web"
#: at a host: rows that were looked at before, and of them those that had changed
Peers = Mapping[str, tuple[int, int]]

#: what changes between two fetches where nobody has looked before, and how many rows that opinion is worth
_CHANGES, _WORTH = 0.15, 10.0
#: a host where everything changes says nothing of a worker; friends of a cheat must not make one of every host
_LEAST, _MOST = 0.02, 0.6
#: reasons of a moment: the other one may well have had better luck
_OF_A_MOMENT = frozenset((
    Fault.HOST_BUSY, Fault.HOST_DOWN, Fault.ROBOTS_UNKNOWN, Fault.DNS_FAILED, Fault.CONNECT_FAILED, Fault.TIMEOUT,
    Fault.TOO_SLOW, Fault.HTTP_RATE_LIMITED, Fault.HTTP_SERVER_ERROR, Fault.BODY_TRUNCATED, Fault.PROTOCOL_ERROR,
    Fault.TLS_FAILED, Fault.DECODER_KILLED,
))  # fmt: skip
_LUCK = 0.5
#: rows of one host stand and fall together: few are taken, and more only where a job has few hosts
_ROWS_OF_A_HOST = (2, 4, 8)
#: bits in which two sizes of one picture differ at the most (64, and Meta's own for 256)
_PHASH_BITS, _PDQ_BITS = 8, 31
_AT_ONCE = 8
_GROUPS = 3


@dataclass(frozen=True, slots=True)
class _Seen:
    """What became of one row that was asked for again. `differs` is None where we had no luck ourselves."""

    host: str
    group: str  # "kept", "rejected", or "unlucky": rejected for a reason of a moment
    differs: bool | None


def look_web(
    evidence: Evidence, sample: int, seed: bytes, tools: Tools, peers: Peers, cell: Cell | None = None
) -> Looked:
    """Ask for some rows of a crawl or fetch job again, with the manners of a crawl.

    Args:
        evidence: of which V0 has said nothing bad.
        sample: rows, half of them kept ones.
        seed: secret until now.
        tools: of the campaign's recipe.
        peers: what others' rows came to, by host.
        cell: where files are read.

    ODD where chance would do it in less than one of 10,000 looks, BAD in less than one of 10^9; NOTHING where the
    network was not to be had. The figures have "web_HOST_looked" and "web_HOST_changed", for peers.
    """
    cell = cell or Cell()
    try:
        half = sample - sample // 2
        drawn = draw_rows(evidence, seed, tools, cell, kept=2 * half, rejected=2 * (sample // 2))
        if drawn.wrong:
            return Looked((bad(NAME, drawn.wrong),))
        rows = _spread([*drawn.kept, *drawn.rejected], {True: half, False: sample // 2})
        seen = asyncio.run(_ask_again(rows, tools)) if rows else []
    except BrokeOutError as error:
        return Looked((bad(NAME, f"the process that read it {error}"),))
    except (CellError, PairtrawlError) as error:
        return Looked((nothing(NAME, str(error)),))
    return Looked((_judged(seen, peers),), _figures(seen))


def _spread(rows: Sequence[Sampled], most: Mapping[bool, int]) -> list[Sampled]:
    """As many rows as are wanted, kept ones and others, few of one host."""
    hosts: Counter[tuple[str, bool]] = Counter()
    numbers: Counter[bool] = Counter()
    left, taken = list(rows), []
    for rows_of_a_host in _ROWS_OF_A_HOST:
        passed_over = []
        for one in left:
            kept = one.row.reason is None
            host = (host_of(one.row.url), kept)
            if hosts[host] < rows_of_a_host and numbers[kept] < most[kept]:
                hosts[host] += 1
                numbers[kept] += 1
                taken.append(one)
            else:
                passed_over.append(one)
        left = passed_over
    return taken


async def _ask_again(rows: Sequence[Sampled], tools: Tools) -> list[_Seen]:
    """What becomes of these rows now, judged by all filters but those that ask models."""
    tools = replace(tools, embedding_filters=())
    terms = Terms(tools.recipe.fetch, tools.recipe.opt_outs)
    turn = asyncio.Semaphore(_AT_ONCE)
    loop = asyncio.get_running_loop()
    with open_sandboxes(tools.recipe.decode, 1) as (sandbox,), ThreadPoolExecutor(1, "look") as thread:
        async with tools.open_web() as web:

            async def again(one: Sampled) -> _Seen:
                async with turn:
                    return await _again(one, web, terms, tools, sandbox, loop, thread)

            return list(await asyncio.gather(*map(again, rows)))


async def _again(
    one: Sampled,
    web: Web,
    terms: Terms,
    tools: Tools,
    sandbox: Sandbox,
    loop: asyncio.AbstractEventLoop,
    thread: ThreadPoolExecutor,
) -> _Seen:
    host, reason = host_of(one.row.url), one.row.reason
    group = "kept" if reason is None else "unlucky" if reason in _OF_A_MOMENT else "rejected"
    fetched = await fetch(candidate_of(one), web, terms)
    if isinstance(fetched, Rejected):
        unlucky = fetched.reason in _OF_A_MOMENT
        return _Seen(host, group, None if unlucky else group == "kept")
    shared = Shared(Makers(), Costs(), Thumbnails(Showing()))  # what it cost and looks like is not asked here
    (outcome,) = await loop.run_in_executor(thread, look, [fetched], sandbox, tools, shared)
    if not isinstance(outcome, Pictured):
        return _Seen(host, group, group == "kept")
    return _Seen(host, group, not _is_same(one, outcome.pictured.row) if group == "kept" else True)


def _is_same(one: Sampled, row: Mapping[str, object]) -> bool:
    """Whether a row's picture is the one that is there now: the same file, or another size of it."""
    said = one.row
    if said.sha256 == row["sha256"]:
        return True
    if said.phash is None or said.pdq is None:
        return False
    phash = int(said.phash, 16) ^ int(str(row["phash"]), 16)
    pdq = int(said.pdq, 16) ^ int(str(row["pdq"]), 16)
    return phash.bit_count() <= _PHASH_BITS or pdq.bit_count() <= _PDQ_BITS


def _judged(seen: Sequence[_Seen], peers: Peers) -> Signal:
    """What the rows say together."""
    told = [one for one in seen if one.differs is not None]
    if not told:
        return nothing(NAME, "no row could be asked for")
    differing = sum(bool(one.differs) for one in told)
    worst, group = 1.0, ""
    for name in ("kept", "rejected", "unlucky"):
        own = [one for one in told if one.group == name]
        chances = [max(_LUCK, _changes(one.host, peers)) if name == "unlucky" else _changes(one.host, peers)
                   for one in own]  # fmt: skip
        chance = _GROUPS * tail(chances, sum(bool(one.differs) for one in own))
        if chance < worst:
            worst, group = chance, name
    detail = f"of {group} rows more differ than chance would let in 1 of {1 / max(worst, 1e-30):.0e} looks"
    if worst < BAD:
        return bad(NAME, detail, looked=len(told), wrong=differing)
    if worst < ODD:
        return odd(NAME, detail, looked=len(told), wrong=differing)
    return Signal(NAME, good(NAME).said, len(told), differing)


def _changes(host: str, peers: Peers) -> float:
    """How likely a row of this host is to have changed by now."""
    looked, changed = peers.get(host, (0, 0))
    return min(max((changed + _CHANGES * _WORTH) / (looked + _WORTH), _LEAST), _MOST)


def _figures(seen: Sequence[_Seen]) -> dict[str, float]:
    looked: Counter[str] = Counter(one.host for one in seen if one.differs is not None)
    changed: Counter[str] = Counter(one.host for one in seen if one.differs)
    figures = {"web_looked": float(looked.total()), "web_changed": float(changed.total())}
    figures |= {f"web_{host}_looked": float(number) for host, number in looked.items()}
    return figures | {f"web_{host}_changed": float(number) for host, number in changed.items()}
