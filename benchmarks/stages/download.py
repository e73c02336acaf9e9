"""A list of addresses to a shard of pictures: `pairtrawl rebuild` beside img2dataset 1.47.0, both as whole programs.

Same server, same list, same options: a border of 256 pixels, JPEG of quality 95, SHA-256, ten seconds, no second try, one
core. img2dataset has its default of 256 threads, and asks a host as often as the list has it. We ask a host twice at the
same time, which is our default, but do not leave a second between two requests, which is our default too; robots.txt and
tdmrep.json are asked for and obeyed by us alone. Ours resizes with Lanczos, img2dataset with its default, `area`: both
are compared with Pillow's Lanczos of the whole picture.

Fetching alone is set beside datatrove's fetcher, which asks for robots.txt before each picture.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.contest.contest import Contest, Goal, Measure, Role
from benchmarks.contest.inputs import Inputs
from benchmarks.contest.machine import installed
from benchmarks.contest.peers import peer_python
from benchmarks.contest.sides import Command, Loop
from benchmarks.peer_environment import versions
from benchmarks.rebuild.peer import IMG2DATASET, QUIET, TOLD
from benchmarks.stages.sides.equal_work import SIDE, equal_work
from benchmarks.stages.sides.picture_web import SIZES, picture
from benchmarks.stages.sides.web_up import HOSTS, Case, addresses, certificates, web_up, write_list

OURS, PEER = "pairtrawl rebuild", "img2dataset"
_FETCH_OURS, _FETCH_PEER = "pairtrawl's wire, desk and rules", "datatrove's HTTPFetchReader"
_SIDES = Path(__file__).with_name("sides")
#: of a list by which the cost of starting is measured
_FEW = 20
#: nearly half are small, one in twenty is a photograph as it was taken: half a megapixel and 94 KB in the mean
_MIX = ("small",) * 9 + ("medium",) * 6 + ("middle",) * 4 + ("large",)

_CASES = (
    Case("http, 400 x 300", ("small",), 3_000),
    Case("http, 1024 x 768", ("middle",), 1_000),
    Case("http, a mix of sizes", _MIX, 1_500),
    Case("https, 400 x 300", ("small",), 750, "https"),
    Case("https, 200 ms, a tenth of the hosts dead", ("small",), 2_000, "https", 0.2, 0.1),
    Case("http, 200 ms, a tenth of the hosts dead", ("small",), 4_000, "http", 0.2, 0.1),
)


#: what ours is told beside img2dataset's options; img2dataset computes one exact hash and nothing else, and so do we
_SETTINGS = {
    "fetch.allow_networks": '["127.0.0.0/8"]', "fetch.tries": "1",
    "manners.seconds_between_requests": "0", "output.placeholder_addresses": "0", "output.drawing": "fast",
    "decode.hashes": "[]",
}  # fmt: skip


def contests(inputs: Inputs) -> list[Contest]:
    """Whole programs by size, by https and on a slow web; and fetching alone."""
    return [*beside_img2dataset(inputs), _fetching(600, inputs)]


def beside_img2dataset(inputs: Inputs) -> list[Contest]:
    """Whole programs by size, by https and on a slow web."""
    python = peer_python("img2dataset", *IMG2DATASET)
    fewer = 4 if inputs.quick else 1
    return [_contest(replace(case, pictures=case.pictures // fewer), python, inputs) for case in _CASES]


def _fetching(pictures: int, inputs: Inputs) -> Contest:
    """Fetching alone: nothing is decoded or written."""
    case = Case("fetching alone, http, 400 x 300", ("small",), pictures)
    port = web_up(case.scheme, case.latency, case.sizes, inputs.folder("download"))
    asked = {"port": port, "ca_file": "", "downloads": 64, "urls": addresses(case, pictures, port)}
    python = peer_python("datatrove-fetch", "datatrove[processing]==0.10.1")
    sides = (
        (Role.OURS, Loop(_FETCH_OURS, _SIDES / "fetching.py", asked)),
        (Role.PEER, Loop(_FETCH_PEER, _SIDES / "fetching_datatrove.py", asked, python)),
    )
    told = {"pictures": pictures, "mean bytes of a picture": _mean_bytes(case), "hosts": HOSTS, "downloads at once": 64}
    goals = [Goal("pictures for a CPU second, over datatrove's", _FETCH_PEER, at_least=2)]
    return Contest("download", case.name, "picture", told, sides, goals, rounds=3)


def _contest(case: Case, python: Path, inputs: Inputs) -> Contest:
    programs = _Programs(case, python, inputs.folder("download"))
    sides = ((Role.OURS, programs.ours()), (Role.PEER, programs.peer()))
    told = {
        "pictures": case.pictures, "made": _shares(case), "mean bytes of a picture": _mean_bytes(case), "hosts": HOSTS,
        "milliseconds before each answer": round(1000 * case.latency), "dead hosts": f"{case.dead:.0%}",
        "downloads at once": f"{case.downloads} and 256",
    }  # fmt: skip
    return Contest(
        "download",
        case.name,
        "picture",
        told,
        sides,
        _goals(case),
        partial(equal_work, case, OURS, PEER),
        rounds=3,
        profile=False,
    )


#: what would lift goals that are missed over http: of 3.2 ms CPU of a picture of 400 x 300 (contended, one core) decoding
#: with its hand-over takes 2.1, encoding 0.4, the wire 0.5
_LIFT = (
    "two thirds of a small picture's CPU is decoding in a process that may be killed, hand-over included: img2dataset decodes "
    "in its own; a cheaper hand-over, or decoding in batches, would lift it. The wire is a sixth"
)
_LIFT_LATENCY = (
    "one core is busy whatever the latency: over http pictures a second follow CPU. More cores lift it until 256 threads, at "
    "1,280 a second, are img2dataset's limit"
)


def _goals(case: Case) -> list[Goal]:
    if case.latency:
        words = "pictures a second where latency rules, over img2dataset's"
        return [
            Goal(words, PEER, at_least=5, measure=Measure.NET_WALL, lift=_LIFT_LATENCY),
            Goal("the same with the start of both", PEER, at_least=5, measure=Measure.WALL, lift=_LIFT_LATENCY),
            Goal("peak of memory, img2dataset's over ours", PEER, at_least=1, measure=Measure.PEAK),
        ]
    times = 5 if case.scheme == "https" else 2
    words = "pictures for a CPU second, over img2dataset's"
    return [Goal(words, PEER, at_least=times, measure=Measure.NET_CPU, lift=_LIFT)]


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
        options = _options() | {"thread_count": self.case.downloads, "downscale_interpolation": "lanczos"}
        words = [sys.executable, "-m", "workers", "rebuild", str(listed), f"--output={output}", *_flags(options)]
        return [*words, *(word for name, value in settings.items() for word in ("--set", f"{name}={value}"))]

    def _peer_words(self, pictures: int, output: Path) -> Sequence[str]:
        listed, _ = self._listed(pictures)
        options = _options() | {"url_list": listed, "output_folder": output, "thread_count": 256}
        return [str(self.python), "-m", "img2dataset.main", *_flags(options)]

    def _listed(self, pictures: int) -> tuple[Path, int]:
        """The list, and the first port of the web; of the few none are dead, and none are late."""
        case = self.case if pictures > _FEW else replace(self.case, latency=0, dead=0)
        port = web_up(case.scheme, case.latency, case.sizes, self.work)
        listed = self.work / f"{case.place}-{pictures}.parquet"
        return (listed if listed.exists() else write_list(listed, addresses(case, pictures, port))), port


def _options() -> dict[str, object]:
    """What both are told, by the same names."""
    return {
        "input_format": "parquet", "url_col": "url", "caption_col": "caption", "output_format": "webdataset",
        "image_size": SIDE, "resize_mode": "border", "number_sample_per_shard": 10_000, "processes_count": 1,
        "timeout": 10, "retries": 0, "compute_hash": "sha256", "enable_wandb": False,
    }  # fmt: skip


def _flags(options: Mapping[str, object]) -> list[str]:
    return [f"--{name}={value}" for name, value in options.items()]


def _count(output: Path) -> Mapping[str, Any]:
    """Pictures in its shards."""
    told = [json.loads(path.read_bytes()) for path in output.rglob("*_stats.json")]
    return {"units": sum(one["successes"] for one in told)}


def _shares(case: Case) -> str:
    """Which sizes, and how many of each."""
    every = len(case.sizes)
    return ", ".join(
        f"{case.sizes.count(size) / every:.0%} {SIZES[size][0]} x {SIZES[size][1]}"
        for size in dict.fromkeys(case.sizes)
    )


def _mean_bytes(case: Case) -> int:
    return round(statistics.mean(len(picture(size, 0)) for size in case.sizes))
