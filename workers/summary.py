"""How a sitting at a run ended."""

from __future__ import annotations

from dataclasses import dataclass, field

from workers.attempt import Outcome
from workers.blame import Blame


@dataclass(slots=True)
class Summary:
    """How a sitting ended: what was done, what failed, what was left, and what it took."""

    failures: list[str] = field(default_factory=list)
    blames: set[Blame] = field(default_factory=set)
    #: jobs that this sitting did
    finished: int = 0
    #: jobs of the last step that are done, in this sitting or before, and how many there are
    done: int = 0
    jobs: int = 0
    #: jobs whose input another machine has to make first
    waiting: int = 0
    #: asked to stop while there was work left
    stopped: bool = False
    #: of another sitting, which goes on in this one's place
    taken_over: bool = False
    peaks: dict[str, int] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether everything that was asked for is done."""
        return not self.failures and not self.stopped and not self.waiting

    @property
    def worth_another_try(self) -> bool:
        """Whether jobs failed that may do better a second time, and nobody wants the sitting to end."""
        return bool(self.failures) and not (self.stopped or self.taken_over or Blame.SET_UP in self.blames)

    def note(self, outcome: Outcome) -> None:
        """Keep what an outcome says."""
        kind = f"{outcome.job.kind.value} worker"
        self.peaks[kind] = max(self.peaks.get(kind, 0), outcome.peak_bytes)
        if outcome.failure:
            self.failures.append(outcome.failure)
            self.blames.add(outcome.blame)
        else:
            self.finished += 1
            self.done += 1
