"""How many image-text pairs come out of archives, and how fast, beside cc2dataset 1.5.0 and warcio.

    python benchmarks/extraction.py --corpus ../shared/corpus --truth .../truth.jsonl --install-peer

Prints a table. Times are CPU seconds of one process, the smallest of several rounds that alternate between the ways, so
that a busy machine harms all of them alike; MB are uncompressed. `--peer` names the Python of an environment that holds
cc2dataset; `--install-peer` makes one in a temporary folder; without either, its columns stay empty.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from crawler.captions import clean
from crawler.extract import extract
from crawler.extract.cc2dataset import derive_cc2dataset
from crawler.read import read_pages
from crawler.records import Candidate, HtmlPage, TextSource, WatPage
from crawler.settings import Extract
from crawler.tables import CandidateWriter
from crawler.urls import Base, normalise

SETS = ("common-crawl-form", "real-pages")
#: limits that cc2dataset does not have are out of the way
SETTINGS = Extract(url_characters=1_000_000, images_per_page=1_000_000)
_PEER_PACKAGES = ("fastwarc", "pysimdjson", "fsspec", "loguru")

# Runs under the peer's Python. cc2dataset imports Spark at its top and needs it for what comes after extraction only.
_PEER = """
import io, json, sys, time, types
from importlib.metadata import version
for name in ("pyspark", "pyspark.sql", "pyspark.sql.functions"):
    module = types.ModuleType(name)
    module.SparkContext = module.SparkSession = module.rand = None
    sys.modules[name] = module
from cc2dataset.main import extract_documents_from_wat, logger
logger.remove()
versions = {name: version(name) for name in ("cc2dataset", "fastwarc", "pysimdjson")}
print(json.dumps(versions), flush=True)
for line in sys.stdin:
    paths = json.loads(line)
    begin = time.process_time()
    rows = []
    for path in paths:
        with open(path, "rb") as file:
            rows.append(extract_documents_from_wat(io.BytesIO(file.read()), "image"))
    seconds = time.process_time() - begin
    print(json.dumps([seconds, rows]), flush=True)
"""


class Peer:
    """cc2dataset in its own process, which stays up so that every round measures extraction only."""

    def __init__(self, python: Path) -> None:
        self._process = subprocess.Popen(
            [str(python), "-c", _PEER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.versions: dict[str, str] = self._read()

    def rows(self, wats: list[Path]) -> tuple[float, list[list[dict[str, str]]]]:
        """CPU seconds for a list of WAT files, and the rows of each."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([str(path) for path in wats]) + "\n")
        self._process.stdin.flush()
        seconds, rows = self._read()
        return seconds, rows

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _read(self) -> Any:  # noqa: ANN401 - the peer's JSON
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


def install_peer(folder: Path) -> Path:
    """A fresh environment with cc2dataset 1.5.0, without Spark; its Python."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--no-deps", "cc2dataset==1.5.0"], check=True)
    subprocess.run([*pip, *_PEER_PACKAGES], check=True)
    return python


def ours(paths: Iterable[Path], *, wat: bool) -> list[list[Candidate]]:
    """Our candidates, a list for each file."""
    found = []
    for path in paths:
        candidates: list[Candidate] = []
        for page in read_pages(path, name=path.name, wat=wat, limits=SETTINGS):
            if isinstance(page, HtmlPage | WatPage):
                candidates += extract(page, SETTINGS).candidates
        found.append(candidates)
    return found


def read_only(paths: Iterable[Path]) -> int:
    """Read WARC files as we do, without extraction; the number of pages."""
    return sum(
        isinstance(page, HtmlPage)
        for path in paths
        for page in read_pages(path, name=path.name, wat=False, limits=SETTINGS)
    )


def read_with_warcio(paths: Iterable[Path]) -> int:
    """Read WARC files with warcio, bodies of HTML responses included; the number of pages."""
    from warcio.archiveiterator import ArchiveIterator

    pages = 0
    for path in paths:
        with path.open("rb") as file:
            for record in ArchiveIterator(file):
                headers = record.http_headers
                if record.rec_type != "response" or headers is None or headers.get_statuscode() != "200":
                    continue
                if "html" in (headers.get_header("Content-Type") or "").lower():
                    record.content_stream().read()
                    pages += 1
    return pages


def write_table(candidates: list[Candidate]) -> None:
    """Write a candidate table, as the extract job does, into a temporary folder."""
    with tempfile.TemporaryDirectory() as folder, CandidateWriter(Path(folder) / "0.parquet") as table:
        for start in range(0, len(candidates), 2048):
            batch = candidates[start : start + 2048]
            table.write(batch, [None] * len(batch))


def unpacked_megabytes(paths: Iterable[Path]) -> float:
    """The size of gzip files unpacked."""
    size = 0
    for path in paths:
        data = path.read_bytes()
        while data:
            stream = zlib.decompressobj(31)
            size += len(stream.decompress(data))
            data = stream.unused_data
    return size / 1e6


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU seconds of this process for a piece of work."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


class Comparison(NamedTuple):
    """Our candidates of WAT files against cc2dataset's rows of the same."""

    rows: int  # distinct uid
    equal: int  # all five columns the same
    missing: int  # has an address that WHATWG accepts, and is not among ours
    no_address: int  # not among ours, for its url is no address: nobody can fetch it


