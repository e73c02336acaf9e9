"""The golden set through img2dataset 1.47.0 and through pairtrawl: what is equal, what differs, and why."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image
from rich.console import Console
from rich.table import Table

from benchmarks.figures import Figures, title
from benchmarks.rebuild.golden_cases import (
    CASES,
    DIFFERENCES,
    SLOW_CASES,
    Case,
    Expected,
    Site,
    place_files,
)
from benchmarks.rebuild.ours import run_rebuild
from benchmarks.rebuild.peer import PeerRan, run_all, run_img2dataset, told_versions
from tests.fakes.golden_web import BOMB_SIDE, DRIP_SECONDS, golden_web, pictures

#: mean difference of a channel, of 255, between two thumbnails of one picture: two resamplers make less than 1 of it,
#: another orientation or brightness more than 20
SAME_LOOKS = 4.0
#: the same between a thumbnail and what the picture looked like before it was a JPEG: forty pixels, enlarged, are 5 off
RIGHT_LOOKS = 8.0
SIDE = 256
#: both sides are told this; img2dataset reads on as long as each read comes within it
TIMEOUT = 6
#: what a deadline may be late by on a machine that is busy with ourselves
LATE = 10.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one side made of one row."""

    key: str
    status: str
    message: str  # "" for null
    sizes: tuple[int | None, ...]  # width, height, original_width, original_height
    image: bytes = b""

    def is_as(self, expected: Expected) -> bool:
        """Whether this is what the table says."""
        if expected.message:
            return self.status == expected.status and re.match(expected.message, self.message) is not None
        return self.status == expected.status and not self.message


@dataclass(frozen=True, slots=True)
class Compared:
    """One row on both sides."""

    case: Case
    peer: Outcome
    ours: Outcome
    apart: float | None  # mean difference of the two pictures, where both have one
    off: tuple[float | None, float | None]  # of each from what the picture looks like: img2dataset, pairtrawl

    @property
    def equal(self) -> bool:
        """Whether a user could not tell the sides apart by this row."""
        told = (self.peer.status, self.peer.message) == (self.ours.status, self.ours.message)
        return told and self.peer.sizes == self.ours.sizes and (self.apart is None or self.apart <= SAME_LOOKS)

    @property
    def wrong(self) -> str:
        """What is not as the table says, or ""."""
        found = []
        if not self.peer.is_as(self.case.peer):
            found.append("img2dataset did something else")
        if not self.ours.is_as(self.case.ours):
            found.append("pairtrawl did something else")
        if not self.equal and not self.case.difference:
            found.append("a difference that nobody has explained")
        if self.equal and self.case.difference:
            found.append("the difference is not there")
        if self.case.looks and (self.off[1] is None or self.off[1] > RIGHT_LOOKS):
            found.append("pairtrawl's picture looks wrong")
        return "; ".join(found)


def prove_golden(work: Path, figures: Figures, python: Path) -> None:
    """The golden set, and the two cases that take long."""
    title("the golden set through img2dataset and through pairtrawl")
    figures.add("golden: the peer", told_versions(python), good=True)
    folder = work / "golden"
    place_files(folder)
    with golden_web(folder / "requests.log") as web:
        known = Site(web, folder)
        compared = _both(CASES, known, python, folder / "cases", figures)
        show(compared)
        for one in compared:
            if one.wrong:
                figures.add(f"golden: {one.case.name}", one.wrong, good=False)
        equal = sum(one.equal for one in compared)
        named = sorted({one.case.difference for one in compared if one.case.difference})
        figures.add(
            "golden: rows equal, differing on purpose, wrong",
            f"{equal}, {len(compared) - equal} ({', '.join(named)}), {sum(bool(one.wrong) for one in compared)} of {len(compared)}",
            good=not any(one.wrong for one in compared),
        )
        _tell_pixels(compared, figures)
        _tell_agents(known, figures)
        _prove_slow(known, python, folder, figures)
    _prove_documented(figures)


def _both(cases: Sequence[Case], known: Site, python: Path, work: Path, figures: Figures) -> list[Compared]:
    """Run both sides over these cases."""
    work.mkdir()
    table = write_list(work / "list.parquet", cases, known)
    options = {
        "url_list": str(table), "input_format": "parquet", "url_col": "url", "caption_col": "caption",
        "save_additional_columns": ["number"], "output_format": "webdataset", "number_sample_per_shard": 1000,
        "processes_count": 1, "thread_count": 16, "retries": 1, "timeout": TIMEOUT,
    }  # fmt: skip
    known.web.forget()
    said = run_all(python, [options | {"output_folder": str(work / "peer")}], work)
    figures.add("golden: what img2dataset raised", said[0] or "nothing", good=not said[0])
    peer_asked = known.web.asked()
    known.web.forget()
    ran = run_rebuild(options | {"output_folder": str(work / "ours")}, known.web.ports.values())
    figures.add("golden: pairtrawl's exit code", str(ran.exit_code), good=ran.exit_code == 0)
    if ran.exit_code:
        print(ran.printed[-2000:], flush=True)
    (work / "asked.txt").write_text("\n".join(sorted({one["user_agent"] for one in peer_asked})))
    theirs, ours = outcomes(work / "peer"), outcomes(work / "ours")
    return [compare(case, theirs[number], ours[number]) for number, case in enumerate(cases)]


