"""The books of one job: what is written of each row, and what is counted, each where it happens and not derived."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from crawler.job.costs import Costs
from crawler.job.looking import Turned
from crawler.report import Report, StageCount, chain
from crawler.rows import Pictured, Row
from crawler.showing import Showing
from crawler.thumbnails import Thumbnails

if TYPE_CHECKING:
    from crawler.job import Job, Progress
    from crawler.wire.resolve import LookUps

#: the stages of a row's way that need the network or pixels, in order; each rejection is counted under one of them
FETCHED_STAGES = ("filter candidates", "fetch", "filter bodies", "decode", "filter pictures")
#: and those that follow when the job is seen as a whole
STAGES = (*FETCHED_STAGES, "placeholders", "duplicates")


class Writer(Protocol):
    """Takes rows: of a shard, or of a raw shard."""

    def reject(self, index: int, row: Row, /) -> None:
        """Take the row of a candidate that did not become a sample."""
        ...

    def withhold(self, index: int, /) -> None:
        """Take note of a candidate of which nothing is written."""
        ...


class Earlier(Protocol):
    """What is known of rows that were asked for before."""

    def same_again(self, index: int, turned: Turned, /) -> Turned:
        """How a row ended: as before, to the letter, if asking again brought no other outcome."""
        ...


@runtime_checkable
class WatchesCosts(Protocol):
    """A `Progress` that also wants to see what the job spends, while it goes."""

    def watch(self, costs: Costs, /) -> None:
        """A job has begun, and its costs will stand here."""
        ...


class Ledger:
    """What became of the rows of one job, so far."""

    def __init__(
        self,
        writer: Writer,
        withheld: frozenset[str],
        progress: Progress,
        *,
        base: Earlier | None = None,
        thumbnails: Thumbnails | None = None,
    ) -> None:
        """Of filters whose names are in `withheld` nothing is written but that there was a row.

        A row that ends as it did in the `base` is written as it stands there. `thumbnails` take the small pictures of
        rows that are turned away.
        """
        self.thumbnails = thumbnails or Thumbnails(Showing())
        self._base = base
        self._writer = writer
        self._withheld = withheld
        self._progress = progress
        self.turned: dict[str, Counter[str]] = {stage: Counter() for stage in STAGES}
        self.kept = 0
        self.bytes_received = 0
        self.bytes_written = 0
        self.names_looked_up = 0
        self.names_asked = 0
        self.seconds = 0.0  # of jobs before this one that did part of its work
        self.costs = Costs()
        if isinstance(progress, WatchesCosts):
            progress.watch(self.costs)

    def turn_away(self, index: int, turned: Turned) -> None:
        """A row ends here."""
        if self._base is not None and turned.reason not in self._withheld:
            turned = self._base.same_again(index, turned)
        if turned.reason in self._withheld:
            self._writer.withhold(index)
        else:
            self._writer.reject(index, turned.row)
            self.thumbnails.hang(index, turned.row, turned.reason, turned.small)
        self.turned[turned.stage][str(turned.reason)] += 1
        self._progress(1)

    def keep(self, pictured: Pictured) -> None:
        """A row has come to its good end; the caller has written it."""
        self.kept += 1
        self.bytes_written += len(pictured.image)
        self._progress(1)

    def take_back(self, stage: str, reason: str, image_bytes: int) -> None:
        """A row that was kept is not any more."""
        self.kept -= 1
        self.bytes_written -= image_bytes
        self.turned[stage][str(reason)] += 1

    def note_names(self, look_ups: LookUps) -> None:
        """How many names of hosts were looked up, and how many of them at a name server."""
        self.names_looked_up += look_ups.cached + look_ups.joined + look_ups.asked
        self.names_asked += look_ups.asked

    def carry_over(self, report: Report) -> None:
        """What an earlier job counted that did the first part of this one's work: all but what it kept."""
        self._progress(report.stages[0].found - report.stages[-1].kept)
        for stage in report.stages:
            self.turned[stage.stage].update(stage.rejected)
        self.bytes_received += report.bytes_received
        self.names_looked_up += report.names_looked_up
        self.names_asked += report.names_asked
        self.seconds += report.seconds
        self.costs.carry_over(report.spent)

    def stages(self, found: int, names: Sequence[str]) -> tuple[StageCount, ...]:
        """The counts, stage by stage.

        Raises:
            AccountingError: they do not add up.
        """
        steps: list[tuple[str, Mapping[str, int]]] = [(stage, self.turned[stage]) for stage in names]
        return chain(found, steps, kept=self.kept)

    def report(self, job: Job, stages: tuple[StageCount, ...], seconds: float) -> Report:
        """The report of the job, which took so long."""
        return Report(
            job=job.name,
            kind=job.kind.value,
            recipe=job.recipe,
            stages=stages,
            bytes_received=self.bytes_received,
            bytes_written=self.bytes_written,
            names_looked_up=self.names_looked_up,
            names_asked=self.names_asked,
            seconds=round(self.seconds + seconds, 3),
            spent=self.costs.spent(),
        )
