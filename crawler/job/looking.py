"""From a body to a sample: what a decoder thread does with the pictures of one batch. Pixels do not leave it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from crawler.job.judging import Engine, Makers, Prepared, judge_all, judge_picture
from crawler.picture.encode import encode
from crawler.records import Fetched, Picture, Rejected, Sample
from crawler.rows import Facts

if TYPE_CHECKING:
    from crawler.job import Tools


class Decoder(Protocol):
    """Makes pictures of bodies: a sandbox (`crawler.picture.sandbox`)."""

    def decode(self, fetched: Fetched, /) -> Picture | Rejected:
        """The picture, or why there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Turned:
    """A row that was rejected: at which stage, and what was known of it by then."""

    stage: str
    rejected: Rejected
    facts: Facts | None = None


@dataclass(frozen=True, slots=True)
class Looked:
    """A picture that passed all filters but those that judge by embeddings, and is waiting for them."""

    sample: Sample  # its scores are those of the filters so far
    prepared: Mapping[Engine, Prepared]  # for each engine that a filter may ask for it


def look(batch: Sequence[Fetched], decoder: Decoder, tools: Tools, makers: Makers) -> list[Looked | Turned]:
    """Judge bodies, decode, judge pictures, encode, and prepare what engines will ask for; one outcome per body."""
    outcomes: list[Looked | Turned] = []
    for fetched, ruling in zip(batch, judge_all(tools.body_filters, batch), strict=True):
        if ruling is None:
            outcomes.append(_look_at(fetched, decoder, tools, makers))
        else:
            rejected = Rejected(fetched.candidate, ruling[0], ruling[1].detail)
            outcomes.append(Turned("filter bodies", rejected, Facts(fetched)))
    return outcomes


def _look_at(fetched: Fetched, decoder: Decoder, tools: Tools, makers: Makers) -> Looked | Turned:
    picture = decoder.decode(fetched)
    if isinstance(picture, Rejected):
        return Turned("decode", picture, Facts(fetched))
    ruling, scores = judge_picture(tools.picture_filters, picture, makers)
    if ruling is not None:
        rejected = Rejected(fetched.candidate, ruling[0], ruling[1].detail)
        return Turned("filter pictures", rejected, Facts(fetched, picture.header, picture.hashes, scores))
    encoded = encode(picture, tools.recipe.output)
    engines = {one.engine_for(fetched.candidate) for _, one in tools.embedding_filters}
    prepared = {engine: engine.prepare(picture) for engine in engines}
    sample = Sample(fetched, picture.header, picture.hashes, encoded.image, encoded.width, encoded.height, scores)
    return Looked(sample, prepared)
