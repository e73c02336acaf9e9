"""T5 as a checker makes it: the verdict on a result, and what follows from it for all that its worker did before."""

from __future__ import annotations

from collections.abc import Mapping

from workers.tracker.checking.order import Judgement
from workers.tracker.moves.records import CheckOrder, Concluded
from workers.tracker.moves.revoking import contributed, revoke
from workers.tracker.moves.verdicts import conclude
from workers.tracker.store import Tx
from workers.tracker.trust import Said
from workers.tracker.trust.policy import Policy


def pronounce(
    tx: Tx, now: float, *, order: CheckOrder, judgement: Judgement, policy: Policy, figures: Mapping[str, float]
) -> Concluded:
    """Write a verdict down, and take back what it casts doubt on: both, or nothing.

    Whose result is wrong for certain, or who is quarantined, loses everything of this version and kind since the last
    time that the whole of a result of his was looked at and good (`# invariant 23`). What came before stays.

    Args:
        tx: the transaction.
        now: the tracker's time.
        order: the result, as it was given to the checker.
        judgement: what all looks say.
        policy: the numbers of trust.
        figures: what structure found: `kept` is what the ledger calls pairs.
    """
    concluded = conclude(
        tx,
        now,
        result=order.result,
        said=judgement.said,
        signals=judgement.signals,
        policy=policy,
        pairs=int(figures.get("kept", 0)),
        bytes=sum(one.bytes for one in order.manifest.artefacts),
    )
    if concluded.changed and (judgement.said is Said.BAD or concluded.falls):
        doubted = contributed(
            tx, worker=order.worker, version=order.version, kind=order.kind, after=concluded.last_good_result
        )
        revoke(tx, now, results=doubted, why=f"result {order.result} of the same worker was found wrong")
    return concluded
