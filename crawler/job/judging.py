"""What a filter looks like from the core's side, and how a batch goes through a list of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from crawler.records import Candidate, Embedded, Fetched, Picture, Verdict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

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


class Prepared(Protocol):
    """One picture and its caption as an engine takes them: two arrays, the same shape for all pictures."""

    @property
    def image(self) -> NDArray[np.uint8]:
        """Height x width x 3."""
        ...

    @property
    def tokens(self) -> NDArray[np.int32]:
        """The caption."""
        ...


class Engine(Protocol):
    """A model that embeds pictures and captions. Hashable; equal ones do the same, so each picture is shown to one."""

    @property
    def name(self) -> str:
        """Model and precision; no two engines of a recipe have the same."""
        ...

    @property
    def provenance(self) -> str:
        """What computes: model, digest of its weights, precision."""
        ...

    @property
    def batch_size(self) -> int:
        """How many pictures it likes to see at once."""
        ...

    def prepare(self, pixels: Image, caption: str, /) -> Prepared:
        """The model's own small input; called from many threads."""
        ...

    def embed(
        self, images: NDArray[np.uint8], tokens: NDArray[np.int32], /
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Unit vectors of images and of captions, row by row."""
        ...


class EmbeddingFilter(Protocol):
    """A filter that judges by what an engine makes of a picture and its caption, on full batches."""

    @property
    def scores(self) -> str:
        """Name of its column."""
        ...

    @property
    def engines(self) -> tuple[Engine, ...]:
        """Every engine that it may ask."""
        ...

    def engine_for(self, candidate: Candidate, /) -> Engine:
        """The one that it asks for this candidate."""
        ...

    def judge_embedded(self, batch: Sequence[Embedded], /) -> list[Verdict]:
        """The verdicts on embedded pictures."""
        ...


Ruling = tuple[str, Verdict]  # the filter that rejected, and its word
Scores = tuple[tuple[str, float | str], ...]  # columns and values


def _nobody(_name: str, _records: int) -> None:
    """Is told when a filter has judged, and does not care."""


def judge_all(
    filters: Sequence[tuple[str, Judge[Record]]],
    batch: Sequence[Record],
    told: Callable[[str, int], None] = _nobody,
) -> list[Ruling | None]:
    """For each record the first filter that rejects it, or None. A rejected record is not shown to later filters.

    `told` hears of each filter when it has judged, and how many records it was shown.

    Raises:
        ValueError: a filter did not answer once for each record: its bug, and never silently a wrong row.
    """
    rulings: list[Ruling | None] = [None] * len(batch)
    inside = list(range(len(batch)))
    for name, one in filters:
        verdicts = one.judge([batch[index] for index in inside])
        told(name, len(inside))
        for index, verdict in zip(inside, verdicts, strict=True):
            if not verdict.keep:
                rulings[index] = (name, verdict)
        inside = [index for index in inside if rulings[index] is None]
    return rulings


class Makers:
    """What made the scores of each filter: asked once, for it may hash weights. May be used by many threads."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def of(self, name: str, one: Any) -> str:  # noqa: ANN401 - any filter that gives scores
        """Of the filter called `name`."""
        if name not in self._known:
            self._known[name] = str(getattr(one, "provenance", name))
        return self._known[name]


def judge_picture(
    filters: Sequence[tuple[str, PictureFilter]],
    picture: Picture,
    makers: Makers,
    told: Callable[[str, int], None] = _nobody,
) -> tuple[Ruling | None, Scores]:
    """The first filter that rejects the picture, or None; and the scores of all that saw it, that one included.

    `told` is as for `judge_all`.

    Raises:
        ValueError: a filter gave another number of verdicts than one.
    """
    scores: Scores = ()
    for name, one in filters:
        (verdict,) = one.judge([picture])
        told(name, 1)
        if verdict.score is not None and hasattr(one, "scores"):
            scores += scores_of(one.scores, verdict, makers.of(name, one))
        if not verdict.keep:
            return (name, verdict), scores
    return None, scores


def scores_of(column: str, verdict: Verdict, made_by: str) -> Scores:
    """The two columns of a score: the number, and what made it. None where a filter gave no number."""
    return () if verdict.score is None else ((column, verdict.score), (f"{column}_model", made_by))


#: what filters of pictures may look at beside a picture's header
_EVERYTHING = frozenset(("pixels", "md5", "sha1", "phash", "pdq"))


def needs_of(filters: Sequence[tuple[str, PictureFilter]]) -> frozenset[str]:
    """What of a picture these filters look at: "pixels", and kinds of hashes.

    A filter says so by an attribute `needs`; one that does not looks at everything.
    """
    return frozenset().union(*(getattr(one, "needs", _EVERYTHING) for _, one in filters))


def score_columns(filters: Sequence[tuple[str, Any]]) -> list[tuple[str, str]]:
    """The columns of all filters that give scores, in their order: name and kind."""
    scoring = [one.scores for _, one in filters if hasattr(one, "scores")]
    return [(column, kind) for one in scoring for column, kind in ((one, "float"), (f"{one}_model", "string"))]
