"""The samples of the contest of shards: pictures of noise with all that a row of ours says, in memory."""

from __future__ import annotations

import random
from functools import lru_cache

from crawler.records import Candidate, Caption, Fetched, Hashes, Header, ImageSource, Sample, TextSource

IMAGE_BYTES = 30_000
SCORES = (("similarity", "float"),)
_DIFFERENT = 100


def picture(number: int) -> bytes:
    """The picture of a sample."""
    return pictures()[number % _DIFFERENT]


@lru_cache(maxsize=1)
def pictures() -> list[bytes]:
    """All different ones: noise, as compressed pictures are to whoever copies them."""
    noise = random.Random(0)  # noqa: S311 - data for a benchmark
    return [noise.randbytes(IMAGE_BYTES) for _ in range(_DIFFERENT)]


def samples(count: int) -> list[Sample]:
    """So many samples; every third picture has a second text on its page."""
    made = []
    for number in range(count):
        caption = Caption(TextSource.ALT, f"a red boat, number {number}")
        others = (Caption(TextSource.TITLE, f"a boat in the harbour, {number}"),) if number % 3 == 0 else ()
        candidate = Candidate(
            f"http://images.test/{number}.jpg", ImageSource.IMG_SRC, caption, others, f"http://pages.test/{number}.html",
            "CC-MAIN-20261121000000-20261121030000-00000.warc.gz", number, 0, "", "en", (), "/boat.jpg",
            caption.text, "",
        )  # fmt: skip
        fetched = Fetched(candidate, b"", candidate.image_url, "image/jpeg", (), 1_795_219_200)
        header = Header(800, 600, "JPEG", 1)
        hashes = Hashes("0" * 32, "0" * 40, "0" * 64, number, number, 100)
        made.append(Sample(fetched, header, hashes, picture(number), 256, 192, (("similarity", 0.3),)))
    return made
