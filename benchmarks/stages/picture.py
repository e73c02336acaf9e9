"""A body to the picture of a shard: ours, beside OpenCV as img2dataset uses it and Pillow, and entropy decoding alone."""

from __future__ import annotations

import io
import statistics
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.contest.contest import Check, Contest, Goal, Role
from benchmarks.contest.inputs import Inputs
from benchmarks.contest.peers import peer_python
from benchmarks.contest.sides import Loop
from benchmarks.stages.pictures import Pictures, made, of_a_web
from crawler.picture.sandbox.process import OF_MALLOC

_SIDES = Path(__file__).with_name("sides")
_PEER = "img2dataset, OpenCV"
_EXACT = "Pillow, whole, Lanczos"
_FLOOR = "entropy decoding alone"
_OURS, _SANDBOXED = "pairtrawl, in this process", "pairtrawl, in a sandbox"
_QUIET = {"NO_ALBUMENTATIONS_UPDATE": "1"}  # it asks a registry for a newer one otherwise

_BORDER = {"image_size": 256, "resize_mode": "border", "resize_only_if_bigger": False, "encode_quality": 95}
_KEEP_RATIO = {"image_size": 256, "resize_mode": "keep_ratio", "resize_only_if_bigger": True, "encode_quality": 95}

_LIFT = (
    "Small JPEGs and those that keep their size are decoded whole and encoded by libjpeg-turbo on both sides, which is two thirds of ours; "
    "the rest would be lifted by a resizer that keeps its weights from one picture to the next."
)
_LIFT_SANDBOXED = (
    "A child and its parent take turns, and each wakes to caches that the other has filled; several bodies in a row before the first "
    "answer is taken would lift that."
)

#: decibels at which nobody sees a difference any more: what is beyond is not averaged
_EQUAL = 99.0


def contests(inputs: Inputs) -> list[Contest]:
    """JPEGs of three sizes, and real pictures, JPEGs alone and in all formats; a border or the shorter side of 256."""
    few = 20 if inputs.quick else 1
    return [
        _contest("400 x 300, border of 256", made(inputs, "small"), _BORDER, 24),
        _contest("400 x 300, shorter side 256", made(inputs, "small"), _KEEP_RATIO, 24),
        _contest("1024 x 768, shorter side 256", made(inputs, "middle"), _KEEP_RATIO, 8),
        _contest("2000 x 1500, shorter side 256", made(inputs, "large"), _KEEP_RATIO, 3),
        _contest("real JPEGs, shorter side 256", of_a_web(inputs, "jpegs", formats=("JPEG",)), _KEEP_RATIO, 2),
        _contest("real pictures, border of 256", of_a_web(inputs, "real", one_in=10 * few), _BORDER, 1),
    ]


def _contest(case: str, pictures: Pictures, output: Mapping[str, Any], times: int) -> Contest:
    asked = {"folder": str(pictures.folder), "output": output, "times": times}
    ours = _SIDES / "picture.py"
    fast, exact = asked | {"output": {**output, "drawing": "fast"}}, asked | {"output": {**output, "drawing": "exact"}}
    peer = peer_python("img2dataset", "img2dataset==1.47.0")
    sides = (
        # with the memory settings of a decoder process, or a third of its time is page faults
        (Role.OURS, Loop(_OURS, ours, fast | {"way": "here"}, environment=OF_MALLOC)),
        (Role.OURS, Loop(_SANDBOXED, ours, fast | {"way": "sandbox"})),
        (Role.OURS, Loop(f"{_SANDBOXED}, exact", ours, exact | {"way": "sandbox"})),
        (Role.PEER, Loop(_PEER, _SIDES / "img2dataset_resizer.py", asked, peer, _QUIET)),
        (Role.PEER, Loop(_EXACT, ours, exact | {"way": "pillow"}, environment=OF_MALLOC)),
        (Role.FLOOR, Loop(_FLOOR, ours, asked | {"way": "entropy"})),
    )
    goals = (
        Goal("CPU of img2dataset's Resizer over ours", _PEER, at_least=1.8, lift=_LIFT),
        Goal("the same, with our sandbox", _PEER, at_least=1.8, lift=_LIFT_SANDBOXED, ours=_SANDBOXED),
    )
    return Contest("picture", case, "picture", pictures.told, sides, goals, check=_looks_alike(), saved=True, rounds=5)


def _looks_alike() -> Callable[[Path], Sequence[Check]]:
    def checked(work: Path) -> Sequence[Check]:
        exact = work / f"{_EXACT}.found"
        checks = []
        for words, kind in (("pixels", "png"), ("encoded", "jpg")):
            ours, theirs = (_decibels(work / f"{side}.found", exact, kind) for side in (_OURS, _PEER))
            told = f"{ours:.1f} dB, img2dataset's {theirs:.1f} dB (median PSNR, to {_EXACT})"
            checks.append(Check(f"{words} as near to the exact ones", told, good=ours >= theirs))
        same = _files(work / f"{_OURS}.found") == _files(work / f"{_SANDBOXED}.found")
        checks.append(Check("the sandbox draws the same bytes", "yes" if same else "no", good=same))
        return checks

    return checked


def _files(found: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(found) as files:
        return {name: files.read(name) for name in files.namelist()}


def _decibels(found: Path, exact: Path, kind: str) -> float:
    """How near what was found is to the exact, in the middle of all pictures that are of one size in both."""
    ours, best = _files(found), _files(exact)
    return statistics.median(
        _psnr(_pixels(ours[name]), _pixels(best[f"{Path(name).stem}.png"])) for name in ours if name.endswith(kind)
    )


def _pixels(image: bytes) -> NDArray[np.float32]:
    return np.asarray(Image.open(io.BytesIO(image)).convert("RGB"), np.float32)


def _psnr(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    if one.shape != other.shape:
        return 0.0
    error = float(((one - other) ** 2).mean())
    return min(_EQUAL, 10 * np.log10(255**2 / error)) if error else _EQUAL
