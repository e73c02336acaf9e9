"""Samples to a tar: ours, webdataset's TarWriter, img2dataset's writer, and copying the bytes."""

from __future__ import annotations

from pathlib import Path

from benchmarks.contest.contest import Contest, Goal, Role
from benchmarks.contest.inputs import Inputs
from benchmarks.contest.sides import Loop

_SIDE = Path(__file__).with_name("sides") / "shards.py"


def contests(inputs: Inputs) -> list[Contest]:
    """One contest: pictures of 30 KB with caption and JSON."""
    samples = 1_000 if inputs.quick else 6_000
    asked = {"samples": samples, "image_bytes": 30_000, "folder": str(inputs.folder("shards"))}
    sides = [
        (Role.OURS, Loop("pairtrawl, tar", _SIDE, asked | {"way": "members"})),
        (Role.OURS, Loop("pairtrawl, whole shard", _SIDE, asked | {"way": "shard"})),
        (Role.PEER, Loop("webdataset TarWriter", _SIDE, asked | {"way": "webdataset"})),
        (Role.FLOOR, Loop("copying the payload", _SIDE, asked | {"way": "payload"})),
    ]
    goals = (Goal("CPU of TarWriter over ours, the tar alone", "webdataset TarWriter", at_least=6),)
    return [
        Contest("shards", "30 KB pictures", "sample", {"samples": samples, "bytes of a picture": 30_000}, sides, goals)
    ]
