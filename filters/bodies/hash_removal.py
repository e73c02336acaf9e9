"""Drop bodies whose MD5, SHA-1 or SHA-256 stands in the list (or lists) at `path`.

The hashes are those of the body as received. Hex, or base32 for SHA-1 as WARC files have it; every form of list that
docs/filters.md describes.

| setting | unit and meaning |
|---|---|
| `path` | file of the list, or several; they stand on the recipe's folder |
| `kind` | "md5", "sha1" or "sha256": what a value is that does not say so itself |
| `form` | "text", "csv", "json" or "xml"; "auto" looks at the content |
| `columns` | of tables: for "md5", "sha1", "sha256", "value", "kind", "status" its heading, or its number from 1 |
| `key` | file of the key of a confidential list |
| `max_age_days` | days since a confidential list was issued, at most |
| `most_share` | share of a job's bodies, 0 to 1, at most; none is 0.001 for confidential lists and 1 for others |
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from crawler.records import Earlier, Fetched, Verdict
from filters.lists import (
    MAX_AGE_DAYS,
    Form,
    Kind,
    ListColumns,
    ListPath,
    Lists,
    MaxAgeDays,
    MostShare,
    Named,
    load_lists,
)
from filters.redrawn import Redrawn, judging_earlier

_KINDS = frozenset({Kind.MD5, Kind.SHA1, Kind.SHA256})


@dataclass(frozen=True, slots=True, eq=False)
class HashRemoval:
    """Judges by exact hashes of the body as received; computes only the kinds that the list has."""

    listed: Lists = field(repr=False)
    most_share: float

    @property
    def confidential(self) -> bool:
        """Whether nothing may be written of what the list takes out."""
        return self.listed.confidential

    def judge(self, batch: Sequence[Fetched]) -> list[Verdict]:
        """One verdict per body, in order. It never says which hash matched, nor by which kind."""
        found = np.zeros(len(batch), dtype=np.bool_)
        for kind in sorted(self.listed.kinds):
            found |= self.listed.has(
                kind, [hashlib.new(kind, fetched.body, usedforsecurity=False).digest() for fetched in batch]
            )
        return [Verdict(not listed) for listed in found]

    def judge_again(self, batch: Sequence[Earlier]) -> list[Verdict | None]:
        """The same of pictures that were received before; None where a kind that the list has was not recorded."""
        kinds = sorted(self.listed.kinds)
        verdicts: list[Verdict | None] = []
        for one in batch:
            known = [(kind, getattr(one.known, kind)) for kind in kinds]
            if all(value for _, value in known):
                listed = any(self.listed.has(kind, [bytes.fromhex(value)])[0] for kind, value in known)
                verdicts.append(Verdict(not listed))
            else:
                verdicts.append(None)
        return verdicts

    def redrawn(self) -> Redrawn:
        """By what was recorded: as `judge_again`."""
        return judging_earlier(self.judge_again, "md5", "sha1", "sha256")


def build(
    *,
    path: ListPath,
    kind: str = "",
    form: Form = "auto",
    columns: ListColumns = None,
    key: str = "",
    max_age_days: MaxAgeDays = MAX_AGE_DAYS,
    most_share: MostShare = None,
    folder: Path = Path(),
) -> HashRemoval:
    """The filter for the list or lists at `path`.

    Raises:
        SettingsError: a list cannot be read to its end (see `filters.lists`).
    """
    listed = load_lists(Named(path, kind, columns, key, max_age_days, form), folder, _KINDS)
    return HashRemoval(listed, listed.share(most_share))
