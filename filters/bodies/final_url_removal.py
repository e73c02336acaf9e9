"""Drop pictures that came from an address that a list (or lists) at `path` names: the one after redirects.

`candidates.url_removal` sees where a link leads, this one where the picture was in the end: by its address, by a hash
of that (kind "url_md5", "url_sha1" or "url_sha256"), or by its domain. The same lists and settings serve both.

| setting | unit and meaning |
|---|---|
| `path` | file of the list, or several; they stand on the recipe's folder |
| `kind` | "url", "domain", "url_md5", "url_sha1" or "url_sha256": what a value is that does not say so itself |
| `form` | "text", "csv", "json" or "xml"; "auto" looks at the content |
| `columns` | of tables: for "url", "domain", "value", "kind", "status" and the like its heading, or its number from 1 |
| `key` | file of the key of a confidential list |
| `max_age_days` | days since a confidential list was issued, at most |
| `most_share` | share of a job's bodies, 0 to 1, at most; none is 0.001 for confidential lists and 1 for others |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from crawler.records import Earlier, Fetched, Verdict
from filters.lists import (
    MAX_AGE_DAYS,
    Form,
    ListColumns,
    ListPath,
    Lists,
    MaxAgeDays,
    MostShare,
    Named,
    listed_urls,
    load_lists,
)
from filters.lists.urls import URL_KINDS
from filters.redrawn import Redrawn, judging_earlier


@dataclass(frozen=True, slots=True, eq=False)
class FinalUrlRemoval:
    """Judges by the address that answered in the end."""

    listed: Lists = field(repr=False)
    most_share: float

    @property
    def confidential(self) -> bool:
        """Whether nothing may be written of what the list takes out."""
        return self.listed.confidential

    def judge(self, batch: Sequence[Fetched]) -> list[Verdict]:
        """One verdict per body, in order. It never says which entry matched."""
        hits = listed_urls(self.listed, (fetched.final_url for fetched in batch))
        return [Verdict(fetched.final_url not in hits) for fetched in batch]

    def judge_again(self, batch: Sequence[Earlier]) -> list[Verdict | None]:
        """The same of pictures that were received before; None where nobody recorded who answered."""
        hits = listed_urls(self.listed, (one.final_url for one in batch if one.final_url))
        return [Verdict(one.final_url not in hits) if one.final_url else None for one in batch]

    def redrawn(self) -> Redrawn:
        """By what was recorded: as `judge_again`."""
        return judging_earlier(self.judge_again, "final_url")


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
) -> FinalUrlRemoval:
    """The filter for the list or lists at `path`.

    Raises:
        SettingsError: a list cannot be read to its end (see `filters.lists`).
    """
    listed = load_lists(Named(path, kind, columns, key, max_age_days, form), folder, URL_KINDS)
    return FinalUrlRemoval(listed, listed.share(most_share))
