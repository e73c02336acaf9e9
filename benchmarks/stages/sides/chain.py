"""The chain that our crawl stands beside: cc2dataset, img2dataset and clip-retrieval, one after the other.

    python chain.py '{"archives": [...], "output": ..., "cc2dataset": PYTHON, "img2dataset": PYTHON, ...}'

Each runs in its own environment and as its users run it; what is between them is a table or a folder of shards. Without
"clip" the chain ends with the shards. Nothing but the standard library is used here.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent


def main(asked: dict[str, Any]) -> None:
    """Run the chain to its end."""
    output = Path(asked["output"])
    output.mkdir(parents=True)
    links, shards = output / "links.parquet", output / "shards"
    _run([asked["cc2dataset"], str(_HERE / "chain_cc2dataset.py"), str(links), *asked["archives"]])
    options = {
        "url_list": links, "input_format": "parquet", "url_col": "url", "caption_col": "alt", "output_format": "webdataset",
        "output_folder": shards, "image_size": 256, "resize_mode": "border", "encode_quality": 95, "compute_hash": "sha256",
        "number_sample_per_shard": 10000, "processes_count": 1, "thread_count": 256, "timeout": 10, "retries": 0,
        "enable_wandb": False,
    }  # fmt: skip
    _run([asked["img2dataset"], "-m", "img2dataset.main", *(f"--{name}={value}" for name, value in options.items())])
    if "clip" in asked:
        _score(asked, output, shards)


def _score(asked: dict[str, Any], output: Path, shards: Path) -> None:
    """Vectors of all pairs, and which of them are similar enough."""
    clip, pairs = asked["clip"], sum(json.loads(one.read_bytes())["successes"] for one in shards.glob("*_stats.json"))
    last = max(int(one.stem) for one in shards.glob("*.tar"))
    words = [
        "inference", "--input_dataset", f"{shards}/{{00000..{last:05d}}}.tar", "--output_folder", str(output / "vectors"),
        "--input_format", "webdataset", "--clip_model", clip["model"], "--batch_size", "64", "--num_prepro_workers", "0",
        "--enable_metadata", "True", "--wds_number_file_per_input_file", str(pairs),
    ]  # fmt: skip
    python = asked["clip-retrieval"]
    _run([python, clip["script"], str(output / "clock.json"), clip["config"], *words])
    _run([python, str(_HERE / "chain_similar.py"), str(output / "vectors"), str(clip["threshold"])])


def _run(words: Sequence[str]) -> None:
    subprocess.run(words, check=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
