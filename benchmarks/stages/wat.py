"""WAT files to candidates: ours, cc2dataset, and decompression alone."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from pathlib import Path

from benchmarks.contest.contest import Check, Contest, Goal, Role
from benchmarks.contest.inputs import Inputs
from benchmarks.contest.peers import peer_python
from benchmarks.contest.sides import ROOT, Loop
from crawler.urls import normalise

_SIDES = Path(__file__).with_name("sides")
_DEMO = ROOT / "workers" / "demo" / "data" / "archives"
#: folders of the corpora with WAT files, and how often they are read in one round: half a second and more
_SETS = {"common-crawl-form": 2, "real-pages": 4}
_OURS, _TABLE, _PEER = "pairtrawl, read and extract", "pairtrawl, with the candidate table written", "cc2dataset"
_FLOOR = "decompression alone, libdeflate, members known"
#: cc2dataset imports Spark at its top and needs it only for what comes after extraction
_PEER_PACKAGES = ("fastwarc", "pysimdjson", "fsspec", "loguru")


def contests(inputs: Inputs) -> list[Contest]:
    """A contest for each set of archives; of the demo's one WAT file where there is no corpus."""
    python = peer_python("cc2dataset", *_PEER_PACKAGES, without_dependencies=("cc2dataset==1.5.0",))
    if inputs.corpus is None:
        return [_contest("the demo's archive", sorted(_DEMO.glob("*.warc.wat.gz")), 40, python)]
    found = []
    for name, times in _SETS.items():
        paths = sorted(inputs.corpus.glob(f"{name}/crawl-data/*/segments/*/wat/*.warc.wat.gz"))
        if paths:
            found.append(_contest(name, paths[:1] if inputs.quick else paths, times, python))
    return found


def _contest(case: str, paths: list[Path], times: int, python: Path) -> Contest:
    asked = {"paths": [str(path) for path in paths], "times": times}
    sides = [
        (Role.OURS, Loop(_OURS, _SIDES / "wat.py", asked | {"way": "extract"})),
        (Role.OURS, Loop(_TABLE, _SIDES / "wat.py", asked | {"way": "table"})),
        (Role.PEER, Loop(_PEER, _SIDES / "wat_cc2dataset.py", asked, python)),
        (Role.FLOOR, Loop(_FLOOR, _SIDES / "wat.py", asked | {"way": "inflate"})),
    ]
    goals = (
        Goal("CPU of cc2dataset over ours", _PEER, at_least=3.5, ours=_OURS, lift=_LIFT),
        Goal("ours over decompression alone", _FLOOR, at_most=2, ours=_OURS, lift=_LIFT),
        Goal("CPU of cc2dataset over ours, our table written as well", _PEER, at_least=1, ours=_TABLE),
    )
    packed = sum(path.stat().st_size for path in paths)
    facts = {"WAT files": len(paths), "bytes": packed, "bytes unpacked": _unpacked(paths), "times read": times}
    return Contest("wat", case, "MB unpacked", facts, sides, goals, check=_check, saved=True)


_LIFT = (
    "compiled code for all between the bytes and the columns: decompression, reading the JSON and telling languages alone "
    "take as long as the goal allows; the rest is the interpreter's, a few microseconds for each record, page and image"
)


def _check(folder: Path) -> list[Check]:
    """Whether every row of cc2dataset that leads anywhere can be derived from our candidates, file by file."""
    found = [json.loads((folder / f"{name}.found").read_text(encoding="utf-8")) for name in (_OURS, _PEER)]
    rows = equal = missing = 0
    for ours, theirs in zip(*found, strict=True):
        derived, seen = ({tuple(sorted(row.items())) for row in one} for one in (ours, theirs))
        rows += len(seen)
        equal += len(seen & derived)
        missing += sum(bool(normalise(dict(row)["url"])) for row in seen - derived)
    nowhere = rows - equal - missing
    said = f"{equal:,} of {rows:,} in all five columns, {missing} missing, {nowhere} whose url is no address"
    return [Check("cc2dataset's distinct rows, derived from ours", said, missing == 0 and rows > 0)]


def _unpacked(paths: Iterable[Path]) -> int:
    size = 0
    for path in paths:
        data = path.read_bytes()
        while data:
            stream = zlib.decompressobj(31)
            size += len(stream.decompress(data))
            data = stream.unused_data
    return size
