"""How much of the data set each account contributed that no look bound to its source; in memory, read now and then.

Nobody's share of that may grow beyond the policy's, by however many workers or however fast (`# invariant 24`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from workers.tracker.store import Tx
from workers.tracker.trust.beliefs import BINDING_OF

#: what other checkers and operators did meanwhile is seen after so long
_READ_AGAIN_SECONDS = 900.0


@dataclass(slots=True)
class Shares:
    """Of each kind: canonical results, and by account those that nothing bound."""

    total: Counter[str] = field(default_factory=Counter)
    unbound: Counter[tuple[str, int]] = field(default_factory=Counter)
    read_at: float = -1e300

    def is_old(self, now: float) -> bool:
        """Whether it is time to read again."""
        return now - self.read_at > _READ_AGAIN_SECONDS

    def with_one_more(self, kind: str, account: int) -> float:
        """The share of the data set that the account's unbound results would be, with one more. 0 to 1."""
        return (self.unbound[kind, account] + 1) / (self.total[kind] + 1)

    def add(self, kind: str, account: int, *, bound: bool) -> None:
        """A result has become canonical."""
        self.total[kind] += 1
        if not bound:
            self.unbound[kind, account] += 1


def read_shares(tx: Tx, now: float) -> Shares:
    """The shares as the database has them."""
    shares = Shares(read_at=now)
    for row in tx.all("SELECT kind, COUNT(*) AS many FROM results WHERE canonical = 1 GROUP BY kind"):
        shares.total[row["kind"]] = int(row["many"])
    for kind, names in BINDING_OF.items():
        marks = ", ".join("?" * len(names))
        rows = tx.all(
            "SELECT account, COUNT(*) AS many FROM results r WHERE canonical = 1 AND kind = ? AND NOT EXISTS"  # noqa: S608 - question marks
            f" (SELECT 1 FROM signals s WHERE s.result = r.id AND s.verdict = 'good' AND s.name IN ({marks}))"
            " GROUP BY account",
            kind,
            *sorted(names),
        )
        for row in rows:
            shares.unbound[kind, row["account"]] = int(row["many"])
    return shares
