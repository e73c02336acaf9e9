"""How fast samples become a tar: this crawler's member writer, its whole shard writer, and webdataset's TarWriter.

    python benchmarks/writing.py [--samples 10000] [--folder /dev/shm]

CPU seconds of this process (`time.process_time`), the ways taken in turn three times, the best of each.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from crawler.records import Candidate, Caption, Fetched, Hashes, Header, ImageSource, Sample, TextSource
from crawler.rows import columns_with, kept_row, tar_json
from crawler.settings import Output
from crawler.tar import TarFile
from crawler.write import ShardWriter, pictured

ROUNDS = 3
IMAGE_BYTES = 30_000


def samples(count: int) -> list[Sample]:
    """Samples of 30 KB each, in the order in which a web would answer: none."""
    noise = random.Random(0)  # noqa: S311 - data for a benchmark
    images = [noise.randbytes(IMAGE_BYTES) for _ in range(100)]
    made = []
    for number in range(count):
        caption = Caption(TextSource.ALT, f"a red boat, number {number}")
        candidate = Candidate(
            f"http://images.test/{number}.jpg", ImageSource.IMG_SRC, caption, (), f"http://pages.test/{number}.html",
            "CC-MAIN-20261121000000-20261121030000-00000.warc.gz", number, 0, "", "en", (), "/boat.jpg",
            caption.text, "",
        )  # fmt: skip
        fetched = Fetched(candidate, b"", candidate.image_url, "image/jpeg", (), 1_795_219_200)
        header = Header(800, 600, "JPEG", 1)
        hashes = Hashes("0" * 32, "0" * 40, "0" * 64, number, number, 100)
        made.append(Sample(fetched, header, hashes, images[number % 100], 256, 192, (("similarity", 0.3),)))
    return made


def by_members(folder: Path, made: list[Sample]) -> None:
    """Our tar alone: ustar members from a template, json by msgspec, sha256 of the file."""
    columns = columns_with((("similarity", "float"),))
    encode = msgspec.json.Encoder().encode
    with TarFile(folder / "members.tar") as tar:
        for number, sample in enumerate(made):
            key = f"{number:09d}"
            tar.add(f"{key}.jpg", sample.image)
            tar.add(f"{key}.json", encode(tar_json(kept_row(sample) | {"key": key}, columns)))
            tar.add(f"{key}.txt", sample.fetched.candidate.caption.text.encode())


def by_shard_writer(folder: Path, made: list[Sample]) -> None:
    """The whole shard: spool, tar in key order, parquet, statistics, every file flushed."""
    with ShardWriter(folder, 0, len(made), Output(), (("similarity", "float"),)) as writer:
        for number in reversed(range(len(made))):
            writer.keep(number, pictured(made[number], Output()))
        writer.commit({})


def by_webdataset(folder: Path, made: list[Sample]) -> None:
    """The TarWriter of webdataset, fed as img2dataset does: json as indented text. No table, no hash, no order."""
    import webdataset

    columns = columns_with((("similarity", "float"),))
    with webdataset.TarWriter(str(folder / "webdataset.tar")) as tar:
        for number, sample in enumerate(made):
            key = f"{number:09d}"
            facts = tar_json(kept_row(sample) | {"key": key}, columns)
            text = sample.fetched.candidate.caption.text
            tar.write({"__key__": key, "jpg": sample.image, "json": json.dumps(facts, indent=4), "txt": text})


WAYS: dict[str, Callable[[Path, list[Sample]], None]] = {
    "webdataset.TarWriter, tar only": by_webdataset,
    "crawler.tar, tar only": by_members,
    "crawler.write, whole shard": by_shard_writer,
}


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, default=None)
    arguments = parser.parse_args()
    made = samples(arguments.samples)
    best = dict.fromkeys(WAYS, float("inf"))
    for _ in range(ROUNDS):
        for name, way in WAYS.items():
            with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
                started = time.process_time()
                way(Path(folder), made)
                best[name] = min(best[name], time.process_time() - started)
    slowest = max(best.values())
    print(f"{'way':32} {'samples/s':>10} {'MB/s':>8} {'times':>6}")
    for name, seconds in best.items():
        rate = len(made) / seconds
        print(f"{name:32} {rate:10,.0f} {rate * IMAGE_BYTES / 1e6:8,.0f} {slowest / seconds:6.1f}")


if __name__ == "__main__":
    main()
