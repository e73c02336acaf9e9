"""The programs of the contest of whole crawls: our crawl, the chain, and the least that any way must do."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from benchmarks.contest.inputs import Inputs
from benchmarks.contest.machine import installed
from benchmarks.contest.peers import peer_python
from benchmarks.contest.sides import ROOT, Command
from benchmarks.corpus_pairs import unpacked_web
from benchmarks.peer_environment import versions
from benchmarks.rebuild.peer import IMG2DATASET, QUIET
from benchmarks.scoring import PEER, Weights, prepare_weights
from benchmarks.stages.sides.corpus_web import corpus_web_up, places_of
from benchmarks.stages.sides.web_up import Case, addresses, certificates, web_up
from benchmarks.stages.whole_archives import rewritten, written

OURS, CHAIN = "pairtrawl crawl", "cc2dataset, img2dataset"
FLOOR = "unpack, ask, decode, encode, hash, copy"
CHAIN_WITH_CLIP = f"{CHAIN}, clip-retrieval"
_SIDES = Path(__file__).with_name("sides")
_CC2DATASET = ("fastwarc", "pysimdjson", "fsspec", "loguru", "pyarrow")
_FEW = 20
#: a mix like that of a published list: half of its pictures are small, one in twenty is a photograph as it was taken
_MIX = ("small",) * 9 + ("medium",) * 6 + ("middle",) * 4 + ("large",)
_ALL = -1.0  # a cosine is never less: with random weights no other threshold would be fair
_RECIPE = """
name = "whole"
[plan]
rows_per_job = {rows}
[fetch]
contact = "mailto:nobody@example.org"
allow_networks = ["127.0.0.0/8"]
ports = {ports}
ca_file = "{trusted}"
tries = 1
[manners] # the server is ours
requests_at_once = 100000
seconds_between_requests = 0
[decode]
hashes = []
[output]
resize_mode = "border"
resize_only_if_bigger = false
drawing = "fast"
placeholder_addresses = 0
[resources]
decoders = 1
{more}"""
_CLIP = """
[[filters]]
use = "pictures.clip_similarity"
model = "{model}"
pretrained = "{file}"
threshold = {threshold}
batch_size = 64
"""


@dataclass(frozen=True, slots=True)
class CrawlCase:
    """What is crawled, over what kind of a web, and by which model it is judged."""

    name: str
    pairs: int  # 0: those of the corpus's first archives
    scheme: str = "http"
    model: str = ""
    at_least: float = 4
    rows: int = 10_000  # of a job, which is a shard
    lift: str = ""  # what would lift a goal that is missed

    @property
    def place(self) -> str:
        """For names of files."""
        return self.name.replace(" ", "-").replace(",", "")


@dataclass(frozen=True, slots=True)
class Programs:
    """Both command lines for a case."""

    case: CrawlCase
    inputs: Inputs
    work: Path

    def ours(self) -> Command:
        """`pairtrawl crawl`."""
        told = installed("pairtrawl", "aiohttp", "simplejpeg", "cykooz-resizer", "torch")
        return Command(OURS, partial(self._our_words, False), _count_ours, told, partial(self._our_words, True))

    def chain(self) -> Command:
        """The three of them, or two where there is no model."""
        case = self.case
        told = {
            name: number for tool, python in self._pythons().items() for name, number in versions(python, tool).items()
        }
        trusted = {"SSL_CERT_FILE": str(certificates(self.work))} if case.scheme == "https" else {}
        alone = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
        return Command(
            CHAIN_WITH_CLIP if case.model else CHAIN, partial(self._chain_words, False),
            partial(_count_chain, bool(case.model)), told, partial(self._chain_words, True), QUIET | trusted | alone,
        )  # fmt: skip

    def floor(self) -> Command:
        """What must be done anyhow."""
        told = installed("simplejpeg", "deflate")
        return Command(FLOOR, partial(self._floor_words, False), _count_floor, told, partial(self._floor_words, True))

    def _our_words(self, few: bool, output: Path) -> Sequence[str]:
        archives, ports = self._archives(few)
        recipe = self.work / f"{self.case.place}.toml"
        more = ""
        if self.case.model:
            model, file = _weights(self.case.model, self.work).ours
            more = _CLIP.format(model=model, file=file, threshold=_ALL)
        recipe.write_text(_RECIPE.format(rows=self.case.rows, ports=ports, trusted=certificates(self.work), more=more))
        named = [str(one) for one in archives]
        return [sys.executable, "-m", "workers", "crawl", *named, f"--output={output}", f"--recipe={recipe}"]

    def _chain_words(self, few: bool, output: Path) -> Sequence[str]:
        asked: dict[str, Any] = {name: str(python) for name, python in self._pythons().items()}
        asked |= {"archives": [str(one) for one in self._archives(few)[0]], "output": str(output)}
        if self.case.model:
            weights, script = _weights(self.case.model, self.work), ROOT / "benchmarks" / "clip_retrieval_peer.py"
            asked["clip"] = {"script": str(script), "model": weights.peer, "config": weights.config, "threshold": _ALL}
        return [sys.executable, str(_SIDES / "chain.py"), json.dumps(asked)]

    def _pythons(self) -> dict[str, Path]:
        """Of the environments of the tools of the chain."""
        found = {
            "cc2dataset": peer_python("cc2dataset-chain", *_CC2DATASET, without_dependencies=("cc2dataset==1.5.0",)),
            "img2dataset": peer_python("img2dataset", *IMG2DATASET),
        }
        return found | ({"clip-retrieval": peer_python("clip-retrieval", PEER)} if self.case.model else {})

    def _floor_words(self, few: bool, output: Path) -> Sequence[str]:
        trusted = [str(certificates(self.work))] if self.case.scheme == "https" else []
        return [sys.executable, str(_SIDES / "whole_floor.py"), str(self._archives(few)[0][0]), str(output), *trusted]

    def _archives(self, few: bool) -> tuple[list[Path], list[int]]:
        """The WAT files, and the ports of the web that they lead to."""
        case = self.case
        port = web_up(case.scheme, 0.0, _MIX, self.work)
        if few or case.pairs:
            pairs = _FEW if few else case.pairs
            path = self.work / f"{case.scheme}-{pairs}.warc.wat.gz"
            if not path.exists():
                written(path, addresses(Case("", _MIX, pairs, case.scheme), pairs, port))
            return [path], [port]
        assert self.inputs.corpus is not None
        web = unpacked_web(self.work, self.inputs.corpus)
        corpus_port = corpus_web_up(web)
        wat = min(self.inputs.corpus.glob("common-crawl-form/crawl-data/*/segments/*/wat/*.warc.wat.gz"))
        path = self.work / wat.name
        if not path.exists():
            rewritten(wat, path, places_of(web, corpus_port), case.scheme)
        return [path], [corpus_port]


@cache
def _weights(model: str, work: Path) -> Weights:
    return prepare_weights(model, work)


def _count_ours(output: Path) -> Mapping[str, Any]:
    told = [json.loads(path.read_bytes()) for path in (output / "shards").glob("*_stats.json")]
    return {"units": sum(one["successes"] for one in told)}


def _count_floor(output: Path) -> Mapping[str, Any]:
    return {"units": int((output / "kept").read_text())}


def _count_chain(scored: bool, output: Path) -> Mapping[str, Any]:
    if scored:
        return {"units": pq.read_metadata(output / "vectors" / "kept.parquet").num_rows}
    return {
        "units": sum(json.loads(path.read_bytes())["successes"] for path in (output / "shards").glob("*_stats.json"))
    }
