"""What the calculation of a big run rests on: each figure with where it comes from.

Two kinds: what a job of ours costs is measured (`Measured`, by benchmarks/supercomputer/per_job.py, with day and
machine); what the web, a supercomputer and LAION's own run are like is taken from what others wrote (`Assumptions`).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

import msgspec

#: this repository's own measurement, renewed by `python benchmarks/supercomputer/per_job.py --write`
MEASURED_HERE = Path(__file__).with_name("measured.json")


class Measured(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What our jobs cost, measured on small pieces. CPU seconds are of all processes of a job, on one core."""

    machine: str  # processor, versions, day
    pictures: str  # what was fetched
    extract_cpu_seconds_per_megabyte: float  # of compressed WAT
    candidate_bytes_per_row: float  # in a candidate table
    plan_cpu_seconds_per_million_rows: float  # of the one process that sorts, which spills to disk
    plan_spill_bytes_per_row: float  # the most that lay beside the plan while it was sorted
    fetch_cpu_seconds_per_picture: float  # request, hashes, decoding, resizing, encoding, writing; http
    fetch_cpu_seconds_per_failure: float  # a row whose answer is no picture
    score_cpu_seconds_per_picture: float  # reading, preparing, writing; the model's own work is not in it
    raw_bytes_per_picture: float  # in the raw shard
    shard_bytes_per_pair: float  # in tar and table of a shard
    shard_bytes_per_rejected: float  # in the table of a shard
    marker_seconds: float  # to read back one marker of a finished job, local disk


class Assumed(float):
    """A figure of somebody else's, and whose."""

    source: str

    def __new__(cls, value: float, source: str) -> Self:
        """A number that remembers where it comes from; arithmetic on it gives plain numbers."""
        made = super().__new__(cls, value)
        made.source = source
        return made


@dataclass(frozen=True, slots=True)
class Assumptions:
    """The web, the machine, and LAION's run. The names say the units; shares are between 0 and 1."""

    candidates_per_archive: float = Assumed(
        17_600, "cc2dataset's README: 88 G pairs after duplicates from 5 M WAT files"
    )
    archive_bytes: float = Assumed(375e6, "commoncrawl.org, CC-MAIN-2016-40: 30,374 WAT files are 10.35 TiB")
    archives_a_crawl: float = Assumed(
        90_000, "assumed: Common Crawl's monthly crawls of 2021 to 2025 have 64 to 100 thousand files"
    )
    unique_share: float = Assumed(
        0.66, "LAION-5B: 50 G candidates from 4.28 M WAT files (8.57 M jobs of half a file), of 17,600 each"
    )
    asked_share: float = Assumed(
        0.90, "assumed: rows that no robots.txt and no opt-out refuses; LAION looked at neither"
    )
    success_share: float = Assumed(0.85, "COYO, August 2022; DataComp 86 to 94 %; a list of 2021 in 2025: 50 to 60 %")
    rebuild_success_share: float = Assumed(0.55, "GRIT, 2025: 50 to 60 %; LAION-5B's list is older")
    kept_share: float = Assumed(0.138, "LAION-5B kept 5.85 G of 50 G candidates; over the 0.85 that were there")
    body_bytes: float = Assumed(109e3, "mean of 110 pictures, 0.93 megapixels (reference/performance.md, section 0)")
    tls_cpu_seconds: float = Assumed(
        0.95e-3, "aiohttp, new TLS 1.3 connection, 1.22 ms beside 0.27 ms (performance.md, section 10)"
    )
    gpu_pictures_per_second: float = Assumed(
        1_800, "clip-retrieval, A100, ViT-B/32; ViT-L/14: 312 (peers.md, section 3)"
    )
    cores_a_node: float = Assumed(48, "assumed: two 24-core EPYC, as a JUWELS Booster node has")
    gpus_a_node: float = Assumed(4, "JUWELS Booster: 4 A100 a node")
    node_bytes_per_second: float = Assumed(
        160e6, "img2dataset's issues: 100 to 160 MB/s a node at 1 to 2 Gbit/s (peers.md)"
    )
    site_bytes_per_second: float = Assumed(12.5e9, "assumed: a site's way out of 100 Gbit/s, all of it ours")
    sites: float = Assumed(20e6, "assumed: registrable domains with pictures in some months of Common Crawl")
    zipf_exponent: float = Assumed(0.9, "assumed: the k-th largest site has k^-0.9 as many rows as the largest")
    seconds_between_requests: float = Assumed(1.0, "our default: [manners]")
    requests_at_once: float = Assumed(2, "our default: [manners]; divided among islands, but one at least for each")
    longest_wait_seconds: float = Assumed(300, "our default: [manners]; a row whose turn comes later is given up")
    plan_cores: float = Assumed(2, "crawler/plan.py: the sort's threads, unless more are asked for")
    workers_a_node: float = Assumed(24, "assumed: a fetching actor for two cores")
    dns_answers_per_second: float = Assumed(
        20_000, "assumed: a site's resolver; hobbyists' melt at some hundreds (img2dataset's issues)"
    )
    metadata_ops_per_second: float = Assumed(
        20_000, "assumed: what one group may ask of a parallel file system without being called"
    )
    metadata_ops_a_job: float = Assumed(24, "3 files a stage, each made, flushed, renamed, looked for; 2 stages")
    archive_requests_per_second: float = Assumed(
        1_000, "assumed: what data.commoncrawl.org answers one customer before 503 Slow Down"
    )
    walltime_hours: float = Assumed(24, "JSC and most others (hpc.md)")
    array_tasks: float = Assumed(1_001, "SLURM's default MaxArraySize (datatrove #238)")
    quota_files: float = Assumed(4e6, "JSC $SCRATCH (hpc.md)")
    quota_bytes: float = Assumed(90e12, "JSC $SCRATCH (hpc.md)")

    def rows(self) -> list[tuple[str, float, str]]:
        """(name, value, source) of each; what a flag of the command has set is its own source."""
        values = [(one.name, getattr(self, one.name)) for one in fields(self)]
        return [
            (name, float(value), value.source if isinstance(value, Assumed) else "set by a flag")
            for name, value in values
        ]


def read_measured(path: Path = MEASURED_HERE) -> Measured:
    """What was measured, by default on the day and machine that the file names.

    Raises:
        ValueError: the file is none of ours; the message names the key.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Measured)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise ValueError(f"{path}: {error}; make it again with benchmarks/supercomputer/per_job.py --write") from error
