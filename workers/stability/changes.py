"""The changes: each makes of a pair one that shows and says the same, but for those that say otherwise."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from PIL import Image, ImageOps

from crawler.records import Candidate, Caption
from crawler.settings import FilterChoice, Recipe
from crawler.tongue import tongue_of
from filters import settings_of

#: folders of filters that see a change
_CAPTION, _FILE, _PIXELS, _BATCH = (
    frozenset({"candidates", "pictures"}),
    frozenset({"bodies", "pictures"}),
    frozenset({"pictures"}),
    frozenset({"candidates", "bodies", "pictures"}),
)


@dataclass(frozen=True, slots=True)
class Change:
    """One change; what it does not change is as it was."""

    name: str
    what: str  # in words
    seen_by: frozenset[str]  # folders of the filters that can tell
    text: Callable[[str], str] | None = None  # of the caption
    image: Callable[[Image.Image], bytes] | None = None  # of the pixels, the new file
    setting: tuple[str, Any] | None = None  # of filters that have such a setting, and no others judge again
    shuffled: bool = False  # other neighbours in a batch
    may_matter: bool = False  # whether the pair may mean something else by it

    def of_candidate(self, candidate: Candidate) -> Candidate:
        """The candidate with the changed caption, and the language that is told of it."""
        if self.text is None:
            return candidate
        text = self.text(candidate.caption.text)
        caption = Caption(candidate.caption.source, text)
        return msgspec.structs.replace(candidate, caption=caption, tongue=tongue_of(text))

    def of_recipe(self, recipe: Recipe) -> Recipe | None:
        """The recipe with the changed setting, and without the filters that have none; None where none has it."""
        if self.setting is None:
            return recipe
        key, value = self.setting
        having = [one for one in recipe.filters if key in settings_of(one.use, one.settings)]
        if not any(settings_of(one.use, one.settings)[key] != value for one in having):
            return None
        changed = tuple(FilterChoice(use=one.use, settings={**one.settings, key: value}) for one in having)
        output = msgspec.structs.replace(recipe.output, keep_embeddings=False)
        return msgspec.structs.replace(recipe, filters=changed, output=output)


def changes(*, mirrored: bool = False) -> tuple[Change, ...]:
    """Every change that should not matter; with `mirrored` also one that may."""
    found = (
        Change("jpeg", "the picture saved again as JPEG of quality 90", _FILE, image=_as("JPEG", quality=90)),
        Change("webp", "the picture saved again as WebP of quality 90", _FILE, image=_as("WEBP", quality=90)),
        Change("smaller", "the picture smaller by 2 per cent", _PIXELS, image=_two_per_cent),
        Change("one pixel", "both sides of the picture shorter by one pixel", _PIXELS, image=_one_pixel),
        Change("lower case", "the caption in small letters", _CAPTION, text=str.lower),
        Change("upper case", "the caption in capitals", _CAPTION, text=str.upper),
        Change("white space", "two spaces for one in the caption, and one at each end", _CAPTION, text=_spaced),
        Change("neighbours", "the same pairs in another order, in batches half as large", _BATCH, shuffled=True),
        Change("batch of one", "batch_size = 1", _PIXELS, setting=("batch_size", 1)),
        Change("bfloat16", 'precision = "bfloat16"', _PIXELS, setting=("precision", "bfloat16")),
        Change("float32", 'precision = "float32"', _PIXELS, setting=("precision", "float32")),
    )
    if not mirrored:
        return found
    return (
        *found,
        Change("mirrored", "the picture mirrored", _PIXELS, image=_mirrored, may_matter=True),
    )


def _as(kind: str, **options: int) -> Callable[[Image.Image], bytes]:
    def encoded(pixels: Image.Image) -> bytes:
        out = io.BytesIO()
        pixels.save(out, kind, **options)
        return out.getvalue()

    return encoded


#: pixels as they are: what else is changed must not be a matter of encoding
_EXACT = _as("PNG", compress_level=1)


def _resized(pixels: Image.Image, width: int, height: int) -> bytes:
    return _EXACT(pixels.resize((max(1, width), max(1, height)), Image.Resampling.LANCZOS))


def _two_per_cent(pixels: Image.Image) -> bytes:
    return _resized(pixels, round(pixels.width * 0.98), round(pixels.height * 0.98))


def _one_pixel(pixels: Image.Image) -> bytes:
    return _resized(pixels, pixels.width - 1, pixels.height - 1)


def _mirrored(pixels: Image.Image) -> bytes:
    return _EXACT(ImageOps.mirror(pixels))


def _spaced(text: str) -> str:
    return f" {'  '.join(text.split(' '))} "
