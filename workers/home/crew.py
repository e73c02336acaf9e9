"""The processes that do jobs: a crash, a bug or a leak in one costs one job, and heartbeats go on meanwhile.

A process is kept for the next job of its kind, because models and lists take their time to load, and because its desk
remembers which sites asked to be left alone. It is ended after some jobs, when it takes too much memory, and when its
job is not wanted any more.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import msgspec

from crawler.job import Job
from crawler.settings import Recipe
from workers.home import surroundings
from workers.home.errands import LONGEST_LINE, DoJob, DoTest, Ended, FromChild, SetUp, Tested, Under
from workers.home.errors import ChildLostError

#: jobs that a process does before a new one takes its place
_JOBS_OF_A_PROCESS = 50
#: between two looks at its memory
_LOOK_SECONDS = 2.0
_LAST_WORDS_BYTES = 4_000
#: between asking a process to end and ending it
_PATIENCE_SECONDS = 5.0

Told = Callable[[int, int], None]


class Doer(Protocol):
    """Does jobs somewhere. What it promises is what `Crew` promises."""

    async def do(self, job: Job, told: Told) -> Ended:
        """Do it, or go on with it."""
        ...

    async def close(self) -> None:
        """End everything."""
        ...


@dataclass(slots=True)
class _Child:
    """One process."""

    process: Process
    kind: str
    scratch: Path
    jobs: int = 0
    last_words: bytearray = field(default_factory=bytearray)
    listening: asyncio.Task[None] | None = None


class Crew:
    """Processes of one volunteer."""

    def __init__(
        self, recipe: Recipe, digest: str, scratch: Path, cpus: tuple[int, ...], memory_bytes: int, *,
        private_networks: bool = False, look_seconds: float = _LOOK_SECONDS,
    ) -> None:  # fmt: skip
        self._recipe = recipe
        self._digest = digest
        self._scratch = scratch
        self._cpus = cpus
        self._memory_bytes = memory_bytes
        self._private_networks = private_networks
        self._look_seconds = look_seconds
        self._idle: list[_Child] = []
        self._made = 0

    async def do(self, job: Job, told: Told) -> Ended:
        """Do a job, or go on with it. A call that is cancelled ends the process first.

        Raises:
            ChildLostError: the process ended before the job did, or was ended for its memory.
        """
        child = await self._child(job.kind.value)
        try:
            ended = await self._watched(child, DoJob(job=job), told)
        except BaseException:
            await self._end(child)
            raise
        child.jobs += 1
        if not isinstance(ended, Ended):
            await self._end(child)
            raise ChildLostError("the process of a job answered something else than it was asked", local=False)
        if child.jobs < _JOBS_OF_A_PROCESS and ended.report is not None:
            self._idle.append(child)
        else:
            await self._end(child)
        return ended

    async def test(self, *, models: bool) -> dict[str, str]:
        """The answers of the self-test.

        Raises:
            ChildLostError: something is broken here; the message says what.
        """
        child = await self._child("score" if models else "extract")
        try:
            tested = await self._watched(child, DoTest(models=models), lambda _done, _total: None)
        finally:
            await self._end(child)
        if not isinstance(tested, Tested) or tested.failure:
            why = tested.failure if isinstance(tested, Tested) else "it answered something else"
            raise ChildLostError(f"the self-test could not be done: {why}", local=True)
        return tested.answers

    async def close(self) -> None:
        """End those that wait for a job."""
        while self._idle:
            await self._end(self._idle.pop())

    async def _child(self, kind: str) -> _Child:
        for child in self._idle:
            if child.kind == kind and child.process.returncode is None:
                self._idle.remove(child)
                return child
        await self.close()  # of other kinds: models in memory that nobody asks
        self._made += 1
        scratch = self._scratch / str(self._made)
        scratch.mkdir(parents=True, exist_ok=True)
        threads = self._recipe.resources.torch_threads
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "workers.home.child", stdin=PIPE, stdout=PIPE, stderr=PIPE, limit=LONGEST_LINE,
            env=surroundings.environment_of_child(threads),
        )  # fmt: skip
        child = _Child(process, kind, scratch)
        child.listening = asyncio.create_task(_listen(child))
        set_up = SetUp(
            recipe=self._recipe, recipe_digest=self._digest, kind=kind, scratch=str(scratch), cpus=self._cpus,
            private_networks=self._private_networks,
        )  # fmt: skip
        await _tell(child, set_up)
        return child

    async def _watched(self, child: _Child, errand: DoJob | DoTest, told: Told) -> Ended | Tested:
        """What the process answers, unless it outgrows its memory before."""
        answer = asyncio.ensure_future(_answer(child, errand, told))
        try:
            while True:
                done, _ = await asyncio.wait({answer}, timeout=self._look_seconds)
                if done:
                    return answer.result()
                taken = await asyncio.to_thread(_memory_of, child.process.pid)
                if taken > self._memory_bytes:
                    raise ChildLostError(
                        f"the job took {taken / 2**30:.1f} GiB of memory, and it may take "
                        f"{self._memory_bytes / 2**30:.1f}: give more with --memory, or do other --kinds",
                        local=True,
                    )
        finally:
            answer.cancel()
            with suppress(asyncio.CancelledError, ChildLostError):
                await answer

    async def _end(self, child: _Child) -> None:
        """End the process, however it takes it, and remove what it half-made."""
        if child.process.returncode is None:
            with suppress(ProcessLookupError):
                child.process.kill()  # nothing is lost: what counts is renamed into place
        with suppress(TimeoutError):
            await asyncio.wait_for(child.process.wait(), _PATIENCE_SECONDS)
        if child.listening:
            child.listening.cancel()
        await asyncio.to_thread(shutil.rmtree, child.scratch, ignore_errors=True)


async def _answer(child: _Child, errand: DoJob | DoTest, told: Told) -> Ended | Tested:
    await _tell(child, errand)
    assert child.process.stdout is not None
    decoder = msgspec.json.Decoder(FromChild)
    while True:
        try:
            line = await child.process.stdout.readline()
            word = decoder.decode(line) if line.endswith(b"\n") else None
        except (ValueError, msgspec.DecodeError) as error:  # ValueError: longer than any line of ours
            raise ChildLostError(f"the process of a job says what it should not: {error}", local=False) from error
        match word:
            case Under(done=done, total=total):
                told(done, total)
            case Ended() | Tested():
                return word
            case None:
                raise await _lost(child)


async def _lost(child: _Child) -> ChildLostError:
    """What became of a process that says no more."""
    with suppress(TimeoutError):
        await asyncio.wait_for(child.process.wait(), _PATIENCE_SECONDS)
    code = child.process.returncode
    words = child.last_words.decode(errors="replace").strip()
    # SIGKILL is how a system ends who takes too much memory
    local = code == -9
    how = f"by signal {-code}" if code is not None and code < 0 else f"with code {code}"
    return ChildLostError(f"the process of the job ended {how}" + (f": {words}" if words else ""), local=local)


async def _tell(child: _Child, errand: SetUp | DoJob | DoTest) -> None:
    assert child.process.stdin is not None
    with suppress(ConnectionError):  # it is gone: whoever waits for its answer finds out how
        child.process.stdin.write(msgspec.json.encode(errand) + b"\n")
        await child.process.stdin.drain()


async def _listen(child: _Child) -> None:
    """Keep the last of what the process and its libraries print; it is told if the process dies."""
    assert child.process.stderr is not None
    while block := await child.process.stderr.read(4096):
        child.last_words += block
        del child.last_words[:-_LAST_WORDS_BYTES]


def _memory_of(process: int) -> int:
    """Resident bytes of a process and of those that it started; 0 for one that is gone."""
    import psutil  # noqa: PLC0415 - takes a moment

    try:
        top = psutil.Process(process)
        return sum(_resident(one) for one in (top, *top.children(recursive=True)))
    except psutil.Error:
        return 0


def _resident(process: object) -> int:
    import psutil  # noqa: PLC0415 - as above

    try:
        return int(process.memory_info().rss)  # type: ignore[attr-defined] # psutil has no types
    except psutil.Error:
        return 0
