"""The floor: as many operations as the model's answer takes, in products of large matrices and nothing else."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import torch

from benchmarks.contest.machine import installed
from benchmarks.score_shard import pictures_of
from filters.models.choice import choose
from filters.models.engine import preparation_for
from filters.models.open_clip_border import load_model

_SIDE = 1024


class Side:
    """How often two matrices must be multiplied for it."""

    def __init__(self, asked: dict[str, Any]) -> None:
        torch.set_num_threads(1)
        self._pairs, self._flops = asked["pairs"], operations(asked)
        self._one, self._other = torch.randn(_SIDE, _SIDE), torch.randn(_SIDE, _SIDE)
        self._out = torch.empty(_SIDE, _SIDE)
        self.versions = installed("torch")

    def once(self) -> dict[str, Any]:
        """All of them."""
        for _ in range(round(self._flops / (2 * _SIDE**3))):
            torch.mm(self._one, self._other, out=self._out)
        return {"units": self._pairs, "GFLOP a pair": self._flops / self._pairs / 1e9}

    def save(self, _path: str) -> None:
        """Nothing: it finds nothing."""


def operations(asked: dict[str, Any]) -> float:
    """Floating-point operations for all pairs: open_clip's own for a picture, and for a caption up to its own last token."""
    from torch.utils.flop_counter import FlopCounterMode

    model_name, pretrained = asked["ours"]
    choice = choose(model_name, pretrained, Path())
    preparation, model = preparation_for(choice), load_model(choice, "float32", "cpu")
    tokens = [preparation.tokenizer(one.fetched.candidate.caption.text) for one in pictures_of(Path(asked["shard"]))]
    size = (1, 3, preparation.preprocessing.height, preparation.preprocessing.width)
    torch.backends.mha.set_fastpath_enabled(False)  # it has an operator of its own, which torch does not count
    with torch.inference_mode():
        with FlopCounterMode(display=False) as of_picture:
            model.encode_image(torch.zeros(size))
        with FlopCounterMode(display=False) as of_caption:
            model.encode_text(torch.zeros((1, len(tokens[0])), dtype=torch.int64))
    used = sum(int(one.argmax()) + 1 for one in tokens) / len(tokens[0])
    return float(of_picture.get_total_flops() * len(tokens) + of_caption.get_total_flops() * used)


prepare = Side
