"""Two crawls that overlap: the second leaves out what the first has, and what repeats itself: exactly what was planted."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from benchmarks.corpus_pairs import distinct_pictures, jpeg, on_white, pairs_of
from benchmarks.figures import Figures, title
from benchmarks.small_crawl import SmallWeb, crawl, kept_urls, pairtrawl, shard_rows, write_recipe
from crawler.picture.pdq import LEAST_QUALITY, pdq_of

BITS = 31
FIRST, BOTH, SECOND = 60, 60, 60  # pairs that only the first crawl finds, that both find, that only the second finds
COPIES, AGAIN, NEAR = 25, 10, 15  # in the second: files of the first, of the second, and nearly those of the second
DUPLICATES = """
[duplicates]
files = "first"
look_alike_bits = {bits}
{earlier}
"""


@dataclass(frozen=True, slots=True)
class Planted:
    """What the second crawl must do with its rows, by address."""

    web: SmallWeb
    first: list[tuple[str, str]]  # `<img>` of the first crawl
    second: list[tuple[str, str]]
    new: set[str]  # kept, whatever else happens
    copies: set[str]  # REPEATED_FILE: files of the first crawl
    twins: list[tuple[str, str]]  # of two addresses with one file exactly one is REPEATED_FILE
    alike: list[tuple[str, str]]  # of two addresses with pictures that look alike exactly one is LOOK_ALIKE


def prove_repeats(work: Path, web: Path, figures: Figures) -> None:
    """Run both crawls in one process, and the second on Ray, too; then check the indexes, and make them anew."""
    title("duplicates within a crawl and across two that overlap")
    planted = plant(unlike_pictures(web, FIRST + BOTH + SECOND))
    folder = work / "repeats"
    folder.mkdir()
    archives = [planted.web.write_archive(folder / "first.warc.gz", planted.first),
                planted.web.write_archive(folder / "second.warc.gz", planted.second)]  # fmt: skip
    with planted.web.served() as address:
        first = write_recipe(folder / "first.toml", address, DUPLICATES.format(bits=BITS, earlier=""))
        earlier = f'earlier = ["{folder / "first"}"]'
        second = write_recipe(folder / "second.toml", address, DUPLICATES.format(bits=BITS, earlier=earlier))
        done = [crawl(first, archives[:1], folder / "first"), crawl(second, archives[1:], folder / "second"),
                crawl(second, archives[1:], folder / "ray", "--place", "ray")]  # fmt: skip
    for one in done:
        if one.returncode:
            raise AssertionError(one.stdout + one.stderr)
    kept = kept_urls(folder / "first")
    figures.add("duplicates: first crawl, pairs found, kept", f"{len(planted.first)}, {len(kept)}",
                good=sorted(kept) == sorted(url for url, _ in planted.first))  # fmt: skip
    for place in ("second", "ray"):
        judge_second(figures, folder / place, planted, "one process" if place == "second" else "Ray")
    prove_indexes(figures, folder / "second")


def judge_second(figures: Figures, run: Path, planted: Planted, place: str) -> None:
    """Whether the second crawl left out what was planted, and nothing else."""
    report = json.loads((run / "report.json").read_bytes())
    reasons = {row["url"]: row["reason"] for row in shard_rows(run, "url", "reason")}
    kept = kept_urls(run)
    counts = {name: report["reasons"].get(name, 0) for name in ("seen_earlier", "repeated_file", "look_alike")}
    wanted = {"seen_earlier": BOTH, "repeated_file": COPIES + AGAIN, "look_alike": NEAR}
    figures.add(f"duplicates, {place}: pairs of the first crawl, repeated files, look-alikes (planted)",
                ", ".join(f"{counts[name]} ({number})" for name, number in wanted.items()), good=counts == wanted)  # fmt: skip
    right = (
        planted.new <= set(kept)
        and all(reasons.get(url) == "repeated_file" for url in planted.copies)
        and all(sorted((url in kept) for url in pair) == [False, True] for pair in (*planted.twins, *planted.alike))
    )
    figures.add(f"duplicates, {place}: rows kept of {len(planted.second)}, exactly those that were not planted",
                f"{len(kept)}", good=right and len(kept) == SECOND)  # fmt: skip


def prove_indexes(figures: Figures, run: Path) -> None:
    """The persisted indexes are what the committed shards say, and can be made anew from them."""
    checked = pairtrawl(["seen", str(run)])
    figures.add(
        "duplicates: the indexes are what the shards say", str(not checked.returncode), good=not checked.returncode
    )
    files = [path for path in sorted((run / "seen").rglob("*")) if path.is_file()]
    if not files:
        figures.add("duplicates: the same after an index was lost and made anew", "there is no index", good=False)
        return
    size = sum(path.stat().st_size for path in files)
    files[0].unlink()
    rebuilt = [pairtrawl(["seen", str(run), "--rebuild"]), pairtrawl(["seen", str(run)])]
    figures.add("duplicates: the same after an index was lost and made anew", f"{size:,} bytes in {len(files)} files",
                good=not any(one.returncode for one in rebuilt))  # fmt: skip


def unlike_pictures(web: Path, number: int) -> list[Image.Image]:
    """Pictures of the corpus that are no look-alikes of each other, with enough in them to be told apart."""
    found: list[Image.Image] = []
    hashes: list[int] = []
    for file in distinct_pictures(pairs_of(web, "emoji-en.test", "stamps-en.test")):
        picture = on_white(file)
        bits, quality = pdq_of(picture)
        if quality >= LEAST_QUALITY + 10 and all((bits ^ other).bit_count() > 2 * BITS for other in hashes):
            found.append(picture)
            hashes.append(bits)
        if len(found) == number:
            return found
    raise AssertionError(f"the corpus has {len(found)} unlike pictures, not {number}")


def plant(pictures: Sequence[Image.Image]) -> Planted:
    """The web of both crawls."""
    web = SmallWeb()
    bodies = [jpeg(picture) for picture in pictures]
    for number, body in enumerate(bodies):
        web.add(f"http://pictures.test/{number}.jpg", body, f"picture number {number}")
    images = list(web.images)
    new = images[FIRST + BOTH :]
    planted: dict[str, list[str]] = {"copy": [], "again": [], "near": []}

    def add(kind: str, body: bytes) -> None:
        url = f"http://{kind}.test/{hashlib.sha256(body).hexdigest()[:8]}.jpg"
        planted[kind].append(url)
        web.add(url, body, f"a {kind} of something, number {len(planted[kind])}")

    for number in range(COPIES):
        add("copy", bodies[number * 2])  # some of the first crawl alone, some of both
    for number in range(AGAIN):
        add("again", bodies[FIRST + BOTH + number])
    for number in range(AGAIN, AGAIN + NEAR):
        add("near", like(pictures[FIRST + BOTH + number]))
    paired = [url for url, _ in new]
    return Planted(
        web=web, first=images[: FIRST + BOTH], second=web.images[FIRST:], new=set(paired[AGAIN + NEAR :]),
        copies=set(planted["copy"]), twins=list(zip(paired, planted["again"], strict=False)),
        alike=list(zip(paired[AGAIN:], planted["near"], strict=False)),
    )  # fmt: skip


def like(picture: Image.Image) -> bytes:
    """A coarser file of the same picture, which is a look-alike by its PDQ."""
    body = jpeg(picture, 60)
    distance = (pdq_of(Image.open(io.BytesIO(body))).bits ^ pdq_of(picture).bits).bit_count()
    if distance > BITS:
        raise AssertionError(f"a copy at {distance} bits is no look-alike to plant")
    return body
