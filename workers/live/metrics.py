"""What Prometheus is told of a run: a function of what was seen. prometheus_client stops here.

Names are the tracker's (`workers.tracker.web.metrics`) where they mean the same. Labels are words of ours: kinds of
jobs, stages, reasons and filters; never a name that a stranger has sent, for each would be kept in memory for good.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from crawler.errors import MissingPackageError
from workers.live.seen import Seen

if TYPE_CHECKING:
    from prometheus_client.core import Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def metrics_of(seen: Seen) -> bytes:
    """The page that Prometheus reads.

    Raises:
        MissingPackageError: prometheus_client is not installed.
    """
    try:
        from prometheus_client import CollectorRegistry, generate_latest  # noqa: PLC0415 - optional
        from prometheus_client.registry import Collector  # noqa: PLC0415 - optional
    except ImportError as error:
        raise MissingPackageError("metrics need prometheus_client: pip install 'pairtrawl[live]'") from error

    class OneLook(Collector):
        def collect(self) -> Iterator[Metric]:
            return _metrics(seen)

    registry = CollectorRegistry()
    registry.register(OneLook())
    return generate_latest(registry)


def _metrics(seen: Seen) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily  # noqa: PLC0415 - optional

    jobs = GaugeMetricFamily("pairtrawl_jobs", "Jobs by kind and state", labels=("kind", "state"))
    for one in seen.jobs:
        jobs.add_metric((one.kind, "committed"), one.done)
        if one.total is not None:
            jobs.add_metric((one.kind, "ready"), max(0, one.total - one.done))
    yield jobs
    found = CounterMetricFamily("pairtrawl_found", "Records that a stage was given", labels=("stage",))
    kept = CounterMetricFamily("pairtrawl_kept", "Records that a stage let pass", labels=("stage",))
    rejected = CounterMetricFamily("pairtrawl_rejected", "Records that were rejected", labels=("stage", "reason"))
    for stage in seen.stages:
        found.add_metric((stage.stage,), stage.found)
        kept.add_metric((stage.stage,), stage.kept)
        for reason, count in stage.rejected.items():
            rejected.add_metric((stage.stage, reason), count)
    yield from (found, kept, rejected)
    yield GaugeMetricFamily("pairtrawl_pairs_kept", "Pairs in shards that are committed", value=seen.kept)
    yield GaugeMetricFamily("pairtrawl_jobs_failed", "Jobs that failed in the present sittings", value=seen.failed)
    working = sum(one.exit_code is None for one in seen.sittings)
    yield GaugeMetricFamily("pairtrawl_sittings", "Sittings that did not say that they ended", value=working)
    if seen.curve:
        speed = GaugeMetricFamily(
            "pairtrawl_units_per_second", "Speed of the last two minutes", labels=("phase", "unit")
        )
        speed.add_metric((seen.curve.phase, seen.curve.unit), seen.curve.recent)
        yield speed
    if seen.left_seconds is not None:
        yield GaugeMetricFamily("pairtrawl_left_seconds", "Time left of the phase under way", value=seen.left_seconds)
    heard = [one.heard.timestamp() for one in seen.sittings if one.heard]
    if heard:
        yield GaugeMetricFamily(
            "pairtrawl_heard_timestamp_seconds", "When a sitting last said anything", value=max(heard)
        )
    yield from _of_slices(seen)


def _of_slices(seen: Seen) -> Iterator[Metric]:
    from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415 - optional

    slices = GaugeMetricFamily("pairtrawl_slices", "Slices that were begun, by state", labels=("verb", "state"))
    oldest = GaugeMetricFamily(
        "pairtrawl_oldest_heartbeat_timestamp_seconds",
        "Of slices that run, the one not heard of longest",
        labels=("verb",),
    )
    for verb, statuses in seen.slices.items():
        for state, count in sorted(Counter(one.state for one in statuses).items()):
            slices.add_metric((verb, state), count)
        running = [datetime.fromisoformat(one.updated).timestamp() for one in statuses if one.state == "running"]
        if running:
            oldest.add_metric((verb,), min(running))
    yield from (slices, oldest)
