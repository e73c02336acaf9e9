"""Perceptual look-ups: queries a second of `filters.hamming` among a million and ten million hashes, and what it finds.

    python benchmarks/looking_up.py                     # both sizes: two minutes and 2.5 GB
    python benchmarks/looking_up.py --numbers 1000000
    python benchmarks/looking_up.py --crossover         # from how many hashes on tables are faster than looking at all

Each figure is processor time of this process on one thread. Hashes are random, as those of unrelated pictures nearly are.
What is found is asked of hashes at exactly the radius from a listed one, one bit further, and random. faiss is compared with where it can be imported (an environment of its own: `pip install
faiss-cpu`; it looks at all, and takes what is strictly below its radius).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))

from filters.hamming import HammingIndex
from filters.hamming_tables import cut

Rows = NDArray[np.uint8]
#: bytes of a hash, radius
KINDS = {"PDQ": (32, 31), "pHash": (8, 4)}
QUERIES = 500


def planted(rows: Rows, distance: int, rng: np.random.Generator) -> Rows:
    """Listed hashes with `distance` bits turned over."""
    bits = np.unpackbits(rows[rng.integers(len(rows), size=QUERIES)], axis=1)
    for row in bits:
        row[rng.choice(bits.shape[1], distance, replace=False)] ^= 1
    return np.packbits(bits, axis=1)


def seconds_of(call: Callable[[], object], repeat: int = 1) -> float:
    """Of processor time, the best of so many calls."""
    best = float("inf")
    for _ in range(repeat):
        begun = time.process_time()
        call()
        best = min(best, time.process_time() - begun)
    return best


def by_batches(index: HammingIndex, queries: Rows, size: int) -> None:
    """All queries, so many at once: a decoder thread asks for the eight forms of one picture."""
    for first in range(0, len(queries), size):
        index.within(queries[first : first + size])


def measure(name: str, number: int) -> None:
    """Print everything about one size."""
    width, radius = KINDS[name]
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 256, (number, width), dtype=np.uint8)
    begun = time.process_time()
    index = HammingIndex(rows, radius)
    build = time.process_time() - begun
    chunks = cut(number, width * 8, radius)
    print(f"{number:,} x {width * 8} bits, radius {radius} ({name})")
    kinds = Counter(f"{chunk.width} bits within {chunk.radius}" for chunk in chunks)
    print("  chunks      " + ", ".join(f"{count} of {kind}" for kind, count in kinds.items()))
    print(
        f"  build       {build:.1f} s, {index.memory_bytes / number:.0f} bytes a hash, {index.memory_bytes / 1e6:,.0f} MB"
    )
    strangers = rng.integers(0, 256, (QUERIES, width), dtype=np.uint8)
    near, far = planted(rows, radius, rng), planted(rows, radius + 1, rng)
    for size in (1, 8, QUERIES):
        seconds = seconds_of(lambda size=size: by_batches(index, strangers, size), 2) / QUERIES
        print(f"  tables      {1 / seconds:>10,.0f} queries/s by {size:<3} ({seconds * 1e3:.3f} ms a query)")
    some = near[:8]
    flat = HammingIndex(rows, radius, flat_up_to=number)
    seconds = seconds_of(lambda: flat.within(some)) / len(some)
    print(f"  look at all {1 / seconds:>10,.0f} queries/s ({seconds * 1e3:.1f} ms a query)")
    found = index.within(near).sum(), index.within(far).sum(), index.within(strangers).sum()
    print(
        f"  found       {found[0]} of {QUERIES} at {radius} bits, {found[1]} at {radius + 1}, {found[2]} of the random ones"
    )
    mixed = np.concatenate([near[:20], far[:20], strangers[:20]])
    same = (flat.within(mixed) == index.within(mixed)).all()
    print(f"  the same as by looking at all: {'yes' if same else 'NO'}")
    measure_faiss(rows, near[:50], radius)


def measure_faiss(rows: Rows, queries: Rows, radius: int) -> None:
    """Print what faiss makes of the same, if it is there."""
    try:
        import faiss
    except ImportError:
        return
    faiss.omp_set_num_threads(1)
    index = faiss.IndexBinaryFlat(rows.shape[1] * 8)
    index.add(rows)
    seconds = seconds_of(lambda: index.range_search(queries, radius + 1)) / len(queries)
    found = int((np.diff(index.range_search(queries, radius + 1)[0]) > 0).sum())
    print(f"  faiss flat  {1 / seconds:>10,.0f} queries/s ({seconds * 1e3:.1f} ms a query), {found} of {len(queries)}")


def crossover() -> None:
    """Milliseconds for the eight forms of one picture, and for those of 64 pictures."""
    rng = np.random.default_rng(0)
    for number in (500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000):
        rows = rng.integers(0, 256, (number, 32), dtype=np.uint8)
        line = f"{number:>6} x 256 bits:"
        for size in (8, 512):
            queries = rng.integers(0, 256, (size, 32), dtype=np.uint8)
            tables, flat = HammingIndex(rows, 31, flat_up_to=0), HammingIndex(rows, 31, flat_up_to=number)
            spent = [
                seconds_of(lambda index=index, asked=queries: index.within(asked), 7) * 1e3 for index in (tables, flat)
            ]
            line += f"  {size} queries: tables {spent[0]:.2f} ms, all {spent[1]:.2f} ms"
        print(line)


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description="Queries a second among perceptual hashes.")
    parser.add_argument("--numbers", type=int, nargs="*", default=[1_000_000, 10_000_000])
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--crossover", action="store_true")
    chosen = parser.parse_args()
    if chosen.crossover:
        crossover()
        return
    for number in chosen.numbers:
        for kind in chosen.kinds:
            measure(kind, number)


if __name__ == "__main__":
    main()