def write_list(path: Path, cases: Sequence[Case], known: Site) -> Path:
    """The cases as a list that both sides read: addresses as written, a caption, and the number of the case."""
    columns: dict[str, pa.Array[Any]] = {
        "url": pa.array([case.url(known) for case in cases], pa.string()),
        "caption": pa.array([f"{case.name}, schön" for case in cases], pa.string()),
        "number": pa.array(range(len(cases)), pa.int64()),
    }
    pq.write_table(pa.table(columns), path)
    return path


def outcomes(folder: Path) -> dict[int, Outcome]:
    """What stands in a folder of webdataset shards, by the number in the list."""
    found: dict[int, Outcome] = {}
    for table in sorted(folder.glob("*.parquet")):
        images = images_of(table.with_suffix(".tar"))
        for row in pq.read_table(table).to_pylist():
            sizes = tuple(row[name] for name in ("width", "height", "original_width", "original_height"))
            image = images.get(row["key"], b"")
            found[row["number"]] = Outcome(row["key"], row["status"], row["error_message"] or "", sizes, image)
    return found


def images_of(tar: Path) -> dict[str, bytes]:
    """The pictures of a tar by their keys."""
    found = {}
    with tarfile.open(tar) as opened:
        for member in opened:
            key, _, extension = member.name.partition(".")
            if extension in {"jpg", "png", "webp"} and (file := opened.extractfile(member)):
                found[key] = file.read()
    return found


def compare(case: Case, peer: Outcome, ours: Outcome) -> Compared:
    """Both sides of one row."""
    theirs_seen, ours_seen = (pixels(side.image) for side in (peer, ours))
    truth = bordered(pictures()[case.looks].looks) if case.looks else None
    return Compared(
        case, peer, ours, apart(theirs_seen, ours_seen), (apart(theirs_seen, truth), apart(ours_seen, truth))
    )


def pixels(body: bytes) -> Image.Image | None:
    """What a file looks like; None where there is none."""
    if not body:
        return None
    with Image.open(io.BytesIO(body)) as opened:
        return opened.convert("RGB")


