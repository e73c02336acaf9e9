"""The first half of a row's way: from a candidate to a picture that waits for nothing but models.

    rows -> judge -> fetch (many at once) -> judge -> decode -> judge -> encode -> prepare
            event loop                       threads, each with its decoder

A budget counts the bytes of bodies between network and decoder. Pixels live only inside one step of a decoder thread:
what goes on is the encoded picture and the models' own small input. The decoders themselves are processes of their own
(`crawler.picture.sandbox`), for what they read was written by strangers.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Container, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from crawler.courtesy.domains import site_of
from crawler.fetch import Terms, Web, fetch
from crawler.flow import Budget
from crawler.job.costs import Laps
from crawler.job.judging import Makers, judge_all
from crawler.job.ledger import Ledger
from crawler.job.looking import Decoder, Looked, Shared, hashes_wanted, look, turned
from crawler.picture.sandbox import open_sandboxes
from crawler.records import Candidate, Fault, Fetched, Rejected
from crawler.urls import host_of

if TYPE_CHECKING:
    from crawler.job import Tools

#: what has been looked at, with its index, on its way to the second half; None is the end
LookedQueue = asyncio.Queue[tuple[int, Looked] | None]

#: bodies that a decoder thread takes at once: enough that filters see batches, few enough that pixels stay few
_BODIES = 4
#: rows that are on their way at once, most of them waiting for their turn at a host: a site that is asked once a second
#: must not hold up the others. A waiting row costs some 3 kB.
_ROWS_UNDER_WAY = 16_384


class Gathering:
    """Brings the rows of one job as far as that goes without models."""

    def __init__(self, tools: Tools, ledger: Ledger, looked: LookedQueue) -> None:
        self._tools = tools
        self._ledger = ledger
        self._looked = looked
        self._shared = Shared(Makers(), ledger.costs, ledger.thumbnails)
        self._bodies = Budget(tools.recipe.resources.body_bytes_in_flight)
        self._fetched: asyncio.Queue[tuple[int, Fetched] | None] = asyncio.Queue()

    async def run(self, rows: Sequence[Candidate], settled: Container[int] = ()) -> None:
        """Every row but the `settled` ones ends in the ledger or in the queue, and then the queue's end."""
        admitted = self._admit([(index, one) for index, one in enumerate(rows) if index not in settled])
        recipe = self._tools.recipe
        with (
            open_sandboxes(
                recipe.decode, recipe.resources.decoders, output=recipe.output, hashes=hashes_wanted(self._tools, rows)
            ) as sandboxes,
            ThreadPoolExecutor(len(sandboxes), "decode") as decoding,
        ):
            async with self._tools.open_web() as web, asyncio.TaskGroup() as group:
                group.create_task(self._download(web, admitted, lookers=len(sandboxes)))
                group.create_task(self._look_all(decoding, sandboxes))
            self._ledger.note_names(web.look_ups)

    def _admit(self, rows: Sequence[tuple[int, Candidate]]) -> list[tuple[int, Candidate]]:
        """The rows that the candidate filters let through; the others end here."""
        admitted = []
        rebuild = self._tools.recipe.rebuild
        over = _SiteCap(rebuild.rows_per_site if rebuild else 0)
        told = Laps(self._ledger.costs).of_filters("filter candidates")
        rulings = judge_all(self._tools.candidate_filters, [candidate for _, candidate in rows], told)
        for (index, candidate), ruling in zip(rows, rulings, strict=True):
            if ruling is not None:
                name, verdict = ruling
                rejected = Rejected(candidate, name, verdict.detail)
                self._ledger.turn_away(index, turned("filter candidates", rejected))
            elif over.takes_out(candidate):
                self._ledger.turn_away(index, turned("filter candidates", Rejected(candidate, Fault.HOST_CAP)))
            else:
                admitted.append((index, candidate))
        return admitted

    async def _download(self, web: Web, admitted: Sequence[tuple[int, Candidate]], *, lookers: int) -> None:
        """Fetch every row; each task takes the next one when it is free."""
        terms = Terms(self._tools.recipe.fetch, self._tools.recipe.opt_outs)
        rows = iter(admitted)

        async def downloader() -> None:
            for index, candidate in rows:
                outcome = await fetch(candidate, web, terms, receive=self._receive)
                if isinstance(outcome, Rejected):
                    self._ledger.turn_away(index, turned("fetch", outcome))
                else:
                    await self._fetched.put((index, outcome))

        laps = Laps(self._ledger.costs)
        async with asyncio.TaskGroup() as group:
            for _ in range(min(len(admitted), _ROWS_UNDER_WAY)):
                group.create_task(downloader())
        laps.lap("fetch", records=len(admitted))  # and whatever else the event loop did meanwhile
        for _ in range(lookers):
            await self._fetched.put(None)

    async def _receive(self, size: int) -> None:
        """Called while a download still has its slot: where the decoders are behind, no further one begins."""
        self._ledger.bytes_received += size
        await self._bodies.take(size)

    async def _look_all(self, threads: ThreadPoolExecutor, decoders: Sequence[Decoder]) -> None:
        """Decode and judge in threads, some bodies at a time, each with a decoder of its own."""
        loop = asyncio.get_running_loop()

        async def looker(decoder: Decoder) -> None:
            while batch := await self._next_bodies():
                bodies = [fetched for _, fetched in batch]
                outcomes = await loop.run_in_executor(threads, look, bodies, decoder, self._tools, self._shared)
                for (index, fetched), outcome in zip(batch, outcomes, strict=True):
                    self._bodies.give(len(fetched.body))
                    if isinstance(outcome, Looked):
                        await self._looked.put((index, outcome))
                    else:
                        self._ledger.turn_away(index, outcome)

        async with asyncio.TaskGroup() as group:
            for decoder in decoders:
                group.create_task(looker(decoder))
        await self._looked.put(None)

    async def _next_bodies(self) -> list[tuple[int, Fetched]]:
        """At least one body and whatever else is there already; none when there will be no more for this looker."""
        first = await self._fetched.get()
        if first is None:
            return []
        batch = [first]
        while len(batch) < _BODIES and not self._fetched.empty():
            item = self._fetched.get_nowait()
            if item is None:
                self._fetched.put_nowait(None)  # it ends a looker, and this one is not ending yet
                break
            batch.append(item)
        return batch


class _SiteCap:
    """Takes out the rows of a site that come after its first so many; 0 takes out none."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._counts: Counter[str] = Counter()

    def takes_out(self, candidate: Candidate) -> bool:
        if not self._rows or not candidate.image_url:
            return False
        site = site_of(host_of(candidate.image_url))
        self._counts[site] += 1
        return self._counts[site] > self._rows
