"""What one piece of each stage costs: of the newest contests where they were kept, else of older measurements."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.contest.history import newest
from benchmarks.costing.growth import Point
from benchmarks.supercomputer.assumptions import Assumptions, Measured

_MEASURED = "benchmarks/supercomputer/measured.json"
#: forms of a picture that a removal list is asked for
_FORMS = 16
#: of 800 x 600 pixels
_HASHES = (4.7e-3, "decision 0016: PDQ 1.7 ms, pHash 3 ms at 800 x 600")
_SMALL, _MIDDLE = "400 x 300", "1024 x 768"
#: products and sums of ViT-B/32 for a picture and a text, and what a core with AVX2 makes of them in a second
_CLIP_OPERATIONS, _CORE_OPERATIONS = 14.8e9, 70e9


@dataclass(frozen=True, slots=True)
class Unit:
    """CPU seconds of one piece, and where the figure comes from."""

    stage: str
    piece: str
    seconds: float
    source: str


@dataclass(frozen=True, slots=True)
class Units:
    """All of them."""

    extract: Unit  # a megabyte of WAT, compressed
    plan: Unit  # a million candidates
    wire: Unit  # a request over http, whatever is answered
    tls: Unit  # what https adds
    picture: Unit  # decoding, resizing, encoding
    hashes: Unit  # of a picture
    look_ups: Unit  # of a picture, in a list of ten million
    clip: Unit  # a picture and its text
    shard: Unit  # a kept pair
    small: Unit  # a row of the demo's kind, from its request to its shard

    def all(self) -> list[Unit]:
        """In the order of a crawl."""
        return [
            self.extract, self.plan, self.wire, self.tls, self.picture, self.hashes, self.look_ups, self.clip, self.shard, self.small,
        ]  # fmt: skip


def units(kept: Iterable[dict[str, Any]], points: Sequence[Point], measured: Measured, assumed: Assumptions) -> Units:
    """What the newest measurements say."""
    contests = _Contests(newest(kept))
    wire = contests.difference(
        ("download", f"http, {_SMALL}", "pairtrawl"), ("picture", f"{_SMALL}, border of 256", "sandbox")
    )
    tls = contests.difference(
        ("download", f"https, {_SMALL}", "pairtrawl"), ("download", f"http, {_SMALL}", "pairtrawl")
    )
    picture = contests.cost("picture", f"{_MIDDLE}, shorter side 256", "sandbox")
    hashes = contests.total("hashes", (f"PDQ, {_MIDDLE}", f"pHash, {_MIDDLE}"))
    look_up = contests.cost("lookups", "PDQ like real ones, 10,000,000", "16 forms")
    whole = measured.fetch_cpu_seconds_per_picture - measured.fetch_cpu_seconds_per_failure
    return Units(
        extract=_unit("read and extract WAT", "MB", contests.packed("wat", "candidate table"),
                      measured.extract_cpu_seconds_per_megabyte, _MEASURED),
        plan=_plan(points, measured),
        wire=_unit("fetch, http", "request", wire, measured.fetch_cpu_seconds_per_failure,
                   f"{_MEASURED}: a row whose answer is no picture"),
        tls=_unit("https on top", "request", tls, float(assumed.tls_cpu_seconds), Assumptions().tls_cpu_seconds.source),  # type: ignore[attr-defined]  # an `Assumed`
        picture=_unit("decode, resize, encode", "picture", picture, whole, f"{_MEASURED}: hashes and writing are in it"),
        hashes=_unit("hashes", "picture", hashes, *((0.0, "in the line above") if picture is None else _HASHES)),
        look_ups=_unit("removal lists of 10 million", "picture", look_up and (look_up[0] * _FORMS, f"{look_up[1]}, {_FORMS} forms"),
                       0.83e-3 * _FORMS, f"decision 0016, {_FORMS} forms"),
        clip=_unit("CLIP ViT-B/32 on CPU", "picture", contests.cost("clip", "ViT-B-32, CPU", "pairtrawl"),
                   _CLIP_OPERATIONS / _CORE_OPERATIONS + measured.score_cpu_seconds_per_picture,
                   f"calculated: 14.8 billion operations at 70 billion a second and core; {_MEASURED} for the rest"),
        shard=_unit("shard", "pair", contests.cost("shards", "30 KB", "whole shard"), 0.17e-3,
                    "performance.md, section 11: no more than webdataset's writer"),
        small=_small_row(points),
    )  # fmt: skip


def whole_crawls(kept: Iterable[dict[str, Any]]) -> list[Unit]:
    """What a kept pair costs in each whole crawl of the contests."""
    contests = _Contests(newest(kept))
    found = ((case, contests.cost("whole", case, "pairtrawl")) for case in contests.cases("whole"))
    return [Unit(case, "pair", *cost) for case, cost in found if cost]


def _small_row(points: Sequence[Point]) -> Unit:
    """What a row of small pictures costs more than none: of two sizes, without what starting costs."""
    found = sorted((one for one in points if one.stage == "pictures"), key=lambda one: one.rows)
    seconds = 0.0
    if len(found) > 1:
        seconds = (found[-1].cpu - found[0].cpu) / (found[-1].rows - found[0].rows)
    elif found:
        seconds = found[0].cpu / found[0].rows
    return Unit("fetch, decode, score, write, small pictures", "row", seconds, "benchmarks/growth.json")


def _unit(stage: str, piece: str, found: tuple[float, str] | None, otherwise: float, source: str) -> Unit:
    return Unit(stage, piece, *found) if found else Unit(stage, piece, otherwise, source)


def _plan(points: Sequence[Point], measured: Measured) -> Unit:
    largest = max((one for one in points if one.stage == "plan"), key=lambda one: one.rows, default=None)
    if largest is None:
        return Unit("plan", "million candidates", measured.plan_cpu_seconds_per_million_rows, _MEASURED)
    seconds = largest.cpu / largest.rows * 1e6
    return Unit("plan", "million candidates", seconds, f"benchmarks/growth.json, {largest.rows:,} candidates")


class _Contests:
    """The newest results, asked by parts of names; None where one was not kept."""

    def __init__(self, results: Mapping[tuple[str, str], dict[str, Any]]) -> None:
        self._results = results

    def cost(self, stage: str, case: str, side: str) -> tuple[float, str] | None:
        """CPU seconds of a unit, without what starting costs, and where it stands."""
        found = self._side(stage, case, side)
        return found and (_seconds(found[1]), _where(found[0]))

    def cases(self, stage: str) -> list[str]:
        """Names of a stage's contests."""
        return [case for of, case in self._results if of == stage]

    def difference(self, one: tuple[str, str, str], less: tuple[str, str, str]) -> tuple[float, str] | None:
        """What a contest costs more than another."""
        first, second = self.cost(*one), self.cost(*less)
        if first is None or second is None:
            return None
        return max(0.0, first[0] - second[0]), f"{first[1]}, less {second[1]}"

    def total(self, stage: str, cases: Sequence[str]) -> tuple[float, str] | None:
        """Of our sides of several contests."""
        found = [self.cost(stage, case, "pairtrawl") for case in cases]
        known = [one for one in found if one is not None]
        return (
            (sum(one[0] for one in known), " and ".join(one[1] for one in known)) if len(known) == len(cases) else None
        )

    def packed(self, stage: str, side: str) -> tuple[float, str] | None:
        """CPU seconds of a compressed megabyte, of a contest whose unit is the unpacked one."""
        for case in ("real-pages", "common-crawl-form", "demo"):
            if found := self._side(stage, case, side):
                result, one = found
                ratio = result["inputs"]["bytes unpacked"] / result["inputs"]["bytes"]
                return _seconds(one) * ratio, _where(result)
        return None

    def _side(self, stage: str, case: str, side: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """The contest of this very name, or the first that begins with it, or has it in it; and our side in it."""
        of = {name.lower(): result for (its, name), result in self._results.items() if its == stage}
        named = case.lower()
        ranks = {name: (name != named, not name.startswith(named), name) for name in of if named in name}
        for name in sorted(ranks, key=lambda one: ranks[one]):
            for one in of[name]["sides"]:
                if one["role"] == "ours" and side in one["name"]:
                    return of[name], one
        return None


def _seconds(side: Mapping[str, Any]) -> float:
    start = statistics.median(side["start_cpu"]) if side["start_cpu"] else 0.0
    each: float = statistics.median(
        (cpu - start) / units for cpu, units in zip(side["cpu"], side["units"], strict=True)
    )
    return each


def _where(result: Mapping[str, Any]) -> str:
    return f"contest {result['stage']}, {result['case']}, {result['when'][:10]}"
