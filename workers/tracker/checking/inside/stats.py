"""NNNNN_stats.json: img2dataset's counts, the other files, and the report of the job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from crawler.report import Report
from crawler.statuses import FILTERED, NOT_DOWNLOADED, NOT_RESIZED, SUCCESS
from workers.tracker.checking.inside.files import marker_text
from workers.tracker.checking.inside.reports import read_report
from workers.tracker.checking.inside.tallies import Tallies
from workers.tracker.checking.inside.wrong import WrongError, insist
from workers.tracker.checking.orders import Look


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    bytes: int
    sha256: str


class _Stats(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    count: int
    successes: int
    failed_to_download: int
    failed_to_resize: int
    duration: float
    start_time: float
    end_time: float
    status_dict: dict[str, int]
    filtered: int
    withheld: int
    report: Any
    files: dict[str, _File]


def check_stats(look: Look, name: str, tallies: Tallies, *, withheld: int) -> Report:
    """The report in the statistics, which are found to be those of the rows and of the files.

    Raises:
        WrongError: they are not.
    """
    try:
        stats = msgspec.json.decode(marker_text(look, name), type=_Stats)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WrongError(f"{name}: are no statistics: {error}") from error
    told = (stats.count, stats.successes, stats.failed_to_download, stats.failed_to_resize, stats.filtered)
    statuses = tallies.statuses
    counted = (
        tallies.rows, statuses[SUCCESS], statuses[NOT_DOWNLOADED], statuses[NOT_RESIZED], statuses[FILTERED],
    )  # fmt: skip
    insist(told == counted, f"{name}: counts other rows than the table has")
    insist(stats.withheld == withheld, f"{name}: {stats.withheld} withheld, {withheld} missing")
    insist({one: number for one, number in stats.status_dict.items() if number} == dict(tallies.messages),
           f"{name}: other messages than in the table")  # fmt: skip
    others = {one.name: _File(one.bytes, one.sha256) for one in look.manifest.artefacts if one.name != name}
    insist(stats.files == others, f"{name}: names other files than were uploaded")
    report = read_report(stats.report, look, name)
    table_and_tar = sum(one.bytes for one in look.manifest.artefacts if Path(one.name).suffix == ".tar")
    insist(report.bytes_written <= table_and_tar, f"{name}: more bytes of pictures than the tar has")
    return report
