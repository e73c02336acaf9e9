"""`make prove-main`: shows that the main job does what it says, with real parts; a table of figures comes last.

    python benchmarks/prove_main.py [--rounds 10] [--corpus ../shared/corpus] [--keep DIR]

The demo's archives and web come with the repository. The extraction figures need the corpus beside it; without it they
are left out, visibly.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import unquote

import msgspec
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.figures import Figures, title  # noqa: E402 - the repository's own folder comes first
from crawler.captions import clean  # noqa: E402 - as above
from crawler.settings import parse_recipe  # noqa: E402 - as above
from tests.runs import contents, start_crawl  # noqa: E402 - as above
from workers.demo import demo_recipe, demo_web, inputs, truth  # noqa: E402 - as above
from workers.session import Asked, run_crawl  # noqa: E402 - as above

#: how many times the demo's archives are given in the memory proof
TIMES = 10


def prove_demo(work: Path, figures: Figures) -> None:
    """The demo on Ray: yield, and every pair against the truth that was planted."""
    title("the demo, on Ray")
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", "from workers.cli import main; main()", "demo", "-o", str(work / "ray")],
                          check=False)  # fmt: skip
    figures.add("demo on Ray, seconds (installed, with start of Ray)", f"{time.monotonic() - began:.0f}",
                good=done.returncode == 0)  # fmt: skip
    report: dict[str, object] = json.loads((work / "ray" / "report.json").read_bytes())
    totals, reasons = report["totals"], report["reasons"]
    assert isinstance(totals, dict)
    assert isinstance(reasons, dict)
    figures.add("candidates: planned, fetched, kept", f"{totals['candidates']:,}: {totals['planned']:,}, "
                f"{totals['fetched']:,}, {totals['kept']:,}", good=totals["kept"] > 0)  # fmt: skip
    for reason, number in reasons.items():
        figures.add(f"  rejected: {reason}", f"{number:,}", good=True)
    adds_up = totals["candidates"] == totals["kept"] + sum(reasons.values())
    figures.add("candidates == kept + rejected", str(adds_up), good=adds_up)
    prove_truth(work / "ray", figures)
    prove_same(work, figures)


def prove_truth(run: Path, figures: Figures) -> None:
    """Each pair against its planted outcome: the odd ones exactly, the similarity filter by precision and recall."""
    odd: Counter[bool] = Counter()
    right: Counter[tuple[bool, bool]] = Counter()  # (planted as matching, kept)
    for path in sorted((run / "shards").glob("*.parquet")):
        for row in pq.read_table(path, columns=["url", "caption", "reason"]).to_pylist():
            expected = truth()[row["url"], row["caption"]]
            outcome = row["reason"] or "kept"
            if expected.match is None:
                odd[outcome == expected.outcome] += 1
                if outcome != expected.outcome:
                    print(f"  {row['caption']}: {outcome}, planted {expected.outcome}")
            elif outcome in {"kept", "clip_similarity"}:
                right[expected.match, outcome == "kept"] += 1
    figures.add("planted odd pairs with the planted outcome", f"{odd[True]} of {odd.total()}", good=not odd[False])
    kept = right[True, True] + right[False, True]
    precision, recall = right[True, True] / kept, right[True, True] / (right[True, True] + right[True, False])
    dropped = right[False, False] / (right[False, True] + right[False, False])
    figures.add("CLIP filter: matching pairs kept (recall)", f"{recall:.3f}", good=recall > 0.9)
    figures.add("CLIP filter: kept pairs that match (precision)", f"{precision:.3f}", good=precision > 0.85)
    figures.add("CLIP filter: planted wrong pairs dropped", f"{dropped:.3f}", good=dropped > 0.8)


def prove_same(work: Path, figures: Figures) -> None:
    """The same plan in this process gives the same keys, bytes and counts."""
    title("the same job in one process")
    with demo_web() as web:
        run_crawl(demo_recipe(web.address), inputs(), work / "local", Asked(place="local"))
    same = contents(work / "local") == contents(work / "ray")
    figures.add("local and Ray: keys, tar bytes, rows and counts are equal", str(same), good=same)


def prove_kill(work: Path, figures: Figures, rounds: int) -> None:
    """SIGKILL at random moments, then the same command again, until it is done."""
    title(f"{rounds} rounds of SIGKILL at random moments")
    chance = random.Random(2026)  # noqa: S311 - moments, not secrets
    equal = kills = 0
    with demo_web() as web:

        def run(name: str) -> subprocess.Popen[bytes]:
            return start_crawl(web.address, work / "kill" / name, models=False, rows_per_job=150)

        began = time.monotonic()
        run("whole").communicate()
        seconds = time.monotonic() - began
        wanted = contents(work / "kill" / "whole")
        for number in range(rounds):
            for _ in range(chance.randint(1, 3)):
                process = run(str(number))
                try:
                    process.wait(chance.uniform(0.1, seconds))
                except subprocess.TimeoutExpired:
                    process.kill()
                    kills += 1
                process.communicate()
            run(str(number)).communicate()
            equal += contents(work / "kill" / str(number)) == wanted
            print(f"  round {number + 1}: {kills} kills so far, {equal} equal", flush=True)
            shutil.rmtree(work / "kill" / str(number))
    figures.add(f"killed runs that end like the undisturbed one ({kills} kills)", f"{equal} of {rounds}",
                good=equal == rounds)  # fmt: skip


def prove_memory(work: Path, figures: Figures) -> None:
    """Peak memory of every kind of process, on the input once and ten times."""
    title(f"memory on the input once, and {TIMES} times")
    once, many = memory_of(work, 1), memory_of(work, TIMES)
    for kind, peak in many.items():
        grown = peak / once[kind]
        figures.add(f"peak memory of {kind}: input once, {TIMES} times", f"{once[kind] / 1e6:.0f} MB, {peak / 1e6:.0f} MB "
                    f"({grown:.2f} x)", good=grown < 1.3)  # fmt: skip


def memory_of(work: Path, times: int) -> dict[str, int]:
    """Peaks of a run over the demo's archives, each given so many times under another name."""
    folder = work / f"archives-{times}"
    folder.mkdir()
    names = []
    for archive in inputs():
        for number in range(times):
            copy = folder / f"{number:03d}-{Path(archive).name}"
            shutil.copyfile(archive, copy)
            names.append(str(copy))
    script = (
        "import sys, json, msgspec\n"
        "from pathlib import Path\n"
        "from workers.demo import demo_recipe\n"
        "from workers.session import Asked, run_crawl\n"
        "recipe = demo_recipe(sys.argv[1])\n"
        "recipe = msgspec.structs.replace(recipe, plan=msgspec.structs.replace(recipe.plan, unique=False))\n"
        "sys.exit(run_crawl(recipe, sys.argv[3:], Path(sys.argv[2]), Asked(place='ray')))\n"
    )
    with demo_web() as web:
        words = [sys.executable, "-c", script, web.address, str(work / f"memory-{times}"), *names]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    report = msgspec.json.decode((work / f"memory-{times}" / "report.json").read_bytes())
    print(f"  {times} x: {report['totals']['planned']:,} pairs, {report['totals']['shards']} shards", flush=True)
    peaks: dict[str, int] = report["peak_memory_bytes"]
    return peaks


