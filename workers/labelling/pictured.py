"""The pictures of a sample, as labellers see them: drawn small enough for a page, and large enough to judge.

What a list or a takedown names by now, whatever it was when the sample was drawn, is left out, and so is what was
blurred for good. Files are drawn where strangers' files are, in a process of their own.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from workers.labelling.places import Place
from workers.labelling.version_pictures import pictures_of_version
from workers.progress import Display
from workers.report.samples import pictures_for
from workers.report.shown import Manner, Shown

#: pixels of the longer side: enough for a desk's screen, and some 60 kB
_SIDE = 768


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
        SettingsError, TakedownError, OSError: a list or register of a run cannot be read here: then nothing is shown.
        DatasetError: a file of a version is missing.
    """
    with display.phase("reading pictures", len(content_ids), "pictures") as phase:
        manner = Manner(_SIDE, blur=False, shards=len(place.tables), done=phase.advance)
        if place.store is None:
            found = pictures_for(place.tables, content_ids, manner)
        else:
            found = pictures_of_version(place.store, place.shards, content_ids, manner)
    return {content_id: _pictured(one) for content_id, one in found.items()}


def _pictured(one: Shown) -> Pictured:
    return Pictured(one.caption, one.language, one.host, one.jpeg, one.hidden, one.blurred, *one.size)
