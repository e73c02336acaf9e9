"""Builders: judgements, journals, samples with pictures, and a page that is served while a test looks at it."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import xxhash
from PIL import Image, ImageDraw

from crawler.thumbnails import small_jpeg
from workers.labelling.asking import Asking
from workers.labelling.design import KEPT, Sample, Stratum
from workers.labelling.journal import Journal
from workers.labelling.judged import Judged
from workers.labelling.judgement import Judgement, Word
from workers.labelling.pictured import Pictured
from workers.labelling.sitting import Sitting
from workers.local_pages.serving import LocalPages, local_pages

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MATCHES, DOES_NOT, UNSAFE, CANNOT_TELL = Word.MATCHES, Word.DOES_NOT, Word.UNSAFE, Word.CANNOT_TELL


def uid(number: int) -> str:
    """The id of a pair."""
    return xxhash.xxh3_128_hexdigest(str(number).encode())


def a_judgement(number: int = 0, word: Word = MATCHES, **changes: object) -> Judgement:
    fields: dict[str, object] = {
        "content_id": uid(number), "verdict": word, "seconds": 2.5, "time": NOON.isoformat(), "labeller": "ada",
        "design": "all-10-seed-0", "stratum": KEPT, "of": 1000, "sampled": 10, "version": "0.1.0",
    }  # fmt: skip
    return Judgement(**(fields | changes))  # type: ignore[arg-type]  # one dict for fields of many types


def some_judged(**said: Sequence[Word | None]) -> Judged:
    """What labellers said of pairs 0, 1, 2, ...; None where one did not judge it."""
    by_pair: dict[str, dict[str, Judgement]] = {}
    for name, words in said.items():
        for number, word in enumerate(words):
            if word is not None:
                by_pair.setdefault(uid(number), {})[name] = a_judgement(number, word, labeller=name)
    return Judged(by_pair)


def a_sample(pairs: int = 5, *, seed: int = 0) -> Sample:
    """Pairs 0, 1, 2, ... of a data set of a thousand."""
    return Sample(seed=seed, asked=pairs, band="all", strata=(Stratum(KEPT, 1000, tuple(map(uid, range(pairs)))),))


def some_pictures(sample: Sample, captions: Sequence[str] = (), *, unsafe: Sequence[int] = ()) -> dict[str, Pictured]:
    """A picture for each pair: its number on a colour of its own."""
    found = {}
    for number, content_id in enumerate(sample.content_ids):
        pixels = Image.new("RGB", (320, 240), ((number * 53) % 200 + 40, 120, (number * 91) % 200 + 40))
        ImageDraw.Draw(pixels).ellipse((80, 40, 240, 200), fill=(250, 240, 210))
        out = io.BytesIO()
        pixels.save(out, "JPEG")
        caption = captions[number] if number < len(captions) else f"a pale disc, number {number}"
        found[content_id] = Pictured(
            caption,
            "en",
            f"host{number}.test",
            out.getvalue(),
            small_jpeg(pixels, blurred=True),
            number in unsafe,
            320,
            240,
        )
    return found


@contextmanager
def a_sitting(labels: Path, sample: Sample | None = None, labeller: str = "ada") -> Iterator[Sitting]:
    """A sitting whose pictures can all be shown, at noon."""
    sample = sample or a_sample()
    with Journal.open(labels, labeller) as journal:
        yield Sitting(sample, labeller, journal, "0.1.0", set(sample.content_ids), now=lambda: NOON)


@contextmanager
def served(asking: Asking) -> Iterator[LocalPages]:
    """The page in a thread of its own, for a browser that has this one."""
    ready, stop = threading.Event(), asyncio.Event()
    found: list[tuple[LocalPages, asyncio.AbstractEventLoop]] = []

    async def serve() -> None:
        async with local_pages(asking.routes()) as pages:
            found.append((pages, asyncio.get_running_loop()))
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(60)
    pages, loop = found[0]
    try:
        yield pages
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(60)
