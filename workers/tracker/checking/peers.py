"""What other workers' results come to: what a result's own figures are held against. In memory, of this checker alone.

A checker that begins knows nobody, and says nothing of anybody until it has seen a dozen results: `look_population`
and `look_web` have their own words for that. Only results that were believed are remembered, and nobody is his own
peer: what an account sends says nothing of what is usual for its other results.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from workers.tracker.checking.population import Peer

#: results of a kind: enough for a median, and few days' work, for the web changes
_RESULTS = 400
#: hosts; some 200 bytes each
_HOSTS = 100_000
_LOOKED, _CHANGED = "_looked", "_changed"


@dataclass(frozen=True, slots=True)
class Who:
    """Whose result it is, and of what job."""

    job: int
    account: int
    kind: str


@dataclass(slots=True)
class Peers:
    """The memory."""

    _results: dict[str, deque[tuple[int, Peer]]] = field(default_factory=dict)
    _hosts: dict[str, dict[int, tuple[int, int]]] = field(default_factory=dict)

    def remember(self, who: Who, figures: Mapping[str, float]) -> None:
        """A result was believed."""
        self._results.setdefault(who.kind, deque(maxlen=_RESULTS)).append((who.account, Peer(who.job, dict(figures))))
        for name, looked in figures.items():
            if name.startswith("web_") and name.endswith(_LOOKED):
                host = name.removeprefix("web_").removesuffix(_LOOKED)
                self._add(host, who.account, int(looked), int(figures.get(f"web_{host}{_CHANGED}", 0)))

    def of(self, who: Who) -> list[Peer]:
        """Results of the same kind by other accounts."""
        return [one for account, one in self._results.get(who.kind, ()) if account != who.account]

    def hosts(self, who: Who) -> dict[str, tuple[int, int]]:
        """What other accounts' rows at each host came to: how many were looked at, and how many had changed."""
        found = {}
        for host, by_account in self._hosts.items():
            others = [counts for account, counts in by_account.items() if account != who.account]
            if others:
                found[host] = (sum(looked for looked, _ in others), sum(changed for _, changed in others))
        return found

    def _add(self, host: str, account: int, looked: int, changed: int) -> None:
        known = self._hosts.pop(host, {})  # and in again behind the others: the first is the one to forget
        before = known.get(account, (0, 0))
        known[account] = (before[0] + looked, before[1] + changed)
        self._hosts[host] = known
        if len(self._hosts) > _HOSTS:
            del self._hosts[next(iter(self._hosts))]
