"""img2dataset's figures while a run goes on: a line a shard on the console's side, and Weights & Biases if asked for.

W&B is told what img2dataset tells it: `worker/` and `total/` with `img_per_sec`, `success`, `failed_to_download`,
`failed_to_resize` and `count`, and once a minute the table `status`.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import msgspec

from crawler.errors import MissingPackageError
from crawler.settings import Recipe
from crawler.shard_files import read_stats
from workers.attempt import Outcome
from workers.rebuild.options import Options
from workers.slice_status import Unwatched, Watch

#: between two tables; each has as many rows as messages, at most so many
_SECONDS_BETWEEN_TABLES = 60.0
_MESSAGES = 100


class Board(Protocol):
    """A run of W&B."""

    def log(self, data: dict[str, Any], /) -> object:
        """Show these figures."""
        ...


class Figures(Unwatched):
    """Tells a board of each shard that is committed. Called from the thread of the driver only."""

    def __init__(
        self,
        recipe: Recipe,
        board: Board,
        table: Callable[[list[str], list[list[Any]]], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._recipe = recipe
        self._board = board
        self._table = table
        self._clock = clock
        self._shards: list[Mapping[str, Any]] = []
        self._total: Counter[str] = Counter()
        self._messages: Counter[str] = Counter()
        self._began = self._ended = 0.0
        self._told_at = float("-inf")

    def note(self, outcome: Outcome, /) -> None:
        """A job has ended; one that failed has no figures."""
        if not outcome.report:
            return
        stats = read_stats(Path(outcome.job.output), outcome.job.number, self._recipe.output)
        self._began = min(self._began or stats["start_time"], stats["start_time"])
        self._ended = max(self._ended, stats["end_time"])
        self._total.update({key: stats[key] for key in _COUNTS})
        self._messages.update(stats["status_dict"])
        self._board.log(_figures("worker", stats, stats["duration"]))
        self._board.log(_figures("total", self._total, self._ended - self._began))
        if self._clock() - self._told_at >= _SECONDS_BETWEEN_TABLES:
            self.tell()

    def tell(self) -> None:
        """Show the table of messages, as it is now."""
        count = self._total["count"]
        if not count:
            return
        self._told_at = self._clock()
        rows = [[message, number / count, number] for message, number in self._messages.most_common(_MESSAGES)]
        self._board.log({"status": self._table(["status", "frequency", "count"], rows)})


_COUNTS = ("count", "successes", "failed_to_download", "failed_to_resize")


def _figures(prefix: str, counts: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """Shares of the rows, and rows a second."""
    count = max(counts["count"], 1)
    return {
        f"{prefix}/img_per_sec": counts["count"] / max(seconds, 1e-9),
        f"{prefix}/success": counts["successes"] / count,
        f"{prefix}/failed_to_download": counts["failed_to_download"] / count,
        f"{prefix}/failed_to_resize": counts["failed_to_resize"] / count,
        f"{prefix}/count": counts["count"],
    }


@contextmanager
def watching(options: Options, recipe: Recipe) -> Iterator[Watch]:
    """Whoever is told of a run: W&B, if the options ask for it.

    Raises:
        MissingPackageError: it is asked for, and not installed.
    """
    if not options.enable_wandb:
        yield Unwatched()
        return
    try:
        wandb = import_module("wandb")
    except ImportError as error:
        raise MissingPackageError("enable_wandb: needs Weights & Biases: pip install wandb") from error
    config = msgspec.to_builtins(options)
    board = wandb.init(project=options.wandb_project, config=config, anonymous="allow")
    figures = Figures(recipe, board, lambda columns, data: wandb.Table(columns=columns, data=data))
    try:
        yield figures
        figures.tell()
    finally:
        board.finish()
