"""From a body to a row with its picture: what a decoder thread does with one batch. Pixels do not leave it.

Models are shown the picture as it is published, not as it was received: whoever has the data set can compute its scores
again, and a picture scored elsewhere and later, from a raw shard, gets the same (docs/decisions/0022-raw-shards.md).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

import msgspec

from crawler.job.costs import Costs, Laps, cpu_elsewhere
from crawler.job.judging import Engine, Makers, Prepared, judge_all, judge_picture, needs_of
from crawler.job.showing import may_be_shown
from crawler.outcome import compare, fault_by_policy, known_of
from crawler.picture.blur import blurred, upright_boxes
from crawler.picture.decode import Refused, decode_body
from crawler.picture.encode import Encoded, encode, encode_drawn, largest_written
from crawler.picture.hashes import ALL, PERCEPTUAL
from crawler.picture.sketch import may_be_sketched, upright_size
from crawler.records import Candidate, Fetched, Picture, Rejected, Sample
from crawler.rows import Facts, Pictured, Row, kept_row, rejected_row

if TYPE_CHECKING:
    from PIL.Image import Image

    from crawler.job import Tools
    from crawler.picture.sandbox import Drawn
    from crawler.settings import Decode, Recipe
    from crawler.thumbnails import Thumbnails

#: what `encode` may write
_WRITTEN_FORMATS = ("JPEG", "PNG", "WEBP")


class Decoder(Protocol):
    """Makes pictures of bodies: a sandbox (`crawler.picture.sandbox`)."""

    def decode(self, fetched: Fetched, /) -> Picture | Rejected:
        """The picture, or why there is none."""
        ...

    def sketch(self, fetched: Fetched, /) -> Drawn | Picture | Rejected:
        """The picture as it will be written, where that can be had without its pixels; else whole."""
        ...


class Turned(NamedTuple):
    """A row that was rejected: at which stage, why, and what is written of it."""

    stage: str
    reason: str  # a Fault or a filter's name
    row: Row
    small: bytes = b""  # its thumbnail, where it is to have one


class Shared(NamedTuple):
    """What the decoder threads of one job have in common."""

    makers: Makers
    costs: Costs
    thumbnails: Thumbnails


@dataclass(frozen=True, slots=True)
class Looked:
    """A picture that passed all filters but those that judge by embeddings, and is waiting for them."""

    candidate: Candidate
    pictured: Pictured  # the scores in its row are those of the filters so far
    prepared: Mapping[Engine, Prepared]  # for each engine that a filter may ask for it


def turned(stage: str, rejected: Rejected, facts: Facts | None = None) -> Turned:
    """A row that is rejected at this stage, with what was learnt of it before."""
    return Turned(stage, rejected.reason, rejected_row(rejected, facts))


def look(batch: Sequence[Fetched], decoder: Decoder, tools: Tools, shared: Shared) -> list[Looked | Turned]:
    """Judge bodies, decode, judge pictures, encode, and prepare what engines will ask for; one outcome per body."""
    laps = Laps(shared.costs)
    rulings = judge_all(tools.body_filters, batch, laps.of_filters("filter bodies"))
    outcomes: list[Looked | Turned] = []
    for fetched, ruling in zip(batch, rulings, strict=True):
        if ruling is None:
            outcomes.append(_look_at(fetched, decoder, tools, shared, laps))
        else:
            rejected = Rejected(fetched.candidate, ruling[0], ruling[1].detail)
            outcomes.append(turned("filter bodies", rejected, Facts(fetched)))
    return outcomes


def prepare(pixels: Image, candidate: Candidate, tools: Tools, laps: Laps) -> dict[Engine, Prepared]:
    """What each engine that a filter asks for this candidate takes of it."""
    prepared: dict[Engine, Prepared] = {}
    for engine in dict.fromkeys(one.engine_for(candidate) for _, one in tools.embedding_filters):
        prepared[engine] = engine.prepare(pixels, candidate.caption.text)
        laps.lap("prepare", f"engine:{engine.name}")
    return prepared


def as_published(recipe: Recipe) -> Decode:
    """How the pictures of shards are decoded: what we wrote is read, whatever may be received."""
    largest = largest_written(recipe.output, recipe.decode.pixels)
    return msgspec.structs.replace(
        recipe.decode, formats=_WRITTEN_FORMATS, pixels=largest.pixels, side_pixels=largest.side_pixels
    )


def hashes_wanted(tools: Tools, rows: Iterable[Candidate]) -> frozenset[str]:
    """The kinds of hashes that the pictures of a job are given: by its recipe, its filters, and what its list has."""
    recipe = tools.recipe
    wanted = set(recipe.decode.hashes) | needs_of(tools.picture_filters)
    if recipe.duplicates.look_alike_bits >= 0:
        wanted.add("pdq")
    if recipe.rebuild is not None:
        wanted.add(recipe.rebuild.compute_hash)
        for candidate in rows:
            if (expected := candidate.expected) is not None:
                wanted.update(kind for kind in ("md5", "sha1") if getattr(expected, kind))
                wanted.update(kind for kind in PERCEPTUAL if getattr(expected, kind) is not None)
    return ALL & wanted


class _Drawing(NamedTuple):
    """How a picture is drawn, once it is known what for."""

    encoded: Callable[[], Encoded]  # for the shard
    pixels: Callable[[], Image]  # for a thumbnail


class _Unseen:
    """In the place of the pixels of a picture whose judges look at its size only."""

    __slots__ = ("size",)

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size


def _look_at(fetched: Fetched, decoder: Decoder, tools: Tools, shared: Shared, laps: Laps) -> Looked | Turned:
    output, seen = tools.recipe.output, bool(tools.embedding_filters) or "pixels" in needs_of(tools.picture_filters)
    sketches = not seen and may_be_sketched(fetched.candidate, output)
    before = cpu_elsewhere(decoder)
    found = decoder.sketch(fetched) if sketches else decoder.decode(fetched)
    laps.lap("decode", cpu_elsewhere=cpu_elsewhere(decoder) - before)
    if isinstance(found, Rejected):
        return turned("decode", found, Facts(fetched))
    if isinstance(found, Picture):
        return _judged(found, _Drawing(lambda: encode(found, output), lambda: _unboxed(found)), tools, shared, laps)
    # none of the filters looks at them: a picture without pixels could not be encoded, and this one need not be
    picture = Picture(fetched, found.header, found.hashes, cast("Image", _Unseen(upright_size(found.header))))
    drawing = _Drawing(lambda: encode_drawn(found.pixels, output, output.encode_format), lambda: found.pixels)
    return _judged(picture, drawing, tools, shared, laps)


def _judged(picture: Picture, drawing: _Drawing, tools: Tools, shared: Shared, laps: Laps) -> Looked | Turned:
    fetched, candidate = picture.fetched, picture.fetched.candidate
    sha512 = _sha512(fetched, tools.recipe)
    if mismatch := _mismatch(fetched, picture, sha512, tools.recipe):
        return turned("filter pictures", mismatch, Facts(fetched, picture.header, picture.hashes, (), sha512))
    ruling, scores = judge_picture(tools.picture_filters, picture, shared.makers, laps.of_filters("filter pictures"))
    if ruling is not None:
        rejected = Rejected(candidate, ruling[0], ruling[1].detail)
        gone = turned("filter pictures", rejected, Facts(fetched, picture.header, picture.hashes, scores, sha512))
        if not may_be_shown(gone, picture, tools, shared.thumbnails):
            return gone
        small = shared.thumbnails.made_of(drawing.pixels(), gone.row, gone.reason)
        laps.lap("thumbnails")
        return gone._replace(small=small)
    encoded = drawing.encoded()
    laps.lap("encode")
    size = (encoded.width, encoded.height)
    sample = Sample(fetched, picture.header, picture.hashes, encoded.image, *size, scores, sha512)
    prepared: Mapping[Engine, Prepared] = {}
    if tools.embedding_filters:
        prepared = prepare(_published(encoded, picture, tools.recipe), candidate, tools, laps)
    return Looked(candidate, Pictured(kept_row(sample), encoded.image, encoded.extension), prepared)


def _unboxed(picture: Picture) -> Image:
    """The whole picture; what its list has boxes around is blurred, as in the shard."""
    return blurred(picture.pixels, upright_boxes(picture.fetched.candidate.boxes, picture.header.orientation))


def _mismatch(fetched: Fetched, picture: Picture, sha512: str, recipe: Recipe) -> Rejected | None:
    """In a rebuild: the rejection of a picture that is not what its list recorded, where the policy minds."""
    expected = fetched.candidate.expected
    if recipe.rebuild is None or expected is None:
        return None
    outcome = compare(expected, known_of(picture.hashes, sha512))
    fault = fault_by_policy(recipe.rebuild.policy, outcome)
    return Rejected(fetched.candidate, fault, outcome.value, fetched.opt_outs) if fault else None


def _sha512(fetched: Fetched, recipe: Recipe) -> str:
    """Where the recipe or the list of a rebuild asks for it."""
    expected = fetched.candidate.expected
    if recipe.rebuild is None or expected is None:
        return ""
    if not expected.sha512 and recipe.rebuild.compute_hash != "sha512":
        return ""
    return hashlib.sha512(fetched.body).hexdigest()


def _published(encoded: Encoded, picture: Picture, recipe: Recipe) -> Image:
    """The pixels that a reader of the shard will see. What we encoded ourselves needs no sandbox."""
    if encoded.is_as_received:
        return picture.pixels
    decoded = decode_body(encoded.image, as_published(recipe))
    assert not isinstance(decoded, Refused), decoded  # we wrote it a moment ago
    return decoded.pixels
