"""A labelled sample against planted truth: whether intervals cover it, and one sitting in a real Chromium, killed once."""

from __future__ import annotations

import io
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from benchmarks.figures import Figures, title
from benchmarks.report.big_tables import write_tables
from benchmarks.report.browser import QUIET
from benchmarks.small_crawl import ROOT, SmallWeb, crawl, pairtrawl, shard_rows, write_recipe
from workers.labelling.design import KEPT, Sample, Stratum, rejected_by
from workers.labelling.judged import Judged
from workers.labelling.judgement import Judgement, Word
from workers.labelling.places import place_of
from workers.labelling.precision import judged_report
from workers.labelling.sampling import draw_sample
from workers.labelling.sitting import Sitting

SESSIONS = 200
#: fewer would happen to true intervals of 95 % once in forty times
LEAST_COVERAGE = 0.92
#: rows of the planted world by who rejected them ("" = kept), and which share of them matches
WORLD = {"": (8_000, 0.88), "aspect": (600, 0.55), "clip_similarity": (3_400, 0.12)}
SAMPLED = {"": 100, "aspect": 40, "clip_similarity": 60}
FILTERS = ("aspect", "clip_similarity")
#: colours that a caption can name, and that a labeller can see
COLOURS = {"red": (210, 40, 40), "green": (40, 170, 60), "blue": (50, 70, 210), "yellow": (235, 210, 50)}
PAIRS, PAIRS_JUDGED = 160, 60
RECIPE = """thumbnails = 40
[[filters]]
use = "pictures.min_side"
pixels = 64
"""
_BIG_ROWS = 1_000_000
#: what a person would not wait for
_MOST_SECONDS = 60


def prove_labels(work: Path, figures: Figures) -> None:
    """Coverage of intervals in simulated sittings; a sample of a million rows; a sitting in Chromium, to its report."""
    title("labels")
    show_coverage(figures)
    show_sample_of_many(work, figures)
    show_sitting(work, figures)


# --- simulated sittings


@dataclass(slots=True)
class Memory:
    """A journal without a disk, for two hundred sittings."""

    standing: dict[str, Judgement] = field(default_factory=dict)

    def append(self, judgement: Judgement) -> None:
        """Hold a judgement."""
        self.standing[judgement.content_id] = judgement


@dataclass(frozen=True, slots=True)
class World:
    """Rows whose truth is planted, by who rejected them."""

    rows: dict[str, list[str]]
    matches: frozenset[str]

    @classmethod
    def planted(cls, seed: int) -> World:
        """So many rows of each kind, of which exactly the share matches that WORLD says."""
        rng, rows, matches = np.random.default_rng(seed), {}, set()
        for name, (number, share) in WORLD.items():
            rows[name] = [xxhash.xxh3_128_hexdigest(f"{seed} {name} {place}".encode()) for place in range(number)]
            matches.update(chosen(rng, rows[name], round(number * share)))
        return cls(rows, frozenset(matches))

    def share(self, *names: str) -> float:
        """Of all rows of these kinds, the share that matches."""
        rows = [one for name in names for one in self.rows[name]]
        return sum(one in self.matches for one in rows) / len(rows)

    def sample(self, seed: int) -> Sample:
        """A stratified sample, as one of a run is."""
        rng = np.random.default_rng(seed)
        strata = tuple(
            Stratum(rejected_by(name) if name else KEPT, len(rows), tuple(chosen(rng, rows, SAMPLED[name])))
            for name, rows in self.rows.items()
        )
        return Sample(seed=seed, asked=sum(SAMPLED.values()), band="all", strata=strata)


def chosen(rng: np.random.Generator, rows: Sequence[str], number: int) -> list[str]:
    """So many of some rows, each at most once."""
    return [rows[place] for place in rng.choice(len(rows), number, replace=False)]


