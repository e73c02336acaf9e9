"""Where the files of a version lie: beside each other in a checkout, in folders of a thousand for the Hugging Face Hub.

The Hub asks for fewer than 10,000 files a folder. Folders go by the digits of the shards' names: a shard stays where it
is when others come or go.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

DATA = "data"
#: the list of shards, at the top
SHARD_LIST = "shards.jsonl"
#: last digits of a name that do not say which folder it is in: 1,000 shards of two files
_DIGITS = 3


@dataclass(frozen=True, slots=True)
class Layout:
    """How the files of shards are laid out, as descriptions tell it. Paths and patterns are relative to those."""

    in_folders: bool

    @property
    def tars(self) -> str:
        """The pattern of all tars."""
        return f"{DATA}/*/*.tar" if self.in_folders else "*.tar"

    @property
    def tables(self) -> str:
        """The pattern of all tables of shards."""
        return f"{DATA}/*/*.parquet" if self.in_folders else "*.parquet"

    def path_of(self, name: str, ending: str) -> str:
        """Where the file of a shard with this ending is."""
        return f"{folder_of(name)}/{name}{ending}" if self.in_folders else f"{name}{ending}"


#: as `pairtrawl dataset checkout` writes a version, and img2dataset its shards
CHECKOUT = Layout(in_folders=False)
#: as `pairtrawl export hf` does
HUB = Layout(in_folders=True)


def folder_of(name: str) -> str:
    """The folder of a shard's files in the layout of the Hub."""
    if name[-_DIGITS:].isdecimal() and len(name) >= _DIGITS:
        return f"{DATA}/{name[:-_DIGITS] or '0'}"
    return f"{DATA}/{hashlib.sha256(name.encode()).hexdigest()[:3]}"  # 4,096 folders for names that are no numbers
