"""Decodes whatever is hostile and at hand, through a sandbox: nothing may crash us, hang, or take memory.

    python benchmarks/torture.py [--pillow SDIST_OR_FOLDER] [--variants 400] [FOLDER ...]

Sources are Pillow's own test images (`pip download --no-binary :all: --no-deps pillow==13.0.0` brings the archive that
has them), truncated and bit-flipped variants of some of these with a fixed seed, and all files of further folders.
Prints a table of outcomes, and the slowest file. Ends with 1 where a file took more than five seconds, a child was lost
for another reason than its limits, or this process grew.
"""

from __future__ import annotations

import argparse
import random
import sys
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from crawler.picture.sandbox import Sandbox, open_sandboxes
from crawler.records import Candidate, Caption, Fetched, ImageSource, Picture, TextSource
from crawler.settings import Decode

#: larger files are no bodies
MOST_BYTES = 10 * 1024 * 1024
SLOW_SECONDS = 5.0
#: what this process may grow by, over all files: caches of hashing and one large picture
GROWTH_BYTES = 300 * 2**20
#: what killed a child without being one of its limits
CRASHES = ("signal", "ended", "closed", "nonsense")


@dataclass(slots=True)
class Tally:
    """What came of all files so far."""

    outcomes: dict[str, Counter[str]] = field(default_factory=dict)  # by source
    killed: list[tuple[str, str]] = field(default_factory=list)  # file, detail
    slowest: list[tuple[float, str]] = field(default_factory=list)
    child_peak_bytes: int = 0

    def add(self, source: str, name: str, outcome: str, seconds: float) -> None:
        """One file's end."""
        self.outcomes.setdefault(source, Counter())[outcome] += 1
        self.slowest = sorted([*self.slowest, (seconds, name)], reverse=True)[:5]


def torture(folders: Mapping[str, Path], variants_of: str = "", variants: int = 0) -> dict[str, Any]:
    """Decode all files of the folders, and variants of those of one.

    Args:
        folders: name of a source -> where its files lie.
        variants_of: the source whose files are cut and flipped.
        variants: how many of these to make.

    Returns:
        `outcomes` (source -> reason or "decoded" -> count), `killed` (file and detail of each lost child), `crashes`
        (those that no limit explains), `slowest` (seconds and file of the five slowest), `seconds` of all,
        `child_peak_bytes`, `growth_bytes` of this process.
    """
    tally = Tally()
    begin = time.monotonic()
    with open_sandboxes(Decode(), 1) as (sandbox,):
        _one(sandbox, tally, "", "warm-up", b"\xff\xd8\xff")
        del tally.outcomes[""]
        before = psutil.Process().memory_info().rss
        for source, folder in folders.items():
            for name, body in _files(folder):
                _one(sandbox, tally, source, name, body)
        if variants:
            for name, body in made_worse(list(_files(folders[variants_of])), variants):
                _one(sandbox, tally, f"{variants_of}, cut and flipped", name, body)
        growth = psutil.Process().memory_info().rss - before
    return {
        "outcomes": {source: dict(counted) for source, counted in tally.outcomes.items()},
        "killed": tally.killed,
        "crashes": [one for one in tally.killed if any(word in one[1] for word in CRASHES)],
        "slowest": tally.slowest,
        "seconds": time.monotonic() - begin,
        "child_peak_bytes": tally.child_peak_bytes,
        "growth_bytes": growth,
    }


def made_worse(files: Sequence[tuple[str, bytes]], count: int) -> Iterator[tuple[str, bytes]]:
    """So many cut or bit-flipped files, the same ones every time."""
    dice = random.Random(20_261_121)  # noqa: S311 - the same files every time
    for number in range(count):
        name, body = dice.choice(files)
        if not body:
            continue
        if number % 2:
            yield f"{name}, cut", body[: dice.randrange(len(body))]
            continue
        flipped = bytearray(body)
        for _ in range(dice.choice((1, 3, 30))):
            # as often in the header, where sizes and tables are, as in all the rest
            at = dice.randrange(min(len(body), 600) if dice.random() < 0.5 else len(body))
            flipped[at] ^= 1 << dice.randrange(8)
        yield f"{name}, flipped", bytes(flipped)


def _one(sandbox: Sandbox, tally: Tally, source: str, name: str, body: bytes) -> None:
    candidate = Candidate(
        "http://images.test/a", ImageSource.IMG_SRC, Caption(TextSource.ALT, name), (), "http://pages.test/", "a.warc.gz",
        0, 0, "", "", (), "a", name, "",
    )  # fmt: skip
    begin = time.monotonic()
    outcome = sandbox.decode(Fetched(candidate, body, candidate.image_url, "", (), 0))
    tally.add(
        source, name, "decoded" if isinstance(outcome, Picture) else str(outcome.reason), time.monotonic() - begin
    )
    if not isinstance(outcome, Picture) and outcome.reason == "decoder_killed":
        tally.killed.append((name, outcome.detail))
    tally.child_peak_bytes = max(tally.child_peak_bytes, _peak_bytes(sandbox.pid))


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.stat().st_size <= MOST_BYTES:
            yield path.name, path.read_bytes()


def _peak_bytes(pid: int) -> int:
    """The most memory that a process ever held."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def pillow_images(given: Path, work: Path) -> Path:
    """The folder of test images in Pillow's source, unpacked into `work` where it is an archive."""
    if given.is_file():
        with tarfile.open(given) as archive:
            archive.extractall(work, filter="data")
        given = work
    found = next((path for path in sorted(given.rglob("Tests/images")) if path.is_dir()), None)
    return found or given


def table(outcomes: Mapping[str, Mapping[str, int]]) -> Iterable[str]:
    """Outcome by source, as lines."""
    reasons = sorted({reason for counted in outcomes.values() for reason in counted})
    width = max(map(len, outcomes), default=0) + 2
    yield " " * width + "".join(f"{reason:>17}" for reason in reasons) + f"{'all':>9}"
    for source, counted in outcomes.items():
        cells = "".join(f"{counted.get(reason, 0):>17,}" for reason in reasons)
        yield f"{source:<{width}}{cells}{sum(counted.values()):>9,}"


def main() -> int:
    """Decode everything that was named; 1 where something was not as it must be."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--pillow", type=Path, help="Pillow's source distribution, packed or not")
    arguments.add_argument("--variants", type=int, default=400)
    arguments.add_argument("folders", type=Path, nargs="*")
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory() as work:
        folders = {f"{folder.name} {number}": folder for number, folder in enumerate(asked.folders, 1)}
        if asked.pillow:
            folders = {"Pillow's tests": pillow_images(asked.pillow, Path(work))} | folders
        if not folders:
            arguments.error("nothing to decode: name Pillow's source or a folder")
        found = torture(folders, next(iter(folders)), asked.variants)
    print("\n".join(table(found["outcomes"])))
    files = sum(sum(counted.values()) for counted in found["outcomes"].values())
    print(f"\n{files:,} files in {found['seconds']:.0f} s; slowest:")
    for seconds, name in found["slowest"]:
        print(f"  {seconds:5.2f} s  {name}")
    for name, detail in found["killed"]:
        print(f"  killed: {name}: {detail}")
    print(
        f"most memory of a child {found['child_peak_bytes'] / 2**20:.0f} MiB; ours grew by {found['growth_bytes'] / 2**20:.0f} MiB"
    )
    slow = found["slowest"][0][0] > SLOW_SECONDS
    return int(bool(found["crashes"]) or slow or found["growth_bytes"] > GROWTH_BYTES)


if __name__ == "__main__":
    sys.exit(main())
