"""Builders of lists on disk, and the entries that stand in them."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
from pathlib import Path
from typing import Any

from filters.lists import Kind, Lists, Named, compiling, load_lists, private_files

BODY = b"a body that must go"
MD5, SHA1, SHA256 = (hashlib.new(kind, BODY).hexdigest() for kind in ("md5", "sha1", "sha256"))
BASE32 = base64.b32encode(bytes.fromhex(SHA1)).decode()
OTHER = hashlib.md5(b"another").hexdigest()
PDQ = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"
PHASH = "e58a0f21b3c4d697"
EMPTY = {kind: hashlib.new(kind, b"").hexdigest() for kind in ("md5", "sha1", "sha256")}
PHOTODNA = base64.b64encode(bytes(range(144))).decode()
FILES = frozenset({Kind.MD5, Kind.SHA1, Kind.SHA256})
TODAY = dt.datetime.now(dt.UTC).date()


def read(folder: Path, content: str | bytes, kinds: frozenset[Kind] = FILES, **more: Any) -> Lists:
    """The list with this content."""
    (folder / "list").write_bytes(content.encode() if isinstance(content, str) else content)
    return load_lists(Named("list", **more), folder, kinds)


def holds(lists: Lists, kind: Kind, *values: str) -> list[bool]:
    """For each value in hex whether the lists have it."""
    return list(lists.has(kind, [bytes.fromhex(value) for value in values]))


def a_key(folder: Path, name: str = "key") -> Path:
    """A key file."""
    private_files.new_key(folder / name)
    return folder / name


def a_confidential(folder: Path, content: str = f"md5\n{MD5}\n", **more: Any) -> Path:
    """A compiled list `secret.ptlist` of this content, with the key file `key` beside it."""
    source = folder / "issued"
    source.write_text(content)
    key = folder / "key"
    if not key.exists():
        a_key(folder)
    reading = compiling.Reading(more.pop("kind", ""))
    compiling.compile_list([source], reading, key, folder / "secret.ptlist", more.pop("issued", TODAY), **more)
    source.unlink()
    return folder / "secret.ptlist"


def open_confidential(folder: Path, kinds: frozenset[Kind] = FILES, **more: Any) -> Lists:
    """The list that `a_confidential` made."""
    return load_lists(Named("secret.ptlist", **({"key": "key"} | more)), folder, kinds)