def prove_consumers(figures: Figures) -> None:
    """webdataset, Hugging Face datasets and open_clip's own loader read our shards as they are."""
    title("consumers of the shards")
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "tests/interop"], cwd=ROOT, check=False)
    figures.add("webdataset, datasets and open_clip's loader read the shards", str(done.returncode == 0),
                good=done.returncode == 0)  # fmt: skip


def prove_extraction(figures: Figures, corpus: Path, peer: str) -> None:
    """Pairs from WARC and from WAT on the corpus, beside cc2dataset on the same files."""
    title("extraction on the corpus")
    if not corpus.is_dir():
        figures.add("extraction", f"left out: no corpus at {corpus}", good=True)
        return
    words = [sys.executable, "benchmarks/extraction.py", "--corpus", str(corpus)]
    words += ["--peer", peer] if peer else ["--install-peer"]
    done = subprocess.run(words, cwd=ROOT, check=False, stdout=subprocess.PIPE, text=True)
    print(done.stdout, flush=True)
    name = ""
    for line in done.stdout.splitlines():
        if line.startswith("## "):
            name = line[3:].partition(":")[0]
        elif line.startswith(("distinct pairs: ", "cc2dataset: ", "WAT: ")):
            what, _, value = line.partition(": ")
            figures.add(f"{name}: {what}", value, good=done.returncode == 0)
    figures.add("extraction: a superset of cc2dataset on every WAT file", str(done.returncode == 0),
                good=done.returncode == 0)  # fmt: skip


CORPUS_RECIPE = """
name = "corpus"
[plan]
rows_per_job = 4000
[fetch]
contact = "mailto:nobody@example.org"
allow_networks = ["127.0.0.0/8"]
[manners] # the server is ours
requests_at_once = 8
seconds_between_requests = 0
[[filters]]
use = "candidates.text_length"
min_characters = 5
[[filters]]
use = "bodies.min_bytes"
body_bytes = 5000
[[filters]]
use = "pictures.min_side"
pixels = 64
"""


