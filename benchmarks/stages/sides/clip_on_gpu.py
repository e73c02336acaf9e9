"""The model alone on a GPU, its input made beforehand; or as many operations in products of large matrices there."""

from __future__ import annotations

import sys
from itertools import islice
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import numpy as np
import torch

from benchmarks.contest.machine import installed
from benchmarks.filter_cases.on_gpu import flops_of_pair, wait_for
from benchmarks.score_shard import pictures_of
from filters.models.choice import engine_of


class Side:
    """A batch for the engine, and a way: "embed", or "multiply"."""

    def __init__(self, asked: dict[str, Any]) -> None:
        model, pretrained = asked["ours"]
        self._device, self._batch = asked["device"], asked["batch"]
        self._engine = engine_of(
            model=model, pretrained=pretrained, precision=asked["precision"], device=self._device,
            batch_size=self._batch, folder=Path(),
        )  # fmt: skip
        pictures = islice(pictures_of(Path(asked["shard"])), self._batch)
        prepared = [self._engine.prepare(one.pixels, one.fetched.candidate.caption.text) for one in pictures]
        places = np.arange(self._batch) % len(prepared)
        self._images = np.stack([prepared[place].image for place in places])
        self._tokens = np.stack([prepared[place].tokens for place in places])
        self._engine.embed(self._images, self._tokens)  # the first time loads the model, and computes more
        self._flops = self._batch * flops_of_pair(self._engine, self._images, self._tokens)
        self._matrix = torch.randn(
            asked["side"], asked["side"], device=self._device, dtype=getattr(torch, asked["precision"])
        )
        self._way = getattr(self, "_" + asked["way"])
        self.versions = installed("torch") | {
            "device": torch.cuda.get_device_name() if self._device == "cuda" else self._device
        }

    def once(self) -> dict[str, Any]:
        """One batch."""
        self._way()
        wait_for(self._device)
        return {"units": self._batch, "GFLOP a pair": self._flops / self._batch / 1e9}

    def _embed(self) -> None:
        self._engine.embed(self._images, self._tokens)

    def _multiply(self) -> None:
        for _ in range(round(self._flops / (2 * len(self._matrix) ** 3))):
            torch.mm(self._matrix, self._matrix)


prepare = Side
