"""Pairs of the shared corpus, read from its truth: which picture, which text, and whether they belong together."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from PIL import Image

ARCHIVE = "offline-web.tar.xz"


@dataclass(frozen=True, slots=True)
class Pair:
    """One `<img>` of the corpus with a raster picture and an alternative text."""

    page: str  # address
    url: str  # of the picture
    file: Path
    text: str
    match: bool  # whether the text is about the picture


def unpacked_web(work: Path, corpus: Path) -> Path:
    """The corpus's offline web in a folder of ours: a folder for each host, and `_meta`."""
    web = work / "web"
    if not web.exists():
        web.mkdir()
        subprocess.run(["tar", "-xJf", str(corpus / ARCHIVE), "-C", str(web)], check=True)
    return web


def pairs_of(web: Path, *hosts: str) -> list[Pair]:
    """The pairs of pages of these hosts, in the order of the truth; of all hosts where none is named."""
    found = []
    for line in (web / "_meta" / "truth.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        host = urlsplit(row["page"]).hostname
        if (hosts and host not in hosts) or not row["alt"] or row["format"] in {None, "svg"}:
            continue
        address = urlsplit(row["url"])
        file = web / str(address.hostname) / address.path.lstrip("/")
        if file.is_file():
            found.append(Pair(row["page"], row["url"], file, row["alt"], row["match"]))
    return found


def distinct_pictures(pairs: list[Pair]) -> list[Path]:
    """The files of these pairs, each once, in order."""
    return list(dict.fromkeys(pair.file for pair in pairs))


def on_white(file: Path) -> Image.Image:
    """A corpus picture as RGB, what is transparent white."""
    with Image.open(file) as opened:
        image = opened.convert("RGBA")
    page = Image.new("RGBA", image.size, "white")
    page.alpha_composite(image)
    return page.convert("RGB")


def jpeg(image: Image.Image, quality: int = 95) -> bytes:
    """The picture as a JPEG file."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


def different_pictures(web: Path) -> list[Path]:
    """One file of each picture of the corpus; 400 files are there under several addresses."""
    found: dict[bytes, Path] = {}
    for file in distinct_pictures(pairs_of(web)):
        found.setdefault(hashlib.sha256(file.read_bytes()).digest(), file)
    return list(found.values())
