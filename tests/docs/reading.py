"""What pages show: blocks of code, the commands in them, and what those are said to print."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: written by a script from the code: what stands there is no example
GENERATED = ("docs/recipe.md", "docs/commands.md", "docs/reasons.md", "docs/decisions/README.md")
_FENCE = re.compile(r"^( *)```(\S*) ?(.*)$")
_SHELLS = {"sh", "bash", "console", "shell"}
#: a block that says no language is one of commands if it begins like this
_BEGINS = re.compile(r"(?:[A-Z_]+=\S* )*(?:\S*/)?(?:pairtrawl|make|pip|python3?|git|duckdb|export) ")
_VARIABLE = re.compile(r"([A-Z][A-Z0-9_]*)=(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced or indented block."""

    page: str  # of the repository, such as docs/filters.md
    line: int  # of its first line of text, from 1
    language: str  # "" where none is said
    title: str  # the file that it is, or ""
    text: str

    @property
    def is_commands(self) -> bool:
        """Whether its lines are for a shell."""
        return self.language in _SHELLS or (not self.language and _BEGINS.match(self.text) is not None)


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a page."""

    page: str
    line: int
    variables: tuple[tuple[str, str], ...]  # set for it alone; for the page where there are no words
    words: tuple[str, ...]  # as a shell takes them, variables and patterns as written
    output: str = ""  # what the page says that it prints

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.written}"

    @property
    def written(self) -> str:
        """As one line."""
        return " ".join([*(f"{name}={value}" for name, value in self.variables), *self.words])


def pages() -> list[str]:
    """Every page that people read, by its name in the repository."""
    found = [*(ROOT / "docs").rglob("*.md"), ROOT / "slurm/README.md", ROOT / "packaging/README.md"]
    named = [path.relative_to(ROOT).as_posix() for path in found]
    return sorted([*(one for one in named if one not in GENERATED), "README.md", "CONTRIBUTING.md"])


def blocks_of(page: str, text: str) -> list[Block]:
    """All blocks, in order."""
    found: list[Block] = []
    lines = text.splitlines()
    place = 0
    while place < len(lines):
        fence = _FENCE.match(lines[place])
        if fence:
            end = next(at for at in range(place + 1, len(lines)) if lines[at].strip() == "```")
            told = [one.removeprefix(fence[1]) for one in lines[place + 1 : end]]
            title = re.search(r'title="([^"]+)"', fence[3])
            found.append(Block(page, place + 2, fence[2], title[1] if title else "", "\n".join(told) + "\n"))
            place = end
        elif lines[place].startswith("    ") and (place == 0 or not lines[place - 1].strip()):
            end = next((at for at in range(place, len(lines)) if not lines[at].startswith("    ")), len(lines))
            told = [one[4:] for one in lines[place:end]]
            found.append(Block(page, place + 1, "", "", "\n".join(told) + "\n"))
            place = end - 1
        place += 1
    return found


def commands_of(blocks: list[Block]) -> list[Block | Command]:
    """The commands of a page among its other blocks, in order; what one prints is the block of text behind it."""
    found: list[Block | Command] = []
    for block in blocks:
        last = found[-1] if found else None
        if block.is_commands:
            found += _commands(block)
        elif block.language == "text" and isinstance(last, Command) and not last.output:
            found[-1] = Command(last.page, last.line, last.variables, last.words, block.text)
        else:
            found.append(block)
    return found


def _commands(block: Block) -> Iterator[Command]:
    waiting, began = "", 0
    for number, line in enumerate(block.text.splitlines(), block.line):
        began = began if waiting else number
        waiting += line.removeprefix("$ ") if block.language == "console" else line
        if waiting.endswith("\\"):
            waiting = waiting[:-1] + " "
            continue
        for told in _chained(shlex.split(waiting, comments=True)):
            matched = list(takewhile(bool, map(_VARIABLE.fullmatch, told)))
            variables = tuple((found[1], found[2]) for found in matched if found)
            yield Command(block.page, began, variables, tuple(told[len(variables) :]))
        waiting = ""


def _chained(words: list[str]) -> Iterator[list[str]]:
    """The commands between `&&`; `export A=B` is `A=B` for the page."""
    while words:
        end = words.index("&&") if "&&" in words else len(words)
        yield words[1:end] if words[0] == "export" else words[:end]
        words = words[end + 1 :]


def filled(word: str, variables: Mapping[str, str]) -> str:
    """A word with its `$VARIABLES`; one that has no value is an error, for a shell would silently make it nothing."""
    return re.sub(r"\$\{?([A-Z][A-Z0-9_]*)\}?", lambda found: variables[found[1]], word)


def prints(said: str, shown: str) -> list[str]:
    """Lines that a page shows and that were not printed, in this order; `...` in a line stands for anything.

    White space between words is not compared, for tables are as wide as they need to be.
    """
    missing = []
    printed = [" ".join(line.split()) for line in said.splitlines()]
    place = 0
    for line in shown.splitlines():
        wanted = " ".join(line.split())
        if wanted in {"", "..."}:
            continue
        pattern = re.compile(".*".join(re.escape(part) for part in wanted.split("...")))
        at = next((at for at in range(place, len(printed)) if pattern.fullmatch(printed[at])), None)
        if at is None:
            missing.append(line)
        else:
            place = at + 1
    return missing
