"""Removal lists of millions of perceptual hashes, and queries whose distance from them is known."""

from __future__ import annotations

import io
import zipfile
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.contest.sides import ROOT
from crawler.picture.pdq import LEAST_QUALITY, pdq_of

Rows = NDArray[np.uint8]
_WEB = ROOT / "workers" / "demo" / "data" / "web.zip"
_PDQ_BYTES = 32
_AT_ONCE = 200_000
#: bits by which copies differ: compressed and resized ones of decision 0016 lie around it
_COPY_BITS, _MOST_COPY_BITS = 9, 60
#: of the queries that are timed, one in so many is a listed hash with some bits turned over
_PLANTED = 100


def random_rows(number: int, width: int, rng: np.random.Generator) -> Rows:
    """Hashes of which each bit is a coin."""
    return rng.integers(0, 256, (number, width), dtype=np.uint8)


def real_hashes() -> Rows:
    """The PDQ hashes of the 347 pictures of the demo's web that are not too plain for one."""
    found = set()
    with zipfile.ZipFile(_WEB) as archive:
        for name in archive.namelist():
            if not name.endswith(".webp"):
                continue
            picture = Image.open(io.BytesIO(archive.read(name))).convert("RGBA")
            page = Image.new("RGBA", picture.size, "white")
            page.alpha_composite(picture)
            bits, quality = pdq_of(page.convert("RGB"))
            if quality >= LEAST_QUALITY:
                found.add(bits)
    return np.array([list(bits.to_bytes(_PDQ_BYTES)) for bits in sorted(found)], np.uint8)


def like(real: Rows, number: int, rng: np.random.Generator) -> Rows:
    """Hashes with the real ones' share of ones in each bit and their correlations (a Gaussian copula).

    Two of them differ in 124.9 bits, standard deviation 10.1; two real ones in 125.3 and 10.4; random ones in 128 and 8.
    """
    bits = np.unpackbits(real, axis=1).astype(np.float32)
    share = bits.mean(axis=0)
    parts = ((bits - share) / np.sqrt(share * (1 - share) * len(bits))).astype(np.float32)
    bar = np.array([NormalDist().inv_cdf(1 - one) for one in share], np.float32)
    made = np.empty((number, real.shape[1]), np.uint8)
    for first in range(0, number, _AT_ONCE):
        some = rng.standard_normal((min(_AT_ONCE, number - first), len(parts)), dtype=np.float32) @ parts
        made[first : first + len(some)] = np.packbits(some > bar, axis=1)
    return made


def with_copies(rows: Rows, number: int, rng: np.random.Generator) -> Rows:
    """The rows, and copies of them up to `number`, in any order: of few pictures very many, of most none or a few.

    A copy differs in 9 bits on average.
    """
    copies = rows[(len(rows) * rng.random(number - len(rows)) ** 3).astype(np.int64)]
    off = np.minimum(rng.geometric(1 / _COPY_BITS, len(copies)), _MOST_COPY_BITS)
    for step in range(_MOST_COPY_BITS):
        which = np.flatnonzero(off > step)
        places = rng.integers(0, copies.shape[1] * 8, len(which))
        copies[which, places >> 3] ^= (128 >> (places & 7)).astype(np.uint8)
    return rng.permutation(np.concatenate([rows, copies]))


def planted(rows: Rows, number: int, distance: int, rng: np.random.Generator) -> Rows:
    """Listed hashes with `distance` bits turned over, anywhere."""
    bits = np.unpackbits(rows[rng.integers(len(rows), size=number)], axis=1)
    for row in bits:
        row[rng.choice(bits.shape[1], distance, replace=False)] ^= 1
    return np.packbits(bits, axis=1)


def as_asked(rows: Rows, strangers: Rows, radius: int, rng: np.random.Generator) -> Rows:
    """The strangers, of which one in a hundred is replaced by a copy of a listed hash: 0, half, and all of the radius off."""
    asked = strangers.copy()
    each = max(1, len(asked) // _PLANTED // 3)
    copies = np.concatenate([planted(rows, each, distance, rng) for distance in (0, radius // 2, radius)])
    asked[rng.choice(len(asked), len(copies), replace=False)] = copies
    return asked


def at_the_border(rows: Rows, strangers: Rows, radius: int, each: int, rng: np.random.Generator) -> Rows:
    """For each of 0, half the radius, the radius and one bit more so many copies, and as many strangers."""
    distances = (0, radius // 2, radius, radius + 1)
    return np.concatenate([*(planted(rows, each, distance, rng) for distance in distances), strangers[:each]])
