"""Planted copies by every kind that a list can name, in a real crawl; and how fast perceptual hashes are looked up."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks.figures import Figures, title
from benchmarks.filter_cases.confidential import filters_with, succeed
from benchmarks.filter_cases.planted_lists import CLEAN, plant, write_source
from benchmarks.small_crawl import crawl, shard_rows, write_recipe

ROOT = Path(__file__).resolve().parent.parent.parent


def prove_open_lists(work: Path, web: Path, figures: Figures) -> None:
    """A list in the open with one entry of each kind: each picture is dropped by the filter that its kind is for."""
    title("a list in the open, in a crawl")
    planted = plant(web)
    folder = work / "open"
    folder.mkdir()
    archive = planted.web.write_archive(folder / "pages.warc.gz")
    listed = write_source(folder / "listed.csv", planted.entries)
    with planted.web.served() as address:
        recipe = write_recipe(folder / "open.toml", address, filters_with(listed, None))
        succeed(crawl(recipe, [archive], folder / "run"))
    # what a filter of candidates drops is in the candidate table; what later ones drop is in that of the shard
    reasons = {row["url"]: row["reason"] or "kept" for row in shard_rows(folder / "run", "url", "reason")}
    for by in sorted({one.filter for one in planted.entries}):
        entries = [one for one in planted.entries if one.filter == by]
        right = [one for one in entries if reasons.get(one.url, "url_removal") == by]
        figures.add(f"lists: {by}: {', '.join(one.what for one in entries)}", f"{len(right)} of {len(entries)} dropped",
                    good=right == entries)  # fmt: skip
    kept = Counter(reasons.get(url) for url in planted.clean)["kept"]
    figures.add("lists: pictures that no list names, kept", f"{kept} of {CLEAN}", good=kept == CLEAN)


def prove_look_ups(figures: Figures, numbers: Sequence[int]) -> None:
    """Queries a second by benchmarks/looking_up.py, which compares what is found with looking at all."""
    title("perceptual look-ups")
    words = ["benchmarks/looking_up.py", "--kinds", "PDQ", "--numbers", *map(str, numbers)]
    done = subprocess.run([sys.executable, *words], cwd=ROOT, check=False, stdout=subprocess.PIPE, text=True)
    print(done.stdout, flush=True)
    blocks = re.split(r"^(?=[0-9,]+ x 256 bits)", done.stdout, flags=re.MULTILINE)[1:]
    figures.add("look-ups: sizes measured", str(len(blocks)), good=not done.returncode and len(blocks) == len(numbers))
    for block in blocks:
        number = block.partition(" ")[0]
        rates = re.findall(r"tables +([0-9,]+) queries/s by (\d+)", block)
        memory = re.search(r"build +(.+)", block)
        told = ", ".join(f"{rate} (by {size})" for rate, size in rates)
        figures.add(f"look-ups: PDQ queries a second among {number}", told, good=bool(rates))
        figures.add(f"look-ups: index of {number}", memory[1] if memory else "?", good=memory is not None)
        found = re.search(r"found +(.+)", block)
        exact = "500 of 500 at 31 bits, 0 at 32, 0 of the random ones"
        figures.add(f"look-ups: among {number}, planted at the radius and one beyond", found[1] if found else "?",
                    good=found is not None and found[1] == exact)  # fmt: skip
        figures.add(f"look-ups: among {number}, the same as by brute force", "yes" if "all: yes" in block else "NO",
                    good="all: yes" in block)  # fmt: skip
