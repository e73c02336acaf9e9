"""What it changes to show models the picture as it is published instead of as it was received.

    python benchmarks/published_scores.py [--corpus ../shared/corpus] [--model local-dir:FOLDER]

For the pairs of the shared corpus: similarity from the pixels as received and from those of the encoded picture, how
many verdicts differ at a threshold, how well each parts true from false pairs, and what a decoder thread spends on
either. Then the same for a score job: the sandbox's way of reading a picture again.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
from corpus_pairs import on_white, pairs_of, unpacked_web
from scipy.stats import rankdata, spearmanr

from crawler.job.looking import as_published
from crawler.picture.decode import decode_body
from crawler.picture.encode import encode
from crawler.picture.sandbox import open_sandboxes
from crawler.records import Candidate, Caption, Fetched, Hashes, Header, ImageSource, Picture, TextSource
from crawler.settings import Recipe
from filters.models.choice import EMBEDDED, engine_of

#: whose pictures the small model knows; its threshold is the demo's
HOSTS = ("emoji-en.test", "mixup-en.test")
THRESHOLD = 0.40


def a_picture(file: Path, text: str) -> Picture:
    """A corpus picture with its caption, as a decoder gives it."""
    caption = Caption(TextSource.ALT, text)
    candidate = Candidate("http://a.test/", ImageSource.IMG_SRC, caption, (), "", "", 0, 0, "", "", (), "", text, "")
    pixels = on_white(file)
    fetched = Fetched(candidate, b"", "http://a.test/", "", (), 0)
    return Picture(fetched, Header(*pixels.size, "PNG", 1), Hashes("", "", "", 0, 0, 0), pixels)


def auc(scores: np.ndarray, match: np.ndarray) -> float:
    """Area under the curve: how often a true pair has more than a false one."""
    ranks = rankdata(scores)
    good = int(match.sum())
    return float((ranks[match].sum() - good * (good + 1) / 2) / (good * (len(match) - good)))


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=Path("../shared/corpus"))
    parser.add_argument("--model", default=EMBEDDED)
    asked = parser.parse_args()
    print(f"Python {platform.python_version()}, Pillow {version('pillow')}, {os.cpu_count()} cores")
    recipe = Recipe()
    engine = engine_of(
        model=asked.model, pretrained="", precision="float32", device="cpu", batch_size=64, folder=Path()
    )
    with tempfile.TemporaryDirectory() as work, open_sandboxes(as_published(recipe), 1) as (sandbox,):
        pairs = pairs_of(unpacked_web(Path(work), asked.corpus), *HOSTS)
        spent = dict.fromkeys(("as received", "as published", "from a raw shard"), 0.0)
        prepared: dict[str, list] = {name: [] for name in spent}
        for pair in pairs:
            picture = a_picture(pair.file, pair.text)
            encoded = encode(picture, recipe.output)
            for name, pixels_of in (
                ("as received", lambda: picture.pixels),  # noqa: B023 - called at once
                ("as published", lambda: decode_body(encoded.image, as_published(recipe)).pixels),  # noqa: B023
                ("from a raw shard", lambda: sandbox.draw(encoded.image)[1]),  # noqa: B023
            ):
                began = time.thread_time()
                prepared[name].append(engine.prepare(pixels_of(), pair.text))
                spent[name] += time.thread_time() - began
        scores = {}
        for name in spent:
            sims = []
            for first in range(0, len(pairs), 64):
                some = prepared[name][first : first + 64]
                images, texts = engine.embed(
                    np.stack([one.image for one in some]), np.stack([one.tokens for one in some])
                )
                sims.append((images * texts).sum(axis=1))
            scores[name] = np.concatenate(sims)
    match = np.array([pair.match for pair in pairs])
    before = scores["as received"]
    print(f"{len(pairs):,} pairs, {engine.provenance}")
    for name, found in scores.items():
        differ = int(((found >= THRESHOLD) != (before >= THRESHOLD)).sum())
        print(
            f"{name:18} {1000 * spent[name] / len(pairs):6.2f} ms a picture   AUC {auc(found, match):.4f}   "
            f"rank correlation {spearmanr(before, found).statistic:.5f}   mean difference {np.abs(found - before).mean():.5f}   "
            f"verdicts at {THRESHOLD} that differ {differ}"
        )
    assert np.array_equal(scores["as published"], scores["from a raw shard"])


if __name__ == "__main__":
    main()
