"""What a run costs by stage: pieces, CPU seconds, bytes, euros."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from benchmarks.costing.funnels import MILLION, Funnel
from benchmarks.costing.prices import Prices
from benchmarks.costing.units import Units
from benchmarks.supercomputer.assumptions import Assumptions, Measured

#: of a request and of an answer that is no picture: lines, headers, the handshake of TLS
_REQUEST_BYTES, _ANSWER_BYTES = 700.0, 4_000.0


@dataclass(frozen=True, slots=True)
class Line:
    """One stage of a run."""

    stage: str
    pieces: float
    piece: str
    seconds: float  # of a core
    bytes_in: float = 0.0
    bytes_sent: float = 0.0
    bytes_written: float = 0.0
    gpu_hours: float = 0.0

    def euros(self, prices: Prices) -> float:
        """What its cores, its GPU and its traffic cost."""
        return (
            self.seconds * prices.core_second + self.gpu_hours * prices.gpu_hour
            + (self.bytes_in * prices.terabyte_in + self.bytes_sent * prices.terabyte_out) / 1e12
        )  # fmt: skip


class _Traffic(NamedTuple):
    """Bytes of a run's downloads and shards."""

    came: float
    sent: float
    written: float


def lines(funnel: Funnel, units: Units, measured: Measured) -> list[Line]:
    """Every stage of a run, in order; downloads over https, CLIP on CPU."""
    row_bytes = measured.candidate_bytes_per_row
    megabytes = funnel.archive_bytes / 1e6
    left_out = (funnel.rows - funnel.pairs) * measured.shard_bytes_per_rejected
    traffic = _Traffic(
        came=funnel.pictures * funnel.body_bytes + funnel.asked * _ANSWER_BYTES,
        sent=funnel.asked * _REQUEST_BYTES,
        written=funnel.pairs * funnel.shard_bytes + left_out,
    )
    found = [
        Line(units.extract.stage, megabytes, units.extract.piece, megabytes * units.extract.seconds,
             bytes_in=funnel.archive_bytes, bytes_written=funnel.candidates * row_bytes),
        Line(units.plan.stage, funnel.candidates, "candidate", funnel.candidates / 1e6 * units.plan.seconds,
             bytes_written=funnel.rows * row_bytes),
    ]  # fmt: skip
    found += _small(funnel, units, traffic) if funnel.small else _of_the_web(funnel, units, traffic)
    return [one for one in found if one.pieces]


def _small(funnel: Funnel, units: Units, traffic: _Traffic) -> list[Line]:
    return [Line(units.small.stage, funnel.rows, units.small.piece, funnel.rows * units.small.seconds, *traffic)]


def _of_the_web(funnel: Funnel, units: Units, traffic: _Traffic) -> list[Line]:
    return [
        Line(units.wire.stage, funnel.rows, units.wire.piece, funnel.rows * units.wire.seconds, traffic.came, traffic.sent),
        Line(units.tls.stage, funnel.asked, units.tls.piece, funnel.asked * units.tls.seconds),
        *(
            Line(one.stage, funnel.pictures, one.piece, funnel.pictures * one.seconds)
            for one in (units.picture, units.hashes, units.look_ups, units.clip)
            if one.seconds
        ),
        Line(
            units.shard.stage, funnel.pairs, units.shard.piece, funnel.pairs * units.shard.seconds,
            bytes_written=traffic.written,
        ),
    ]  # fmt: skip


def on_gpu(line: Line, measured: Measured, assumed: Assumptions) -> Line:
    """Scoring where the model runs on a GPU and cores prepare the pictures."""
    hours = line.pieces / assumed.gpu_pictures_per_second / 3600
    seconds = line.pieces * measured.score_cpu_seconds_per_picture
    return Line("CLIP ViT-B/32 on a GPU instead", line.pieces, line.piece, seconds, gpu_hours=hours)


def a_month(funnel: Funnel, assumed: Assumptions) -> Funnel:
    """The funnel of one monthly crawl of Common Crawl."""
    pairs = assumed.archives_a_crawl * assumed.archive_bytes / funnel.archive_bytes * MILLION
    return funnel.of(pairs)
