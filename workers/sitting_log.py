"""Who is told of a sitting: people, programs that read its log, its timeline, and whoever was asked for."""

from __future__ import annotations

import logging
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from crawler.errors import PairtrawlError
from crawler.report import StageCount
from crawler.settings import Recipe
from workers.asked import Asked
from workers.blame import blame_for
from workers.exit_codes import ExitCode, code_of
from workers.progress import Display
from workers.sitting_told import a_console, line_printer
from workers.stop import Stop
from workers.summary import Summary
from workers.telling.events import Failure, RunBegan, RunEnded, Sink, moment
from workers.telling.forms import LogForm
from workers.telling.json_lines import FromLogging, JsonLines
from workers.telling.lines import Lines
from workers.telling.timeline import TimelineFile
from workers.telling.weights_and_biases import CrawlFigures, open_board


def display_of(form: LogForm, *, to_stderr: bool = False) -> Display:
    """What a verb speaks to. JSON goes to stderr, whatever goes to stdout; lines there only if `to_stderr`."""
    console = a_console(to_stderr=to_stderr)
    match form:
        case LogForm.JSON:
            return Display(sinks=[JsonLines()])
        case LogForm.LINES:
            return Display(sinks=[Lines(line_printer(console))])
        case LogForm.AUTO:
            return Display(console)


class Ending:
    """How a sitting ends, as far as is known: until `came` is called it ends by an error."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._summary = Summary()
        self._code: int = ExitCode.CRASHED
        self._why = ""
        self._stages: tuple[StageCount, ...] = ()

    def came(self, code: int, summary: Summary, why: str, stages: Sequence[dict[str, Any]] = ()) -> None:
        """It came to its end: `why` it was stopped, if it was; the stages of the report, where one was written."""
        self._code, self._summary, self._why = code, summary, why
        self._stages = msgspec.convert(stages, tuple[StageCount, ...])

    def failed(self, code: int, why: str) -> None:
        """It ends with this exit code, by an error; `why` it was stopped, if it was."""
        self._code, self._why = code, why

    @property
    def event(self) -> RunEnded:
        """The last event."""
        summary = self._summary
        return RunEnded(
            at=moment(), exit_code=int(self._code), seconds=round(self._clock() - self._began, 3), jobs=summary.jobs,
            jobs_done=summary.done, failed=len(summary.failures), stopped=self._why, stages=self._stages,
        )  # fmt: skip


@contextmanager
def telling(
    display: Display, timeline: Path, recipe: Recipe, asked: Asked, inputs: int, stop: Stop, *sinks: Sink
) -> Iterator[Ending]:
    """The beginning and the end of a sitting are told, and all in between to its timeline and these sinks, too.

    Raises:
        MissingPackageError: a sink was asked for whose package is not installed.
    """
    file, ending = TimelineFile(timeline), Ending()
    began = RunBegan(
        at=moment(), name=recipe.name, verb=asked.verb, place=asked.place, inputs=inputs,
        version=version("pairtrawl"), host=platform.node(), process=os.getpid(),
        slice=str(asked.slice) if asked.slice else "",
    )  # fmt: skip
    boards = _board(asked, recipe)
    with boards as told, display.also(file, *asked.sinks, *told, *sinks), _logging_told(display, asked.log):
        display.tell(began)
        try:
            yield ending
        except KeyboardInterrupt:
            ending.failed(ExitCode.WORK_LEFT, stop.why)
            raise
        except (PairtrawlError, OSError) as error:
            blame = blame_for(error)
            ending.failed(code_of(blame), stop.why)
            file(Failure(at=moment(), text=str(error), blame=blame.value))  # who reads the log is told by the command
            raise
        finally:
            display.tell(ending.event)
            file.close()


@contextmanager
def _board(asked: Asked, recipe: Recipe) -> Iterator[tuple[Sink, ...]]:
    """Weights & Biases, where it was asked for."""
    if not asked.wandb:
        yield ()
        return
    config = {
        "recipe": recipe.name, "digest": recipe.digest, "verb": asked.verb, "place": asked.place,
        "version": version("pairtrawl"), "filters": {one.use: _numbers(one.settings) for one in recipe.filters},
    }  # fmt: skip
    with open_board(asked.wandb, config) as opened:
        yield (CrawlFigures(opened.board),)


def _numbers(settings: Mapping[str, Any]) -> dict[str, float]:
    """Settings that may leave this machine: texts are names of lists and of people."""
    return {name: value for name, value in settings.items() if isinstance(value, int | float)}


@contextmanager
def _logging_told(display: Display, form: LogForm) -> Iterator[None]:
    """What libraries log is told as events where a log is JSON."""
    if form is not LogForm.JSON:
        yield
        return
    handler = FromLogging(display.tell)
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
