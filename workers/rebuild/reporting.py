"""img2dataset's figures while a run goes on: a line a shard on the console's side, and Weights & Biases if asked for.

W&B is told what img2dataset tells it: `worker/` and `total/` with `img_per_sec`, `success`, `failed_to_download`,
`failed_to_resize` and `count`, and once a minute the table `status`.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from crawler.settings import Recipe
from crawler.shard_files import read_stats
from workers.rebuild.options import Options
from workers.telling.events import Event, JobEnded, Sink
from workers.telling.weights_and_biases import Board, open_board

#: between two tables; each has as many rows as messages, at most so many
_SECONDS_BETWEEN_TABLES = 60.0
_MESSAGES = 100


class Figures:
    """A sink that tells a board of each shard that is committed."""

    def __init__(
        self,
        recipe: Recipe,
        shards: Path,
        board: Board,
        table: Callable[[list[str], list[list[Any]]], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._recipe = recipe
        self._shards = shards
        self._board = board
        self._table = table
        self._clock = clock
        self._total: Counter[str] = Counter()
        self._messages: Counter[str] = Counter()
        self._began = self._ended = 0.0
        self._told_at = float("-inf")

    def __call__(self, event: Event) -> None:
        """A job has ended; one that failed has no figures."""
        if not isinstance(event, JobEnded):
            return
        stats = read_stats(self._shards, int(event.job.rpartition("-")[2]), self._recipe.output)
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


#: options that name files, addresses or people
_NOT_TOLD = frozenset(("url_list", "output_folder", "user_agent_token"))
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
def watching(options: Options, recipe: Recipe, shards: Path) -> Iterator[tuple[Sink, ...]]:
    """Whoever is told of a rebuild: W&B, if the options ask for it. `shards` is where its shards are made.

    Raises:
        MissingPackageError: it is asked for, and not installed.
        SettingsError: it does not let us in.
    """
    if not options.enable_wandb:
        yield ()
        return
    config = {name: value for name, value in msgspec.to_builtins(options).items() if name not in _NOT_TOLD}
    with open_board(options.wandb_project, config) as opened:
        figures = Figures(recipe, shards, opened.board, opened.table)
        yield (figures,)
        figures.tell()
