"""The pictures of a sample, as labellers see them: drawn small enough for a page, and large enough to judge.

What a list or a takedown names by now, whatever it was when the sample was drawn, is left out before its picture is
read. Files are drawn where strangers' files are, in a process of their own.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from crawler.picture.sandbox import Failed, Sandbox, open_sandboxes
from crawler.settings import Decode
from crawler.showing import Showing
from crawler.thumbnails import small_jpeg
from crawler.urls import host_of
from filters.redrawn import candidate_of
from workers.labelling.forbidden import Forbidden
from workers.labelling.places import Place
from workers.labelling.reading import Found, found_rows
from workers.progress import Display
from workers.showing import showing_of

if TYPE_CHECKING:
    from PIL.Image import Image

#: pixels of the longer side: enough for a desk's screen, and some 60 kB
_SIDE = 768
_QUALITY = 88
#: score columns of unsafe pictures, and from where on one is shown only when it is asked for, where no recipe says so
_UNSAFE = {"punsafe": 0.5, "punsafe_prompts": 0.5, "punsafe_onnx": 0.5}


class Pictured(NamedTuple):
    """A pair as a labeller sees it."""

    caption: str
    language: str  # of the caption, ISO 639-1, or "" where it is not told
    host: str  # shown only when it is asked for
    jpeg: bytes
    blurred: bytes  # a small JPEG of which nobody can say what it shows
    is_unsafe: bool  # whether the blurred one is shown until the other one is asked for
    width: int  # of `jpeg`
    height: int


def pictures_of(place: Place, content_ids: Collection[str], display: Display) -> dict[str, Pictured]:
    """The pairs of a sample that can be shown, by id: those of which a picture is there, and that nothing forbids.

    Raises:
        InputError: a table or tar cannot be read.
        SettingsError: a list of the recipe cannot be read here: then nothing is shown.
        DatasetError: a file of a version is missing.
    """
    pinned = None if place.run is None else place.run.pinned()
    forbidden = Forbidden() if pinned is None else Forbidden.of(pinned.recipe)
    showing = None if pinned is None else showing_of(pinned.recipe, ())
    found: dict[str, Pictured] = {}
    with (
        open_sandboxes(Decode(), 1) as (sandbox,),
        display.phase("reading pictures", len(content_ids), "pictures") as phase,
    ):
        for one in found_rows(place, content_ids):
            phase.advance(1)
            if not forbidden.names(one.row):
                pictured = _pictured(one, sandbox, showing or _showing_by(one.row))
                if pictured is not None:
                    found[one.content_id] = pictured
    return found


def _showing_by(row: Mapping[str, Any]) -> Showing:
    """What is blurred where no recipe is known: what has a high score of a name of ours."""
    return Showing(blurred_from={name: at for name, at in _UNSAFE.items() if name in row})


def _pictured(one: Found, sandbox: Sandbox, showing: Showing) -> Pictured | None:
    drawn = sandbox.draw(one.image)
    if isinstance(drawn, Failed):
        return None
    pixels: Image = drawn[1]
    candidate = candidate_of(one.row)
    small = pixels.convert("RGB")
    small.thumbnail((_SIDE, _SIDE))
    out = io.BytesIO()
    small.save(out, "JPEG", quality=_QUALITY)
    return Pictured(
        candidate.caption.text, candidate.tongue.language, host_of(candidate.image_url), out.getvalue(),
        small_jpeg(pixels, blurred=True), showing.blurs(one.row, one.row.get("reason") or ""), *small.size,
    )  # fmt: skip
