"""What is asked of a cell, and what it answers: all that goes through its pipes. Strict in both directions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec

from crawler.job import Tools
from crawler.job.judging import score_columns
from crawler.settings import Recipe
from crawler.stores import archive_name
from workers.protocol.messages import Manifest
from workers.tracker.checking.looked import Evidence

Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Number = Annotated[float, msgspec.Meta(ge=-(2**53), le=2**53)]


class Threshold(msgspec.Struct, frozen=True):
    """What scores a filter keeps: those from `least` to `most`."""

    filter: str
    column: str
    least: float | None = None
    most: float | None = None
    #: by the caption's language, where it is told with `min_confidence` or more: another `least`
    routes: dict[str, float] = {}
    min_confidence: float = 0.0
    #: whether what the filter turns down always lies outside; a list of words may turn down more
    exact: bool = True


class Judges(msgspec.Struct, frozen=True):
    """What can be known of a recipe's filters without their lists and models."""

    candidates: tuple[str, ...]
    bodies: tuple[str, ...]
    pictures: tuple[str, ...]  # those that look at pictures themselves
    embeddings: tuple[str, ...]  # those that ask models
    withheld: tuple[str, ...]
    #: score columns of `pictures`, and of `embeddings`: name and kind
    picture_columns: tuple[tuple[str, str], ...]
    embedding_columns: tuple[tuple[str, str], ...]
    thresholds: tuple[Threshold, ...]
    engines: tuple[str, ...]  # names


class Bound(msgspec.Struct, frozen=True, kw_only=True):
    """How much of anything is read at most. What honest jobs make is far below."""

    rows: int = 20_000_000
    footer_bytes: int = 64 * 1024 * 1024
    #: of one row group, unpacked, as the footer says; the limit of memory holds where it lies
    group_bytes: int = 1_500_000_000
    picture_bytes: int = 64 * 1024 * 1024
    text_bytes: int = 128 * 1024
    marker_bytes: int = 16 * 1024 * 1024


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """The order for V0, and the part of all orders that says whose files are read."""

    kind: str
    number: int
    folder: str
    input: str  # "" where there is none
    archive: str  # its name, not its address
    form: str
    manifest: Manifest
    recipe: Recipe
    recipe_digest: str
    judges: Judges
    bound: Bound = Bound()
    #: of crawl and fetch, what follows from the plan: see `foretold`
    foretold: dict[int, str] = {}


