"""What the scenes of several pages have in common, made once: a run with scores, the demo's web, a list of it."""

from __future__ import annotations

import gzip
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.docs.reading import Command
from tests.docs.running import Said, Scene, run
from tests.small_runs import small_archives
from workers.demo import inputs
from workers.demo.web import DemoWeb

#: pictures of the demo's web that are as they should be, and one that is gone
_LISTED = ("alpha.png", "cmyk.jpg", "palette.gif", "status/404/x.png")


_SCORED = '[[filters]]\nuse = "pictures.clip_similarity"\nthreshold = 0.40\n'


@dataclass(slots=True)
class Shared:
    """Made when first asked for."""

    folder: Path
    web: DemoWeb
    made: dict[str, Path] = field(default_factory=dict)

    def crawled(self) -> Path:
        """A finished run with scores: a hundred rows of an archive of the demo, in two shards."""
        if "crawled" not in self.made:
            recipe = self.recipe(self.folder / "crawled.toml", _SCORED).name
            archive = next(one for one in inputs() if one.endswith(".wat.gz"))
            few = ("--set", "plan.rows_per_job=50", "--set", "plan.rows_per_host=100")
            words = ("pairtrawl", "crawl", archive, "--recipe", recipe, "--output", "crawled", *few)
            done = run(Command("a scene", 0, (), words), Scene(self.folder))
            assert done.code == 0, done.output
            self.made["crawled"] = self.folder / "crawled"
        return self.made["crawled"]

    def crawled_at(self, path: Path) -> Path:
        """A copy of it that may be changed."""
        shutil.copytree(self.crawled(), path)
        return path

    def archive(self, path: Path) -> Path:
        """An archive of one page with three pictures, as an archive of the web is packed."""
        (name,) = small_archives(path.parent / f"{path.name}-plain", 1)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(Path(name).read_bytes()))
        shutil.rmtree(path.parent / f"{path.name}-plain")
        return path

    def fetch_section(self) -> str:
        """What a recipe needs to find the demo's web."""
        return f'contact = "mailto:nobody@example.org"\nallow_networks = ["127.0.0.0/8"]\nhosts = {{ "*.test" = "{self.web.address}" }}'

    def recipe(self, path: Path, more: str = "") -> Path:
        """A recipe without a model that finds the demo's web."""
        manners = "[manners]\nrequests_at_once = 8\nseconds_between_requests = 0\n"
        path.write_text(
            f'name = "mine"\n[plan]\nrows_per_job = 3\n[fetch]\n{self.fetch_section()}\n{manners}[resources]\ndecoders = 1\n{more}'
        )
        return path

    def options(self) -> tuple[str, ...]:
        """The same for a command line."""
        return (
            "--set", 'fetch.allow_networks=["127.0.0.0/8"]', "--set", f'fetch.hosts={{"*.test"="{self.web.address}"}}',
            "--set", "resources.decoders=1", "--set", "manners.seconds_between_requests=0", "--contact", "mailto:nobody@example.org",
        )  # fmt: skip

    def list_of_pictures(self, path: Path) -> Path:
        """A list as LAION publishes them, of pictures that the demo's web has; the last is gone."""
        addresses = [f"http://demo-odd.test/{name}" for name in _LISTED]
        captions = [f"picture {number} of the list" for number in range(len(addresses))]
        pq.write_table(pa.table({"URL": addresses, "TEXT": captions}), path)
        return path


def store(scene: Scene, run_folder: str = "runs/crawl", name: str = "STORE", keys: str = "KEYS") -> None:
    """A store of versions with one version, of a run."""
    for words in (
        ("pairtrawl", "dataset", "init", name, "--name", "boats", "--keys", keys),
        ("pairtrawl", "dataset", "commit", name, run_folder, "--keys", keys, "-m", "October"),
    ):
        done: Said = run(Command("a scene", 0, (), words), scene)
        assert done.code == 0, done.output
