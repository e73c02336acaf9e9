"""Samples to a tar: ours, webdataset's TarWriter, img2dataset's writer, and copying the bytes."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.contest.contest import Check, Contest, Goal, Role
from benchmarks.contest.inputs import Inputs
from benchmarks.contest.peers import peer_python
from benchmarks.contest.sides import Loop
from benchmarks.rebuild.peer import IMG2DATASET, QUIET
from benchmarks.stages.shard_samples import IMAGE_BYTES, SCORES, pictures, samples
from crawler.rows import SampleJson, columns_with, kept_row

_SIDES = Path(__file__).with_name("sides")
_TAR, _SHARD = "pairtrawl, tar and its SHA-256", "pairtrawl, whole shard"
_WEBDATASET, _HASHED = "webdataset TarWriter", "webdataset TarWriter, then SHA-256"
_IMG2DATASET, _COPY = "img2dataset's writer", "copying the pictures and their SHA-256"


_LIFT = (
    "Ours is bound by SHA-256 and by copying to the page cache, two thirds of its time; TarWriter, which does not hash, by Python. A busy "
    "memory harms ours alone. Not to promise the hash of the tar would double the ratio."
)


def contests(inputs: Inputs) -> list[Contest]:
    """One contest: pictures of 30 KB with caption and JSON."""
    number = 2_000 if inputs.quick else 6_000
    work = inputs.folder("shards-written")
    python = peer_python("img2dataset", *IMG2DATASET)
    made = _write_samples(inputs.folder("shards-samples"), number)

    def ours(name: str, way: str) -> Loop:
        return Loop(name, _SIDES / "shards.py", {"samples": number, "folder": str(work / way), "way": way})

    def peer(name: str, way: str) -> Loop:
        asked = {"samples": str(made), "image_bytes": IMAGE_BYTES, "folder": str(work / way), "way": way}
        return Loop(name, _SIDES / "shards_peers.py", asked, python, QUIET)

    sides = (
        (Role.OURS, ours(_TAR, "members")),
        (Role.OURS, ours(_SHARD, "shard")),
        (Role.PEER, peer(_WEBDATASET, "tar")),
        (Role.PEER, peer(_HASHED, "hashed_tar")),
        (Role.PEER, peer(_IMG2DATASET, "img2dataset")),
        (Role.FLOOR, ours("copying the pictures", "payload")),
        (Role.FLOOR, ours(_COPY, "hashed_payload")),
    )
    goals = (
        Goal(
            "CPU of TarWriter over ours, although ours hashes the tar", _WEBDATASET, at_least=6, ours=_TAR, lift=_LIFT
        ),
        Goal("the same with equal work", _HASHED, at_least=6, ours=_TAR, lift=_LIFT),
        Goal("our tar over copying and hashing the pictures", _COPY, at_most=2, ours=_TAR),
    )
    of = {"samples": number, "bytes of a picture": IMAGE_BYTES}
    return [Contest("shards", "30 KB pictures", "sample", of, sides, goals, partial(_checks, work))]


def _write_samples(folder: Path, number: int) -> Path:
    """What the peers are given: the json of each sample as a dictionary, and the pictures."""
    said = SampleJson(columns_with(SCORES))
    contents = [said.of({"key": f"{place:09d}"} | kept_row(one)) for place, one in enumerate(samples(number))]
    (folder / "contents.json").write_text(json.dumps(contents), encoding="utf-8")
    (folder / "pictures").write_bytes(b"".join(pictures()))
    return folder


def _checks(work: Path, _found: Path) -> Sequence[Check]:
    mine = _members(work / "members" / "00000.tar")
    others = {way: _members(work / way / "00000.tar") == mine for way in ("shard", "tar", "img2dataset")}
    odd = [way for way, same in others.items() if not same]
    told = f"{len(mine):,} members{'; other ones: ' + ', '.join(odd) if odd else ''}"
    return [Check(f"same names, pictures, texts and json in the tars of {', '.join(others)}", told, not odd)]


def _members(path: Path) -> dict[str, object]:
    """The files of a tar by name; json parsed, for theirs is indented."""
    found: dict[str, object] = {}
    with tarfile.open(path) as tar:
        for one in tar:
            file = tar.extractfile(one)
            assert file is not None
            content = file.read()
            found[one.name] = json.loads(content) if one.name.endswith(".json") else content
    return found
