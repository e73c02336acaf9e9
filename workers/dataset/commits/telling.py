"""Versions in words: `dataset log` and `dataset show`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from crawler.dataset.manifest import Commit
from crawler.dataset.store import Store


def log_records(store: Store, wanted: str) -> Iterator[dict[str, Any]]:
    """Each version from one back to the first, for machines.

    Raises:
        InputError: there is no such version.
        DatasetError: one of them is missing or not what it should be.
    """
    found, _ = store.read_commit(wanted)
    names = _names(store)
    for one, commit in store.history(found):
        yield {"id": one, "names": names.get(one, []), **msgspec.to_builtins(commit)}


def log_lines(store: Store, wanted: str) -> Iterator[str]:
    """Each version from one back to the first, in a few lines.

    Raises:
        InputError, DatasetError: as `log_records`.
    """
    found, _ = store.read_commit(wanted)
    names = _names(store)
    for one, commit in store.history(found):
        yield f"{one[:12]}  {_time(commit)}  {commit.rows:,} rows, {commit.samples:,} pictures" + _called(names, one)
        for line in _one_line(commit.message):
            yield f"              {line}"
        if len(commit.parents) > 1:
            yield f"              merges {', '.join(parent[:12] for parent in commit.parents)}"


def show_record(store: Store, wanted: str) -> dict[str, Any]:
    """A version, for machines.

    Raises:
        InputError, DatasetError: as `log_records`.
    """
    found, commit = store.read_commit(wanted)
    shards, masked = _shards(store, commit)
    more = {"id": found, "names": _names(store).get(found, []), "shard_count": shards, "masked": masked}
    return {**more, **msgspec.to_builtins(commit), "refs": store.refs(), "tags": store.tags()}


def show_lines(store: Store, wanted: str) -> Iterator[str]:
    """A version in lines.

    Raises:
        InputError, DatasetError: as `log_records`.
    """
    found, commit = store.read_commit(wanted)
    shards, masked = _shards(store, commit)
    yield f"version     {found}{_called(_names(store), found)}"
    yield f"data set    {commit.dataset}"
    yield f"made        {_time(commit)} by {commit.author}, with {commit.code or 'an unknown program'}"
    yield from (f"message     {line}" for line in _one_line(commit.message))
    yield f"parents     {', '.join(commit.parents) or 'none: it is the first'}"
    yield f"root        {commit.root}"
    yield f"shards      {shards:,}"
    yield f"rows        {commit.rows:,}" + (f", and {masked:,} that are masked" if masked else "")
    yield f"pictures    {commit.samples:,}"
    yield f"bytes       {commit.bytes:,} of tars and tables"
    yield f"recipe      {commit.recipe or 'unknown'}"
    yield f"inputs      {len(commit.inputs):,}"
    yield from (f"list        {one}" for one in commit.lists)
    yield from (f"removals    {one.sha256}" for one in commit.tombstones)
    yield from (f"described   {name}" for name in sorted(commit.descriptions))
    yield from (f"line        {name} at {at[:12]}" for name, at in sorted(store.refs().items()))
    yield from (f"tag         {name} is {at[:12]}" for name, at in sorted(store.tags().items()))


def _shards(store: Store, commit: Commit) -> tuple[int, int]:
    count = masked = 0
    for shard in store.shards(commit):
        count += 1
        masked += shard.masked
    return count, masked


def _names(store: Store) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for name, at in (*store.refs().items(), *store.tags().items()):
        names.setdefault(at, []).append(name)
    return names


def _called(names: dict[str, list[str]], commit: str) -> str:
    return f"  ({', '.join(names[commit])})" if commit in names else ""


def _one_line(message: str) -> list[str]:
    """Lines of a message that are no escape sequences for the terminal: whoever signed it may be a stranger."""
    return ["".join(one if one.isprintable() else "?" for one in line) for line in message.splitlines()]


def _time(commit: Commit) -> str:
    return datetime.fromtimestamp(commit.created, UTC).strftime("%Y-%m-%d %H:%M")
