"""Our output, read by tools that were made for img2dataset's, as they are: loaders, DataComp's scripts, pandas.

The shards are made as DataComp makes its own (download_upstream.py's options, CommonPool's columns); what the readers
must find is known from the list alone.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from benchmarks.figures import Figures, title
from benchmarks.rebuild.golden import pixels
from benchmarks.rebuild.layouts import READERS
from benchmarks.rebuild.ours import run_rebuild
from tests.fakes.golden_web import GoldenWeb, answers, golden_web
from tests.interop.test_consumers import PEERS, TRAIN

ROOT = Path(__file__).resolve().parents[2]
#: of the golden web: good pictures, in turns
PATHS = (
    "/jpg.jpg",
    "/gray.jpg",
    "/rgba.png",
    "/wide.jpg",
    "/anim.webp",
    "/plain.bmp",
    "/a,comma.jpg",
    "/peñoles.jpg",
    "/gone.jpg",
)
ROWS, PER_SHARD = 72, 20
#: a face, as DataComp's detector tells it: a box of shares of the width and height
FACE = [0.25, 0.25, 0.6, 0.7]
_FACE_ROWS = 9  # every ninth row, all of one picture, has the box


def prove_consumers(work: Path, figures: Figures, python: Path) -> None:
    """One output folder, many readers."""
    title("tools that were made for img2dataset's output, on ours")
    folder = work / "consumers"
    folder.mkdir()
    with golden_web(folder / "requests.log") as web:
        rows = pool_rows(web)
        pq.write_table(pa.Table.from_pylist(rows), folder / "pool.parquet")
        options = {
            "url_list": str(folder / "pool.parquet"), "image_size": 512, "output_folder": str(folder / "shards"), "processes_count": 1,
            "thread_count": 16, "resize_mode": "keep_ratio_largest", "resize_only_if_bigger": True, "output_format": "webdataset",
            "input_format": "parquet", "url_col": "url", "caption_col": "text", "bbox_col": "face_bboxes",
            "save_additional_columns": ["uid"], "number_sample_per_shard": PER_SHARD, "oom_shard_count": 8, "retries": 2,
        }  # fmt: skip
        ran = run_rebuild(options, web.ports.values())
    assert not ran.exit_code, ran.printed[-1500:]
    good = [row for row in rows if not row["url"].endswith("gone.jpg")]
    figures.add(
        "consumers: DataComp's own call (512 px, faces, uid, 8 digits): rows, pictures",
        f"{ROWS}, {len(good)}",
        good=True,
    )
    tars = sorted(map(str, (folder / "shards").glob("*.tar")))
    prove_webdataset(figures, python, tars, good)
    prove_pandas(figures, python, folder / "shards", good)
    prove_open_clip(figures, tars, good)
    prove_hugging_face(figures, folder, tars, good)
    prove_datacomp(figures, folder, good)
    prove_faces(figures, folder, rows)


def pool_rows(web: GoldenWeb) -> list[dict[str, Any]]:
    """Rows of CommonPool's form (peers.md 2.4)."""
    rows = []
    for number in range(ROWS):
        path = PATHS[number % len(PATHS)]
        said = answers().get(path)
        text = f"picture {number}, schön"
        rows.append({
            "uid": hashlib.md5(f"{text}{path}".encode(), usedforsecurity=False).hexdigest(), "url": web.address(path), "text": text,
            "original_width": 400, "original_height": 300, "clip_b32_similarity_score": 0.3, "clip_l14_similarity_score": 0.2,
            "face_bboxes": [FACE] if number % _FACE_ROWS == 0 else [],
            "sha256": hashlib.sha256(said.body).hexdigest() if said else "0" * 64,
        })  # fmt: skip
    return rows


