"""Whether two programs made the same pictures of the web of pictures, and how near they are to their sources."""

from __future__ import annotations

import io
import json
import statistics
import tarfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from benchmarks.contest.contest import Check
from benchmarks.stages.sides.picture_web import VARIANTS, picture
from benchmarks.stages.sides.web_up import HOSTS, Case

#: of the square that both sides draw into, in pixels
SIDE = 256
#: pictures that are compared with their sources
_COMPARED = 60


def equal_work(case: Case, ours_name: str, theirs_name: str, work: Path) -> list[Check]:
    """The same pictures on both sides, whose outputs lie in `work`; ours at least as near to the sources."""
    ours, theirs = _pictures(work / ours_name), _pictures(work / theirs_name)
    dead = round(HOSTS * case.dead)
    alive = sum(number % HOSTS >= dead for number in range(case.pictures))
    both = sorted(set(ours) & set(theirs))
    decibels = [
        statistics.mean(_psnr(side[url], _source(url)) for url in both[:: max(1, len(both) // _COMPARED)])
        for side in (ours, theirs)
    ]
    return [
        Check("pictures of living hosts; in our shards; in img2dataset's", f"{alive:,}; {len(ours):,}; {len(theirs):,}",
              good=len(ours) == alive and len(theirs) <= alive),
        Check("PSNR against Pillow's Lanczos of the whole picture, dB: ours; img2dataset's",
              f"{decibels[0]:.1f}; {decibels[1]:.1f}", good=decibels[0] >= decibels[1]),
    ]  # fmt: skip


def _pictures(output: Path) -> dict[str, bytes]:
    """By path of their address what a side wrote."""
    found: dict[str, bytes] = {}
    for path in sorted(output.rglob("*.tar")):
        images: dict[str, bytes] = {}
        with tarfile.open(path) as tar:
            for member in tar:
                key, _, extension = member.name.partition(".")
                file = tar.extractfile(member)
                assert file is not None
                if extension == "jpg":
                    images[key] = file.read()
                elif extension == "json":
                    found[json.loads(file.read())["url"].partition(":")[2].split("/", 3)[3]] = images[key]
    return found


@lru_cache
def _source(path: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """What Pillow makes of a picture of the web: all of it decoded, Lanczos, in the middle of a white square."""
    size, _, name = path.partition("/")
    with Image.open(io.BytesIO(picture(size, int(name.removesuffix(".jpg")) % VARIANTS))) as image:
        shrunk = ImageOps.contain(image, (SIDE, SIDE), Image.Resampling.LANCZOS)
        return np.asarray(ImageOps.pad(shrunk, (SIDE, SIDE), color="white"), np.float64)


def _psnr(written: bytes, source: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    """Of the picture, not of its border."""
    with Image.open(io.BytesIO(written)) as image:
        errors = np.asarray(image.convert("RGB"), np.float64) - source
    inside = np.any(source < 255, axis=(1, 2))
    return float(10 * np.log10(255**2 / np.mean(errors[inside] ** 2)))
