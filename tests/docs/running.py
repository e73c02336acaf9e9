"""Runs the commands of a page as a reader would, in a folder of their own, by the command line itself."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import chdir, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from typer.testing import CliRunner

from tests.docs.reading import ROOT, Block, Command, filled, prints
from workers.cli import app

_Value = TypeVar("_Value")


@dataclass(slots=True)
class Scene:
    """What a page takes for granted: files, servers, and what its placeholders stand for."""

    folder: Path  # where commands run
    #: what the page calls something, and what it is here; longest first, in words and in files
    called: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    #: words for `...`: options that a page leaves to the reader
    further: tuple[str, ...] = ()
    #: beginning of a command -> what it leaves with, where that is not 0
    leaves_with: Mapping[str, int] = field(default_factory=dict)
    #: beginning of a command -> further options, because what is here is small
    also: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: beginning of a command -> what is learnt from what it says
    learns: Mapping[str, Callable[[Scene, str], None]] = field(default_factory=dict)
    #: beginnings of commands that go on until they are ended
    serves: tuple[str, ...] = ()
    running: list[subprocess.Popen[str]] = field(default_factory=list)

    def put(self, text: str) -> str:
        """A text with what stands here for its placeholders."""
        for name in sorted(self.called, key=len, reverse=True):
            text = text.replace(name, self.called[name])
        return text


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended."""

    code: int
    output: str


def show_file(block: Block, scene: Scene) -> None:
    """Write the file that a block is."""
    path = scene.folder / scene.put(block.title)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(scene.put(block.text), encoding="utf-8")


def run(command: Command, scene: Scene) -> Said:
    """Run one command; variables that it sets for the page are remembered."""
    set_here = {name: filled(scene.put(value), _known(scene)) for name, value in command.variables}
    if not command.words:
        scene.variables |= set_here
        return Said(0, "")
    asked = [one for word in command.words for one in (scene.further if word == "..." else (word,))]
    words = [one for word in asked for one in _spread(filled(scene.put(word), _known(scene)), scene.folder)]
    words += _for(scene.also, command.written) or ()
    environment = scene.variables | set_here
    if any(command.written.startswith(one) for one in scene.serves):
        return _begin(words, scene, environment)
    program = words[0].rpartition("/")[2]
    if program == "pairtrawl":
        return _in_here(words[1:], scene.folder, environment)
    if program.startswith("python"):
        return _as_process([sys.executable, *words[1:]], ROOT, environment)
    assert program == "duckdb", f"{command}: nothing here runs {program}; name it in tests/docs/excused.py"
    return _ask_duckdb(words[2], scene.folder)


def check(command: Command, scene: Scene, said: Said) -> None:
    """It ended as the page lets a reader expect, and printed what the page shows."""
    expected = _for(scene.leaves_with, command.written) or 0
    assert said.code == expected, f"{command}\nleft with {said.code}:\n{said.output[-3_000:]}"
    missing = prints(said.output, scene.put(command.output))
    assert not missing, f"{command}\ndid not print {missing} but\n{said.output[-6_000:]}"
    learn = _for(scene.learns, command.written)
    if learn is not None:
        learn(scene, said.output)


def run_snippet(block: Block, scene: Scene) -> Said:
    """Run a block of Python as a program of its own."""
    code = scene.put(block.text)
    return _as_process([sys.executable, "-W", "error::SyntaxWarning", "-c", code], scene.folder, scene.variables)


@contextmanager
def ended(scene: Scene) -> Iterator[None]:
    """Whatever goes on in a scene ends with it."""
    try:
        yield
    finally:
        for process in scene.running:
            process.terminate()
            process.communicate()


def _known(scene: Scene) -> dict[str, str]:
    return {"PWD": str(scene.folder), "HOME": str(scene.folder)} | scene.variables


def _for(table: Mapping[str, _Value], written: str) -> _Value | None:
    return next((one for begins, one in table.items() if written.startswith(begins)), None)


def _spread(word: str, folder: Path) -> list[str]:
    """The files that a pattern stands for, as a shell has it; a word that is none stays."""
    if not any(sign in word for sign in "*?") or " " in word or "://" in word:
        return [word]
    root = Path("/") if word.startswith("/") else folder
    found = sorted(root.glob(word.lstrip("/")))
    return [str(one if root != folder else one.relative_to(folder)) for one in found] or [word]


def _in_here(words: list[str], folder: Path, environment: Mapping[str, str]) -> Said:
    from crawler.errors import PairtrawlError
    from workers.blame import blame_for
    from workers.exit_codes import code_of

    with chdir(folder):
        done = CliRunner().invoke(app, words, env=dict(environment))
    if done.exception is None or isinstance(done.exception, SystemExit):
        return Said(done.exit_code, done.output)
    if not isinstance(done.exception, PairtrawlError | OSError):
        raise done.exception
    return Said(int(code_of(blame_for(done.exception))), f"{done.output}\npairtrawl: {done.exception}")


def _as_process(words: list[str], folder: Path, environment: Mapping[str, str]) -> Said:
    around = os.environ | {"PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run(
        words, cwd=folder, env=around, check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    return Said(done.returncode, done.stdout)


def _begin(words: list[str], scene: Scene, environment: Mapping[str, str]) -> Said:
    """Start what goes on until it is ended, and wait for its first line."""
    around = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **environment}
    process = subprocess.Popen(
        [sys.executable, "-m", "workers", *words[1:]], cwd=scene.folder, env=around, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    scene.running.append(process)
    assert process.stdout is not None
    first = process.stdout.readline()
    return Said(0 if first else process.wait(), first)


def _ask_duckdb(question: str, folder: Path) -> Said:
    import duckdb

    with chdir(folder), duckdb.connect() as connection:
        return Said(0, str(connection.sql(question)))
