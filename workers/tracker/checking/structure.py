"""V0: is the result whole, is it of its job, and does everything in it fit together? Of every result, before all else.

Files are read in the cell. Pictures of shards are decoded in the sandbox of the crawl, one after another, all of them:
whoever has the data set will do the same without one.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import msgspec

from crawler.errors import PairtrawlError
from crawler.job import JobKind, Tools
from crawler.job.looking import as_published
from crawler.picture.sandbox import Failed, Sandbox, open_sandboxes
from workers.tracker.checking.cell import BrokeOutError, Cell
from workers.tracker.checking.foretold import foretold
from workers.tracker.checking.looked import Evidence, Looked, bad, good, nothing
from workers.tracker.checking.orders import PictureAt, Structure, look_of

NAME = "structure"
#: processor time for so many bytes of a result, on top of the limit: hashing, unpacking, decoding
_BYTES_PER_SECOND = 250_000
_FORMATS = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP"}


def look_structure(evidence: Evidence, tools: Tools, cell: Cell | None = None) -> Looked:
    """Look at the files of a result.

    Args:
        evidence: the result.
        tools: those of a crawl job by the campaign's recipe, whatever the kind of the result.
        cell: where files are read; None for a usual one.

    BAD where a file is not what an honest worker makes, or ended the process that read it; NOTHING where this machine
    could not look. The figures are those of docs/protocol.md.
    """
    cell = cell or Cell()
    readable = [evidence.folder, *([evidence.input] if evidence.input is not None else [])]
    try:
        order = look_of(evidence, tools, foretold(evidence, tools))
        found = with_time_for(evidence, cell).ask("structure", order, Structure, readable)
    except BrokeOutError as error:
        return Looked((bad(NAME, f"the process that read it {error}"),))
    except PairtrawlError as error:
        return Looked((nothing(NAME, str(error)),))
    if found.wrong:
        return Looked((bad(NAME, found.wrong),))
    if wrong := _wrong_picture(evidence, tools, found.pictures):
        return Looked((bad(NAME, wrong, looked=len(found.pictures)),))
    return Looked((good(NAME, int(found.figures.get("rows", 0))),), found.figures)


def with_time_for(evidence: Evidence, cell: Cell) -> Cell:
    """The same with more processor time for a large result."""
    size = sum(one.bytes for one in evidence.manifest.artefacts)
    if evidence.input is not None:
        size += evidence.input.stat().st_size
    seconds = cell.bounds.cpu_seconds + size // _BYTES_PER_SECOND
    return replace(cell, bounds=msgspec.structs.replace(cell.bounds, cpu_seconds=seconds))


def _wrong_picture(evidence: Evidence, tools: Tools, pictures: list[PictureAt]) -> str:
    """What is wrong with a picture of the tar, or ""."""
    if evidence.kind not in (JobKind.CRAWL, JobKind.SCORE) or not pictures:
        return ""
    (tar,) = (evidence.folder / one.name for one in evidence.manifest.artefacts if one.name.endswith(".tar"))
    number = max(1, tools.recipe.resources.decoders)
    with (
        open_sandboxes(as_published(tools.recipe), number) as sandboxes,
        ThreadPoolExecutor(number, "look") as threads,
    ):
        looks = [
            threads.submit(_first_wrong, tar, pictures[place::number], sandbox)
            for place, sandbox in enumerate(sandboxes)
        ]
        return next((wrong for look in looks if (wrong := look.result())), "")


def _first_wrong(tar: Path, pictures: Iterable[PictureAt], sandbox: Sandbox) -> str:
    with tar.open("rb") as file:
        for one in pictures:
            file.seek(one.offset)
            drawn = sandbox.draw(file.read(one.size))
            if isinstance(drawn, Failed):
                return f"row {one.index}: its picture cannot be decoded: {drawn.fault} {drawn.detail}"
            header, _pixels = drawn
            if header.format != _FORMATS.get(one.format):
                return f"row {one.index}: a picture of the form {header.format} is called {one.format}"
            if (header.width, header.height) != (one.width, one.height):
                return f"row {one.index}: a picture of {header.width} x {header.height}, not as its row says"
    return ""
