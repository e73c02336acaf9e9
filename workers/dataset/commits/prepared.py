"""What an unfinished commit has done already: a note for each shard that is in the store, so that it is not read again.

Notes say nothing of rows, but a commit signs what they say; so each carries a code that only the key folder can make.
"""

from __future__ import annotations

import hmac

import msgspec

from crawler.dataset.canonical import canonical
from crawler.dataset.keys import Keys
from crawler.dataset.manifest import Shard, Stored
from crawler.dataset.store import Store


class _Note(msgspec.Struct, frozen=True):
    shard: Shard
    code: str


def remembered(store: Store, keys: Keys, table: Stored, tar: Stored | None) -> Shard | None:
    """The shard of this table and tar, if it was stored before, and was not purged since."""
    held = store.documents.read(_name(keys, table, tar))
    if held is None:
        return None
    try:
        note = msgspec.json.decode(held, type=_Note)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None  # a stranger's, or rotten: the shard is simply read again
    shard = note.shard
    if not hmac.compare_digest(note.code, _code(keys, shard)) or (shard.table, shard.tar) != (table, tar):
        return None
    # A note is written after all objects of its shard, and a purge takes at least these two away.
    return shard if all(store.objects.has(one.sha256) for one in (shard.table, shard.salts)) else None


def remember(store: Store, keys: Keys, shard: Shard) -> None:
    """Keep a note of a shard that is in the store; without mask, for that belongs to a version."""
    note = _Note(shard, _code(keys, shard))
    store.documents.create(_name(keys, shard.table, shard.tar), msgspec.json.encode(note))


def _name(keys: Keys, table: Stored, tar: Stored | None) -> str:
    return f"prepared/{_keyed(keys, b'name', [table.sha256, tar.sha256 if tar else ''])}.json"


def _code(keys: Keys, shard: Shard) -> str:
    return _keyed(keys, b"code", shard)


def _keyed(keys: Keys, purpose: bytes, value: object) -> str:
    return hmac.digest(keys.salt_secret, b"pairtrawl prepared " + purpose + b"\n" + canonical(value), "sha256").hex()
