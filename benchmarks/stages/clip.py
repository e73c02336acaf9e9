"""Pairs to vectors with one model and one shard: ours, clip-retrieval's own reader, mapper and writer, and bare arithmetic."""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from benchmarks.contest.contest import Check, Contest, Goal, Measure, Role
from benchmarks.contest.inputs import Inputs
from benchmarks.contest.peers import peer_python
from benchmarks.contest.sides import ROOT, Loop
from benchmarks.corpus_pairs import Pair, pairs_of, unpacked_web
from benchmarks.scoring import EMBEDDED, PEER, prepare_weights, write_shard

_SIDES = Path(__file__).with_name("sides")
_DEMO = ROOT / "workers" / "demo" / "data"
_OURS, _PEER, _FLOOR = "pairtrawl", "clip-retrieval", "the model's arithmetic at the peak of the core"
#: as clip-retrieval is told, too
_BATCH = 64
#: verdicts are compared at the demo's threshold, and with random weights at the median, where most could differ
_THRESHOLD = 0.40
#: of unit vectors in float32, and of the similarities that come of them
_SAME = 1e-5
_LIFT = (
    "Both sides multiply by the same library, and ours is at nine tenths of its peak: what would lift it is shorter numbers, on a core "
    "with bfloat16 or int8 products, or a GPU"
)
_LIFT_SMALL = (
    "The model is two fifths of our time, and at its peak; a third is libjpeg and Pillow's resizing, the same on both sides. What would "
    "lift it is another resizing, whose pixels would not be those of open_clip, or a decoder that does not look whether a file is whole"
)
#: of ViT-L/14, which the card of the goal names: a batch that fills a GPU, and a product that gives its best
_ON_GPU = {"device": "cuda", "precision": "bfloat16", "batch": 512, "side": 8192}
_EMOJI = ("en", "de", "fr", "ru", "ja", "zh", "hi", "bn")