def one_sitting(seed: int) -> tuple[World, dict[str, Any]]:
    """A planted world, and the report of a labeller who is always right."""
    world, journal = World.planted(seed), Memory()
    sample = world.sample(seed)
    sitting = Sitting(sample, "robot", journal, "0", set(sample.content_ids))  # type: ignore[arg-type]  # a journal in memory
    for place, pair in enumerate(sitting.order):
        sitting.judge(place, Word.MATCHES if pair in world.matches else Word.DOES_NOT, 1.0)
    return world, judged_report(Judged({pair: {"robot": one} for pair, one in journal.standing.items()}), FILTERS)


def show_coverage(figures: Figures) -> None:
    """In how many sittings an interval covers the truth."""
    covered = dict.fromkeys(("data set", "kept by aspect", "rejected by aspect", "rejected by clip_similarity"), 0)
    for seed in range(SESSIONS):
        world, report = one_sitting(seed)
        aspect, clip = report["filters"]
        found = {
            "data set": (report["dataset"]["precision"], world.share("")),
            "kept by aspect": (aspect["kept"], world.share("", "clip_similarity")),
            "rejected by aspect": (aspect["rejected_rightly"], 1 - world.share("aspect")),
            "rejected by clip_similarity": (clip["rejected_rightly"], 1 - world.share("clip_similarity")),
        }
        for name, (share, truth) in found.items():
            covered[name] += share["low"] <= truth <= share["high"]
    for name, number in covered.items():
        figures.add(f"labels: {SESSIONS} sittings of {sum(SAMPLED.values())} pairs, intervals that cover the truth, {name}",
                    f"{number / SESSIONS:.1%}", good=number / SESSIONS >= LEAST_COVERAGE)  # fmt: skip


# --- a sample of a million rows


def show_sample_of_many(work: Path, figures: Figures) -> None:
    """How long it takes to draw two hundred pairs."""
    folder = work / "many"
    write_tables(folder, _BIG_ROWS)
    began = time.monotonic()
    sample = draw_sample(place_of(str(folder)), asked=200)
    seconds = time.monotonic() - began
    figures.add(f"labels: a sample of 200 out of {_BIG_ROWS:,} rows", f"{seconds:.1f} s, of {sample.strata[0].of:,} kept",
                good=seconds < _MOST_SECONDS)  # fmt: skip
    shutil.rmtree(folder)


# --- a sitting in Chromium


def show_sitting(work: Path, figures: Figures) -> None:
    """A labeller who looks at the pixels judges a real run by keyboard; the server is killed once, and goes on."""
    run, truth = a_run(work)
    began = time.monotonic()
    with a_browser() as page:
        with labelling(run, "robot", kill=True) as address:
            judge(page, address, seen_verdict, 20)
        acknowledged = 20
        kept = len((run / "labels" / "robot.jsonl").read_bytes().splitlines())
        figures.add("labels: acknowledged before SIGKILL, and on the disk", f"{acknowledged}, {kept}",
                    good=kept == acknowledged)  # fmt: skip
        with labelling(run, "robot") as address:
            number = judge(page, address, seen_verdict)
        seconds = time.monotonic() - began
        wrong = np.random.default_rng(1)
        with labelling(run, "careless") as address:
            judge(page, address, lambda page: "2" if wrong.random() < 0.1 else seen_verdict(page))
    figures.add("labels: a sitting by keyboard in Chromium", f"{number + acknowledged} pairs in {seconds:.0f} s",
                good=number + acknowledged == PAIRS_JUDGED)  # fmt: skip
    done = pairtrawl(["label", str(run), "--report"])
    print(done.stdout + done.stderr, flush=True)
    report = json.loads(pairtrawl(["label", str(run), "--json"]).stdout)
    robot = next(one for one in report["labellers"] if one["name"] == "robot")
    precision = robot["precision"]
    figures.add("labels: precision by the sitting, its interval, and the planted truth",
                f"{precision['share']:.1%}, {precision['low']:.1%} to {precision['high']:.1%}, {truth:.1%}",
                good=precision["low"] <= truth <= precision["high"])  # fmt: skip
    agreement = report["agreement"]
    figures.add("labels: agreement with one who errs at one pair in ten: kappa, alpha",
                f"{agreement['by_two'][0]['kappa']:.2f}, {agreement['alpha']:.2f}",
                good=0.4 < agreement["by_two"][0]["kappa"] < 1)  # fmt: skip


