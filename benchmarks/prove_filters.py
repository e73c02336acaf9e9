"""`make prove-filters`: shows what the filters decide, how surely and how fast; a table of figures comes last.

    python benchmarks/prove_filters.py [--only PART] [--corpus ../shared/corpus]

Pictures, captions and their truth come from the corpus; without it the parts that need it are left out, visibly. The
scoring figures need clip-retrieval from the registry: where it cannot be had, that is a failure, with its reason.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.cases import prove_cases  # noqa: E402 - the repository's own folder comes first
from benchmarks.corpus_pairs import ARCHIVE, pairs_of, unpacked_web  # noqa: E402 - as above
from benchmarks.figures import Figures, title  # noqa: E402 - as above
from benchmarks.filter_cases.confidential import prove_confidential  # noqa: E402 - as above
from benchmarks.filter_cases.copies import prove_copies  # noqa: E402 - as above
from benchmarks.filter_cases.on_gpu import prove_gpu  # noqa: E402 - as above
from benchmarks.filter_cases.open_lists import prove_look_ups, prove_open_lists  # noqa: E402 - as above
from benchmarks.filter_cases.repeats import prove_repeats  # noqa: E402 - as above
from benchmarks.filter_cases.similarity import prove_similarity  # noqa: E402 - as above
from benchmarks.peer_environment import NoPeerError, versions  # noqa: E402 - as above
from benchmarks.scoring import SAME, compare, install_peer  # noqa: E402 - as above
from tests.checklist import FILTER_CASES  # noqa: E402 - as above

#: model -> pairs, and how many times as many of them as clip-retrieval our side must do in a core-second at the least.
#: The embedded model is so small that decoding and resizing, which both do with Pillow, are most of the work
SCORED = {"pairtrawl-tiny": (512, 0.95), "ViT-B-32": (144, 1.0)}
#: a large model's batch takes long, and clip-retrieval warms up with two of them
BATCHES = {"pairtrawl-tiny": 64, "ViT-B-32": 48}


def prove_scoring(work: Path, web: Path, figures: Figures, python: Path | None) -> None:
    """Beside clip-retrieval on the same shard with the same weights."""
    title("scoring beside clip-retrieval")
    pairs = pairs_of(web, "emoji-en.test", "emoji-de.test")
    try:
        peer = python or install_peer(work / "peer")
        names = ("clip-retrieval", "torch", "open-clip-torch")
        told = ", ".join(f"{name} {number}" for name, number in versions(peer, *names).items())
        figures.add("scoring: the peer", told, good=True)
        for model, (count, least) in SCORED.items():
            one = compare(model, pairs[:count], work, peer, BATCHES[model])
            figures.add(f"scoring, {model}: pairs per core-second, pairtrawl, clip-retrieval",
                        f"{one.ours.per_core_second:.1f}, {one.peer.per_core_second:.1f} ({one.faster:.2f} x)",
                        good=one.faster >= least)  # fmt: skip
            figures.add(f"scoring, {model}: CPU seconds for {count} pairs with start, all processes",
                        f"{one.ours.total_seconds:.0f}, {one.peer.total_seconds:.0f}", good=True)  # fmt: skip
            figures.add(f"scoring, {model}: largest difference of both sides' vectors", f"{one.difference:.1e}",
                        good=one.difference <= SAME)  # fmt: skip
    except NoPeerError as error:
        figures.add("scoring", f"NO FIGURE: {error}", good=False)


def main(words: Sequence[str]) -> int:
    """Everything, one after the other; 0 when all is as promised."""
    parser = argparse.ArgumentParser(description="Show what the filters decide, how surely and how fast.")
    parser.add_argument("--corpus", type=Path, default=ROOT.parent / "shared" / "corpus", help="folder of the corpus")
    parser.add_argument("--peer", type=Path, help="Python of an environment that has clip-retrieval; default: make one")
    parser.add_argument("--hashes", type=int, nargs="*", default=[1_000_000, 10_000_000], help="sizes of the look-ups")
    parser.add_argument("--pictures", type=int, default=300, help="pictures of the corpus that are listed and copied")
    parser.add_argument("--only", help="one part alone")
    asked = parser.parse_args(words)
    figures = Figures()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="prove-filters-") as name:
        work = Path(name)
        of_corpus: dict[str, Callable[[Path], object]] = {
            "similarity": lambda web: prove_similarity(work, web, figures),
            "lists": lambda web: prove_open_lists(work, web, figures),
            "copies": lambda web: prove_copies(work, web, figures, asked.pictures),
            "confidential": lambda web: prove_confidential(work, web, figures),
            "repeats": lambda web: prove_repeats(work, web, figures),
            "scoring": lambda web: prove_scoring(work, web, figures, asked.peer),
            "gpu": lambda web: prove_gpu(work, web, figures),
        }
        if asked.only in {None, "checklist"}:
            prove_cases(figures, FILTER_CASES)
        if asked.only in {None, "look_ups"}:
            prove_look_ups(figures, asked.hashes)
        if not (asked.corpus / ARCHIVE).exists():
            figures.add(", ".join(of_corpus), f"left out: no corpus at {asked.corpus}", good=True)
            of_corpus = {}
        for part, prove in of_corpus.items():
            if asked.only in {None, part}:
                try:
                    prove(unpacked_web(work, asked.corpus))
                except AssertionError as error:  # a command failed: what it said is the figure, and the others follow
                    figures.add(part, str(error).strip()[-400:], good=False)
    figures.show("prove-filters", time.monotonic() - began)
    return 0 if figures.all_good else 1


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    sys.exit(main(sys.argv[1:]))
