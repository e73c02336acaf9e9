"""Commands that are not run here are at least what their programs would take: verbs, options, targets, extras."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from typer.core import TyperGroup

from tests.docs.commands_page import commands, options_of
from tests.docs.reading import ROOT


def why_not(words: Sequence[str]) -> str:
    """What is wrong with a command; "" where nothing is, and of programs that are none of ours."""
    program = (words or ("",))[0].rpartition("/")[2]
    match program:
        case "pairtrawl":
            return _wrong_with_ours(words[1:])
        case "make":
            return next((f"no target {one}" for one in words[1:] if "=" not in one and one not in _targets()), "")
        case "pip":
            named = {one for word in words for one in re.findall(r"\[([a-z0-9,]+)\]", word)}
            wrong = {extra for one in named for extra in one.split(",")} - _extras()
            return f"no extras {sorted(wrong)}" if wrong else ""
        case "python" | "python3" if len(words) > 1 and words[1].endswith(".py"):
            return _wrong_with_script(words[1:])
    return ""


def _wrong_with_script(words: Sequence[str]) -> str:
    """Of a script of the repository: it is there, and names the options itself."""
    if not (ROOT / words[0]).is_file():
        return f"no file {words[0]}"
    text = (ROOT / words[0]).read_text(encoding="utf-8")
    return next((f"no option {one}" for one in words[1:] if one.startswith("--") and f'"{one}"' not in text), "")


def _wrong_with_ours(words: Sequence[str]) -> str:
    known = _by_words()
    verb: tuple[str, ...] = ()
    while len(words) > len(verb) and (*verb, words[len(verb)]) in known:
        verb = (*verb, words[len(verb)])
    command = known[verb]
    rest = words[len(verb) :]
    if isinstance(command, TyperGroup) and rest and not rest[0].startswith("-"):
        return f"no verb {' '.join([*verb, rest[0]])}"
    flags = options_of(command) if verb != ("rebuild",) else options_of(command) | _hyphened(options_of(command))
    given = [word.partition("=")[0] for word in rest if re.match(r"--?[a-zA-Z]", word)]
    return next((f"no option {one}" for one in given if one not in flags), "")


def _hyphened(flags: set[str]) -> set[str]:
    """img2dataset's options are taken with hyphens, too, and with `no` before them."""
    plain = {f"--{one[2:].replace('_', '-')}" for one in flags}
    return plain | {f"--no{one[2:]}" for one in flags}


@cache
def _by_words() -> Mapping[tuple[str, ...], Any]:
    return {words[1:]: command for words, command in commands()}


@cache
def _targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@cache
def _extras() -> set[str]:
    return set(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"])
