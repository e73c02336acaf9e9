"""What a killable decoder costs: pictures per second in this process and by way of a sandbox, start-up, and profiles.

    python benchmarks/decoding.py [--rounds 5] [--seconds 1.0]

Prints a table: wall time, and processor time of both processes together. The ways take turns, `--rounds` times each for
about `--seconds`; the best round of each counts, so that a busy machine harms all alike. "whole row" adds what a decoder
thread does anyway: hashes, and encoding for the shard.
"""

from __future__ import annotations

import argparse
import io
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from crawler.picture.decode import decode, decode_body
from crawler.picture.encode import encode
from crawler.picture.sandbox import Sandbox, open_sandboxes
from crawler.records import Candidate, Caption, Fetched, ImageSource, Picture, Rejected, TextSource
from crawler.settings import Decode, Output
from tests.icc import ADOBE_RGB, an_rgb_profile

SIZES = ((256, 256), (800, 600), (4_000, 3_000))
SETTINGS = Decode()


def a_photo(size: tuple[int, int], profile: bytes = b"") -> Fetched:
    """A JPEG with as much detail as a photograph: coarse noise, enlarged, with some fine noise on it."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (size[1] // 16 + 1, size[0] // 16 + 1, 3), dtype=np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC), dtype=np.int16)
    samples = np.clip(smooth + rng.integers(-6, 7, smooth.shape), 0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(samples).save(out, "JPEG", quality=85, icc_profile=profile)
    candidate = Candidate(
        "http://images.test/a.jpg", ImageSource.IMG_SRC, Caption(TextSource.ALT, "a photo"), (), "http://pages.test/",
        "a.warc.gz", 0, 0, "", "", (), "/a.jpg", "a photo", "",
    )  # fmt: skip
    return Fetched(candidate, out.getvalue(), candidate.image_url, "image/jpeg", (), 0)


class Took(NamedTuple):
    """Milliseconds of one picture."""

    wall: float
    cpu: float  # of this process and the child together


def took(once: Callable[[], object], child: psutil.Process, seconds: float) -> Took:
    """Time of one call, by as many as fit."""
    count, wall, cpu = 0, time.perf_counter(), time.process_time() + sum(child.cpu_times()[:2])
    while (passed := time.perf_counter() - wall) < seconds or count < 2:
        once()
        count += 1
    cpu = time.process_time() + sum(child.cpu_times()[:2]) - cpu
    return Took(passed * 1000 / count, cpu * 1000 / count)


def best(ways: Mapping[str, Callable[[], object]], sandbox: Sandbox, rounds: int, seconds: float) -> dict[str, Took]:
    """The best wall time and the best processor time of each way; the ways take turns."""
    child = psutil.Process(sandbox.pid)
    times: dict[str, Took] = {}
    for _ in range(rounds):
        for name, once in ways.items():
            now = took(once, child, seconds)
            before = times.get(name, now)
            times[name] = Took(min(before.wall, now.wall), min(before.cpu, now.cpu))
    return times


def whole_row(fetched: Fetched, look: Callable[[Fetched], Picture | Rejected]) -> None:
    """All that a decoder thread does for one picture."""
    picture = look(fetched)
    assert isinstance(picture, Picture), picture
    encode(picture, Output())


def compare(sandbox: Sandbox, rounds: int, seconds: float) -> None:
    """The table of sizes."""
    print(f"{'JPEG':>12} {'bytes':>10} {'':>9} {'here':>9} {'sandbox':>9} {'more':>6}   pictures/s here, sandbox")
    for size in SIZES:
        fetched = a_photo(size)
        ways: dict[str, Callable[[], object]] = {
            "here": partial(decode_body, fetched.body, SETTINGS),
            "sandbox": partial(sandbox._ask, fetched.body, "JPEG"),  # noqa: SLF001 - without the hashes
            "row here": partial(whole_row, fetched, partial(decode, settings=SETTINGS)),
            "row sandbox": partial(whole_row, fetched, sandbox.decode),
        }
        times = best(ways, sandbox, rounds, seconds)
        for label, here, there in (("decode", "here", "sandbox"), ("whole row", "row here", "row sandbox")):
            for kind in ("wall", "cpu"):
                one, other = getattr(times[here], kind), getattr(times[there], kind)
                rates = f"{1000 / one:>8,.0f} {1000 / other:>8,.0f}" if kind == "wall" else ""
                name = f"{size[0]:>5} x {size[1]:<4} {len(fetched.body):>10,}"
                print(f"{name} {label:>9} {kind:>4} {one:>6.2f} ms {other:>6.2f} ms {other / one - 1:>6.0%}   {rates}")


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seconds", type=float, default=1.0)
    asked = arguments.parse_args()
    first = a_photo((64, 64))
    decode(first, SETTINGS)  # imports what hashing needs
    starts, memory = [], 0
    for _ in range(asked.rounds):
        begin = time.perf_counter()
        with open_sandboxes(SETTINGS, 1) as (sandbox,):
            sandbox.decode(first)
            starts.append(time.perf_counter() - begin)
            memory = psutil.Process(sandbox.pid).memory_info().rss
    print(f"a child: {min(starts) * 1000:.0f} ms from start to first picture, {memory / 2**20:.0f} MiB\n")
    plain, wide = a_photo((800, 600)), a_photo((800, 600), an_rgb_profile(ADOBE_RGB, 2.2, "Adobe RGB (1998)"))
    named = a_photo((800, 600), an_rgb_profile(ADOBE_RGB, 2.2, "sRGB IEC61966-2.1"))
    kinds = {"no profile": plain, "sRGB by its name": named, "Adobe RGB": wide}
    ways = {name: partial(decode_body, one.body, SETTINGS) for name, one in kinds.items()}
    with open_sandboxes(SETTINGS, 1) as (sandbox,):
        sandbox.decode(first)
        compare(sandbox, asked.rounds, asked.seconds)
        times = best(ways, sandbox, asked.rounds, asked.seconds)
    print("\nprofiles at 800 x 600:", ", ".join(f"{name} {one.cpu:.2f} ms" for name, one in times.items()))


if __name__ == "__main__":
    main()
