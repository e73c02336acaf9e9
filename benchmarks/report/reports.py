"""Reports of everything that can have one, made by the command and opened in a real Chromium: seconds, memory, bytes.

The places: a run (the demo), a rebuild of the demo's own pictures, a data set of two versions, a table of a million rows
and one of ten million.
"""

from __future__ import annotations

import json
import os
import sys
import tarfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.figures import Figures, title
from benchmarks.rebuild.ours import run_rebuild
from benchmarks.rebuild.peer import PeerRan, measured
from benchmarks.rebuild.verbs import call
from benchmarks.report.big_tables import write_tables
from benchmarks.report.browser import NoBrowserError
from benchmarks.report.pages import prove_page
from benchmarks.supercomputer.local_web import local_web

ROOT = Path(__file__).resolve().parents[2]
MILLION = 1_000_000
#: what is promised of making a report: seconds of processors at so many rows, for the clock goes on for others, too
PROMISED_SECONDS = {MILLION: 15, 3 * MILLION: 30, 10 * MILLION: 90}
#: resident memory of the process that makes it, whatever the number of rows
PROMISED_BYTES = 1_500_000_000
#: of a page without pictures, and of one with contact sheets of eight filters
SMALL_PAGE, PAGE_WITH_SHEETS = 4_500_000, 8_000_000


def prove_reports(work: Path, figures: Figures, *, quick: bool = False) -> None:
    """Every kind of place, one after the other; `quick` leaves the table of ten million rows at three."""
    folder = work / "reports"
    folder.mkdir()
    demo = _demo(folder, figures)
    rebuilt = _rebuild(folder, demo, figures)
    _versions(folder, demo, rebuilt, figures)
    for rows in (MILLION, (3 if quick else 10) * MILLION):
        _tables(folder, rows, figures)


def _demo(folder: Path, figures: Figures) -> Path:
    title("the report of a run: the demo")
    run = folder / "demo"
    call("demo", "--output", run, "--place", "local")
    report = json.loads((run / "report.json").read_bytes())
    lost = sum(sum(one["rejected"].values()) for one in report["stages"])
    adds_up = all(one["found"] == one["kept"] + sum(one["rejected"].values()) for one in report["stages"])
    figures.add("demo: pairs kept; losses by stage and reason add up", f"{report['totals']['kept']:,}; {lost:,}",
                good=adds_up)  # fmt: skip
    _made("demo", _report(run), figures, run / "report.html", PAGE_WITH_SHEETS)
    return run


def _rebuild(folder: Path, demo: Path, figures: Figures) -> Path:
    """A list of the demo's pictures, where they stand on a server of ours, and some addresses that are dead."""
    title("the report of a rebuild")
    web, out = folder / "web", folder / "rebuilt"
    web.mkdir()
    listed: list[tuple[str, str]] = []
    for shard in sorted((demo / "shards").glob("*.tar")):
        with tarfile.open(shard) as tar:
            for member in tar:
                file = tar.extractfile(member)
                if file is not None and member.name.endswith((".jpg", ".png", ".webp")):
                    (web / member.name).write_bytes(file.read())
                    listed.append((member.name, f"picture {len(listed)}"))
    with local_web(web) as address:
        urls = [f"http://{address}/{name}" for name, _ in listed] + [f"http://{address}/gone{at}" for at in range(50)]
        captions = [caption for _, caption in listed] + [f"gone {at}" for at in range(50)]
        pq.write_table(pa.table({"url": urls, "caption": captions}), folder / "list.parquet")
        options: dict[str, object] = {
            "url_list": str(folder / "list.parquet"), "input_format": "parquet", "url_col": "url",
            "caption_col": "caption", "output_folder": str(out), "output_format": "webdataset", "image_size": 128, "number_sample_per_shard": 500,
        }  # fmt: skip
        done = run_rebuild(options, [int(address.rpartition(":")[2])])
    report = json.loads((out / "_pairtrawl" / "report.json").read_bytes())
    figures.add("rebuild: outcomes", json.dumps(report["outcomes"]), good=done.exit_code == 0)
    _made("rebuild", _report(out), figures, out / "_pairtrawl" / "report.html", PAGE_WITH_SHEETS)
    return out


