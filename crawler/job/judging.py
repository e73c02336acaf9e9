"""What a filter looks like from the core's side, and how a batch goes through a list of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from crawler.records import Candidate, Fetched, Picture, Verdict

Record = TypeVar("Record")
Seen_contra = TypeVar("Seen_contra", contravariant=True)


class Judge(Protocol[Seen_contra]):
    """A filter: one verdict per record, in order."""

    def judge(self, batch: Sequence[Seen_contra], /) -> list[Verdict]:
        """The verdicts on a batch."""
        ...


CandidateFilter = Judge[Candidate]
FetchedFilter = Judge[Fetched]
PictureFilter = Judge[Picture]


class ModelFilter(Protocol):
    """A filter in two phases: `prepare` runs beside the decoder in many threads, `judge_prepared` on full batches."""

    @property
    def batch_size(self) -> int:
        """How many it likes to see at once."""
        ...

    @property
    def scores(self) -> str:
        """Name of its column."""
        ...

    @property
    def provenance(self) -> str:
        """What made the score: model, digest of its weights, precision."""
        ...

    def prepare(self, picture: Picture, /) -> Any:  # noqa: ANN401 - the model's own affair
        """The model's own small input."""
        ...

    def judge_prepared(self, batch: Sequence[Any], /) -> list[Verdict]:
        """The verdicts on prepared pictures."""
        ...


Ruling = tuple[str, Verdict]  # the filter that rejected, and its word


def judge_all(filters: Sequence[tuple[str, Judge[Record]]], batch: Sequence[Record]) -> list[Ruling | None]:
    """For each record the first filter that rejects it, or None. A rejected record is not shown to later filters.

    Raises:
        ValueError: a filter did not answer once for each record: its bug, and never silently a wrong row.
    """
    rulings: list[Ruling | None] = [None] * len(batch)
    inside = list(range(len(batch)))
    for name, one in filters:
        verdicts = one.judge([batch[index] for index in inside])
        for index, verdict in zip(inside, verdicts, strict=True):
            if not verdict.keep:
                rulings[index] = (name, verdict)
        inside = [index for index in inside if rulings[index] is None]
    return rulings
