"""A data set of which rows are taken down: every kind of column that a removal can be matched by, and no real picture."""

from __future__ import annotations

import atexit
import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from crawler.dataset.keys import Keys, new_keys, open_keys
from crawler.dataset.manifest import Lineage
from crawler.dataset.store import Store, new_store, open_store
from crawler.rows import arrow_schema
from crawler.tar import TarFile
from workers.dataset.commits.committing import commit_shards
from workers.dataset.commits.storing import store_shard
from workers.dataset.removed.register import Reason, RegisterFolder
from workers.dataset.takedown.removing import Publisher
from workers.dataset.takedown.takedowns import Added, Request, add

COLUMNS: tuple[tuple[str, str], ...] = (
    ("caption", "string"), ("url", "string"), ("key", "string"), ("status", "string"), ("width", "int32"),
    ("sha256", "string"), ("content_id", "string"), ("md5", "string"), ("sha1", "string"), ("phash", "string"),
    ("pdq", "string"), ("pdq_quality", "int32"), ("punsafe", "float"), ("page_url", "string"),
    ("final_url", "string"), ("fetched_at", "int64"), ("other_captions", "captions"),
)  # fmt: skip


def image_of(number: int) -> bytes:
    """The bytes of a row's picture."""
    return b"picture %d " % number * 20 + hashlib.sha256(b"%d" % number).digest()


def a_row(number: int, **changes: Any) -> dict[str, Any]:
    """Row `number`; every fourth has no picture."""
    kept = number % 4 != 3
    image = image_of(number)
    noise = hashlib.sha256(b"pdq %d" % number).hexdigest()
    row: dict[str, Any] = {
        "caption": f"a boat on lake {number}, café",
        "url": f"https://host{number % 7}.test/{number}.jpg",
        "status": "success" if kept else "failed_to_download",
        "width": 64 if kept else None,
        "phash": noise[:16] if kept else None,
        "pdq": noise if kept else None,
        "pdq_quality": 90 if kept else None,
        "punsafe": number % 100 / 100 if kept else None,
        "page_url": f"https://pages.test/{number}.html",
        "final_url": f"https://cdn.test/{number}.jpg" if kept else None,
        "fetched_at": 1_700_000_000 + number if kept else None,
        "other_captions": [],
        "image": image if kept else b"",
    } | changes
    image = row["image"]
    for kind in ("md5", "sha1", "sha256"):
        row.setdefault(kind, hashlib.new(kind, image).hexdigest() if image else None)
    row.setdefault("content_id", uid_of(row["url"], row["caption"]))
    return row


def uid_of(url: str, caption: str) -> str:
    """`Candidate.content_id`."""
    return str(xxhash.xxh3_128_hexdigest(f"{url}\n{caption}".encode()))


def write_shard(folder: Path, number: int, rows: Sequence[Mapping[str, Any]]) -> tuple[Path, Path]:
    """The table and the tar of a shard."""
    folder.mkdir(parents=True, exist_ok=True)
    table, tar = folder / f"{number:05d}.parquet", folder / f"{number:05d}.tar"
    keyed = [{**row, "key": f"{number:05d}{place:04d}"} for place, row in enumerate(rows)]
    with TarFile(tar) as file:
        for row in keyed:
            if row["image"]:
                file.add(f"{row['key']}.jpg", row["image"])
                file.add(f"{row['key']}.json", json.dumps({name: row[name] for name, _ in COLUMNS}).encode())
                file.add(f"{row['key']}.txt", row["caption"].encode())
    content = [{name: row[name] for name, _ in COLUMNS} for row in keyed]
    pq.write_table(pa.Table.from_pylist(content, schema=arrow_schema(COLUMNS)), table, compression="zstd")
    return table, tar


@dataclass(frozen=True, slots=True)
class Site:
    """A store with one version of rows 0 to n-1, its keys, and a register."""

    folder: Path
    store: Store
    keys: Keys
    register: RegisterFolder

    @property
    def publisher(self) -> Publisher:
        return Publisher(self.store, self.keys, self.folder)

    def commit(
        self, shards: Mapping[int, Sequence[Mapping[str, Any]]], workers: Mapping[int, str] | None = None
    ) -> str:
        """A version of these shards alone."""
        at = self.store.ref("main")
        made = []
        for number, rows in shards.items():
            table, tar = write_shard(self.folder / f"run-{at}", number, rows)
            worker = (workers or {}).get(number)
            lineage = Lineage(worker, 1_700_000_000) if worker else None
            made.append(store_shard(self.store, self.keys, table.stem, table, tar, lineage=lineage))
        return commit_shards(
            self.store, self.keys, made, parents=[at] if at else [], ref="main", at=at, message="a run"
        )

    def take_down(self, content: str, what: str = "hashes", **options: Any) -> Added:
        """A takedown of what a list names."""
        path = self.folder / f"{what}.list"
        path.write_text(content)
        return add(self.store, self.register, Request(Reason.PRIVACY, "ticket 7", {what: (path,)}), **options)

    def uids(self, version: str = "main") -> list[str]:
        """Ids of the rows of a version, in order."""
        from workers.dataset.version_rows import shard_uids

        commit = self.store.read_commit(version)[1]
        return [uid.tobytes().hex() for shard in self.store.shards(commit) for uid in shard_uids(self.store, shard)[1]]


def a_site(folder: Path, shards: int = 3, rows: int = 20, address: str = "") -> Site:
    """So many shards of so many rows each."""
    folder.mkdir(parents=True, exist_ok=True)
    if not address:
        shutil.copytree(_template(shards, rows), folder, dirs_exist_ok=True)
        store = open_store(str(folder / "store"), cache=folder / "cache")
        return Site(folder, store, open_keys(folder / "keys"), RegisterFolder.create(folder / "register"))
    return _made(folder, shards, rows, address)


@cache
def _template(shards: int, rows: int) -> Path:
    """A folder with such a site, made once: a store can be copied."""
    folder = Path(mkdtemp(prefix="pairtrawl-removable-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    _made(folder, shards, rows, str(folder / "store"))
    return folder


def _made(folder: Path, shards: int, rows: int, address: str) -> Site:
    keys = new_keys(folder / "keys")
    store = new_store(address, "boats", keys, cache=folder / "cache")
    site = Site(folder, store, keys, RegisterFolder.create(folder / "register"))
    site.commit({number: [a_row(number * rows + place) for place in range(rows)] for number in range(shards)})
    return site


def everything_in(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file below a folder as it is, and tables as text, for they are compressed."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            yield path, content
            if content[:4] == b"PAR1":
                for batch in pq.ParquetFile(path).iter_batches():
                    yield path, repr(batch.to_pylist()).encode()
