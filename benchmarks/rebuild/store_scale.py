"""Takedown in shards: cut by byte ranges, buried, re-issued, purged; then the whole store is searched with grep.

Sixty thousand rows with pictures of random bytes, each of which holds a word of its own, so that grep can look for a
picture wherever it might be, and tables are written out as text for it.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from benchmarks.figures import Figures, title
from benchmarks.rebuild.verbs import Said, call
from tests.small_datasets import a_row, write_shard

SEED = 29
ROWS, ROWS_PER_SHARD, IMAGE_BYTES = 60_000, 1_000, 4_000
#: rows of the first takedown, buried as deep as case 45 asks for; and of the second one, which is cut out of many shards
FEW, MANY = 2, 40
DEEP, SHALLOW = 10_000, 100


def image_of(number: int) -> bytes:
    """Random bytes around a word that no other picture has."""
    rng = np.random.default_rng([SEED, number])
    half = rng.bytes(IMAGE_BYTES // 2)
    return b"\xff\xd8\xff" + half + word_of(number).encode() + half[::-1]


def word_of(number: int) -> str:
    """What grep looks for."""
    return f"picture-word-{hashlib.sha256(f'{SEED} {number}'.encode()).hexdigest()[:24]}"


def row_of(number: int) -> dict[str, Any]:
    """A row whose every column is its own."""
    image = image_of(number)
    return a_row(
        number, image=image, sha256=hashlib.sha256(image).hexdigest(), md5=_md5(image), status="success", error_message=None,
        width=64, height=48, url=f"https://site{number % 977}.test/{word_of(number)}.jpg", caption=f"caption {word_of(number)}",
        similarity=number % 1000 / 1000, other_captions=[], made_by=[],
    )  # fmt: skip


def prove_store_scale(work: Path, figures: Figures, rows: int = ROWS) -> None:
    """Two takedowns, one after the other, each to its end."""
    title(f"takedown in {rows:,} rows with pictures")
    folder = work / "store-scale"
    folder.mkdir()
    began = time.monotonic()
    for first in range(0, rows, ROWS_PER_SHARD):
        write_shard(
            folder / "set", first // ROWS_PER_SHARD, [row_of(number) for number in range(first, first + ROWS_PER_SHARD)]
        )
    made = time.monotonic() - began
    call("dataset", "init", folder / "store", "--keys", folder / "keys", "--name", "at-scale")
    said = call("dataset", "commit", folder / "store", folder / "set", "--keys", folder / "keys", "-m", "version 1")
    call("dataset", "tag", folder / "store", "v1")
    size = sum(path.stat().st_size for path in (folder / "set").glob("*.tar"))
    figures.add("store: rows, shards, MB of tars; made in, committed in seconds",
                f"{rows:,}, {rows // ROWS_PER_SHARD}, {size / 1e6:,.0f}; {made:.0f}, {said.seconds:.0f}", good=True)  # fmt: skip
    chosen = [int(one) for one in np.random.default_rng(SEED).permutation(rows)]
    few = chosen[:FEW]
    take_down(folder, figures, few, DEEP, "first")
    _prove_burial(folder, figures, few, rows)
    left = set(standing(folder, "main"))
    many = [number for number in chosen[FEW:] if word_of(number) in left][: min(MANY, len(left) // 250)]
    take_down(folder, figures, many, SHALLOW, "second")
    for version in ("v1", "main"):
        said = call("dataset", "verify", folder / "store", "--version", version)
        figures.add(f"store: {version} verifies after both purges, seconds", f"{said.seconds:.0f}: {said.printed.strip().splitlines()[-1][:80]}", good=True)  # fmt: skip


def take_down(folder: Path, figures: Figures, numbers: Sequence[int], burial: int, which: str) -> None:
    """Add, cut, re-issue, purge, grep."""
    listed = folder / f"{which}.md5"
    listed.write_text("".join(f"{_md5(image_of(number))}\n" for number in numbers))
    publisher = ("--register", folder / "register", "--keys", folder / "keys")
    store = folder / "store"
    added = call("dataset", "takedown", "add", store, "--register", folder / "register", "--hashes", listed, "--reason", "illegal",
                 "--authority", f"the {which} list", "--yes-so-many", "--without-copies")  # fmt: skip
    name = _name_in(added)
    found = added.number(r"([\d,]+) of [\d,]+ rows match")
    cut = call("dataset", "takedown", "cut", store, name, *publisher)
    shards = cut.number(r"([\d,]+) of [\d,]+ shards cut")
    touched = len({number // ROWS_PER_SHARD for number in numbers}) if which == "first" else shards
    figures.add(f"store: {which} takedown: rows named, found; shards cut; seconds of add, of cut",
                f"{len(numbers)}, {found}; {shards}; {added.seconds:.1f}, {cut.seconds:.1f}",
                good=found == len(numbers) and shards == touched)  # fmt: skip
    issued = call(
        "dataset",
        "reissue",
        store,
        *publisher,
        "--burial",
        str(burial),
        "--yes-so-many",
        "--diff",
        folder / f"{which}.diff",
    )
    line = next(text for text in issued.printed.splitlines() if "rows before" in text)
    before, removed, after = (int(word.replace(",", "")) for word in line.split() if word[0].isdigit())
    figures.add(f"store: {which} re-issue: rows before, removed, after; seconds",
                f"{before:,}, {removed:,}, {after:,}; {issued.seconds:.1f}",
                good=before - removed == after and removed >= (burial + 1) * len(numbers))  # fmt: skip
    there = grep(folder, numbers)
    purged = call("dataset", "purge", store, name, *publisher)
    left = grep(folder, numbers)
    figures.add(f"store: {which} purge: files with purged bytes or rows before, after; seconds", f"{there}, {left}; {purged.seconds:.1f}",
                good=there > 0 and not left)  # fmt: skip


def _prove_burial(folder: Path, figures: Figures, few: Sequence[int], rows: int) -> None:
    """Case 45 by figures: neutral rows for each real one, in what is published."""
    left = set(standing(folder, "main"))
    gone = rows - len(left)
    figures.add("store: published removals for each real one (case 45: 10,000 at least)", f"{(gone - len(few)) / len(few):,.0f}",
                good=gone - len(few) >= DEEP * len(few) and not left & {word_of(one) for one in few})  # fmt: skip


def standing(folder: Path, version: str) -> list[str]:
    """The words of the rows of a version."""
    target = folder / "checkout"
    call("dataset", "checkout", folder / "store", target, "--version", version)
    found = [
        str(caption).removeprefix("caption ")
        for path in target.rglob("[0-9]*.parquet")
        for caption in pq.read_table(path, columns=["caption"]).column("caption").to_pylist()
    ]
    shutil.rmtree(target)
    return found


def grep(folder: Path, numbers: Sequence[int]) -> int:
    """In how many files of the store, and of this machine's caches of it, these rows still stand.

    By GNU grep, for words, hashes in hex and hashes as bytes of text; tables are written out as text beside the store first, for
    in them everything is packed.
    """
    needles = folder / "needles"
    words = [
        word
        for number in numbers
        for word in (word_of(number), _md5(image_of(number)), hashlib.sha256(image_of(number)).hexdigest())
    ]
    needles.write_text("".join(f"{word}\n" for word in words))
    dump = folder / "tables-as-text"
    dump.mkdir()
    for path in folder.joinpath("store").rglob("*"):
        if path.is_file() and path.stat().st_size > 8 and _is_table(path):
            (dump / path.name).write_text(_as_text(path))
    words_ = ["grep", "-rlaF", "-f", str(needles), str(folder / "store"), str(dump)]
    done = subprocess.run(words_, check=False, stdout=subprocess.PIPE, text=True)
    assert done.returncode in {0, 1}, "grep itself failed"
    shutil.rmtree(dump)
    return len(done.stdout.splitlines())


def _is_table(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def _as_text(path: Path) -> str:
    """All values of a table, column after column; digests that are bytes in hex."""
    lines = []
    for column in pq.read_table(path).columns:
        values = column.to_pylist()
        lines += [value.hex() if isinstance(value, bytes) else str(value) for value in values]
    return "\n".join(lines)


def _name_in(said: Said) -> str:
    found = re.search(r"T-\d{4}-\d{2}-\d{2}-\d+", said.printed)
    assert found, said.printed
    return found[0]


def _md5(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()