def _versions(folder: Path, demo: Path, rebuilt: Path, figures: Figures) -> None:
    title("the report of a data set of two versions")
    store, keys, page = folder / "store", folder / "keys", folder / "version.html"
    call("dataset", "init", store, "--keys", keys, "--name", "demo")
    call("dataset", "commit", store, demo, "--keys", keys, "-m", "the demo")
    call("dataset", "commit", store, rebuilt, "--keys", keys, "--prefix", "rebuilt-", "-m", "the demo, rebuilt")
    made = _report(store, "--output", page)
    history = json.loads(page.with_suffix(".json").read_bytes())["history"]
    told = ", ".join(f"{one['rows']:,} rows (+{one.get('added', 0):,} -{one.get('removed', 0):,})" for one in history)
    figures.add("versions, the newest first", told, good=len(history) == 2)
    _made("version", made, figures, page, SMALL_PAGE)


def _tables(folder: Path, rows: int, figures: Figures) -> None:
    title(f"the report of a table of {rows:,} rows")
    tables, page = folder / f"tables-{rows}", folder / f"tables-{rows}.html"
    began = time.monotonic()
    paths = write_tables(tables, rows)
    size = sum(path.stat().st_size for path in paths)
    figures.add(f"{rows:,} rows: written, seconds, MB", f"{time.monotonic() - began:.0f}, {size / 1e6:,.0f}", good=True)
    made = _report(tables, "--output", page)
    name = f"{rows:,} rows"
    kept = json.loads(page.with_suffix(".json").read_bytes())["totals"]["kept"]
    counted = sum(
        pq.read_table(path, columns=["status"]).column("status").to_pylist().count("success") for path in paths[:10]
    )
    # ten tables are counted a second time, by other means; they are all that a million rows have
    figures.add(f"{name}: kept, and as counted in ten tables", f"{kept:,}; {counted:,}",
                good=kept == counted if len(paths) <= 10 else kept > counted)  # fmt: skip
    _made(name, made, figures, page, SMALL_PAGE, PROMISED_SECONDS[rows])
    found = measured([*_PAIRTRAWL, "report", str(tables), "--find", "garden boat", "--limit", "3"], _environment(), 600)
    figures.add(f"{name}: words found among all, seconds", f"{found.seconds:.1f}", good=found.exit_code == 0)


_PAIRTRAWL = (sys.executable, "-c", "from workers.cli import main; main()")


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT)}


def _report(place: Path, *words: str | Path) -> PeerRan:
    """`pairtrawl report PLACE`, which must go well."""
    made = measured([*_PAIRTRAWL, "report", str(place), *map(str, words)], _environment(), 600)
    assert made.exit_code == 0, made.printed[-1500:]
    return made


def _made(name: str, made: PeerRan, figures: Figures, page: Path, most_bytes: int, most_seconds: float = 15) -> None:
    """What making a report took, and its page in a browser, where there is one."""
    figures.add(f"{name}: report made, seconds (of processors), MB of memory",
                f"{made.seconds:.1f} ({made.cpu_seconds:.1f}), {made.peak_bytes / 1e6:,.0f}",
                good=made.cpu_seconds <= most_seconds and made.peak_bytes <= PROMISED_BYTES)  # fmt: skip
    figures.add(f"{name}: report.json, kB", f"{page.with_suffix('.json').stat().st_size / 1e3:,.0f}", good=True)
    try:
        prove_page(name, page, figures, most_bytes=most_bytes)
    except NoBrowserError as error:
        figures.add(f"{name}: in a browser", f"left out: {error}", good=True)