def prove_corpus(work: Path, figures: Figures, corpus: Path) -> None:
    """The corpus's whole crawl against its own web served by nginx: the pairs kept are the usable ones, exactly."""
    title("a crawl of the corpus, served by nginx")
    server = corpus.parent / "tools" / "corpus" / "serve.py"
    if not server.exists() or shutil.which("nginx") is None:
        figures.add("crawl of the corpus", "left out: needs the corpus, its tools, and nginx", good=True)
        return
    web, run = work / "web", work / "web-run"
    web.mkdir()
    subprocess.run(["tar", "-xJf", str(corpus / "offline-web.tar.xz"), "-C", str(web)], check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    subprocess.run([sys.executable, str(server), "start", str(web), str(run), "--port", str(port)], check=True)
    try:
        recipe = parse_recipe(CORPUS_RECIPE, overrides=[f"fetch.hosts={{'*.test' = '127.0.0.1:{port}'}}"])
        listing = corpus / "common-crawl-form/crawl-data/CC-MAIN-2026-47/warc.paths.gz"
        began = time.monotonic()
        run_crawl(recipe, [str(listing)], work / "corpus", Asked(place="local"))
        seconds = time.monotonic() - began
    finally:
        subprocess.run([sys.executable, str(server), "stop", str(run)], check=True)
    usable, kept = usable_pairs(web / "_meta" / "truth.jsonl"), kept_pairs(work / "corpus" / "shards")
    figures.add("corpus: usable pairs of the truth, kept, in both", f"{len(usable):,}, {len(kept):,}, {len(usable & kept):,}",
                good=usable == kept)  # fmt: skip
    report = msgspec.json.decode((work / "corpus" / "report.json").read_bytes())
    figures.add("corpus: seconds, pairs fetched and judged a second (one process)",
                f"{seconds:.0f}, {report['speeds']['pairs_per_second']}", good=True)  # fmt: skip


def usable_pairs(truth_file: Path) -> set[tuple[str, str]]:
    """Address and text of what CORPUS_RECIPE must keep, by the corpus's own list."""
    found = set()
    for line in truth_file.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        text = clean(row["alt"] or "")
        large = (row["bytes"] or 0) >= 5000 and min(row["width"] or 0, row["height"] or 0) >= 64
        if len(text) >= 5 and large and row["format"] != "svg":
            found.add((spelled(row["url"]), text))
    return found


def kept_pairs(shards: Path) -> set[tuple[str, str]]:
    """Address and text of all kept rows."""
    columns = ["url", "caption", "status"]
    rows = [row for path in shards.glob("*.parquet") for row in pq.read_table(path, columns=columns).to_pylist()]
    return {(spelled(row["url"]), row["caption"]) for row in rows if row["status"] == "success"}


def spelled(url: str) -> str:
    """One spelling: the corpus's list writes `a//b` as `a/b`, and leaves letters as they are."""
    return unquote(re.sub(r"(?<!:)//+", "/", url))


def main(words: Sequence[str]) -> int:
    """Everything, one after the other; 0 when all is as promised."""
    parser = argparse.ArgumentParser(description="Show that the main job does what it says.")
    parser.add_argument("--rounds", type=int, default=10, help="rounds of the kill test")
    parser.add_argument("--corpus", type=Path, default=ROOT.parent / "shared" / "corpus", help="folder of the corpus")
    parser.add_argument("--peer", default="", help="Python of an environment that has cc2dataset; default: make one")
    parser.add_argument(
        "--only", choices=["demo", "kill", "memory", "consumers", "extraction", "corpus"], help="one part alone"
    )
    asked = parser.parse_args(words)
    figures = Figures()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="prove-main-") as name:
        work = Path(name)
        parts: dict[str, Callable[[], object]] = {
            "extraction": lambda: prove_extraction(figures, asked.corpus, asked.peer),
            "corpus": lambda: prove_corpus(work, figures, asked.corpus),
            "demo": lambda: prove_demo(work, figures),
            "consumers": lambda: prove_consumers(figures),
            "kill": lambda: prove_kill(work, figures, asked.rounds),
            "memory": lambda: prove_memory(work, figures),
        }
        for part, prove in parts.items():
            if asked.only in (None, part):
                prove()
    figures.show("prove-main", time.monotonic() - began)
    return 0 if figures.all_good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
