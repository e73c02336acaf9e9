"""A list of addresses to a shard of pictures: `pairtrawl rebuild` beside img2dataset 1.47.0, both as whole programs.

Same server, same list, same options: a border of 256 pixels, JPEG of quality 95, SHA-256, ten seconds, no second try, one
core. img2dataset has its default of 256 threads. Our limits of what one host is asked are opened, for img2dataset has
none; robots.txt and tdmrep.json are asked for and obeyed by us alone. Ours resizes with Lanczos, img2dataset with its
default, `area`: both are compared with Pillow's Lanczos of the whole picture.
"""

from __future__ import annotations

import io
import json
import statistics
import sys
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from benchmarks.contest.contest import Check, Contest, Goal, Measure, Role
from benchmarks.contest.inputs import Inputs
from benchmarks.contest.machine import installed
from benchmarks.contest.peers import peer_python
from benchmarks.contest.sides import Command
from benchmarks.peer_environment import versions
from benchmarks.rebuild.peer import IMG2DATASET, QUIET, TOLD
from benchmarks.stages.sides.picture_web import VARIANTS, picture
from benchmarks.stages.sides.web_up import HOSTS, Case, addresses, certificates, web_up, write_list

OURS, PEER = "pairtrawl rebuild", "img2dataset"
#: of a list by which the cost of starting is measured
_FEW = 20
_SIDE = 256
#: pictures that are compared with their sources
_COMPARED = 60
#: a mix like that of a published list: half of its pictures are small, one in twenty is a photograph as it was taken
_MIX = ("small",) * 9 + ("medium",) * 6 + ("middle",) * 4 + ("large",)

_CASES = (
    Case("http, 400 x 300", ("small",), 3_000),
    Case("http, 1024 x 768", ("middle",), 1_000),
    Case("http, a mix of sizes", _MIX, 1_500),
    Case("https, 400 x 300", ("small",), 750),
    Case("https, 200 ms, a tenth of the hosts dead", ("small",), 1_000, "https", 0.2, 0.1),
    Case("http, 200 ms, a tenth of the hosts dead", ("small",), 4_000, "http", 0.2, 0.1),
)


#: what ours is told beside img2dataset's options; img2dataset computes one exact hash and nothing else, and so do we
_SETTINGS = {
    "fetch.allow_networks": '["127.0.0.0/8"]', "fetch.tries": "1", "manners.requests_at_once": "100000",
    "manners.seconds_between_requests": "0", "output.placeholder_addresses": "0", "output.drawing": "fast",
    "decode.hashes": '["md5", "sha1"]',
}  # fmt: skip


