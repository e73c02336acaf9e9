"""Questions with known answers, asked before the first lease: an environment that computes something else is refused.

A wrong Pillow, torch or libjpeg does not crash: it gives plausible numbers (a broken einsum once gave CLIP scores of
2.53). The campaign's own answers come from the machine of its operator, by this very module; those that do not depend
on a recipe stand in `known_answers` too, so that a broken operator is found as well.

Names say how answers are compared (`workers.protocol.answers`).
"""

from __future__ import annotations

import hashlib
import math
import zipfile
from collections.abc import Iterable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from crawler.records import Candidate, Caption, Fetched, ImageSource, TextSource
from crawler.settings import Decode, Extract, Recipe

if TYPE_CHECKING:
    from crawler.picture.sandbox import Sandbox
    from filters import Engine

#: pictures of the demo: every format, and what decoders must refuse
_PICTURES = (
    "demo-odd.test/alpha.png", "demo-odd.test/bomb.png", "demo-odd.test/cmyk.jpg", "demo-odd.test/cut.jpg",
    "demo-odd.test/drawing.svg", "demo-odd.test/palette.gif", "demo-odd.test/resembling.jpg",
    "demo-odd.test/resembling.webp", "demo-odd.test/sixteen.png", "demo-odd.test/turned.jpg", "demo-odd.test/wide.png",
    "emoji-cdn.test/1f47b.webp", "emoji-cdn.test/1f602.webp", "emoji-cdn.test/1f4af.webp",
)  # fmt: skip
#: pictures and captions that models score: right ones, and each with the caption of its neighbour
_CAPTIONED = (
    ("emoji-cdn.test/1f47b.webp", "ghost"),
    ("emoji-cdn.test/1f48b.webp", "kiss mark"),
    ("emoji-cdn.test/1f493.webp", "beating heart"),
    ("emoji-cdn.test/1f49b.webp", "yellow heart"),
    ("emoji-cdn.test/1f4ab.webp", "dizzy"),
    ("emoji-cdn.test/1f4af.webp", "hundred points"),
    ("emoji-cdn.test/1f5a4.webp", "black heart"),
    ("emoji-cdn.test/1f602.webp", "face with tears of joy"),
)
_ARCHIVE = "data/archives/CC-MAIN-20261121000000-20261121030000-00001.warc.gz"


def answers(recipe: Recipe, *, models: bool = True) -> dict[str, str]:
    """What this machine answers: question to answer, both text.

    Args:
        recipe: says which models are asked.
        models: whether to ask them; a machine that only parses and fetches has none.

    Raises:
        PairtrawlError: a part is not installed, or does not work at all.
    """
    from crawler.picture.sandbox import open_sandboxes  # noqa: PLC0415 - heavy

    with open_sandboxes(Decode(), 1) as (sandbox,), zipfile.ZipFile(_data("data/web.zip")) as pictures:
        found = dict(_looked_at(sandbox, pictures))
        found |= dict(_parsed())
        if models:
            from workers.assemble import engines_of  # noqa: PLC0415 - heavy

            for name, engine in engines_of(recipe).items():
                found |= dict(_scored(name, engine, sandbox, pictures))
    return found


def _looked_at(sandbox: Sandbox, pictures: zipfile.ZipFile) -> Iterator[tuple[str, str]]:
    from crawler.records import Picture  # noqa: PLC0415 - brings the sandbox's neighbours

    for name in _PICTURES:
        outcome = sandbox.decode(_fetched(name, pictures.read(name)))
        short = name.partition("/")[2]
        if not isinstance(outcome, Picture):
            yield f"size/{short}", str(outcome.reason)
            continue
        yield f"size/{short}", f"{outcome.pixels.width}x{outcome.pixels.height}"
        yield f"phash/{short}", f"{outcome.hashes.phash:016x}"
        yield f"pdq/{short}", f"{outcome.hashes.pdq:064x}"


def _parsed() -> Iterator[tuple[str, str]]:
    """What a small archive holds: how much, and a digest of every candidate in order."""
    from crawler.extract import extract  # noqa: PLC0415 - heavy
    from crawler.read import read_pages  # noqa: PLC0415 - heavy
    from crawler.records import Page  # noqa: PLC0415 - as above

    digest, candidates = hashlib.sha256(), 0
    for item in read_pages(_data(_ARCHIVE), name="archive", wat=False, limits=Extract()):
        if isinstance(item, Page):
            for one in extract(item, Extract()).candidates:
                digest.update(f"{one.page_url}\n{one.image_url}\n{one.caption.text}\n".encode())
                candidates += 1
    yield "parse/candidates", str(candidates)
    yield "parse/sha256", digest.hexdigest()


def _scored(name: str, engine: Engine, sandbox: Sandbox, pictures: zipfile.ZipFile) -> Iterator[tuple[str, str]]:
    import numpy as np  # noqa: PLC0415 - only models need it

    from crawler.records import Picture  # noqa: PLC0415 - as above

    pixels = []
    for file, _ in _CAPTIONED:
        outcome = sandbox.decode(_fetched(file, pictures.read(file)))
        if not isinstance(outcome, Picture):
            return  # the missing answers are wrong ones
        pixels.append(outcome.pixels)
    captions = [caption for _, caption in _CAPTIONED]
    for kind, asked in (("right", captions), ("shifted", captions[1:] + captions[:1])):
        prepared = [engine.prepare(one, caption) for one, caption in zip(pixels, asked, strict=True)]
        seen, said = engine.embed(np.stack([one.image for one in prepared]), np.stack([one.tokens for one in prepared]))
        for number, score in enumerate(_products(seen, said)):
            yield f"score/{name}/{kind}/{number}", f"{score:.6f}"


def _products(one: Iterable[Iterable[float]], other: Iterable[Iterable[float]]) -> Iterator[float]:
    for left, right in zip(one, other, strict=True):
        yield math.fsum(float(a) * float(b) for a, b in zip(left, right, strict=True))


def _fetched(name: str, body: bytes) -> Fetched:
    caption = Caption(TextSource.ALT, "a trial")
    address = f"http://{name}"
    candidate = Candidate(address, ImageSource.IMG_SRC, caption, (), "", "", 0, 0, "", "", (), "", "", "")
    return Fetched(candidate, body, address, "", (), 0)


def _data(name: str) -> Path:
    return Path(str(files("workers.demo"))) / name