_GPU = Goal(
    "wall time of the model over its arithmetic at the peak of the card, 70 % of it",
    "the model's arithmetic at the peak of the card", at_most=round(1 / 0.7, 2), measure=Measure.WALL,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Case:
    """A model and how much it is given to do."""

    model: str
    pairs: int
    rounds: int
    goals: tuple[Goal, ...] = ()


def contests(inputs: Inputs) -> list[Contest]:
    """One contest for each model: the one that comes along, and two architectures with random weights; one on a GPU."""
    folder = inputs.folder("clip")
    if inputs.quick:
        return [_contest(_Case(EMBEDDED, 128, 3), inputs, folder)]
    found = [_contest(case, inputs, folder) for case in (_Case(EMBEDDED, 512, 5), _Case("ViT-B-32", 64, 3))]
    if torch.cuda.is_available():
        return [*found, _contest(_Case("ViT-L-14", 8, 2), inputs, folder), _on_gpu(inputs, folder)]
    return [
        *found,
        _contest(_Case("ViT-L-14", 8, 2, (replace(_GPU, left_out="torch sees no GPU here"),)), inputs, folder),
    ]


def _contest(case: _Case, inputs: Inputs, work: Path) -> Contest:
    chosen, source = _pairs(case, inputs, work)
    weights = prepare_weights(case.model, work)
    shard = write_shard(work / f"{case.model}.tar", chosen)
    asked = {
        "shard": str(shard), "ours": list(weights.ours), "batch": _BATCH, "pairs": len(chosen), "peer": weights.peer,
        "config": weights.config,
    }  # fmt: skip

    def side(name: str, file: str, python: Path = Path(sys.executable)) -> Loop:
        return Loop(name, _SIDES / file, asked | {"folder": str(work / f"{case.model}-{name}")}, python)

    return Contest(
        "clip", f"{case.model}, CPU", "pair",
        {
            "pairs": len(chosen), "from": source, "pictures": "JPEG", "batch": _BATCH, "numbers": "float32",
            "weights": "its own" if case.model == EMBEDDED else "random",
        },
        [
            (Role.OURS, side(_OURS, "clip.py")),
            (Role.PEER, side(_PEER, "clip_retrieval.py", peer_python("clip-retrieval", PEER))),
            (Role.FLOOR, side(_FLOOR, "clip_arithmetic.py")),
        ],
        [Goal("CPU of clip-retrieval over ours", _PEER, at_least=1.5, lift=_LIFT_SMALL if case.model == EMBEDDED else _LIFT), *case.goals],
        check=partial(_check, model=case.model), saved=True, rounds=case.rounds,
    )  # fmt: skip


def _on_gpu(inputs: Inputs, work: Path) -> Contest:
    """The model alone: what prepares its input needs many cores beside one such card, and is measured on the CPU."""
    chosen, source = _pairs(_Case("ViT-L-14", 128, 5), inputs, work)
    weights, shard = prepare_weights("ViT-L-14", work), write_shard(work / "gpu.tar", chosen)
    asked = _ON_GPU | {"shard": str(shard), "ours": list(weights.ours)}
    sides = [
        (role, Loop(name, _SIDES / "clip_on_gpu.py", asked | {"way": way}))
        for role, name, way in ((Role.OURS, _OURS, "embed"), (Role.FLOOR, _GPU.beside, "multiply"))
    ]
    facts = {"pairs": _ON_GPU["batch"], "from": source, "numbers": _ON_GPU["precision"], "weights": "random"}
    return Contest("clip", "ViT-L-14, GPU", "pair", facts, sides, [_GPU], rounds=5)


def _check(work: Path, model: str) -> list[Check]:
    """Whether both sides found the same vectors, similarities and verdicts."""
    ours, theirs = np.load(work / f"{_OURS}.found"), np.load(work / f"{_PEER}.found")
    apart = [1 - (ours[name].astype(np.float64) * theirs[name]).sum(axis=1) for name in ("image", "text")]
    similar, their_similar = ((side["image"].astype(np.float64) * side["text"]).sum(axis=1) for side in (ours, theirs))
    threshold = _THRESHOLD if model == EMBEDDED else float(np.median(their_similar))
    differ = np.abs(similar - their_similar)
    same = int(((similar >= threshold) == (their_similar >= threshold)).sum())
    return [
        Check("1 - cosine of both sides' vectors, pictures and captions, largest and mean",
              ", ".join(f"{one.max():.1e} and {abs(one.mean()):.1e}" for one in apart),
              all(one.max() < _SAME for one in apart)),
        Check("difference of the similarities, largest and mean", f"{differ.max():.1e} and {differ.mean():.1e}",
              bool(differ.max() < _SAME)),
        Check(f"verdicts that are the same at {threshold:.2f}", f"{same:,} of {len(similar):,}", same == len(similar)),
    ]  # fmt: skip


def _pairs(case: _Case, inputs: Inputs, folder: Path) -> tuple[list[Pair], str]:
    """As many pairs as the case asks for, or there are, evenly from all; and what they are."""
    if not inputs.corpus:
        found, source = list(_demo_pairs(folder)), "the demo's pictures and captions"
    elif case.model == EMBEDDED:  # which knows emoji alone: elsewhere its verdicts mean nothing
        hosts = [f"emoji-{language}.test" for language in _EMOJI] + ["mixup-en.test", "mixup-de.test"]
        found = pairs_of(unpacked_web(folder, inputs.corpus), *hosts)
        source = "the corpus's emoji, 8 languages, a fifth with the caption of another"
    else:
        found, source = pairs_of(unpacked_web(folder, inputs.corpus)), "all of the offline web, 16 languages"
    count = min(case.pairs, len(found))
    return [found[len(found) * number // count] for number in range(count)], source


def _demo_pairs(folder: Path) -> Iterator[Pair]:
    with zipfile.ZipFile(_DEMO / "web.zip") as web:
        for line in (_DEMO / "truth.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if row["outcome"] == "kept" and (name := row["url"].partition("://")[2]) in web.namelist():
                yield Pair("", row["url"], Path(web.extract(name, folder / "demo")), row["text"], row["match"])