def contests(inputs: Inputs) -> list[Contest]:
    """Whole programs by size, by https and on a slow web."""
    python = peer_python("img2dataset", *IMG2DATASET)
    fewer = 4 if inputs.quick else 1
    cases = [replace(case, pictures=case.pictures // fewer) for case in _CASES]
    return [_contest(case, python, inputs) for case in cases]


def _contest(case: Case, python: Path, inputs: Inputs) -> Contest:
    programs = _Programs(case, python, inputs.folder("download"))
    sides = ((Role.OURS, programs.ours()), (Role.PEER, programs.peer()))
    told = {
        "pictures": case.pictures, "mean bytes of a picture": _mean_bytes(case), "hosts": HOSTS,
        "milliseconds before each answer": round(1000 * case.latency), "dead hosts": f"{case.dead:.0%}",
        "downloads at once": f"{case.downloads} and 256",
    }  # fmt: skip
    return Contest(
        "download", case.name, "picture", told, sides, _goals(case), partial(_checks, case), rounds=3, profile=False
    )


def _goals(case: Case) -> list[Goal]:
    if case.latency:
        words = "pictures a second where latency rules, over img2dataset's"
        return [
            Goal(words, PEER, at_least=5, measure=Measure.NET_WALL),
            Goal("the same with the start of both", PEER, at_least=5, measure=Measure.WALL),
            Goal("peak of memory, img2dataset's over ours", PEER, at_least=1, measure=Measure.PEAK),
        ]
    times = 5 if case.scheme == "https" else 2
    return [Goal("pictures for a CPU second, over img2dataset's", PEER, at_least=times, measure=Measure.NET_CPU)]


@dataclass(frozen=True, slots=True)
class _Programs:
    """Both command lines for a case; the web is started when the first of them is asked for its words."""

    case: Case
    python: Path
    work: Path

    def ours(self) -> Command:
        """`pairtrawl rebuild`."""
        told = installed("pairtrawl", "aiohttp", "simplejpeg", "cykooz-resizer")
        return Command(OURS, partial(self._our_words, self.case.pictures), _count, told, partial(self._our_words, _FEW))

    def peer(self) -> Command:
        """`img2dataset`."""
        trusted = {"SSL_CERT_FILE": str(certificates(self.work))} if self.case.scheme == "https" else {}
        return Command(
            PEER, partial(self._peer_words, self.case.pictures), _count, versions(self.python, *TOLD),
            partial(self._peer_words, _FEW), QUIET | trusted,
        )  # fmt: skip

    def _our_words(self, pictures: int, output: Path) -> Sequence[str]:
        listed, port = self._listed(pictures)
        settings = _SETTINGS | {"fetch.ports": json.dumps([port + more for more in range(4)])}
        if self.case.scheme == "https":
            settings["fetch.ca_file"] = str(certificates(self.work))
        options = _options(listed) | {"thread_count": self.case.downloads, "downscale_interpolation": "lanczos"}
        words = [sys.executable, "-m", "workers", "rebuild", str(listed), f"--output={output}", *_flags(options)]
        return [*words, *(word for name, value in settings.items() for word in ("--set", f"{name}={value}"))]

    def _peer_words(self, pictures: int, output: Path) -> Sequence[str]:
        listed, _ = self._listed(pictures)
        options = _options(listed) | {"url_list": listed, "output_folder": output, "thread_count": 256}
        return [str(self.python), "-m", "img2dataset.main", *_flags(options)]

    def _listed(self, pictures: int) -> tuple[Path, int]:
        """The list, and the first port of the web; of the few none are dead, and none are late."""
        case = self.case if pictures > _FEW else replace(self.case, latency=0, dead=0)
        port = web_up(case.scheme, case.latency, case.sizes, self.work)
        listed = self.work / f"{case.place}-{pictures}.parquet"
        return (listed if listed.exists() else write_list(listed, addresses(case, pictures, port))), port


def _options(listed: Path) -> dict[str, object]:
    """What both are told, by the same names."""
    return {
        "input_format": "parquet", "url_col": "url", "caption_col": "caption", "output_format": "webdataset",
        "image_size": _SIDE, "resize_mode": "border", "number_sample_per_shard": 10_000, "processes_count": 1,
        "timeout": 10, "retries": 0, "compute_hash": "sha256", "enable_wandb": False,
    }  # fmt: skip


def _flags(options: Mapping[str, object]) -> list[str]:
    return [f"--{name}={value}" for name, value in options.items()]


def _count(output: Path) -> Mapping[str, Any]:
    """Pictures in its shards."""
    told = [json.loads(path.read_bytes()) for path in output.rglob("*_stats.json")]
    return {"units": sum(one["successes"] for one in told)}


def _mean_bytes(case: Case) -> int:
    return round(statistics.mean(len(picture(size, 0)) for size in case.sizes))


def _checks(case: Case, work: Path) -> list[Check]:
    """The same pictures on both sides, ours at least as near to the sources."""
    ours, theirs = _pictures(work / OURS), _pictures(work / PEER)
    dead = round(HOSTS * case.dead)
    alive = sum(number % HOSTS >= dead for number in range(case.pictures))
    both = sorted(set(ours) & set(theirs))
    decibels = [
        statistics.mean(_psnr(side[url], _source(url)) for url in both[:: max(1, len(both) // _COMPARED)])
        for side in (ours, theirs)
    ]
    return [
        Check("pictures of living hosts; in our shards; in img2dataset's", f"{alive:,}; {len(ours):,}; {len(theirs):,}",
              good=len(ours) == alive and len(theirs) <= alive),
        Check("PSNR against Pillow's Lanczos of the whole picture, dB: ours; img2dataset's",
              f"{decibels[0]:.1f}; {decibels[1]:.1f}", good=decibels[0] >= decibels[1]),
    ]  # fmt: skip


def _pictures(output: Path) -> dict[str, bytes]:
    """By path of their address what a side wrote."""
    found: dict[str, bytes] = {}
    for path in sorted(output.rglob("*.tar")):
        images: dict[str, bytes] = {}
        with tarfile.open(path) as tar:
            for member in tar:
                key, _, extension = member.name.partition(".")
                file = tar.extractfile(member)
                assert file is not None
                if extension == "jpg":
                    images[key] = file.read()
                elif extension == "json":
                    found[json.loads(file.read())["url"].partition(":")[2].split("/", 3)[3]] = images[key]
    return found


@lru_cache
def _source(path: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """What Pillow makes of a picture of the web: all of it decoded, Lanczos, in the middle of a white square."""
    size, _, name = path.partition("/")
    with Image.open(io.BytesIO(picture(size, int(name.removesuffix(".jpg")) % VARIANTS))) as image:
        shrunk = ImageOps.contain(image, (_SIDE, _SIDE), Image.Resampling.LANCZOS)
        return np.asarray(ImageOps.pad(shrunk, (_SIDE, _SIDE), color="white"), np.float64)


def _psnr(written: bytes, source: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    """Of the picture, not of its border."""
    with Image.open(io.BytesIO(written)) as image:
        errors = np.asarray(image.convert("RGB"), np.float64) - source
    inside = np.any(source < 255, axis=(1, 2))
    return float(10 * np.log10(255**2 / np.mean(errors[inside] ** 2)))
