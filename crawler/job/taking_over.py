"""Which rows of a base stay as they are, and which are asked for again.

A row with its picture stays. One without stays, too, if its outcome is not one that is to be tried again. Whatever is
asked of new rows before they are fetched is asked of these first, and removal lists are asked about their hashes: what
has been put on a list since does not come back this way.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from crawler.errors import RunFolderError
from crawler.job.base import BaseRow, Pictures, read_base
from crawler.job.costs import Laps
from crawler.job.judging import judge_all
from crawler.job.looking import Turned, turned
from crawler.outcome import Outcome, fault_by_policy, outcome_of
from crawler.records import Candidate, Earlier, Expected, Fault, Rejected
from crawler.rows import Pictured, Row, candidate_row, turned_row
from crawler.statuses import SUCCESS

if TYPE_CHECKING:
    from crawler.job import Job, Tools
    from crawler.job.finishing import Finishing
    from crawler.job.ledger import Ledger

#: at which stage a fault ends a row; others are of the fetch
_STAGES: Mapping[str, str] = {
    **dict.fromkeys((
        Fault.NOT_AN_IMAGE, Fault.FORMAT_REFUSED, Fault.TOO_MANY_PIXELS, Fault.IMAGE_BROKEN, Fault.DECODER_KILLED,
    ), "decode"),
    **dict.fromkeys((Fault.HASH_MISMATCH, Fault.HASH_MISSING), "filter pictures"),
    Fault.HOST_CAP: "filter candidates",
    Fault.PLACEHOLDER: "placeholders",
    **dict.fromkeys((Fault.REPEATED_FILE, Fault.LOOK_ALIKE), "duplicates"),
}  # fmt: skip

#: outcomes of which it matters little why
_IN_VAIN = (Outcome.DEAD.value, Outcome.FAILED.value)


@dataclass(frozen=True, slots=True)
class Base:
    """What a job takes over. By default nothing."""

    rows: Mapping[int, BaseRow] = field(default_factory=dict)
    again: frozenset[str] = frozenset()
    #: filters by name, and the stage at which they end a row
    stages: Mapping[str, str] = field(default_factory=dict)
    #: filters that can judge by what was recorded
    judges: tuple[tuple[str, Any], ...] = ()

    @classmethod
    def of(cls, job: Job, tools: Tools, candidates: Sequence[Candidate], rows: int, names: Container[str]) -> Self:
        """The base of a job; `rows` is the most that its shard may have, `names` are the columns of a row.

        Raises:
            RunFolderError: it cannot be read, or is of another list.
        """
        if not job.base:
            return cls()
        found = {}
        for index, one in read_base(Path(job.base), rows):
            found[index] = one._replace(row={name: value for name, value in one.row.items() if name in names})
            written = one.row.get("url")
            if not index < len(candidates) or (written is not None and written != candidates[index].written_src):
                raise RunFolderError(f"{job.base}: is no shard of this list: its row {index} has another address")
        named = {
            "filter candidates": tools.candidate_filters,
            "filter bodies": tools.body_filters,
            "filter pictures": (*tools.picture_filters, *tools.embedding_filters),
        }
        stages = {name: stage for stage, filters in named.items() for name, _ in filters}
        judged = [*tools.body_filters, *tools.picture_filters]
        judges = tuple((name, one) for name, one in judged if hasattr(one, "judge_again"))
        return cls(found, frozenset(job.again), stages, judges)

    def settled(self, index: int, candidate: Candidate, tools: Tools, pictures: Pictures) -> Pictured | Turned | None:
        """What becomes of a row without asking anybody: kept, or turned away; None if it has to be asked for."""
        base = self.rows.get(index)
        if base is None:
            return None
        if not base.extension:
            return self._without_picture(base.row, candidate)
        assert candidate.expected is not None
        assert tools.recipe.rebuild is not None
        known = recorded(base.row)
        outcome = outcome_of(candidate.expected, known)
        if fault_by_policy(tools.recipe.rebuild.policy, outcome):
            return None
        # what a row of ours says of itself stays, to the letter; one of img2dataset says little
        row = dict(base.row) if "content_id" in base.row else candidate_row(candidate) | base.row
        judged = self._judged(row, candidate, known)
        if judged is None or isinstance(judged, Turned):
            return judged
        return Pictured(row | {"status": SUCCESS, "outcome": outcome.value}, pictures.read(base), base.extension)

    def same_again(self, index: int, turned: Turned) -> Turned:
        """How a row ended: as before, to the letter, if asking again brought nothing that is worth telling.

        That is the same reason, or another one of the same kind: once too slow, and once a server in trouble.
        """
        base = self.rows.get(index)
        if base is None or base.extension or "reason" not in base.row:
            return turned
        outcome = base.row.get("outcome")
        again = outcome == turned.row.get("outcome") and outcome in _IN_VAIN
        return self._as_it_was(base.row) if again or base.row["reason"] == turned.reason else turned

    def _without_picture(self, row: Row, candidate: Candidate) -> Turned | None:
        outcome = row.get("outcome")
        if outcome is None or outcome in self.again:
            return None
        judged = self._judged(row, candidate, recorded(row))
        return judged if isinstance(judged, Turned) else self._as_it_was(row)

    def _judged(self, row: Row, candidate: Candidate, known: Expected) -> Turned | Literal[True] | None:
        """What removal lists say of a row by its hashes: True lets it pass, None cannot tell."""
        earlier = Earlier(candidate, known, row.get("final_url", ""))
        word: Literal[True] | None = True
        for name, judge in self.judges:
            (verdict,) = judge.judge_again([earlier])
            if verdict is None:
                word = None
            elif not verdict.keep:
                return Turned(self.stages[name], name, turned_row(row, name, verdict.detail))
        return word

    def _as_it_was(self, row: Row) -> Turned:
        reason = row["reason"]
        return Turned(self.stages.get(reason) or _STAGES.get(reason, "fetch"), reason, row)


def recorded(row: Mapping[str, Any]) -> Expected:
    """The hashes of what was received, as far as a row has them."""
    phash, pdq = row.get("phash"), row.get("pdq")
    return Expected(
        md5=row.get("md5", ""),
        sha1=row.get("sha1", ""),
        sha256=row.get("sha256", ""),
        sha512=row.get("sha512", ""),
        phash=None if phash is None else int(phash, 16),
        pdq=None if pdq is None else int(pdq, 16),
        pdq_quality=row.get("pdq_quality"),
    )


def take_over(
    base: Base, rows: Sequence[Candidate], tools: Tools, ledger: Ledger, finishing: Finishing
) -> frozenset[int]:
    """Write every row that need not be asked for; returns which those are.

    Raises:
        RunFolderError: a picture of the base is not where it should be.
        OSError: the disk is full.
    """
    settled = []
    here = sorted(base.rows)
    with Pictures() as pictures:
        told = Laps(ledger.costs).of_filters("filter candidates")
        rulings = judge_all(tools.candidate_filters, [rows[index] for index in here], told)
        for index, ruling in zip(here, rulings, strict=True):
            if ruling is not None:
                rejected = Rejected(rows[index], ruling[0], ruling[1].detail)
                ledger.turn_away(index, turned("filter candidates", rejected))
            else:
                outcome = base.settled(index, rows[index], tools, pictures)
                if outcome is None:
                    continue
                if isinstance(outcome, Turned):
                    ledger.turn_away(index, outcome)
                else:
                    finishing.keep(index, outcome)
            settled.append(index)
    return frozenset(settled)