def a_run(work: Path) -> tuple[Path, float]:
    """A run over pictures of one colour whose texts name a colour, often the right one; and which share of kept ones do."""
    rng, site, right = np.random.default_rng(5), SmallWeb(), {}
    for number in range(PAIRS):
        shown = str(rng.choice(list(COLOURS)))
        told = shown if rng.random() < 0.8 else str(rng.choice([one for one in COLOURS if one != shown]))
        url, side = f"http://colours.test/{number}.png", 48 if rng.random() < 0.25 else 96
        site.add(url, a_picture(COLOURS[shown], side, number), f"a {told} square, number {number}")
        right[url] = shown == told
    run = work / "labelled"
    archive = site.write_archive(work / "labelled.warc.gz")
    with site.served() as address:
        done = crawl(write_recipe(work / "labelled.toml", address, RECIPE), [archive], run)
    if done.returncode:
        raise AssertionError(done.stdout + done.stderr)
    kept = [right[row["url"]] for row in shard_rows(run, "url", "status") if row["status"] == "success"]
    return run, sum(kept) / len(kept)


def a_picture(colour: tuple[int, int, int], side: int, number: int) -> bytes:
    """A square with a frame that no other one has."""
    picture = Image.new("RGB", (side, side), (number, 255 - number, 128))
    picture.paste(colour, (4, 4, side - 4, side - 4))
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


@contextmanager
def a_browser() -> Iterator[Page]:
    """A window of a real Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(QUIET))
        yield browser.new_page()
        browser.close()


@contextmanager
def labelling(run: Path, labeller: str, *, kill: bool = False) -> Iterator[str]:
    """The command, served while inside; gives its address. It is ended by Ctrl-C, or killed."""
    words = ["label", str(run), "--labeller", labeller, "--sample", str(PAIRS_JUDGED)]
    command = [sys.executable, "-u", "-c", "from workers.cli import main; main()", *words]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        address = next(line.split()[1] for line in server.stdout if line.startswith("Open "))
        try:
            yield address
        finally:
            server.send_signal(signal.SIGKILL if kill else signal.SIGINT)
            server.communicate()
    if not kill and server.returncode:
        raise AssertionError(f"pairtrawl label ended with {server.returncode}")


def judge(page: Page, address: str, verdict: Callable[[Page], str], most: int = PAIRS_JUDGED) -> int:
    """Judge pairs by keyboard until there are none left, or so many; how many it were."""
    page.goto(address)
    count = page.locator("#count")
    expect(count).not_to_be_empty()
    done, whole = (int(one) for one in count.inner_text().split(" of "))
    for number in range(1, min(most, whole - done) + 1):
        page.wait_for_function("document.getElementById('picture').complete")
        page.keyboard.press(verdict(page))
        expect(count).to_have_text(f"{done + number} of {whole}")
    return min(most, whole - done)


def seen_verdict(page: Page) -> str:
    """What somebody presses who compares the colour in the middle of the picture with the one that the text names."""
    seen = page.evaluate("""() => {
        const image = document.getElementById("picture"), canvas = document.createElement("canvas");
        canvas.width = image.naturalWidth; canvas.height = image.naturalHeight;
        const drawing = canvas.getContext("2d");
        drawing.drawImage(image, 0, 0);
        return [...drawing.getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data].slice(0, 3);
    }""")
    nearest = min(COLOURS, key=lambda name: sum(abs(a - b) for a, b in zip(COLOURS[name], seen, strict=True)))
    return "1" if f"a {nearest} " in page.locator("#caption").inner_text() else "2"
