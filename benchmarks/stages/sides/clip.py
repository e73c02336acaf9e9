"""Our side: a shard of JPEGs and captions in, vectors and what they belong to out, as a crawl makes them."""

from __future__ import annotations

import sys
from itertools import islice
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from benchmarks.contest.machine import installed
from benchmarks.score_shard import pictures_of
from filters.embedding import embed_pictures
from filters.models.choice import engine_of


class Side:
    """The engine, its model loaded."""

    def __init__(self, asked: dict[str, Any]) -> None:
        torch.set_num_threads(1)
        model, pretrained = asked["ours"]
        self._shard, self._folder, self._batch = Path(asked["shard"]), Path(asked["folder"]), asked["batch"]
        self._engine = engine_of(
            model=model, pretrained=pretrained, device="cpu", batch_size=self._batch, folder=Path()
        )
        self._engine.embed_texts(["a first one loads the model"])
        self._folder.mkdir(parents=True, exist_ok=True)
        self._images = self._texts = np.empty((0, 0), np.float32)
        self.versions = installed("pairtrawl", "torch", "open-clip-torch")

    def once(self) -> dict[str, Any]:
        """The whole shard."""
        pictures = pictures_of(self._shard)
        found, captions = [], []
        while batch := list(islice(pictures, self._batch)):
            found += embed_pictures(self._engine, batch)
            captions += [picture.fetched.candidate.caption.text for picture in batch]
        self._images = np.stack([one.image for one in found])
        self._texts = np.stack([one.text for one in found])
        np.save(self._folder / "img_emb_0.npy", self._images.astype(np.float16))
        np.save(self._folder / "text_emb_0.npy", self._texts.astype(np.float16))
        pq.write_table(pa.table({"caption": captions}), self._folder / "metadata_0.parquet")
        return {"units": len(found)}

    def save(self, path: str) -> None:
        """The vectors, before they were rounded."""
        with Path(path).open("wb") as file:
            np.savez(file, image=self._images, text=self._texts)


prepare = Side
