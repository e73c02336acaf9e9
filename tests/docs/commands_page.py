"""docs/commands.md, written from the command line itself: every verb with its arguments, options, defaults and help."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption
from typer.main import get_command

from tests.docs.linked import linked
from workers import cli
from workers.exit_codes import ExitCode

_OPENING = """\
# Commands

What `pairtrawl VERB --help` says, of all verbs. Written by `python tests/test_docs.py` from the command line itself.

## Exit codes

The same for every verb.

| code | meaning |
|---|---|
"""
_MEANINGS = {
    ExitCode.DONE: "done",
    ExitCode.WORK_LEFT: "stopped, or unlucky, with work left: run the same command again",
    ExitCode.STUCK: "the same, of a slice, and not one job of it was done: do not try for ever",
    ExitCode.YOURS: "your settings, inputs or disk: the message says what",
    ExitCode.OURS: "a job ended with a bug of ours",
    ExitCode.CRASHED: "any other error of ours, with a traceback",
}
#: words for what a value is, in place of a metavar
_KINDS = {int: "NUMBER", float: "NUMBER", Path: "PATH", str: "TEXT"}


def commands_page() -> str:
    """The whole page."""
    lines = [_OPENING + "\n".join(f"| {int(code)} | {meaning} |" for code, meaning in _MEANINGS.items())]
    for words, command in commands():
        lines += ["", f"## `{' '.join(words)}`", "", *_told(words, command)]
    return "\n".join(lines) + "\n"


def commands() -> Iterator[tuple[tuple[str, ...], TyperCommand | TyperGroup]]:
    """Every command, groups before their verbs, by the words that call it."""
    yield from _below(("pairtrawl",), get_command(cli.app))


def _below(words: tuple[str, ...], command: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield words, command
    if isinstance(command, TyperGroup):
        for name, inner in command.commands.items():
            if not inner.hidden:
                yield from _below((*words, name), inner)


def options_of(command: TyperCommand | TyperGroup) -> set[str]:
    """Every flag of a command, as it is written."""
    flags = {"--help", "-h"}
    for one in command.params:
        flags |= {*one.opts, *one.secondary_opts} if isinstance(one, TyperOption) else set()
    return flags


def _told(words: tuple[str, ...], command: Any) -> list[str]:
    arguments = [one for one in command.params if isinstance(one, TyperArgument)]
    options = [one for one in command.params if isinstance(one, TyperOption) and not one.hidden]
    hints = _hints(command)
    used = [_written(one) for one in arguments]
    if isinstance(command, TyperGroup):
        used.append("VERB ...")
    usage = " ".join([*words, *(["[OPTIONS]"] if options else []), *used])
    lines = ["```text", usage, "```", "", linked(_paragraphs(command.help))]
    rows = [_row(f"`{_metavar(one, hints)}`", one) for one in arguments]
    rows += [_row(_flags(one, hints), one) for one in options if one.name not in _COMPLETION]
    if rows:
        lines += ["", "| argument, option | default | what it is |", "|---|---|---|", *rows]
    return lines


_COMPLETION = {"install_completion", "show_completion"}


def _hints(command: Any) -> Mapping[str, Any]:
    """Types of a verb's parameters, without what says how they are shown."""
    function = inspect.unwrap(command.callback) if command.callback else None
    hints = get_type_hints(function, include_extras=True) if function else {}
    return {name: get_args(hint)[0] if get_origin(hint) is Annotated else hint for name, hint in hints.items()}


def _row(written: str, one: Any) -> str:
    told = " ".join(_paragraphs(one.help).split())
    if one.envvar:
        told += f" Environment: `{one.envvar}`."
    return f"| {written} | {_default(one)} | {linked(told).replace('|', chr(92) + '|')} |"


def _written(one: TyperArgument) -> str:
    shown = one.metavar or (one.name or "").upper().strip("_")
    return shown if one.required else f"[{shown}]"


def _flags(one: TyperOption, hints: Mapping[str, Any]) -> str:
    both = ", ".join(f"`{flag}`" for flag in (*one.opts, *one.secondary_opts))
    return both if one.is_flag else f"{both} {_metavar(one, hints)}"


def _metavar(one: Any, hints: Mapping[str, Any]) -> str:
    if one.metavar:
        return str(one.metavar)
    if isinstance(one, TyperArgument):
        return _written(one).strip("[]")
    return _kind(hints.get(one.name or "", str))


def _kind(hint: Any) -> str:
    """What a value is, in capitals; of a choice the words."""
    if get_origin(hint) in {Union, UnionType}:
        return _kind(next(one for one in get_args(hint) if one is not NoneType))
    if get_origin(hint) in {list, tuple}:
        return _kind(get_args(hint)[0])
    if get_origin(hint) is Annotated:
        return _kind(get_args(hint)[0])
    if get_origin(hint) is Literal:
        return " or ".join(f"`{one}`" for one in get_args(hint))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return " or ".join(f"`{one.value}`" for one in hint)
    return _KINDS.get(hint, "TEXT")


def _default(one: Any) -> str:
    if one.required:
        return "needed"
    value = one.default() if callable(one.default) else one.default
    of_this_machine = isinstance(value, Path) and value.is_absolute()  # the help says what it is
    if value in (None, "", False, (), []) or one.show_default is False or of_this_machine:
        return ""
    if value is True:
        return f"`{one.opts[0]}`"
    written = value.value if isinstance(value, Enum) else value
    return f"`{written}`" if not isinstance(written, list | tuple) else f"`{' '.join(map(str, written))}`"


def _paragraphs(text: str | None) -> str:
    return re.sub(r"\n{3,}", "\n\n", inspect.cleandoc(text or ""))
