"""Names for commits: lines of versions (`heads`), which move, and tags, which do not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from crawler.dataset.documents import Documents
from crawler.errors import DatasetError, InputError

_ID = re.compile(r"[0-9a-f]{64}")
_ID_PREFIX = re.compile(r"[0-9a-f]{6,64}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

Kind = Literal["heads", "tags"]


def is_id(text: str) -> bool:
    """Whether this may be the id of a commit."""
    return _ID.fullmatch(text) is not None


def is_id_prefix(text: str) -> bool:
    """Whether these may be the first digits of one."""
    return _ID_PREFIX.fullmatch(text) is not None


def is_name(text: str) -> bool:
    """Whether a ref or a tag may be called so: nothing that could be an id, or that leads elsewhere."""
    return _NAME.fullmatch(text) is not None and not is_id_prefix(text)


def place(kind: Kind, name: str) -> str:
    """Where a name stands in a store.

    Raises:
        InputError: this cannot be a name.
    """
    if not is_name(name):
        raise InputError(
            f"{name!r} cannot name a version: at most 100 letters, digits, dots, dashes and underscores, and not an id"
        )
    return f"refs/{kind}/{name}"


def pointer(documents: Documents, kind: Kind, name: str) -> str | None:
    """The commit of a name; None where there is no such name.

    Raises:
        InputError: this cannot be a name.
        DatasetError: what stands there is no id.
    """
    held = documents.read(place(kind, name))
    if held is None:
        return None
    text = held.decode("ascii", "replace")
    if not is_id(text[:-1]) or text[-1:] != "\n":
        raise DatasetError(f"refs/{kind}/{name} holds no id of a commit; restore it from a backup")
    return text[:-1]


def pointers(documents: Documents, kind: Kind) -> Iterator[tuple[str, str]]:
    """Every name and its commit."""
    for path in documents.names(f"refs/{kind}/"):
        name = path.rpartition("/")[2]
        if found := pointer(documents, kind, name):
            yield name, found
