"""What verbs speak to while they work: it makes events (`workers.telling`) and gives each of them to every sink.

On a terminal they are bars, in a log lines, with `--log json` an object a line; a run also writes its timeline.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Protocol

from workers.telling.events import Event, Failure, JobEnded, PhaseBegan, PhaseEnded, PhaseProgress, Said, Sink, moment
from workers.telling.figures import PhaseFigures, Spending, rows_of

if TYPE_CHECKING:
    from rich.console import Console

    from workers.attempt import Outcome

#: between two events of a phase that say how far it is; sinks write fewer
_SECONDS_BETWEEN_EVENTS = 0.5


class Phase(Protocol):
    """One phase of a run: `advance` may be called from any thread."""

    def advance(self, count: int, /) -> None:
        """`count` more are done."""
        ...


class Display:
    """Tells people, and whatever else listens, how work goes.

    May be called from any thread, and from a signal handler in the middle of a call: whoever is telling goes on to what
    has come meanwhile, so nobody waits for a slow terminal, and no sink is called twice at once.
    """

    def __init__(
        self,
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
        *,
        sinks: Sequence[Sink] = (),
    ) -> None:
        """Tell the console, if there is one: on a terminal by bars, elsewhere by lines; and tell the sinks."""
        self._clock = clock
        self._sinks = [*([people(console)] if console else []), *sinks]
        self._waiting: deque[Event] = deque()
        self._turn = threading.Lock()

    def say(self, text: str) -> None:
        """A line of text, above any bar; shown as it is, for addresses and tracebacks hold brackets, as markup does."""
        self.tell(Said(at=moment(), text=text))

    def tell(self, event: Event) -> None:
        """Give an event to every sink, after those that came before it."""
        self._waiting.append(event)
        while self._waiting and self._turn.acquire(blocking=False):
            try:
                while self._waiting:
                    told = self._waiting.popleft()
                    for sink in self._sinks:
                        sink(told)
            finally:
                self._turn.release()

    @contextmanager
    def also(self, *sinks: Sink) -> Iterator[None]:
        """These sinks are told, too, while inside."""
        self._sinks = [*self._sinks, *sinks]
        try:
            yield
        finally:
            self._sinks = [one for one in self._sinks if one not in sinks]

    @contextmanager
    def phase(
        self, title: str, total: int | None, unit: str, *, jobs: int = 0, jobs_done: int = 0, rows_per_job: int = 0
    ) -> Iterator[ToldPhase]:
        """Tell of one phase while inside. `total` is None where it is not known beforehand.

        `jobs` are those of the phase, of which so many were done before, and each has so many rows at most.
        """
        figures = PhaseFigures(
            title, unit, total, self._clock(), jobs=jobs, jobs_done=jobs_done, rows_per_job=rows_per_job
        )
        self.tell(PhaseBegan(at=moment(), phase=title, unit=unit, total=total, jobs=jobs, jobs_done=jobs_done))
        phase = ToldPhase(self.tell, figures, self._clock)
        try:
            yield phase
        finally:
            phase.end()


class ToldPhase:
    """A phase that is told of as events; also what its jobs tell their progress to (`crawler.job.Progress`)."""

    def __init__(self, tell: Sink, figures: PhaseFigures, clock: Callable[[], float]) -> None:
        self._tell = tell
        self._figures = figures
        self._clock = clock
        self._told_at = clock()
        self._lock = threading.Lock()
        self._ticking: threading.Thread | None = None
        self._over = threading.Event()

    def advance(self, count: int, /) -> None:
        """`count` units more are done, of which no job tells."""
        with self._lock:
            self._figures.advance(count)
        self._now_and_then()

    def __call__(self, rows: int, /) -> None:
        """So many more rows of a job that is under way have ended."""
        with self._lock:
            self._figures.ended(rows)
        self._now_and_then()

    def watch(self, costs: Spending, /) -> None:
        """A job has begun in this process, and this is what it spends; how far it is is told also while no row ends."""
        with self._lock:
            self._figures.watch(costs)
            if self._ticking is None:
                self._ticking = threading.Thread(target=self._tick, name="progress", daemon=True)
                self._ticking.start()

    def planned(self, jobs: int, jobs_done: int) -> None:
        """The jobs of the phase, and how many of them are done, as far as is known now."""
        with self._lock:
            self._figures.jobs, self._figures.jobs_done = jobs, jobs_done
        self._now_and_then()

    def note(self, outcome: Outcome) -> None:
        """A job has ended."""
        with self._lock:
            self._figures.job_ended(outcome.report)
        at, job, report = moment(), outcome.job.name, outcome.report
        if report is None:
            self._tell(Failure(at=at, text=outcome.failure, job=job, blame=outcome.blame.value))
        else:
            reasons = sum((Counter(one.rejected) for one in report.stages), Counter[str]())
            kept = report.stages[-1].kept if report.stages else 0
            phase, rows = self._figures.phase, rows_of(report)
            self._tell(JobEnded(at=at, phase=phase, job=job, rows=rows, kept=kept, reasons=reasons, report=report))
        self._now_and_then()

    def end(self) -> None:
        """The last word."""
        self._over.set()
        if self._ticking is not None:
            self._ticking.join()
        with self._lock:
            told = self._figures.told(PhaseEnded, self._clock())
        self._tell(told)

    def _tick(self) -> None:
        while not self._over.wait(_SECONDS_BETWEEN_EVENTS):
            with suppress(OSError):  # the next row that ends meets it, too, and its job fails by it
                self._now_and_then()

    def _now_and_then(self) -> None:
        now = self._clock()
        if now - self._told_at < _SECONDS_BETWEEN_EVENTS:
            return
        with self._lock:
            if now - self._told_at < _SECONDS_BETWEEN_EVENTS:
                return
            self._told_at = now
            self._figures.note(now)
            told = self._figures.told(PhaseProgress, now)
        self._tell(told)


def people(console: Console) -> Sink:
    """What shows events on a console: bars on a terminal, lines elsewhere."""
    if console.is_terminal:
        from workers.telling.bars import Bars  # noqa: PLC0415 - only a terminal needs it

        return Bars(console)
    from workers.telling.lines import Lines  # noqa: PLC0415 - and only a log this

    return Lines(lambda text: console.print(text, highlight=False, markup=False))
