"""The report of a job: whether it is of this job, adds up, and says what the manifest says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from crawler.job.ledger import FETCHED_STAGES, STAGES
from crawler.records import Fault
from crawler.report import AccountingError, Report, StageCount, check
from workers.protocol.counts import counts_of
from workers.tracker.checking.inside.wrong import WrongError, insist
from workers.tracker.checking.orders import Judges, Look

#: of the plan: no row of a job ends so
_OF_THE_PLAN = frozenset((Fault.DUPLICATE, Fault.SEEN_EARLIER, Fault.HOST_CAP))
_OF_THE_DECODER = frozenset((
    Fault.NOT_AN_IMAGE, Fault.FORMAT_REFUSED, Fault.TOO_MANY_PIXELS, Fault.IMAGE_BROKEN, Fault.DECODER_KILLED,
))  # fmt: skip
#: of `Report.spent`, which nobody compares and people read: entries, seconds (a century), characters of a name
_MOST_SPENT, _LONGEST_SECONDS, _LONGEST_NAME = 256, 3e9, 300
_OF_THE_END = {
    Fault.PLACEHOLDER: "placeholders",
    Fault.REPEATED_FILE: "duplicates",
    Fault.LOOK_ALIKE: "duplicates",
}


def read_report(content: bytes | object, look: Look, where: str) -> Report:
    """The report in a JSON text, or in a part of one that was decoded.

    Raises:
        WrongError: it is none, is of another job, or its counts are not those of the manifest.
    """
    try:
        report = (
            msgspec.json.decode(content, type=Report)
            if isinstance(content, bytes)
            else msgspec.convert(content, Report)
        )
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WrongError(f"{where}: holds no report of a job: {error}") from error
    insist(report.kind == look.kind and report.job == f"{look.kind}-{look.number:05d}", f"{where}: of another job")
    insist(report.recipe == look.recipe_digest, f"{where}: of another recipe")
    insist(bool(report.stages), f"{where}: without stages")
    insist(len(report.incomplete) <= 4_000, f"{where}: says too much")
    numbers = (report.bytes_read, report.bytes_received, report.bytes_written, report.seconds)
    insist(min(numbers) >= 0, f"{where}: negative numbers")
    insist(len(report.spent) <= _MOST_SPENT, f"{where}: says too much of what was spent")
    for one in report.spent:
        insist(min(one.records, one.seconds, one.cpu_seconds) >= 0, f"{where}: negative costs")
        insist(max(one.seconds, one.cpu_seconds) < _LONGEST_SECONDS, f"{where}: costs that no job has")
        said = f"{one.stage}{one.what}"
        insist(len(said) <= _LONGEST_NAME and said.isprintable(), f"{where}: costs of what is no stage")
    for stage in report.stages:
        insist(min((stage.found, stage.kept, *stage.rejected.values())) >= 0, f"{where}: negative counts")
    try:
        check(report.stages)
    except AccountingError as error:
        raise WrongError(f"{where}: does not add up: {error}") from error
    insist(look.manifest.counts == counts_of(report), f"{where}: the manifest has other counts")
    return report


def stages_of(kind: str) -> Sequence[str]:
    """The stages that a job of this kind counts, in order."""
    return FETCHED_STAGES if kind == "fetch" else STAGES


def stage_of(reason: str, judges: Judges) -> str | None:
    """The stage at which a row ends with this reason; None where no row does."""
    for stage, names in (
        ("filter candidates", judges.candidates),
        ("filter bodies", judges.bodies),
        ("filter pictures", (*judges.pictures, *judges.embeddings)),
    ):
        if reason in names:
            return stage
    try:
        fault = Fault(reason)
    except ValueError:
        return None
    if fault in _OF_THE_PLAN:
        return None
    return _OF_THE_END.get(fault) or ("decode" if fault in _OF_THE_DECODER else "fetch")


def check_stages(report: Report, look: Look, *, found: int, turned: Mapping[str, int], withheld: int) -> None:
    """Whether the report's stages are those that its rows come to.

    Args:
        report: of a job that fetched or scored.
        look: the order.
        found: rows of the job's input.
        turned: rows by their reason.
        withheld: rows of which nothing is written.

    Raises:
        WrongError: they are not.
    """
    names = stages_of(look.kind)
    by_stage: dict[str, Counter[str]] = {name: Counter() for name in names}
    for reason, number in turned.items():
        stage = stage_of(reason, look.judges)
        insist(stage in by_stage, f"no row of a {look.kind} job ends with the reason {reason!r}")
        by_stage[str(stage)][reason] += number
    hidden = Counter[str]()
    for one in report.stages:
        for reason, number in one.rejected.items():
            if reason in look.judges.withheld and one.stage in by_stage:
                by_stage[one.stage][reason] += number
                hidden[reason] += number
    insist(hidden.total() == withheld, f"{withheld} rows are missing, and {hidden.total()} withheld by the report")
    inside, wanted = found, []
    for name in names:
        left = inside - by_stage[name].total()
        wanted.append(StageCount(name, inside, left, dict(by_stage[name])))
        inside = left
    insist(list(report.stages) == wanted, "the report's counts are not those of its rows")
