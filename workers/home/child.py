"""The process that does jobs for a volunteer: `python -m workers.home.child`. Its volunteer ends it when it likes.

It reads what strangers wrote, for minutes at a time; so it holds no key, knows no tracker, and ends with its parent.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import msgspec

from crawler.job import Job, JobKind, Tools, finished
from workers.attempt import Outcome, attempt, failed
from workers.home.errands import DoJob, DoTest, Ended, FromChild, SetUp, Tested, ToChild, Under

#: between two words about progress
_SECONDS_BETWEEN_WORDS = 0.5
#: added to the volunteer's own niceness: whoever sits at this machine comes first
_NICENESS = 10
_FAILURE_CHARACTERS = 3_900


def main() -> None:
    """Do what the lines say, until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the volunteer, who says what becomes of us
    voice = _own_voice()
    errands = _errands(sys.stdin.buffer)
    first = errands.get()
    assert isinstance(first, SetUp)
    _be_modest(first.cpus)
    tools: Tools | None = None
    while True:
        errand = errands.get()
        if isinstance(errand, DoTest):
            _say(voice, _tested(first, errand))
        elif isinstance(errand, DoJob):
            outcome, tools = _done(first, errand.job, tools, voice)
            _say(voice, _ended(first, outcome))


def _done(first: SetUp, job: Job, tools: Tools | None, voice: BinaryIO) -> tuple[Outcome, Tools | None]:
    try:
        tools = tools or _tools(first)
        known = finished(job, first.recipe)
        if known is not None:  # done before a kill: its marker came last, so all of it is there
            return Outcome(job=job, report=known), tools
        with _telling(job, voice) as progress:
            return attempt(job, tools, progress), tools
    except Exception as error:  # noqa: BLE001 - the worker loop, as in `attempt`: what fails before it is the job's failure too
        return failed(job, error), tools


def _tools(first: SetUp) -> Tools:
    from workers.assemble import assemble, make_sure  # noqa: PLC0415 - after the niceness

    kind = JobKind(first.kind)
    make_sure(first.recipe, (kind,))
    tools = assemble(first.recipe, Path(first.scratch), kind=kind)
    # a redirect would leave the addresses that the campaign may name; names may not lead into our own network
    etiquette = replace(tools.etiquette, redirects=0, public_only=not first.private_networks)
    return replace(tools, etiquette=etiquette)


def _ended(first: SetUp, outcome: Outcome) -> Ended:
    if outcome.report is None:
        return Ended(failure=outcome.failure[-_FAILURE_CHARACTERS:], blame=outcome.blame)
    engines: dict[str, str] = {}
    if JobKind(first.kind).makes_shards:
        from workers.assemble import engines_of  # noqa: PLC0415 - heavy

        engines = {name: engine.provenance for name, engine in engines_of(first.recipe).items()}
    return Ended(report=outcome.report, engines=engines)


def _tested(first: SetUp, errand: DoTest) -> Tested:
    from workers.home.selftest import answers  # noqa: PLC0415 - heavy

    try:
        return Tested(answers=answers(first.recipe, models=errand.models))
    except Exception as error:  # noqa: BLE001 - whatever is broken here is what the test is for, and is told
        return Tested(failure=f"{type(error).__name__}: {error}"[:_FAILURE_CHARACTERS])


@contextmanager
def _telling(job: Job, voice: BinaryIO) -> Iterator[_Telling]:
    telling = _Telling(voice, _rows(job))
    telling(0)
    yield telling


class _Telling:
    """Counts rows, and says so now and then; may be called from any thread."""

    def __init__(self, voice: BinaryIO, total: int) -> None:
        self._voice = voice
        self._total = total
        self._done = 0
        self._last = float("-inf")
        self._lock = threading.Lock()

    def __call__(self, rows: int, /) -> None:
        with self._lock:
            self._done += rows
            now = time.monotonic()
            if now - self._last >= _SECONDS_BETWEEN_WORDS:
                self._last = now
                _say(self._voice, Under(done=self._done, total=self._total))


def _rows(job: Job) -> int:
    """How many rows the input of a job has, where that can be seen."""
    if job.kind is JobKind.EXTRACT:
        return 0
    from pyarrow import ArrowInvalid  # noqa: PLC0415 - heavy
    from pyarrow.parquet import read_metadata  # noqa: PLC0415 - heavy

    try:
        return int(read_metadata(job.input).num_rows)
    except (ArrowInvalid, OSError):  # the job itself will say what is wrong with it
        return 0


def _errands(pipe: BinaryIO) -> queue.SimpleQueue[ToChild]:
    """Lines of the volunteer. At the end of them, which is also the volunteer's own, this process is gone at once."""
    errands: queue.SimpleQueue[ToChild] = queue.SimpleQueue()
    decoder = msgspec.json.Decoder(ToChild)

    def read() -> None:
        for line in pipe:
            errands.put(decoder.decode(line))
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    return errands


def _own_voice() -> BinaryIO:
    """A pipe to the volunteer that nothing else prints to: libraries' prints go to the errors."""
    voice = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    return voice


def _say(voice: BinaryIO, word: FromChild) -> None:
    line = memoryview(msgspec.json.encode(word) + b"\n")
    while line:
        line = line[voice.write(line) :]


def _be_modest(cpus: tuple[int, ...]) -> None:
    if hasattr(os, "sched_setaffinity"):
        with suppress(OSError):  # a CPU went away; the rest of the limits stands
            os.sched_setaffinity(0, cpus)
    if hasattr(os, "nice"):
        with suppress(OSError):
            os.nice(_NICENESS)


if __name__ == "__main__":
    main()