def bordered(looks: Image.Image, side: int = SIDE) -> Image.Image:
    """What `border` makes of a picture: the longer side this long, in the middle of a white square."""
    scale = side / max(looks.size)
    size = (max(1, round(looks.width * scale)), max(1, round(looks.height * scale)))
    small = looks.resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.LANCZOS)
    page = Image.new("RGB", (side, side), "white")
    page.paste(small, ((side - size[0]) // 2, (side - size[1]) // 2))
    return page


def apart(one: Image.Image | None, other: Image.Image | None) -> float | None:
    """The mean difference of all channels, 0 to 255; 255 for two sizes, None where one is missing."""
    if one is None or other is None:
        return None
    if one.size != other.size:
        return 255.0
    return float(np.abs(np.asarray(one).astype(np.int16) - np.asarray(other)).mean())


def show(compared: Sequence[Compared]) -> None:
    """The table of the golden set."""
    table = Table(title="the golden set", title_justify="left")
    for heading in ("row", "img2dataset 1.47.0", "pairtrawl", "apart", "off: its, ours", "difference", ""):
        table.add_column(heading, overflow="fold")
    for one in compared:
        off = ", ".join("-" if value is None else f"{value:.1f}" for value in one.off)
        table.add_row(
            one.case.name, _told(one.peer), _told(one.ours), "" if one.apart is None else f"{one.apart:.1f}",
            "" if off == "-, -" else off, one.case.difference or ("=" if one.equal else "?"), one.wrong and f"FAIL {one.wrong}",
        )  # fmt: skip
    Console(width=190).print(table)


def _told(side: Outcome) -> str:
    if side.status == "success":
        return "success {}x{} of {}x{}".format(*side.sizes)
    return f"{side.status}: {side.message.strip()[:60]}"


def _tell_pixels(compared: Sequence[Compared], figures: Figures) -> None:
    """How far each side is from what pictures look like."""
    for name in ("exif6.jpg", "deep16.png"):
        off = next(one.off for one in compared if one.case.name == name)
        told = ", ".join("none" if value is None else f"{value:.1f}" for value in off)
        figures.add(f"golden: {name}, mean error of a channel, img2dataset and pairtrawl", told,
                    good=off[1] is not None and off[1] <= SAME_LOOKS)  # fmt: skip
    both = [one.apart for one in compared if one.apart is not None and not one.case.difference]
    figures.add("golden: pictures of equal rows, mean difference of the two sides: median, largest (of 255)",
                f"{np.median(both):.2f}, {max(both):.2f} of {len(both)}", good=max(both) <= SAME_LOOKS)  # fmt: skip


def _tell_agents(known: Site, figures: Figures) -> None:
    """Who the sides said that they were, and how often a site was asked for its rules."""
    theirs = (known.folder / "cases" / "asked.txt").read_text()
    asked = known.web.asked()
    ours = {one["user_agent"] for one in asked}
    figures.add("golden: User-Agent of img2dataset", theirs[:60], good="Firefox" in theirs)
    figures.add("golden: User-Agent of pairtrawl, one for all requests", ", ".join(sorted(ours)),
                good=len(ours) == 1 and "pairtrawl" in next(iter(ours)))  # fmt: skip
    rules = [one["port"] for one in asked if one["path"] == "/robots.txt"]
    figures.add(
        "golden: requests for robots.txt, sites", f"{len(rules)}, {len(set(rules))}", good=len(rules) == len(set(rules))
    )
    images = [one for one in asked if one["port"] == known.web.ports["robots"] and one["path"] == "/jpg.jpg"]
    figures.add("golden: pictures asked for where robots.txt refuses", str(len(images)), good=not images)


def _prove_slow(known: Site, python: Path, folder: Path, figures: Figures) -> None:
    """A drip and a bomb, one run each: their time and memory are theirs."""
    for case, what in zip(SLOW_CASES, ("drip", "bomb"), strict=True):
        work = folder / what
        work.mkdir()
        options = {
            "url_list": str(write_list(work / "list.parquet", [case], known)), "input_format": "parquet",
            "caption_col": "caption", "save_additional_columns": ["number"], "output_format": "webdataset",
            "thread_count": 4, "timeout": TIMEOUT,
        }  # fmt: skip
        peer = run_img2dataset(python, options | {"output_folder": str(work / "peer")})
        ours = run_rebuild(options | {"output_folder": str(work / "ours")}, known.web.ports.values())
        one = compare(case, outcomes(work / "peer")[0], outcomes(work / "ours")[0])
        show([one])
        figures.add(
            f"golden: {case.name}, img2dataset and pairtrawl",
            f"{_told(one.peer)}; {_told(one.ours)}",
            good=not one.wrong,
        )
        _tell_slow(what, peer, ours, work, figures)


def _tell_slow(what: str, peer: PeerRan, ours: PeerRan, work: Path, figures: Figures) -> None:
    seconds = f"{shard_seconds(work / 'peer'):.1f}, {shard_seconds(work / 'ours'):.1f}"
    if what == "drip":
        figures.add(f"golden: seconds for a shard with a drip of {DRIP_SECONDS:.0f} s, time limit {TIMEOUT} s: img2dataset, pairtrawl",
                    seconds, good=shard_seconds(work / "ours") < TIMEOUT + LATE)  # fmt: skip
        return
    figures.add(f"golden: {BOMB_SIDE:,} squared: seconds, largest process MB: img2dataset", f"{shard_seconds(work / 'peer'):.1f}, {peer.peak_bytes / 1e6:,.0f}", good=True)  # fmt: skip
    figures.add(f"golden: {BOMB_SIDE:,} squared: seconds, largest process MB: pairtrawl", f"{shard_seconds(work / 'ours'):.1f}, {ours.peak_bytes / 1e6:,.0f}",
                good=ours.peak_bytes < peer.peak_bytes / 2)  # fmt: skip


def shard_seconds(folder: Path) -> float:
    """The duration that the first shard's statistics tell."""
    import json

    told: Mapping[str, float] = json.loads((folder / "00000_stats.json").read_bytes())
    return told["duration"]


def _prove_documented(figures: Figures) -> None:
    """Each difference that the table names stands in the document for those who come from img2dataset."""
    page = Path(__file__).resolve().parents[2] / "docs" / "img2dataset.md"
    text = page.read_text(encoding="utf-8").lower() if page.exists() else ""
    missing = [name for name in DIFFERENCES if name not in text]
    figures.add(
        "golden: differences without a line in docs/img2dataset.md", ", ".join(missing) or "none", good=not missing
    )
