"""clip-retrieval's own runner with its reader, mapper and writer, in its own environment: its model is loaded once."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from benchmarks.clip_retrieval_peer import inferring  # isort: skip # it mends what keeps the rest from being imported

import numpy as np
import open_clip
import torch
from all_clip import load_clip  # type: ignore[import-not-found] # the peer's
from clip_retrieval.clip_inference.mapper import ClipMapper  # type: ignore[import-not-found] # the peer's
from clip_retrieval.clip_inference.reader import WebdatasetReader  # type: ignore[import-not-found] # the peer's
from clip_retrieval.clip_inference.runner import Runner, Sampler  # type: ignore[import-not-found] # the peer's
from clip_retrieval.clip_inference.writer import NumpyWriter  # type: ignore[import-not-found] # the peer's

_PARTS = {"enable_image": True, "enable_text": True, "enable_metadata": False}


class _Silent:
    """In place of its logger, which would start two processes."""

    def start(self) -> None:
        """Nothing."""

    def end(self) -> None:
        """Nothing."""

    def __call__(self, stats: dict[str, Any]) -> None:
        """Nothing."""


class Side:
    """Its mapper, with the model in it."""

    def __init__(self, asked: dict[str, Any]) -> None:
        torch.set_num_threads(1)
        if asked["config"]:
            open_clip.add_model_config(Path(asked["config"]))
        open_clip.create_model_and_transforms = inferring(open_clip.create_model_and_transforms)
        self._shard, self._folder, self._batch = asked["shard"], asked["folder"], asked["batch"]
        told = {"clip_model": asked["peer"], "use_jit": False, "warmup_batch_size": 1}
        self._mapper = ClipMapper(**_PARTS, **told, use_mclip=False, mclip_model="")
        _, self._preprocess, self._tokenizer = load_clip(**told)
        self._seen: dict[str, list[torch.Tensor]] = {"image": [], "text": []}
        self._mapper.model_img = self._remembering("image", self._mapper.model_img)
        self._mapper.model_txt = self._remembering("text", self._mapper.model_txt)
        packages = ("clip-retrieval", "torch", "open-clip-torch", "numpy", "pillow")
        self.versions = {name: version(name) for name in packages}

    def _remembering(self, name: str, encode: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Its features are made unit vectors where they lie, and only then rounded."""

        def encoded(batch: torch.Tensor) -> torch.Tensor:
            features = encode(batch)
            self._seen[name].append(features)
            return features

        return encoded

    def before(self) -> None:
        """Forget the last round."""
        for one in self._seen.values():
            one.clear()

    def once(self) -> dict[str, Any]:
        """The whole shard, read in this process."""
        Runner(self._reader, lambda: self._mapper, self._writer, lambda _partition: _Silent(), 1)(0)
        return {"units": sum(len(one) for one in self._seen["image"])}

    def _reader(self, sampler: Sampler) -> WebdatasetReader:
        given = (sampler, self._preprocess, self._tokenizer, [self._shard], self._batch, 0)
        return WebdatasetReader(*given, **_PARTS)

    def _writer(self, partition: int) -> NumpyWriter:
        return NumpyWriter(partition, self._folder, **_PARTS, output_partition_count=1)

    def save(self, path: str) -> None:
        """The vectors, before they were rounded."""
        with Path(path).open("wb") as file:
            np.savez(file, **{name: torch.cat(one).numpy() for name, one in self._seen.items()})


prepare = Side
