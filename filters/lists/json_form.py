"""Lists in JSON: an array of objects or words, an object that holds such an array, or one object a line.

An object names its values by kind (`{"md5": ..., "sha1": ...}`), or has a kind and a value (`{"type": ..., "hash":
...}`); either may stand one level deeper (`{"fingerprints": {...}}`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from filters.lists.entries import BadEntryError, Cell
from filters.lists.kinds import kind_called, squeezed, unusable_called
from filters.lists.table_form import ROLES

_ROLES = {word: role for role, words in ROLES.items() for word in words.split()} | {"id": "entry", "entryid": "entry"}
_GONE = frozenset({"deleted", "withdrawn", "removed", "tombstone"})
_TIMES = frozenset({"timestamp", "updated", "updatedat", "lastupdated", "modified"})


def read_json(content: bytes, columns: Mapping[str, str | int] | None) -> Iterator[Cell | tuple[int, str]]:
    """Every value of every object, with the object's number as place.

    Raises:
        BadEntryError: it is no JSON; the text says at which byte.
    """
    renamed = {squeezed(str(theirs)): ours for ours, theirs in (columns or {}).items()}
    for place, item in enumerate(_items(content), 1):
        if isinstance(item, str):
            yield Cell(place, item)
        elif isinstance(item, dict):
            yield from _cells(place, item, renamed)
        else:
            yield place, "neither a text nor an object"


def _items(content: bytes) -> list[Any]:
    try:
        whole = msgspec.json.decode(content)
    except msgspec.DecodeError as problem:
        return _lines(content, str(problem))
    except RecursionError:
        raise BadEntryError("JSON of too many levels") from None
    if isinstance(whole, list):
        return whole
    arrays = [value for value in whole.values() if isinstance(value, list)] if isinstance(whole, dict) else []
    # of an answer's lists the entries are the one with objects; an object without lists is one entry
    return next((one for one in arrays if any(isinstance(item, dict) for item in one)), [whole])


def _lines(content: bytes, problem: str) -> list[Any]:
    try:
        return msgspec.json.Decoder().decode_lines(content)
    except (msgspec.DecodeError, RecursionError):
        # of the two problems that with the whole: of lines, too, a cut one is the last
        raise BadEntryError(f"JSON that cannot be read: {problem}") from None


def _cells(place: int, item: Mapping[str, Any], renamed: Mapping[str, str]) -> Iterator[Cell | tuple[int, str]]:
    flat = [(key, value) for key, value in item.items() if not isinstance(value, dict)]
    flat += [pair for nested in item.values() if isinstance(nested, dict) for pair in nested.items()]
    values: list[tuple[str, str]] = []
    said: dict[str, str] = {}
    for key, value in flat:
        name = renamed.get(squeezed(key), "" if renamed else key)
        role = _ROLES.get(squeezed(name), "")
        if role == "value" or kind_called(name) or unusable_called(name):
            values += [("" if role == "value" else name, one) for one in _words(value)]
        elif role and isinstance(value, str | int | float):
            said[role] = str(value)
        elif squeezed(key) in _GONE and value is True:
            said["status"] = "deleted"
        elif squeezed(key) in _TIMES and isinstance(value, str):
            said["when"] = value
    more = {role: said.get(role, "") for role in ("quality", "status", "entry", "when")}
    for name, value in values or [("", "")]:
        yield Cell(place, value, name or said.get("kind", ""), **more)


def _words(value: object) -> list[str]:
    if isinstance(value, list):
        return [one for one in value if isinstance(one, str)]
    return [value] if isinstance(value, str) and value else []
