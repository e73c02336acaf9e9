"""Copies of a picture as they turn up elsewhere: compressed, resized, mirrored, rotated; and how PDQ takes them."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.corpus_pairs import different_pictures, jpeg
from benchmarks.figures import Figures, title
from crawler.picture.decode import decode
from crawler.picture.hashes import hashes_of
from crawler.picture.pdq import BITS, LEAST_QUALITY
from crawler.records import Header, Picture, Rejected
from crawler.settings import Decode
from filters import load
from tests.builders import a_fetched

RADIUS = 31
LARGE = 256  # pixels of the shorter side; PDQ was made for photographs, and many of the corpus are small drawings
_TURNS = Image.Transpose


def again(picture: Image.Image, quality: int) -> Image.Image:
    """The picture as a JPEG file of this quality gives it back."""
    with Image.open(io.BytesIO(jpeg(picture, quality))) as opened:
        return opened.convert("RGB")


def smaller(picture: Image.Image) -> Image.Image:
    """Half as wide and high, as a JPEG file."""
    return again(picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.LANCZOS), 85)


def turned(how: Image.Transpose) -> Callable[[Image.Image], Image.Image]:
    """Mirrored or rotated, and compressed again, as whoever does that has to."""
    return lambda picture: again(picture.transpose(how), 85)


#: copy -> how it is made, and the share of copies of large pictures that must be found
COPIES: dict[str, tuple[Callable[[Image.Image], Image.Image], float]] = {
    "JPEG quality 30": (lambda picture: again(picture, 30), 0.99),
    "half the size": (smaller, 0.98),
    "mirrored": (turned(_TURNS.FLIP_LEFT_RIGHT), 0.95),
    "rotated by 90 degrees": (turned(_TURNS.ROTATE_90), 0.95),
    "rotated by 180 degrees": (turned(_TURNS.ROTATE_180), 0.95),
    "rotated by 270 degrees": (turned(_TURNS.ROTATE_270), 0.95),
}


def a_picture_of(pixels: Image.Image) -> Picture:
    """A record for pixels, with their hashes."""
    body = jpeg(pixels)
    header = Header(width=pixels.width, height=pixels.height, format="JPEG", frames=1)
    return Picture(a_fetched(body), header, hashes_of(body, pixels), pixels)


def prove_copies(work: Path, web: Path, figures: Figures, pictures: int) -> None:
    """Recall on copies of the corpus's pictures, and what is found among those that are not listed."""
    title("PDQ on the pictures of the corpus")
    files = different_pictures(web)
    random.Random(44).shuffle(files)  # noqa: S311 - a choice, not a secret
    decoded = [one for one in (decoded_file(file) for file in files[: 2 * pictures]) if one is not None]
    usable = [one for one in decoded if one.hashes.pdq_quality >= LEAST_QUALITY]
    listed, others = usable[: len(usable) // 2], usable[len(usable) // 2 :]
    names = work / "pdq.txt"
    names.write_text("".join(f"{one.hashes.pdq:064x}\n" for one in listed))
    found = load("pictures.pdq_removal", {"path": str(names), "radius": RADIUS})
    figures.add("PDQ: pictures of the corpus, of quality 50 and more, listed",
                f"{len(decoded):,}, {len(usable):,}, {len(listed):,}", good=len(listed) > pictures // 3)  # fmt: skip
    for name, (make, least) in COPIES.items():
        hits = np.array([not one.keep for one in found.judge([a_picture_of(make(one.pixels)) for one in listed])])
        large = np.array([min(one.pixels.size) >= LARGE for one in listed])
        figures.add(f"PDQ: copies found, {name}: of {len(hits)}, of {large.sum()} with {LARGE} pixels and more",
                    f"{hits.mean():.1%}, {hits[large].mean():.1%}", good=hits[large].mean() >= least)  # fmt: skip
    prove_others(figures, listed, others, [not one.keep for one in found.judge(others)])
    prove_edge(work, figures, listed[0])


def prove_others(figures: Figures, listed: Sequence[Picture], others: Sequence[Picture], hits: Sequence[bool]) -> None:
    """Whether what is found among unlisted pictures is what comparing each with each finds: look-alikes of the list."""
    near = [min((one.hashes.pdq ^ other.hashes.pdq).bit_count() for other in listed) for one in others]
    upright = sum(distance <= RADIUS for distance in near)
    beyond = sorted(distance for distance in near if distance > RADIUS)
    figures.add("PDQ: unlisted pictures, found as they stand or turned, by brute force as they stand",
                f"{len(others)}, {sum(hits)}, {upright}", good=upright <= sum(hits) <= 0.02 * len(others))  # fmt: skip
    figures.add("PDQ: distance of the others to the nearest listed one, least, median",
                f"{beyond[0]}, {int(np.median(beyond))}", good=beyond[0] > RADIUS)  # fmt: skip


def prove_edge(work: Path, figures: Figures, picture: Picture) -> None:
    """31 bits drop and 32 stay, whichever bits they are."""
    chance = random.Random(31)  # noqa: S311 - places of bits, not secrets
    kept = {}
    for distance in (RADIUS, RADIUS + 1):
        entries = [flipped(picture.hashes.pdq, chance.sample(range(BITS), distance)) for _ in range(50)]
        kept[distance] = 0
        for number, entry in enumerate(entries):
            names = work / f"edge-{distance}-{number}.txt"
            names.write_text(f"{entry:064x}\n")
            (verdict,) = load("pictures.pdq_removal", {"path": str(names), "turned": False}).judge([picture])
            kept[distance] += verdict.keep
    figures.add("PDQ: of 50 entries at distance 31, and at 32, so many keep the picture", f"{kept[31]}, {kept[32]}",
                good=kept == {31: 0, 32: 50})  # fmt: skip


def flipped(bits: int, places: Sequence[int]) -> int:
    """The hash with these bits the other way round."""
    for place in places:
        bits ^= 1 << place
    return bits


def decoded_file(file: Path) -> Picture | None:
    """The picture of a file as a crawl would see it; None where it would not."""
    outcome = decode(a_fetched(file.read_bytes()), Decode())
    return None if isinstance(outcome, Rejected) or min(outcome.pixels.size) < 64 else outcome
