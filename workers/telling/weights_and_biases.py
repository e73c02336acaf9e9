"""Weights & Biases: a run of theirs that is told figures, and the sink that tells a crawl's. wandb stops here.

Only counts leave this machine: wandb would by itself also send what is printed, the command line, the code, the host's
name and its packages, so all of that is switched off.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, Protocol

from crawler.errors import MissingPackageError, SettingsError
from workers.telling.events import Event, PhaseBegan, PhaseEnded, PhaseProgress

#: between two messages of a phase
_SECONDS: Final = 10.0
#: what wandb sends by itself; names as of 0.22 to 0.31, whose `Settings` refuses those it does not know
_NOTHING_ELSE: Final = {
    "console": "off", "disable_code": True, "disable_git": True, "save_code": False, "disable_job_creation": True,
    "x_disable_meta": True, "x_disable_stats": True, "x_disable_machine_info": True, "x_save_requirements": False,
}  # fmt: skip


class Board(Protocol):
    """What figures are shown on: a run of W&B."""

    def log(self, data: dict[str, Any], /) -> object:
        """Show these figures."""
        ...


@dataclass(frozen=True, slots=True)
class OpenBoard:
    """A run of W&B, and how its tables are made."""

    board: Board
    table: Any  # of column names and rows


@contextmanager
def open_board(project: str, config: Mapping[str, Any]) -> Iterator[OpenBoard]:
    """A run of this project, which ends with the block. `config` holds settings that may leave this machine.

    Its account, and whether it works offline, wandb knows from its own variables (WANDB_API_KEY, WANDB_MODE=offline).

    Raises:
        MissingPackageError: wandb is not installed.
        SettingsError: it does not let us in, or cannot be reached.
    """
    try:
        wandb = import_module("wandb")
    except ImportError as error:
        raise MissingPackageError("Weights & Biases is not installed: pip install 'pairtrawl[wandb]' "
                                  "(or pip install wandb)") from error  # fmt: skip
    try:
        board = wandb.init(project=project, config=dict(config), settings=wandb.Settings(**_NOTHING_ELSE))
    except wandb.Error as error:
        raise SettingsError(
            f"Weights & Biases, project {project}: {error}; `wandb login`, or WANDB_MODE=offline"
        ) from error
    try:
        yield OpenBoard(board, lambda columns, data: wandb.Table(columns=columns, data=data))
    finally:
        board.finish()


class CrawlFigures:
    """A sink that shows a board the figures of each phase, every ten seconds and at its end.

    Names are `PHASE/rows`, `PHASE/kept`, `PHASE/rate`, `PHASE/jobs_done`, `PHASE/failed`, `PHASE/passed/STAGE` (the
    share that a stage let pass) and `PHASE/rejected/REASON`.
    """

    def __init__(self, board: Board) -> None:
        self._board = board
        self._told_at = 0.0  # seconds of the phase

    def __call__(self, event: Event) -> None:
        """Show it, unless figures of this phase were shown a moment ago."""
        match event:
            case PhaseBegan():
                self._told_at = 0.0
            case PhaseProgress() if event.seconds - self._told_at >= _SECONDS:
                self._told_at = event.seconds
                self._board.log(figures_of(event))
            case PhaseEnded():
                self._board.log(figures_of(event))
            case _:
                pass


def figures_of(event: PhaseProgress | PhaseEnded) -> dict[str, float]:
    """The figures of an event under the names that a board shows."""
    phase = event.phase
    told: dict[str, float] = {
        f"{phase}/rows": event.rows, f"{phase}/kept": event.kept, f"{phase}/rate": event.rate,
        f"{phase}/jobs_done": event.jobs_done, f"{phase}/failed": event.failed,
    }  # fmt: skip
    told |= {f"{phase}/passed/{one.stage}": one.kept / one.found for one in event.stages if one.found}
    return told | {f"{phase}/rejected/{reason}": count for reason, count in event.reasons.items()}