def compare(candidates: list[list[Candidate]], theirs: list[list[dict[str, str]]]) -> Comparison:
    """Which of cc2dataset's rows can be derived from our candidates, file by file."""
    rows = equal = missing = no_address = 0
    for mine, other in zip(candidates, theirs, strict=True):
        derived = {tuple(sorted(derive_cc2dataset(candidate).items())) for candidate in mine}
        seen = {tuple(sorted(row.items())) for row in other}
        rows += len(seen)
        equal += len(seen & derived)
        for row in seen - derived:
            if normalise(dict(row)["url"]):
                missing += 1
            else:
                no_address += 1
    return Comparison(rows, equal, missing, no_address)


def report_set(corpus: Path, name: str, peer: Peer | None, rounds: int) -> None:
    """Print the figures of one set of archives."""
    warcs = sorted(corpus.glob(f"{name}/crawl-data/*/segments/*/warc/*.warc.gz"))
    wats = sorted(corpus.glob(f"{name}/crawl-data/*/segments/*/wat/*.warc.wat.gz"))
    from_warc, from_wat = ours(warcs, wat=False), ours(wats, wat=True)
    warc_pairs, wat_pairs = _distinct(from_warc), _distinct(from_wat)
    rows = [one for candidates in from_warc for one in candidates]
    warc_mb, wat_mb = unpacked_megabytes(warcs), unpacked_megabytes(wats)
    best: dict[str, float] = {}
    their_rows: list[list[dict[str, str]]] = []
    for _ in range(rounds):
        ways: list[tuple[str, Callable[[], object]]] = [
            ("WARC, read and extract", lambda: ours(warcs, wat=False)),
            ("WARC, read only", lambda: read_only(warcs)),
            ("WARC, read with warcio", lambda: read_with_warcio(warcs)),
            ("WAT, read and extract", lambda: ours(wats, wat=True)),
            ("candidate table", lambda: write_table(rows)),
        ]
        for way, work in ways:
            best[way] = min(best.get(way, 1e9), cpu_seconds(work))
        if peer is not None:
            seconds, their_rows = peer.rows(wats)
            best["WAT, cc2dataset"] = min(best.get("WAT, cc2dataset", 1e9), seconds)
    print(f"\n## {name}: {len(warcs)} WARC ({warc_mb:.1f} MB), {len(wats)} WAT ({wat_mb:.1f} MB)\n")
    more = 100 * (len(warc_pairs) / len(wat_pairs) - 1)
    print(f"distinct pairs: {len(warc_pairs):,} from WARC, {len(wat_pairs):,} from WAT ({more:+.1f} % from WARC)")
    if peer is not None:
        result = compare(from_wat, their_rows)
        print(f"cc2dataset: {result.rows:,} distinct rows; {result.equal:,} equal to ours in all five columns, "
              f"{result.missing} missing, {result.no_address} whose url is no address")  # fmt: skip
    print("\n| way | CPU s | MB/s |\n|---|---|---|")
    table_seconds = best.pop("candidate table")
    for way, seconds in best.items():
        megabytes = warc_mb if way.startswith("WARC") else wat_mb
        print(f"| {way} | {seconds:.3f} | {megabytes / seconds:.0f} |")
    print(f"\ncandidate table: {len(rows):,} rows written, {len(rows) / table_seconds:,.0f} a CPU second")
    if "WAT, cc2dataset" in best:
        print(f"\nWAT: {best['WAT, cc2dataset'] / best['WAT, read and extract']:.2f} times as fast as cc2dataset; "
              f"WARC reading: {best['WARC, read with warcio'] / best['WARC, read only']:.2f} times as fast as warcio")  # fmt: skip


