"""Errors that end a command, told in the form of its log."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from crawler.errors import PairtrawlError
from workers.blame import Blame, blame_for
from workers.exit_codes import ExitCode, code_of
from workers.telling.events import Failure, Said, moment
from workers.telling.forms import LogForm
from workers.telling.json_lines import JsonLines


@contextmanager
def errors_told(form: LogForm) -> Iterator[None]:
    """Of a log that is JSON, what ends the command is an object, too; others are left to the command as it is.

    Raises:
        SystemExit: with the exit code of the error, once it is told.
    """
    try:
        yield
    except KeyboardInterrupt as stopped:
        if form is not LogForm.JSON:
            raise
        text = "Stopped. What was committed is kept; run the same command to go on."
        JsonLines()(Said(at=moment(), text=text))
        raise SystemExit(ExitCode.WORK_LEFT) from stopped
    except (PairtrawlError, OSError) as error:
        if form is not LogForm.JSON:
            raise
        blame = blame_for(error)
        told = "".join(traceback.format_exception(error)) if blame is Blame.OURS else str(error)
        JsonLines()(Failure(at=moment(), text=told, blame=blame.value))
        raise SystemExit(code_of(blame)) from error
