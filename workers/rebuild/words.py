"""The words of a command line in python-fire's style, which img2dataset has, brought into the form that Click reads.

Fire takes `--name value`, `--name=value`, `--name` alone and `--noname` for truth values, and `_` and `-` alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from workers.rebuild.options import FLAGS, NAMES

_TRUTHS = frozenset(("true", "false", "0", "1", "none"))


def in_clicks_form(words: Sequence[str]) -> list[str]:
    """The same words, each option of img2dataset as one word `--name=value`; all others as they are."""
    return list(_brought(list(words)))


def _brought(words: list[str]) -> Iterator[str]:
    place = 0
    while place < len(words):
        word = words[place]
        place += 1
        if word == "--":
            yield from words[place - 1 :]
            return
        name, equals, value = word.partition("=")
        option = _option(name)
        if option is None:
            yield word
            continue
        negated = option not in NAMES
        option = option.removeprefix("no").lstrip("_") if negated else option
        if not equals:
            value = "False" if negated else "True"
            follows = words[place] if place < len(words) else ""
            if not negated and (option not in FLAGS or follows.lower() in _TRUTHS):
                if place >= len(words):
                    yield word  # Click says what is missing
                    return
                value = follows
                place += 1
        yield f"--{option}={value}"


def _option(word: str) -> str | None:
    """The option of img2dataset that a word names, with "no" in front where it is one switched off."""
    if not word.startswith("--"):
        return None
    name = word[2:].replace("-", "_")
    if name in NAMES:
        return name
    return name if name.startswith("no") and name.removeprefix("no").lstrip("_") in FLAGS else None
