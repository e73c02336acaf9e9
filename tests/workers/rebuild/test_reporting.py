from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from crawler.report import Report
from workers.rebuild.reporting import Figures
from workers.rebuild.translating import BASE
from workers.telling.events import Failure, JobEnded, moment


class Board:
    """Keeps what a W&B run would show."""

    def __init__(self) -> None:
        self.shown: list[dict[str, Any]] = []

    def log(self, data: dict[str, Any], /) -> None:
        self.shown.append(data)


def a_shard(folder: Path, number: int, *, count: int, successes: int, start: float) -> JobEnded:
    stats = {
        "count": count, "successes": successes, "failed_to_download": count - successes, "failed_to_resize": 0,
        "duration": 2.0, "start_time": start, "end_time": start + 2.0,
        "status_dict": {"success": successes, "HTTP Error 404: Not Found": count - successes},
    }  # fmt: skip
    (folder / f"{number:05d}_stats.json").write_text(json.dumps(stats))
    report = Report(job=f"crawl-{number:05d}", kind="crawl", recipe="", stages=(), bytes_written=0, seconds=2.0)
    return JobEnded(at=moment(), phase="rebuild", job=report.job, rows=count, kept=successes, reasons={}, report=report)


def test_a_board_sees_what_img2dataset_shows_it(tmp_path: Path) -> None:
    board, now = Board(), 0.0
    figures = Figures(BASE, tmp_path, board, lambda columns, data: (columns, data), lambda: now)
    figures(a_shard(tmp_path, 0, count=10, successes=8, start=100.0))
    now = 30.0
    figures(a_shard(tmp_path, 1, count=10, successes=4, start=103.0))
    figures(Failure(at=moment(), text="no", job="crawl-00002"))
    worker, total, table, second, both = board.shown
    assert worker == {
        "worker/img_per_sec": 5.0, "worker/success": 0.8, "worker/failed_to_download": 0.2,
        "worker/failed_to_resize": 0.0, "worker/count": 10,
    }  # fmt: skip
    assert total["total/count"] == 10
    assert table == {
        "status": (["status", "frequency", "count"], [["success", 0.8, 8], ["HTTP Error 404: Not Found", 0.2, 2]])
    }
    assert second["worker/success"] == 0.4
    assert (both["total/count"], both["total/success"], both["total/img_per_sec"]) == (20, 0.6, 4.0)
    figures.tell()
    assert board.shown[-1]["status"][1][0] == ["success", 0.6, 12]
