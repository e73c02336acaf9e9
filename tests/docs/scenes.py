"""A scene for each page that has commands: what lies around when a reader types them."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq

from tests.dataset_versions import write_shard
from tests.docs.reading import ROOT, Command
from tests.docs.running import Scene, run
from tests.docs.shared import Shared, store
from tests.workers.labelling.labels import a_judgement
from workers.demo import truth
from workers.labelling.journal import Journal

Staged = Callable[[Shared, Path], Scene]


def _readme(shared: Shared, folder: Path) -> Scene:
    shared.archive(folder / "crawl.warc.gz")
    shared.crawled_at(folder / "runs/demo")
    text = (ROOT / "examples/laion_like.toml").read_text(encoding="utf-8")
    text = text.replace('contact = ""', shared.fetch_section()).replace('"ViT-B-32-quickgelu"', '"pairtrawl-tiny"')
    (folder / "examples").mkdir()
    (folder / "examples/laion_like.toml").write_text(text.replace('pretrained = "openai"\n', ""))
    return Scene(folder)


def _export(shared: Shared, folder: Path) -> Scene:
    shared.crawled_at(folder / "runs/crawl")
    scene = Scene(folder)
    store(scene)
    run(Command("a scene", 0, (), ("pairtrawl", "dataset", "tag", "STORE", "v2")), scene)
    return scene


def _filters(shared: Shared, folder: Path) -> Scene:
    shared.crawled_at(folder / "runs/crawl")
    (folder / "runs/demo").symlink_to(folder / "runs/crawl")
    for number in range(2):
        write_shard(folder / f"runs/safe-{number}", number, range(100 * number, 100 * number + 100))
    _judged(folder / "judged.csv")
    (folder / "safe").mkdir(mode=0o700)
    (folder / "issued.xml").write_text(_ISSUED)
    return Scene(folder, called={"/safe/": f"{folder}/safe/"})


def _judged(path: Path) -> None:
    """What people said of the demo's pairs."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("url", "caption", "match"))
        rows.writerows((url, text, int(one.match)) for (url, text), one in truth().items() if one.match is not None)


_ISSUED = """<?xml version="1.0"?><queryResult xmlns="https://hashsharing.ncmec.org/hashsharing/v2">
<images><image><id>1</id><fingerprints><md5>0f343b0931126a20f133d67c2b018a3b</md5></fingerprints></image></images>
</queryResult>"""


def _img2dataset(shared: Shared, folder: Path) -> Scene:
    shared.list_of_pictures(folder / "laion.parquet")
    old = ("laion.parquet", "--output", "old", "--output_format", "webdataset", "--as", "img2dataset")
    done = run(Command("a scene", 0, (), ("pairtrawl", "rebuild", *old, *shared.options())), Scene(folder))
    assert done.code == 0, done.output
    shutil.rmtree(folder / "old/_pairtrawl")  # as img2dataset leaves it
    return Scene(folder, further=shared.options())


def _takedown(shared: Shared, folder: Path) -> Scene:
    shared.crawled_at(folder / "runs/first")
    scene = Scene(folder)
    store(scene, "runs/first", "boats", "keys")
    run(Command("a scene", 0, (), ("pairtrawl", "dataset", "checkout", "boats", "copy")), scene)
    for name in ("incoming", "outgoing"):
        (folder / name).mkdir()
    shard = pq.read_table(folder / "copy/00000.parquet").to_pylist()
    (folder / "incoming/urls.txt").write_text(next(row["url"] for row in shard if row["status"] == "success"))
    (folder / "policy.toml").write_text('[[policy]]\nname = "similarity below 0"\ncolumn = "similarity"\nbelow = 0.0\n')
    scene.called |= {
        "s3://bucket/boats": str(folder / "boats"), "/srv/outgoing/boats-2026-11-22.diff": str(folder / "outgoing/d"),
        "boats-2026-11-22.diff": str(folder / "outgoing/d"), "/srv/": f"{folder}/", "/data/boats": str(folder / "copy"),
        "/scratch/boats": str(folder / "elsewhere"),
        "PUBLIC_KEY": json.loads((folder / "boats/dataset.json").read_bytes())["author"],
    }  # fmt: skip

    def taken_down(scene: Scene, said: str) -> None:
        scene.called["T-2026-11-22-1"] = said[: said.index(":")].rsplit(maxsplit=1)[-1]

    scene.learns = {"pairtrawl dataset takedown add": taken_down}
    scene.also = {"pairtrawl dataset reissue": ("--burial", "10", "--yes-so-many")}  # a small data set hides little
    scene.leaves_with = {"pairtrawl dataset purge": 2}  # the run, beside the store, has the rows still
    return scene


def _versions(shared: Shared, folder: Path) -> Scene:
    shared.crawled_at(folder / "runs/october")

    def published(scene: Scene, said: str) -> None:
        found = re.search(r"published by ([0-9a-f]{64})", said)
        assert found is not None
        scene.called["PUBLIC_KEY"] = found[1]

    return Scene(folder, learns={"pairtrawl dataset init": published})


