"""The checks themselves, with what they need of this machine: tools of the recipe, seeds that nobody knew before."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from crawler.job import Tools
from workers.tracker.checking.cell import Cell
from workers.tracker.checking.looked import Evidence, Looked
from workers.tracker.checking.parse import look_parse
from workers.tracker.checking.peers import Peers, Who
from workers.tracker.checking.population import look_population
from workers.tracker.checking.replica import compare
from workers.tracker.checking.score import look_scores
from workers.tracker.checking.structure import look_structure
from workers.tracker.checking.web import look_web

#: of a seed: what is drawn from a result must not be guessed before it was handed in
_SEED_BYTES = 32


@dataclass(frozen=True, slots=True)
class RealLooks:
    """`Looks` for a checker."""

    #: of a crawl job by the campaign's recipe
    tools: Tools
    peers: Peers = field(default_factory=Peers)
    #: reads what strangers sent
    cell: Cell = field(default_factory=Cell)
    #: gives so many bytes that nobody could know before
    seed: Callable[[int], bytes] = secrets.token_bytes

    def structure(self, evidence: Evidence, /) -> Looked:
        """See `Looks`."""
        return look_structure(evidence, self.tools, self.cell)

    def parse(self, evidence: Evidence, sample: int, /) -> Looked:
        """See `Looks`."""
        return look_parse(evidence, sample, self.seed(_SEED_BYTES), self.tools, self.cell)

    def score(self, evidence: Evidence, sample: int, /) -> Looked:
        """See `Looks`."""
        return look_scores(evidence, sample, self.seed(_SEED_BYTES), self.tools, self.cell)

    def web(self, evidence: Evidence, sample: int, who: Who, /) -> Looked:
        """See `Looks`."""
        peers = self.peers.hosts(who)
        return look_web(evidence, sample, self.seed(_SEED_BYTES), self.tools, peers, self.cell)

    def population(self, figures: Mapping[str, float], who: Who, /) -> Looked:
        """See `Looks`."""
        return look_population(who.job, figures, self.peers.of(who))

    def compare(self, evidence: Evidence, other: Evidence, /) -> Looked:
        """See `Looks`."""
        return compare(evidence, other, self.tools, self.cell)

    def remember(self, figures: Mapping[str, float], who: Who, /) -> None:
        """See `Looks`."""
        self.peers.remember(who, figures)