class PictureAt(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Where a picture lies in a file, and what is said of it."""

    index: Count  # of its row
    offset: Count  # in the file; in a raw shard: which row of the file
    size: Count
    width: Count
    height: Count
    format: Annotated[str, msgspec.Meta(max_length=10)]


class Structure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The answer to V0."""

    wrong: Annotated[str, msgspec.Meta(max_length=1_000)] = ""  # what is wrong first; "" where nothing is
    figures: Annotated[dict[Annotated[str, msgspec.Meta(max_length=100)], Number], msgspec.Meta(max_length=1_000)] = {}
    pictures: list[PictureAt] = []


def look_of(evidence: Evidence, tools: Tools, foretold: dict[int, str] | None = None) -> Look:
    """The order to look at a result."""
    return Look(
        kind=evidence.kind.value,
        number=evidence.number,
        folder=str(evidence.folder.resolve()),
        input=str(evidence.input.resolve()) if evidence.input is not None else "",
        archive=archive_name(evidence.archive) if evidence.archive else "",
        form=evidence.form,
        manifest=evidence.manifest,
        recipe=evidence.recipe,
        recipe_digest=evidence.recipe_digest,
        judges=judges_of(tools),
        foretold=foretold or {},
    )


def judges_of(tools: Tools) -> Judges:
    """What is told to a cell of the filters. `tools` are those of a crawl job, which has all of them."""

    def names(filters: Sequence[tuple[str, Any]]) -> tuple[str, ...]:
        return tuple(name for name, _ in filters)

    judging = (*tools.picture_filters, *tools.embedding_filters)
    return Judges(
        candidates=names(tools.candidate_filters),
        bodies=names(tools.body_filters),
        pictures=names(tools.picture_filters),
        embeddings=names(tools.embedding_filters),
        withheld=tuple(sorted(tools.screening.withheld)),
        picture_columns=tuple(score_columns(tools.picture_filters)),
        embedding_columns=tuple(score_columns(tools.embedding_filters)),
        thresholds=tuple(found for name, one in judging if (found := _threshold(name, one)) is not None),
        engines=tuple(sorted({engine.name for _, one in tools.embedding_filters for engine in one.engines})),
    )


def _threshold(name: str, one: Any) -> Threshold | None:  # noqa: ANN401 - any filter
    """What a filter's rule says of scores by themselves; None where it has none that we know."""
    from filters.head_filter import AtLeast, AtMost  # noqa: PLC0415 - numpy; the names alone do not need it
    from filters.pictures.clip_similarity import ClipSimilarity  # noqa: PLC0415 - as above
    from filters.unsafe_rule import UnsafeRule  # noqa: PLC0415 - as above

    if isinstance(one, ClipSimilarity):
        routes = {language: scale.threshold for language, scale in reversed(one.routes)}
        return Threshold(name, one.scores, least=one.own.threshold, routes=routes, min_confidence=one.min_confidence)
    match getattr(one, "rule", None):
        case AtLeast(threshold):
            return Threshold(name, one.scores, least=threshold)
        case AtMost(threshold):
            return Threshold(name, one.scores, most=threshold)
        case UnsafeRule(threshold, _, keywords):
            return Threshold(name, one.scores, most=threshold, exact=keywords is None)
    return None


class Place(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A record of an archive, or a row of a list, as a candidate table names it."""

    archive: Annotated[str, msgspec.Meta(max_length=200_000)]
    offset: Annotated[int, msgspec.Meta(ge=-1, le=2**62)]


class Fingerprint(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One row of a candidate table, in few bytes."""

    position: Count
    digest: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]  # of all its columns but the next
    confidence: float  # of its language: a sum of floats, whose last bits may differ between machines


class Draw(msgspec.Struct, frozen=True, kw_only=True):
    """The order to say where some rows of a candidate table come from: `shares` of its length, from 0 to 1."""

    table: str
    bound: Bound = Bound()
    shares: list[float]


class Drawn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The answer: a place for each share; none of an empty table."""

    wrong: str = ""
    places: list[Place] = []


class RowsAt(msgspec.Struct, frozen=True, kw_only=True):
    """The order to say which rows of a candidate table come from some records."""

    table: str
    bound: Bound = Bound()
    places: list[Place]


class Fingerprints(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The answer, in the order of the places."""

    wrong: str = ""
    rows: list[list[Fingerprint]] = []


class Sampling(msgspec.Struct, frozen=True, kw_only=True):
    """The order to draw rows of a shard or a raw shard: shares of the rows that were kept, and that were not."""

    look: Look
    kept: list[float]
    #: of those that models turned away: their pictures are in the raw shard that was scored
    turned_by_models: list[float] = []
    #: of all that were rejected after they were asked for
    rejected: list[float] = []


class OtherCaption(msgspec.Struct, frozen=True):
    """As in the column `other_captions`."""

    source: str
    text: str


class SampledRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a shard's table, as far as it is looked at again; what else it holds is skipped."""

    url: str
    caption: str
    caption_source: str
    image_source: str
    other_captions: list[OtherCaption]
    page_url: str
    archive: str
    offset: int
    position: int
    licence: str
    language: str
    caption_language: str
    caption_language_confidence: float
    caption_script: str
    page_opt_outs: list[str]
    reason: str | None
    sha256: str | None
    phash: str | None
    pdq: str | None
    pdq_quality: int | None


class Sampled(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row that was drawn."""

    row: SampledRow
    scores: dict[str, float | None]
    made_by: dict[str, str | None]  # by the score's column
    picture: bytes  # b"" where there is none


class Samples(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The answer."""

    wrong: str = ""
    kept: list[Sampled] = []
    turned_by_models: list[Sampled] = []
    rejected: list[Sampled] = []


class Compare(msgspec.Struct, frozen=True, kw_only=True):
    """The order to hold two results of one job against each other."""

    one: Look
    other: Look
    score: str = ""  # the column of the cosine


class Compared(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The answer, in rows."""

    wrong: Annotated[str, msgspec.Meta(max_length=1_000)] = ""
    rows: Count = 0
    same: Count = 0  # the same file, or dead for both
    different: Count = 0  # two files
    one_dead: Count = 0
    #: of what follows from the bytes that both had
    contradictions: Count = 0
    detail: Annotated[str, msgspec.Meta(max_length=1_000)] = ""
    differences: list[float] = []  # of the cosine
