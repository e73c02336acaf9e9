"""Jobs on their way to be done, who does them, and the line of those that wait."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from crawler.job import Job


@dataclass(slots=True, eq=False)
class Errand:
    """A job on its way to be done."""

    job: Job
    #: actors that died over it, or that said that a process was lost which they needed
    tries: int = 0
    #: nodes that were lost while it ran there
    losses: int = 0
    #: handed out before
    again: bool = False
    ref: Any = None
    recalled: bool = False
    #: Ray says that it was taken back, and its worker is asked whether it had begun nevertheless
    doubted: bool = False


@dataclass(slots=True, eq=False)
class Hand:
    """One worker."""

    actor: Any
    since: float
    hello: Any = None
    #: where it is; "" until it has said hello
    node: str = ""
    errands: list[Errand] = field(default_factory=list)
    #: since when it is unavailable, if it is
    away_since: float | None = None
    #: it is not asked before
    not_before: float = 0.0

    @property
    def present(self) -> bool:
        """Whether it can be given a job."""
        return bool(self.node) and self.away_since is None


class Agency(Protocol):
    """Makes and ends actors, and talks to them; a call gives a reference to wait for."""

    def hire(self) -> Any:  # noqa: ANN401 - Ray's handle
        """A new worker; it may take its time to come."""
        ...

    def greet(self, actor: Any, /) -> Any:  # noqa: ANN401 - Ray's
        """Ask it to say hello."""
        ...

    def send(self, actor: Any, errand: Errand, node: str, /) -> Any:  # noqa: ANN401 - Ray's
        """Ask it, who is on this node, to do a job."""
        ...

    def recall(self, ref: Any, /) -> None:  # noqa: ANN401 - Ray's
        """Take a job back, if it is not begun."""
        ...

    def dismiss(self, actor: Any, /) -> None:  # noqa: ANN401 - Ray's
        """End the actor as it is."""
        ...


class Line:
    """Jobs that are not handed out: those that came back first. An iterator that takes them out."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._coming = iter(jobs)
        self._waiting: deque[Errand] = deque()

    def __iter__(self) -> Iterator[Errand]:
        return self

    def __next__(self) -> Errand:
        if not self.holds(1):
            raise StopIteration
        return self._waiting.popleft()

    def holds(self, number: int) -> bool:
        """Whether at least so many are waiting; no more than that are taken from the list."""
        while len(self._waiting) < number and (job := next(self._coming, None)) is not None:
            self._waiting.append(Errand(job))
        return len(self._waiting) >= number

    def back(self, errands: Iterable[Errand]) -> None:
        """They are the next ones, in this order."""
        for errand in reversed(list(errands)):
            errand.ref, errand.recalled, errand.doubted, errand.again = None, False, False, True
            self._waiting.appendleft(errand)