def _proofs(shared: Shared, folder: Path) -> Scene:
    shared.crawled_at(folder / "runs/crawl")
    scene = Scene(folder)
    store(scene)
    key = json.loads((folder / "STORE/dataset.json").read_bytes())["author"]
    for words in (
        ("subset", "STORE", "safe", "--where", "similarity >= 0.5", "--keys", "KEYS"),
        ("diff", "STORE", "main", "safe", "--publish", "safe.diff", "--keys", "KEYS"),
        ("checkout", "STORE", "copy"),
        ("apply", "safe.diff", "--local", "copy", "--author", key, "--keys", "HOLDERS", "--receipt", "receipt.json"),
    ):
        done = run(Command("a scene", 0, (), ("pairtrawl", "dataset", *words)), scene)
        assert done.code == 0, done.output
    row = next(one for one in pq.read_table(folder / "copy/00000.parquet").to_pylist() if one["status"] == "success")
    (folder / "asked.txt").write_text(row["url"])
    (folder / "other.txt").write_text("http://nowhere.test/at-all.jpg")
    holder = json.loads((folder / "receipt.json").read_bytes())["holder"]
    scene.called = {"PUBLIC_KEY": key, "copy-0123456789ab.receipt.json": "receipt.json", "HOLDER": holder}
    return scene


def _tracker(_shared: Shared, folder: Path) -> Scene:
    (folder / "my.toml").write_text('name = "open"\n[fetch]\ncontact = "mailto:nobody@example.org"\n')
    return Scene(folder, called={"CC-MAIN-2026-04:wat:0-99": "https://archives.example.org/0.warc.wat.gz"})


def _slurm(shared: Shared, folder: Path) -> Scene:
    """SLURM's commands as small scripts: a real one is what tests/slurm brings."""
    shared.archive(folder / "0.warc.gz")
    shared.recipe(folder / "my.toml")
    commands = folder / "bin"
    commands.mkdir()
    for name, said in {
        "sbatch": "echo 7",
        "squeue": "true",
        "scancel": "true",
        "scontrol": "echo MaxArraySize = 1001",
    }.items():
        (commands / name).write_text(f"#!/bin/sh\n{said}\n")
        (commands / name).chmod(0o755)
    (folder / "scratch").mkdir()
    around = {"SCRATCH": str(folder / "scratch"), "PATH": f"{commands}:{os.environ['PATH']}"}
    return Scene(folder, {"CC-MAIN-2026-04:wat:0-99": f"{folder}/0.warc.gz", "mysite": "local"}, around)


def _labelling(shared: Shared, folder: Path) -> Scene:
    shared.crawled_at(folder / "runs/demo")
    with Journal.open(folder / "runs/demo/labels", "ada") as journal:
        for number in range(10):
            journal.append(a_judgement(number))
    rules = shared.recipe(folder / "rules.toml", '[[filters]]\nuse = "pictures.min_side"\n')
    few = {"pairtrawl filters stability": ("--sample", "3", "--recipe", str(rules))}  # a model is asked a dozen times
    return Scene(folder, also=few, serves=("pairtrawl label runs/demo --sample",))


def _progress(shared: Shared, folder: Path) -> Scene:
    shared.crawled_at(folder / "run")
    return Scene(folder, called={"RUN": "run", "9464": "0"}, serves=("pairtrawl live",))


def _tutorial(_shared: Shared, folder: Path) -> Scene:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    archives = {"workers/demo/data/archives": str(ROOT / "workers/demo/data/archives")}
    return Scene(folder, called={"8123": port, **archives}, serves=("pairtrawl demo --serve",))


def _mine(shared: Shared, folder: Path) -> Scene:
    """A run, a store with a version of it, an archive, a recipe."""
    shared.crawled_at(folder / "runs/mine")
    shared.recipe(folder / "my.toml")
    shared.archive(folder / "0.warc.gz")
    _judged(folder / "judged.csv")
    scene = Scene(folder, called={"CC-MAIN-2026-04:wat:0": "0.warc.gz", "INPUT": "0.warc.gz"})
    store(scene, "runs/mine")
    return scene


SCENES: dict[str, Staged] = {
    "README.md": _readme,
    "docs/export.md": _export,
    "docs/filters.md": _filters,
    "docs/howto/fetch-and-score.md": _mine,
    "docs/howto/look.md": _mine,
    "docs/howto/recipes.md": _mine,
    "docs/howto/thresholds.md": _mine,
    "docs/img2dataset.md": _img2dataset,
    "docs/labelling.md": _labelling,
    "docs/progress.md": _progress,
    "docs/proofs.md": _proofs,
    "docs/takedown.md": _takedown,
    "docs/tracker.md": _tracker,
    "docs/tutorial.md": _tutorial,
    "docs/versions.md": _versions,
    "slurm/README.md": _slurm,
}
