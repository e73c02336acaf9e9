"""From a body to a row with its picture: what a decoder thread does with one batch. Pixels do not leave it.

Models are shown the picture as it is published, not as it was received: whoever has the data set can compute its scores
again, and a picture scored elsewhere and later, from a raw shard, gets the same (docs/decisions/0022-raw-shards.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from crawler.job.judging import Engine, Makers, Prepared, judge_all, judge_picture
from crawler.picture.decode import Refused, decode_body
from crawler.picture.encode import Encoded, encode, largest_written
from crawler.records import Candidate, Fetched, Picture, Rejected, Sample
from crawler.rows import Facts, Pictured, Row, kept_row, rejected_row

if TYPE_CHECKING:
    from PIL.Image import Image

    from crawler.job import Tools
    from crawler.settings import Decode, Recipe

#: what `encode` may write
_WRITTEN_FORMATS = ("JPEG", "PNG", "WEBP")


class Decoder(Protocol):
    """Makes pictures of bodies: a sandbox (`crawler.picture.sandbox`)."""

    def decode(self, fetched: Fetched, /) -> Picture | Rejected:
        """The picture, or why there is none."""
        ...


class Turned(NamedTuple):
    """A row that was rejected: at which stage, why, and what is written of it."""

    stage: str
    reason: str  # a Fault or a filter's name
    row: Row


@dataclass(frozen=True, slots=True)
class Looked:
    """A picture that passed all filters but those that judge by embeddings, and is waiting for them."""

    candidate: Candidate
    pictured: Pictured  # the scores in its row are those of the filters so far
    prepared: Mapping[Engine, Prepared]  # for each engine that a filter may ask for it


def turned(stage: str, rejected: Rejected, facts: Facts | None = None) -> Turned:
    """A row that is rejected at this stage, with what was learnt of it before."""
    return Turned(stage, rejected.reason, rejected_row(rejected, facts))


def look(batch: Sequence[Fetched], decoder: Decoder, tools: Tools, makers: Makers) -> list[Looked | Turned]:
    """Judge bodies, decode, judge pictures, encode, and prepare what engines will ask for; one outcome per body."""
    outcomes: list[Looked | Turned] = []
    for fetched, ruling in zip(batch, judge_all(tools.body_filters, batch), strict=True):
        if ruling is None:
            outcomes.append(_look_at(fetched, decoder, tools, makers))
        else:
            rejected = Rejected(fetched.candidate, ruling[0], ruling[1].detail)
            outcomes.append(turned("filter bodies", rejected, Facts(fetched)))
    return outcomes


def prepare(pixels: Image, candidate: Candidate, tools: Tools) -> dict[Engine, Prepared]:
    """What each engine that a filter asks for this candidate takes of it."""
    engines = {one.engine_for(candidate) for _, one in tools.embedding_filters}
    return {engine: engine.prepare(pixels, candidate.caption.text) for engine in engines}


def as_published(recipe: Recipe) -> Decode:
    """How the pictures of shards are decoded: what we wrote is read, whatever may be received."""
    largest = largest_written(recipe.output, recipe.decode.pixels)
    return msgspec.structs.replace(
        recipe.decode, formats=_WRITTEN_FORMATS, pixels=largest.pixels, side_pixels=largest.side_pixels
    )


def _look_at(fetched: Fetched, decoder: Decoder, tools: Tools, makers: Makers) -> Looked | Turned:
    picture = decoder.decode(fetched)
    if isinstance(picture, Rejected):
        return turned("decode", picture, Facts(fetched))
    candidate = fetched.candidate
    ruling, scores = judge_picture(tools.picture_filters, picture, makers)
    if ruling is not None:
        rejected = Rejected(candidate, ruling[0], ruling[1].detail)
        return turned("filter pictures", rejected, Facts(fetched, picture.header, picture.hashes, scores))
    encoded = encode(picture, tools.recipe.output)
    sample = Sample(fetched, picture.header, picture.hashes, encoded.image, encoded.width, encoded.height, scores)
    prepared = prepare(_published(encoded, picture, tools.recipe), candidate, tools) if tools.embedding_filters else {}
    return Looked(candidate, Pictured(kept_row(sample), encoded.image, encoded.extension), prepared)


def _published(encoded: Encoded, picture: Picture, recipe: Recipe) -> Image:
    """The pixels that a reader of the shard will see. What we encoded ourselves needs no sandbox."""
    if encoded.is_as_received:
        return picture.pixels
    decoded = decode_body(encoded.image, as_published(recipe))
    assert not isinstance(decoded, Refused), decoded  # we wrote it a moment ago
    return decoded.pixels
