"""Archives in, shards out: our crawl in one pass beside cc2dataset, img2dataset and clip-retrieval in a chain.

Same archives, same web on loopback, same options: a border of 256 pixels, JPEG of quality 95, SHA-256, no second try, one
core; without CLIP, and with the same model on both sides and a threshold that all pairs pass. Our limits of what one host is
asked are opened, for img2dataset has none; robots.txt and tdmrep.json are asked for and obeyed by us alone.
"""

from __future__ import annotations

import json
import re
import tarfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.contest.contest import Check, Contest, Goal, Measure, Role
from benchmarks.contest.inputs import Inputs
from benchmarks.contest.sides import Command, Loop
from benchmarks.scoring import EMBEDDED
from benchmarks.stages.whole_programs import CHAIN, CHAIN_WITH_CLIP, FLOOR, OURS, CrawlCase, Programs
from crawler.captions import clean
from crawler.urls import normalise

#: what would lift a goal that is missed
_OF_DECODING = (
    "Over http both sides spend most of their time in the decoders of JPEG and PNG, and the least that any way must do, of which most is "
    "libjpeg-turbo, is 3.5 times the chain. Fewer pixels decoded, or a decoder on a GPU, would lift it."
)
_OF_TLS = (
    "What is left is TLS and decoding, both in native libraries: longer connections to a host, and the picture stage."
)
_OF_A_MODEL = (
    "Both sides multiply the same matrices with the same library: with a model of this size the rest of the crawl hardly counts. Fewer "
    "operations (a smaller picture tower, bfloat16 on a core that has it) or a GPU would lift it."
)
_CASES = (
    CrawlCase("photographs over http", 1_000, lift=_OF_DECODING),
    CrawlCase("photographs over https", 400, "https", lift=_OF_TLS),
    CrawlCase("the corpus over http", 0, lift=_OF_DECODING),
    CrawlCase("with a small CLIP, https", 400, "https", EMBEDDED, 2, lift=_OF_TLS),
    CrawlCase("with CLIP ViT-B-32, https", 100, "https", "ViT-B-32", 2, lift=_OF_A_MODEL),
)


def contests(inputs: Inputs) -> list[Contest]:
    """Whole crawls by what is on the other side, without CLIP and with it."""
    cases = [one for one in _CASES if one.pairs or inputs.corpus]
    if inputs.quick:
        return [_contest(cases[0], inputs)]
    return [*(_contest(case, inputs) for case in cases), _memory(inputs)]


def _memory(inputs: Inputs) -> Contest:
    """The same crawl of ten times as many archives' worth of pairs: its peak must stay where it was."""
    few, many = (CrawlCase(f"{pairs:,} pairs", pairs, rows=600) for pairs in (600, 6_000))
    work = inputs.folder("whole")
    sides = [(Role.OURS, replace(Programs(one, inputs, work).ours(), name=one.name)) for one in (few, many)]
    goal = Goal("peak of memory at ten times the pairs", few.name, at_most=1.25, measure=Measure.PEAK, ours=many.name)
    told = {"pairs": "600 and 6,000", "rows of a shard": 600, "model": "none"}
    return Contest("whole", "memory, ours alone", "pair", told, sides, [goal], rounds=1, profile=False)


def _contest(case: CrawlCase, inputs: Inputs) -> Contest:
    programs = Programs(case, inputs, inputs.folder("whole"))
    told = {
        "pairs": case.pairs or "those of one WAT file", "downloads at once": 256, "rows of a shard": 10_000,
        "pictures": "23 to 650 KB, half of them 23 KB" if case.pairs else "the corpus's, most of them small PNG",
        "model": f"{case.model}, {'its own' if case.model == EMBEDDED else 'random'} weights, float32" if case.model else "none",
    }  # fmt: skip
    chain = programs.chain()
    words = "pairs a CPU second, over the chain's"
    goals = [
        Goal(f"{words}, without the start of both", chain.name, case.at_least, measure=Measure.NET_CPU, lift=case.lift),
        Goal(f"{words}, with the start of both", chain.name, case.at_least, lift=case.lift),
    ]
    sides: list[tuple[Role, Loop | Command]] = [(Role.OURS, programs.ours()), (Role.PEER, chain)]
    if case.pairs and not case.model:
        sides.append((Role.FLOOR, programs.floor()))
        goals.append(
            Goal(
                "ours over the least, without the start of both",
                FLOOR,
                at_most=2,
                measure=Measure.NET_CPU,
                lift=case.lift,
            )
        )
    return Contest(
        "whole", case.name, "pair", told, sides, goals, partial(_check, bool(case.model)), rounds=3, profile=False
    )


def _check(scored: bool, work: Path) -> list[Check]:
    """Whether what the chain ends with is among what we end with."""
    ours, theirs = _our_pairs(work / OURS), _chain_pairs(work / (CHAIN_WITH_CLIP if scored else CHAIN))
    missing = theirs - ours
    said = f"{len(theirs):,}; {len(theirs & ours):,}; {len(ours - theirs):,}"
    parts = _stage_costs(work / OURS)
    return [
        Check("pairs of the chain; of them ours; more of ours", said, not missing and bool(theirs)),
        Check("our CPU by stage", ", ".join(f"{name} {share:.1%}" for name, share in parts), good=True),
    ]


def _our_pairs(output: Path) -> set[tuple[str, str]]:
    rows = [row for path in (output / "shards").glob("*.parquet")
            for row in pq.read_table(path, columns=["url", "caption", "status"]).to_pylist()]  # fmt: skip
    return {(_spelled(row["url"]), row["caption"]) for row in rows if row["status"] == "success"}


def _chain_pairs(output: Path) -> set[tuple[str, str]]:
    """Addresses and texts in our spelling."""
    found = set()
    for path in (output / "shards").glob("*.tar"):
        with tarfile.open(path) as tar:
            for member in tar:
                file = tar.extractfile(member)
                assert file is not None
                if member.name.endswith(".json"):
                    row = json.loads(file.read())
                    found.add((_spelled(normalise(row["url"])), clean(row["caption"])))
    return found


def _spelled(url: str) -> str:
    """cc2dataset writes `a//b` as `a/b`, for Python's urljoin does."""
    return re.sub("(?<!:)//+", "/", url)


def _stage_costs(output: Path) -> list[tuple[str, float]]:
    """Shares of the CPU that our jobs told of, the largest first."""
    markers = [*(output / "candidates").glob("*.json"), *(output / "shards").glob("*_stats.json")]
    sums: dict[str, float] = {}
    for path in markers:
        told = json.loads(path.read_bytes())
        for one in told.get("report", told)["spent"]:
            name = f"{one['stage']} {one['what']}".strip()
            sums[name] = sums.get(name, 0.0) + one["cpu_seconds"]
    whole = sum(sums.values())
    return sorted(((name, seconds / whole) for name, seconds in sums.items()), key=lambda one: -one[1])
