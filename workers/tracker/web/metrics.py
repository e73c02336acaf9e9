"""What Prometheus is told. Labels are routes and states of ours: never a name, or whoever sends names fills memory."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

__all__ = ["CONTENT_TYPE_LATEST", "Metrics"]

#: seconds; the target is a 99th percentile below 0.1
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """The counts of one tracker: a registry of its own, so that two in one process do not meet."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "pairtrawl_requests", "Requests answered", ("route", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "pairtrawl_request_seconds", "From request to answer", ("route",), buckets=_BUCKETS, registry=self._registry
        )
        self._jobs = Gauge("pairtrawl_jobs", "Jobs by kind and state", ("kind", "state"), registry=self._registry)
        self._leases = Gauge("pairtrawl_leases_active", "Leases under way", registry=self._registry)
        self._to_check = Gauge("pairtrawl_results_to_check", "Results not judged yet", registry=self._registry)
        self._room = Gauge("pairtrawl_upload_room_bytes", "Free for new uploads", registry=self._registry)
        self._events = Counter("pairtrawl_events", "What happened beside requests", ("what",), registry=self._registry)

    def answered(self, route: str, status: int, seconds: float) -> None:
        """One request was answered."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def happened(self, what: str, times: int = 1) -> None:
        """Something happened in the background, such as "lease_expired"; `what` is a word of ours."""
        self._events.labels(what).inc(times)

    def text(self, *, jobs: Mapping[str, Mapping[str, int]], leases: int, to_check: int, room_bytes: int) -> bytes:
        """The page that Prometheus reads: the counts so far, and how things stand."""
        self._jobs.clear()
        for kind, states in jobs.items():
            for state, number in states.items():
                self._jobs.labels(kind, state).set(number)
        self._leases.set(leases)
        self._to_check.set(to_check)
        self._room.set(room_bytes)
        return generate_latest(self._registry)
