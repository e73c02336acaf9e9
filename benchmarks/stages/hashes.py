"""Hashes by looks, PDQ and pHash, beside the libraries whose bits they have, and beside reading the pixels once."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.contest.contest import Check, Contest, Goal, Role
from benchmarks.contest.inputs import Inputs
from benchmarks.contest.peers import peer_python
from benchmarks.contest.sides import Loop
from benchmarks.stages.pictures import Pictures, made, of_a_web

_SIDE = Path(__file__).with_name("sides") / "hashes.py"
_OURS, _FLOOR = "pairtrawl", "reading the pixels once"
_REFERENCES = {"pdq": "pdqhash", "phash": "imagehash"}
_NAMES = {"pdq": "PDQ", "phash": "pHash"}
#: the same Pillow for all, so that all see the same pixels
_PACKAGES = ("pdqhash==0.2.8", "imagehash==4.3.2", "pillow==13.0.0")


def contests(inputs: Inputs) -> list[Contest]:
    """PDQ and pHash of photo-like pictures of 1024 x 768, and of real ones of all formats."""
    few = 10 if inputs.quick else 1
    real, middle = of_a_web(inputs, "hashed"), made(inputs, "middle")
    return [
        _contest(kind, case, pictures, times, one_in)
        for kind in ("pdq", "phash")
        for case, pictures, times, one_in in (
            ("1024 x 768", middle, 10, (1, 1)),
            ("real pictures", real, 3, (20 * few, 4 * few)),
        )
    ]


def _contest(kind: str, case: str, pictures: Pictures, times: int, one_in: tuple[int, int]) -> Contest:
    """Of `one_in` so many pictures each is timed, and of so many compared."""
    reference, (timed, compared) = _REFERENCES[kind], one_in
    asked = {"folder": str(pictures.folder), "kind": kind, "times": times, "one_in": timed, "saved_one_in": compared}
    python = peer_python("hashes", *_PACKAGES)
    sides = (
        (Role.OURS, Loop(_OURS, _SIDE, asked | {"way": "ours", "package": "pairtrawl"})),
        (Role.PEER, Loop(reference, _SIDE, asked | {"way": reference, "package": reference}, python)),
        (Role.FLOOR, Loop(_FLOOR, _SIDE, asked | {"way": "read", "package": "pairtrawl"})),
    )
    goals = (Goal(f"CPU of {reference} over ours", reference, at_least=1),) if kind == "pdq" else ()
    told = {**pictures.told, "timed": f"one in {timed}", "compared": f"one in {compared}"}
    return Contest(
        "hashes", f"{_NAMES[kind]}, {case}", "picture", told, sides, goals,
        check=_equal(reference), saved=True, rounds=5,
    )  # fmt: skip


def _equal(reference: str) -> Callable[[Path], Sequence[Check]]:
    def checked(work: Path) -> Sequence[Check]:
        ours, theirs = (json.loads((work / f"{name}.found").read_text()) for name in (_OURS, reference))
        equal = sum(one == other for one, other in zip(ours, theirs, strict=True))
        return [Check(f"the bits of {reference}", f"{equal} of {len(theirs)} pictures", good=equal == len(theirs))]

    return checked
