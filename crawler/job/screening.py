"""Filters whose lists must not leak, and the breaker for lists that would take out implausibly much.

A row that a confidential filter turns down is *withheld*: it is counted under the filter's name, and nothing of it is
written, for the table of a shard with its addresses and hashes would be a copy of what of the list was found.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from crawler.errors import ScreeningError
from crawler.report import StageCount

#: so few rows may go whatever their share is: a small job must not end for one honest match
_ALWAYS = 10


@dataclass(frozen=True, slots=True)
class Screening:
    """Which filters withhold, and how much of a job each filter may turn down."""

    withheld: frozenset[str] = frozenset()
    #: filter -> share of the rows that its stage found, in (0, 1]; a filter that is not here has no limit
    most_shares: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, filters: Iterable[tuple[str, Any]]) -> Self:
        """What these filters say of themselves: `confidential` and `most_share`, where they have them."""
        named = list(filters)
        return cls(
            withheld=frozenset(name for name, one in named if getattr(one, "confidential", False)),
            most_shares={name: share for name, one in named if (share := getattr(one, "most_share", 1.0)) < 1},
        )

    def check(self, job: str, stages: Iterable[StageCount]) -> None:
        """Whether what was turned down is plausible: asked before anything of a job is committed.

        Raises:
            ScreeningError: a filter turned down more than its share of a stage, and more than 10 rows.
        """
        for stage in stages:
            for name, rejected in stage.rejected.items():
                share = self.most_shares.get(name, 1.0)
                if rejected > _ALWAYS and rejected > share * stage.found:
                    raise ScreeningError(
                        f"{job}: {name} would take out {rejected} of {stage.found} rows, more than its most_share = "
                        f"{share:g}; nothing of this job was committed. Its list may hold the hash of something "
                        "harmless that many sites show, such as a 'not available' picture: mend the list, or raise "
                        "most_share in the recipe if it is right"
                    )
