"""The same input for every measurement: pictures with their texts, archives that show them, a run folder that is planned.

Pictures are the shared corpus's emoji with their names where it is there, else those of the demo; the small model knows
both. For figures per image of the real web there are pictures of its sizes, drawn here.
"""

from __future__ import annotations

import io
import random
import shutil
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.corpus_pairs import ARCHIVE, jpeg, pairs_of, unpacked_web
from benchmarks.small_crawl import SmallWeb, pairtrawl
from workers.demo import truth

#: rows at one host: few, for how a busy host is spared is not measured here
_ROWS_PER_HOST = 50
#: the median picture of the web has 0.59 megapixels, the mean one 0.93 and 109 kB (reference/performance.md, section 0)
_SIDES = ((480, 360), (640, 480), (900, 660), (1280, 960), (1600, 1200), (2000, 1500))
_WEIGHTS = (15, 25, 25, 15, 12, 8)

_RECIPE = """
name = "proof"
[plan]
rows_per_job = {rows_per_job}
[fetch]
user_agent = "pairtrawl-proof/0.1"
contact = "mailto:nobody@example.org"
allow_networks = ["127.0.0.1/32", "10.77.0.1/32"] # this machine, and the login node of tests/slurm/local-cluster.sh
hosts = {{ "*.test" = "{address}" }}
[manners] # the server is ours
requests_at_once = 8
seconds_between_requests = 0
[output]
placeholder_addresses = 0 # pictures repeat under many addresses
image_size = {image_size}
resize_only_if_bigger = true
[resources]
downloads = {downloads}
[[filters]]
use = "candidates.text_length"
min_characters = 2
[[filters]]
use = "pictures.min_side"
pixels = 32
[[filters]]
use = "pictures.aspect"
max_ratio = 3.0
"""
_MODEL = """
[[filters]]
use = "pictures.clip_similarity"
model = "pairtrawl-tiny"
threshold = 0.2
"""


@dataclass(frozen=True, slots=True)
class Input:
    """Archives of pages, and the folder of the pictures that they show."""

    what: str  # for people
    pictures: Path
    archives: list[Path]
    rows: int


def pictures_with_texts(work: Path, corpus: Path) -> tuple[str, list[tuple[bytes, str]]]:
    """What they are, and (file, text) of each: of the corpus where it is there, else of the demo."""
    if (corpus / ARCHIVE).exists():
        pairs = pairs_of(unpacked_web(work, corpus), "emoji-en.test", "emoji-de.test", "emoji-fr.test")
        return "the corpus's emoji, English, German, French", [(one.file.read_bytes(), one.text) for one in pairs]
    texts = {url: text for (url, text), expected in truth().items() if expected.match}
    with (files("workers.demo") / "data/web.zip").open("rb") as file, zipfile.ZipFile(file) as archive:
        bodies = {name: archive.read(name) for name in archive.namelist()}
    named = [(f"{urlsplit(url).hostname}{urlsplit(url).path}", text) for url, text in texts.items()]
    return "the demo's emoji", [(bodies[name], text) for name, text in named if name in bodies]


def web_sized(number: int = 24) -> list[tuple[bytes, str]]:
    """JPEG files of the sizes that pictures of the web have: noise with the spectrum of photographs (1/f)."""
    chance = random.Random(5)  # noqa: S311 - pictures, not secrets
    made = []
    for index in range(number):
        width, height = chance.choices(_SIDES, _WEIGHTS)[0]
        made.append((jpeg(Image.fromarray(_like_a_photograph(width, height, index)), 85), f"picture number {index}"))
    return made


def _like_a_photograph(width: int, height: int, seed: int) -> NDArray[np.uint8]:
    """Height x width x 3, uint8. Amplitudes fall with frequency, as in natural pictures; phases are drawn."""
    chance = np.random.default_rng(seed)
    far = np.hypot(np.fft.fftfreq(height)[:, None] * height, np.fft.rfftfreq(width)[None, :] * width)
    fall = 1.0 / np.maximum(far, 1.0) ** 1.75
    grey = np.fft.irfft2(fall * np.exp(2j * np.pi * chance.random(fall.shape)), (height, width))
    tint = np.fft.irfft2(fall**1.3 * np.exp(2j * np.pi * chance.random(fall.shape)), (height, width))
    channels = [grey + share * tint * grey.std() / tint.std() for share in (0.4, 0.0, -0.4)]
    spread = 128 + 52 * np.stack(channels, axis=-1) / grey.std()
    return np.asarray(np.clip(spread, 0, 255), dtype=np.uint8)


def make_input(folder: Path, what: str, pairs: Sequence[tuple[bytes, str]], rows: int, archives: int = 1) -> Input:
    """`rows` pairs, each at an address of its own, over so many archives; the pictures repeat where there are fewer."""
    pictures = folder / "pictures"
    pictures.mkdir(parents=True)
    for number, (body, _) in enumerate(pairs):
        (pictures / f"{number}.img").write_bytes(body)
    images = []
    for row in range(rows):
        picture = row % len(pairs)
        url = f"http://h{row // _ROWS_PER_HOST}.test/{picture}.img?n={row}"
        images.append((url, pairs[picture][1]))
    each = -(-rows // archives)
    written = [SmallWeb().write_archive(folder / f"part{number:03d}.warc.gz", images[number * each : (number + 1) * each])
               for number in range(archives)]  # fmt: skip
    return Input(what, pictures, written, rows)


def write_recipe(
    path: Path, address: str, *, rows_per_job: int, models: bool, downloads: int = 256, image_size: int = 256
) -> Path:
    """A recipe for the server at `address`."""
    text = _RECIPE.format(rows_per_job=rows_per_job, address=address, downloads=downloads, image_size=image_size)
    path.write_text(text + (_MODEL if models else ""))
    return path


def planned(folder: Path, source: Input, recipe: Path) -> Path:
    """A run folder in which everything up to the plan is done; copies of it are crawled.

    Raises:
        AssertionError: the command failed; what it said.
    """
    done = pairtrawl(["plan", *map(str, source.archives), "-o", str(folder), "-r", str(recipe)])
    if done.returncode:
        raise AssertionError(f"pairtrawl plan: {done.returncode}: {done.stdout[-800:]}{done.stderr[-800:]}")
    return folder


def copy_of(run: Path, name: str) -> Path:
    """A fresh copy of a run folder beside it."""
    copy = run.with_name(name)
    shutil.rmtree(copy, ignore_errors=True)
    return Path(shutil.copytree(run, copy))


def mean_megapixels(pairs: Sequence[tuple[bytes, str]]) -> float:
    """Mean size of these pictures, in millions of pixels."""
    sizes = []
    for body, _ in pairs:
        with Image.open(io.BytesIO(body)) as opened:
            sizes.append(opened.width * opened.height / 1e6)
    return sum(sizes) / len(sizes)
