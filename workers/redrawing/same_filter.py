"""Whether two recipes mean the same by a filter: the same settings, and the same files where these name any."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

import filters
from crawler.errors import SettingsError
from crawler.settings import FilterChoice
from filters.models.choice import sha256_of

#: how a model computes, which changes no verdict that a table cannot tell
_OF_SPEED = ("batch_size", "device")


def settings_in_full(choice: FilterChoice) -> dict[str, Any]:
    """Every setting of a filter that may change a verdict, as JSON has it.

    Raises:
        SettingsError: there is no such filter.
    """
    return _in_full(choice.use, msgspec.json.encode(choice.settings, order="deterministic"))


@functools.lru_cache(maxsize=10_000)
def _in_full(use: str, settings: bytes) -> dict[str, Any]:
    every = filters.settings_of(use, msgspec.json.decode(settings))
    written: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(every))
    return {name: value for name, value in written.items() if name not in _OF_SPEED}


def is_same(one: FilterChoice, folder: str, other: FilterChoice, other_folder: str) -> bool:
    """Whether the filter `one` of a recipe in `folder` is `other` of a recipe in `other_folder`.

    Files are the same where they hold the same bytes now; what they held when a run was made is not known.
    """
    if one.use != other.use or settings_in_full(one) != settings_in_full(other):
        return False
    return _files(one, folder) == _files(other, other_folder)


def _files(choice: FilterChoice, folder: str) -> list[tuple[str, str]]:
    """The files that settings name, with what is in them."""
    named = sorted(set(_texts(settings_in_full(choice))))
    return [(text, _content(file)) for text in named if (file := _file(text, folder)) is not None]


def _file(text: str, folder: str) -> Path | None:
    if not text or "\0" in text:
        return None
    path = Path(folder) / text
    try:
        return path.resolve() if path.is_file() else None
    except OSError:  # a text too long for a name
        return None


@functools.lru_cache(maxsize=256)
def _content(file: Path) -> str:
    try:
        return sha256_of(file)
    except SettingsError:  # of somebody else; it is the same as itself
        return str(file)


def _texts(value: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