def read_by_peer(python: Path, reader: str, files: list[str]) -> list[dict[str, Any]]:
    """What a reader of the peer's environment finds."""
    words = [str(python), str(READERS), reader, *files]
    told = subprocess.run(words, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    found: list[dict[str, Any]] = json.loads(told.splitlines()[-1])
    return found


def prove_webdataset(figures: Figures, python: Path, tars: list[str], good: list[dict[str, Any]]) -> None:
    """The loader that img2dataset's users have installed with it."""
    samples = read_by_peer(python, "webdataset", tars)
    told = [sample["txt"] for sample in samples] == [row["text"] for row in good]
    uids = [sample["json"]["uid"] for sample in samples] == [row["uid"] for row in good]
    sizes = all(sample["size"] == [sample["json"]["width"], sample["json"]["height"]] for sample in samples)
    figures.add("consumers: webdataset of img2dataset's environment: samples; captions, uids, sizes right", f"{len(samples)}; {told}, {uids}, {sizes}",
                good=told and uids and sizes)  # fmt: skip


def prove_pandas(figures: Figures, python: Path, folder: Path, good: list[dict[str, Any]]) -> None:
    """The tables, as scripts read them."""
    told = read_by_peer(python, "pandas", sorted(map(str, folder.glob("*.parquet"))))[0]
    figures.add("consumers: pandas: rows, status == success", f"{told['rows']}, {told['success']}", good=(told["rows"], told["success"]) == (ROWS, len(good)))  # fmt: skip


def prove_open_clip(figures: Figures, tars: list[str], good: list[dict[str, Any]]) -> None:
    """open_clip's own training loader, with the webdataset that it works with."""
    if not PEERS.is_dir():
        figures.add(
            "consumers: open_clip's training loader",
            "webdataset 0.2.86 is not there: make install puts it there",
            good=False,
        )
        return
    digits = Path(tars[0]).stem
    pattern = str(Path(tars[0]).with_name(f"{{{digits}..{Path(tars[-1]).stem}}}.tar"))
    words = [sys.executable, "-W", "ignore", "-c", TRAIN, str(PEERS), str(ROOT), pattern, str(len(good))]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    seen = (
        json.loads(done.stdout.splitlines()[-1])
        if not done.returncode
        else {"images": [], "tokens": done.stderr[-300:]}
    )
    figures.add("consumers: open_clip's training loader: batches of pictures; different captions", f"{len(seen['images'])}; {len({tuple(row) for row in seen['tokens']})} of {len(good)}",
                good=len(seen["images"]) == len(good) // 4 and len({tuple(row) for row in seen["tokens"]}) == len(good))  # fmt: skip


def prove_hugging_face(figures: Figures, folder: Path, tars: list[str], good: list[dict[str, Any]]) -> None:
    """`datasets`, which guesses types from the first samples."""
    os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    import datasets

    datasets.disable_progress_bars()
    table = datasets.load_dataset(
        "webdataset", data_files={"train": tars}, split="train", cache_dir=str(folder / "cache")
    )
    told = table["txt"][:] == [row["text"] for row in good]
    figures.add(
        f"consumers: Hugging Face datasets {datasets.__version__}: samples; captions right",
        f"{len(table)}; {told}",
        good=told,
    )


def prove_datacomp(figures: Figures, folder: Path, good: list[dict[str, Any]]) -> None:
    """DataComp's way to a subset: a sorted file of uids, all tars read, those that are in it written to new ones."""
    chosen = [row["uid"] for row in good[::3]] + ["f" * 32]  # one that was never downloaded
    subset = np.array(sorted((int(uid[:16], 16), int(uid[16:], 16)) for uid in chosen), np.dtype("u8,u8"))
    np.save(folder / "subset.npy", subset)
    sizes = reshard(folder / "shards", np.load(folder / "subset.npy"), folder / "subset", 10)
    found = [
        json.loads(sample["json"])["uid"]
        for path in sorted((folder / "subset").glob("*.tar"))
        for _, sample in samples_of(path)
    ]
    figures.add("consumers: DataComp's resharding by uid: chosen, found, shards of 10",
                f"{len(chosen)} ({len(chosen) - 1} downloaded), {len(found)}, {len(sizes)}",
                good=sorted(found) == sorted(chosen[:-1]) and sum(sizes.values()) == len(found))  # fmt: skip


def samples_of(tar: Path) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Samples of a tar: members of one key stand together."""
    key, sample = "", dict[str, bytes]()
    with tarfile.open(tar) as opened:
        for member in opened:
            stem, _, extension = member.name.partition(".")
            if stem != key and sample:
                yield key, sample
                sample = {}
            file = opened.extractfile(member)
            assert file is not None
            key, sample[extension] = stem, file.read()
    if sample:
        yield key, sample


def reshard(shards: Path, subset: np.ndarray[Any, Any], output: Path, per_shard: int) -> dict[str, int]:
    """What DataComp's users do with a subset file: all shards in order, samples whose uid is in it, new tars of so many.

    The uid is looked for in the sample's json, as two halves of 64 bits, in the sorted file. Returns what sizes.json says.
    """
    output.mkdir()
    chosen = (
        (key, sample)
        for tar in sorted(shards.glob("*.tar"))
        for key, sample in samples_of(tar)
        if _is_in(subset, json.loads(sample["json"])["uid"])
    )
    sizes: dict[str, int] = {}
    while part := list(islice(chosen, per_shard)):
        name = f"{len(sizes):08d}.tar"
        sizes[name] = len(part)
        with tarfile.open(output / name, "w") as tar:
            for key, sample in part:
                _add(tar, key, sample)
    (output / "sizes.json").write_text(json.dumps(sizes))
    return sizes


def _is_in(subset: np.ndarray[Any, Any], uid: str) -> bool:
    asked = np.array([(int(uid[:16], 16), int(uid[16:32], 16))], np.dtype("u8,u8"))
    place = int(np.searchsorted(subset, asked)[0])
    return place < len(subset) and bool(subset[place] == asked[0])


def _add(tar: tarfile.TarFile, key: str, sample: dict[str, bytes]) -> None:
    for extension, content in sample.items():
        member = tarfile.TarInfo(f"{key}.{extension}")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))


def prove_faces(figures: Figures, folder: Path, rows: list[dict[str, Any]]) -> None:
    """Boxes of the list are blurred, and nothing else is."""
    wanted = {row["uid"] for row in rows if row["face_bboxes"]}
    inside, outside = [], []
    for tar in sorted((folder / "shards").glob("*.tar")):
        for _, sample in samples_of(tar):
            if json.loads(sample["json"])["uid"] in wanted:
                image = pixels(sample["jpg"])
                original = pixels(answers()["/jpg.jpg"].body)
                assert image is not None
                assert original is not None
                left, top, right, bottom = (int(share * side) for share, side in zip(FACE, image.size * 2, strict=True))
                box = (left, top, right, bottom)
                inside.append(_edges(image.crop(box)) / _edges(original.crop(box)))
                rest = (0, 0, image.width, top // 2)
                outside.append(_edges(image.crop(rest)) / _edges(original.crop(rest)))
    figures.add("consumers: sharpness that is left inside and outside of boxes of faces", f"{np.mean(inside):.2f}, {np.mean(outside):.2f} of {len(inside)}",
                good=len(inside) > 0 and float(np.mean(inside)) < 0.5 < float(np.mean(outside)))  # fmt: skip


def _edges(image: Image.Image) -> float:
    values = np.asarray(image.convert("L")).astype(np.float64)
    return float(np.percentile(np.abs(np.diff(values, axis=1)), 99) + 1)
