"""The stability audit on the shared corpus: which verdicts flip under changes that should not matter, and how near a line."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.corpus_pairs import pairs_of, unpacked_web
from benchmarks.figures import Figures, title
from benchmarks.small_crawl import SmallWeb, pairtrawl, write_recipe

HOSTS = ("emoji-en.test", "mixup-en.test", "emoji-de.test", "mixup-de.test")
SAMPLE, SAMPLE_AT_LINE = 200, 300
RECIPE = """
[[filters]]
use = "candidates.text_length"
[[filters]]
use = "candidates.language"
languages = ["en", "de"]
unknown = "keep"
[[filters]]
use = "bodies.min_bytes"
body_bytes = 400
[[filters]]
use = "pictures.min_side"
pixels = 32
[[filters]]
use = "pictures.near_uniform"
[[filters]]
use = "pictures.clip_similarity"
model = "pairtrawl-tiny"
threshold = 0.40
"""
#: a line in the thick of the scores of matching pairs, where there is something to flip
AT_LINE = """
[[filters]]
use = "pictures.clip_similarity"
model = "pairtrawl-tiny"
threshold = 0.70
"""
#: filters that measure what a change leaves as it is
EXACT = ("candidates.text_length", "pictures.near_uniform")
#: of verdicts of the embedded model, under any one change; at most
_MOST_FLIPS = 0.05


def prove_stability(work: Path, corpus: Path, figures: Figures) -> None:
    """Audit a recipe on raw shards of the corpus: flips by filter and change, and that they lie at the line."""
    title("stability")
    run, recipe = fetched(work, corpus)
    began = time.monotonic()
    report = audited(run, recipe, SAMPLE, "--mirrored")
    seconds = time.monotonic() - began
    figures.add("stability: pairs, changes", f"{report['pairs']} of raw shards, {len(report['changes'])}, in {seconds:.0f} s",
                good=report["source"] == "raw shards")  # fmt: skip
    mattering = {one["name"] for one in report["changes"] if one["may_matter"]}
    for one in report["filters"]:
        show_filter(figures, one, mattering)
    show_near(figures, audited(run, write_recipe(work / "at-line.toml", "127.0.0.1:1", AT_LINE), SAMPLE_AT_LINE))


def audited(run: Path, recipe: Path, sample: int, *words: str) -> dict[str, Any]:
    """What the command says."""
    done = pairtrawl(["filters", "stability", str(run), "-r", str(recipe), "--sample", str(sample), *words, "--json"])
    if done.returncode:
        raise AssertionError(done.stderr)
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def show_filter(figures: Figures, one: Mapping[str, Any], mattering: set[str]) -> None:
    """What flips, by change; of the model also how far scores move, and where the flips lie."""
    told = ", ".join(f"{change['change']} {change['flipped']}" for change in one["changes"] if change["flipped"])
    worst = max((change["share"] for change in one["changes"] if change["change"] not in mattering), default=0.0)
    good = worst == 0 if one["use"] in EXACT else True
    if one["use"] == "pictures.clip_similarity":
        good = worst <= _MOST_FLIPS
    figures.add(f"stability, {one['use']}: verdicts that flip", told or "none", good=good)
    for change in one["changes"]:
        if change["moved"]:
            moved = change["moved"]
            share = f"{change['share']:.1%} ({change['low']:.1%} to {change['high']:.1%})"
            figures.add(f"stability, {one['use']}, {change['change']}: flips; score moves, median and 95th centile",
                        f"{share}; {moved['median']:.4f}, {moved['p95']:.4f}", good=True)  # fmt: skip


def show_near(figures: Figures, report: Mapping[str, Any]) -> None:
    """That what flips lies at the line."""
    (one,) = report["filters"]
    told = ", ".join(f"{change['change']} {change['flipped']}" for change in one["changes"] if change["flipped"])
    figures.add(f"stability, a line at 0.70, {report['pairs']} pairs: verdicts that flip", told or "none", good=True)
    near = ", ".join(f"to {band['to']:.3f}: {band['flipped']} of {band['pairs']}" for band in one["near"])
    far = sum(band["flipped"] for band in one["near"][1:])
    figures.add("stability, a line at 0.70: flips by distance from the line", near, good=far == 0)


def fetched(work: Path, corpus: Path) -> tuple[Path, Path]:
    """Raw shards of the corpus's matching and mixed-up pairs: what models have not judged."""
    web, site = unpacked_web(work, corpus), SmallWeb()
    for pair in pairs_of(web, *HOSTS):
        site.add(pair.url, pair.file.read_bytes(), pair.text)
    run, archive = work / "stability", site.write_archive(work / "stability.warc.gz")
    with site.served() as address:
        recipe = write_recipe(work / "stability.toml", address, RECIPE)
        for verb in ("plan", "fetch"):
            done = pairtrawl([verb, str(archive), "-o", str(run), "-r", str(recipe)])
            if done.returncode:
                raise AssertionError(done.stdout + done.stderr)
    return run, recipe