def _distinct(found: list[list[Candidate]]) -> set[tuple[str, str]]:
    return {(one.image_url, one.caption.text) for candidates in found for one in candidates}


def report_truth(corpus: Path, truth: Path) -> None:
    """Print recall and precision of `<img>` with alt against the list that the offline web was built from."""
    warcs = sorted(corpus.glob("common-crawl-form/crawl-data/*/segments/*/warc/*.warc.gz"))
    pages: set[str] = set()
    found: set[tuple[str, str, str]] = set()
    for path in warcs:
        for page in read_pages(path, name=path.name, wat=False, limits=SETTINGS):
            if isinstance(page, HtmlPage):
                pages.add(page.url)
                found.update(
                    (page.url, one.image_url, one.caption.text)
                    for one in extract(page, SETTINGS).candidates
                    if one.caption.source is TextSource.ALT
                )
    rows = [json.loads(line) for line in truth.read_text(encoding="utf-8").splitlines()]
    listed = {row["page"] for row in rows}
    with_alt = [row for row in rows if row["alt"] and row["page"] in pages]
    expected = {(row["page"], normalise(row["url"]), clean(row["alt"])) for row in with_alt}
    # The list spells "a//b" as "a/b", which a browser does not; so its links are also joined as a browser would.
    joined = {(row["page"], Base(row["page"]).join(row["src"]), clean(row["alt"])) for row in with_alt}
    found = {one for one in found if one[0] in listed}
    print("\n## Against the truth\n")
    for title, wanted in (("addresses as listed", expected), ("links joined as a browser does", joined)):
        hits = len(wanted & found)
        print(f"{title}: {len(wanted):,} images with alt, recall {hits / len(wanted):.4%}, "
              f"precision {hits / len(found):.4%}")  # fmt: skip
    one_slash = {(page, re.sub(r"(?<!:)//+", "/", url), text) for page, url, text in found}
    print(f"addresses as listed, // and / taken for one: recall {len(expected & one_slash) / len(expected):.4%}")
    print(f"pages listed but not in the archives: {len(listed - pages)}")


def main() -> None:
    """Read the command line, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True, help="folder of common-crawl-form/ and real-pages/")
    parser.add_argument("--truth", type=Path, help="truth.jsonl of the offline web")
    parser.add_argument("--peer", type=Path, help="Python of an environment with cc2dataset 1.5.0")
    parser.add_argument("--install-peer", action="store_true", help="make such an environment in a temporary folder")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        python = install_peer(Path(folder)) if arguments.install_peer else arguments.peer
        peer = Peer(python) if python else None
        print(
            f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}"
        )
        print(
            ", ".join(
                f"{name} {version(name)}" for name in ("deflate", "selectolax", "msgspec", "can-ada", "ftfy", "warcio")
            )
        )
        if peer is not None:
            print("peer: " + ", ".join(f"{name} {number}" for name, number in peer.versions.items()))
        for name in SETS:
            report_set(arguments.corpus, name, peer, arguments.rounds)
        if arguments.truth:
            report_truth(arguments.corpus, arguments.truth)
        if peer is not None:
            peer.close()


if __name__ == "__main__":
    main()
