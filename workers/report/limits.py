"""Which stage a run waits for: decided by what its jobs measured, and said in words.

A job fetches while its decoders work, and scores while both do; a stage that is behind holds the others up, for what
waits between them is bounded. So whoever is busy nearly all the time is the limit, and where nobody is, the network is:
hosts, name servers and our own patience with them. Busy is the time of a stage's threads as a share of the time that
they had: decoders have the time of the job each; what scores, and what writes, has it once.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from crawler.report import Report, Spent, add_up

#: from this share of its time on a stage counts as busy all the time: the rest is the beginning and the end of jobs
_BUSY = 0.7
#: what decoder threads do
_LOOKING = frozenset(("filter bodies", "decode", "encode", "prepare"))
_ENGINE = "engine:"
#: stages of the jobs that read archives, and what each of them is
_READING = {
    "read": "unpacking and splitting records", "extract": "looking through pages",
    "candidates": "judging texts and addresses", "write": "writing candidates",
}  # fmt: skip


def limits_of(reports: Iterable[Report]) -> list[dict[str, Any]]:
    """`limits`: what was spent by stage, each stage followed by what it is made of; summed over the jobs.

    A stage that is told by its filters alone has the sum of them; its records are those of the first.
    """
    spent = add_up(one for report in reports for one in report.spent)
    by_stage: dict[str, list[Spent]] = {}
    for one in spent:
        by_stage.setdefault(one.stage, []).append(one)
    told = []
    for stage, parts in by_stage.items():
        if all(one.what for one in parts):
            most = max(one.records for one in parts)
            told.append(
                Spent(stage, "", most, sum(one.seconds for one in parts), sum(one.cpu_seconds for one in parts))
            )
        told += sorted(parts, key=lambda one: bool(one.what))
    return [
        {"stage": one.stage, "what": one.what, "records": one.records,
         "seconds": round(one.seconds, 3), "cpu_seconds": round(one.cpu_seconds, 3)}
        for one in told
    ]  # fmt: skip


def limit_of(extracts: Iterable[Report], crawls: Iterable[Report], decoders: int) -> dict[str, str]:
    """`limit`: the stage that the run waited for most, and in words why; nothing where nobody measured.

    Args:
        extracts: of the jobs that read archives.
        crawls: of those that fetch, look and score, as a whole or in halves.
        decoders: decoder threads of a job (`resources.decoders`).
    """
    read, made = ([one for one in reports if one.spent] for reports in (extracts, crawls))
    reading, crawling = (sum(one.seconds for one in reports) for reports in (read, made))
    spent = add_up(one for report in (*read, *made) for one in report.spent)
    if reading > crawling:
        return _of_reading(spent, reading / (reading + crawling))
    busy = busy_shares(add_up(one for report in made for one in report.spent), crawling, decoders)
    if not busy:
        return {}
    stage = max(busy, key=lambda name: busy[name])
    if busy[stage] >= _BUSY or not any(one.stage == "fetch" for one in spent):
        who = _WHO[stage]
        return {"stage": stage, "told": f"{who[:1].upper()}{who[1:]}: busy {100 * busy[stage]:.0f} % of the time."}
    idle = [
        f"{_WHO[name]} idled {100 * (1 - share):.0f} %"
        for name, share in sorted(busy.items(), key=lambda item: -item[1])
    ]
    return {"stage": "fetch", "told": f"The network: {', '.join(idle)} of the time."}


#: stage -> who does it
_WHO = {"decode": "the decoders", "filter pictures": "the models", "write": "the disk"}


def busy_shares(spent: Iterable[Spent], seconds: float, decoders: int) -> dict[str, float]:
    """How much of their time decoders, models and disk were at work, from 0 to 1; of those that had work at all.

    Args:
        spent: of the jobs.
        seconds: that the jobs took, added up.
        decoders: threads of a job.
    """
    looking = scoring = writing = 0.0
    for one in spent:
        if one.what.startswith(_ENGINE) and one.stage != "prepare":
            scoring += one.seconds
        elif one.stage in _LOOKING or one.stage == "filter pictures":
            looking += one.seconds
        elif one.stage == "write":
            writing += one.seconds
    if seconds <= 0:
        return {}
    shares = {"decode": looking / decoders, "filter pictures": scoring, "write": writing}
    return {stage: min(1.0, share / seconds) for stage, share in shares.items() if share}


def _of_reading(spent: Iterable[Spent], share: float) -> dict[str, str]:
    parts = [one for one in spent if one.stage in _READING and not one.what]
    most = max(parts, key=lambda one: one.seconds, default=None)
    inside = f", most of it {_READING[most.stage]}" if most is not None else ""
    stage = most.stage if most is not None else "read"
    return {"stage": stage, "told": f"Reading archives: {100 * share:.0f} % of the time of all jobs{inside}."}
