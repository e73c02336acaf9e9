"""Drop candidates whose image or page is named by the list (or lists) of addresses and domains at `path`.

An address ("https://site.example/a.jpg") names that picture, or all pictures of that page; http and https are the same
address, as are addresses that browsers make the same (WHATWG). A domain ("site.example") names itself and its
subdomains, as host of the picture or of the page. A hash (kind "url_md5", "url_sha1" or "url_sha256") names an address
that has it in any of the usual spellings. Every form of list that docs/filters.md describes.

| setting | unit and meaning |
|---|---|
| `path` | file of the list, or several; they stand on the recipe's folder |
| `kind` | "url", "domain", "url_md5", "url_sha1" or "url_sha256": what a value is that does not say so itself |
| `form` | "text", "csv", "json" or "xml"; "auto" looks at the content |
| `columns` | of tables: for "url", "domain", "value", "kind", "status" and the like its heading, or its number from 1 |
| `key` | file of the key of a confidential list |
| `max_age_days` | days since a confidential list was issued, at most |
| `most_share` | share of a job's candidates, 0 to 1, at most; none is 0.001 for confidential lists and 1 for others |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from crawler.records import Candidate, Verdict
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
from filters.lists.kinds import DIGESTS
from filters.lists.urls import URL_KINDS
from filters.redrawn import Redrawn, Told, candidate_of


@dataclass(frozen=True, slots=True, eq=False)
class UrlRemoval:
    """Judges by addresses of picture and page."""

    listed: Lists = field(repr=False)
    most_share: float

    @property
    def confidential(self) -> bool:
        """Whether nothing may be written of what the list takes out."""
        return self.listed.confidential

    def judge(self, batch: Sequence[Candidate]) -> list[Verdict]:
        """One verdict per candidate, in order. It never says which entry matched."""
        named = [_addresses(candidate) for candidate in batch]
        hits = listed_urls(self.listed, (url for urls in named for url in urls))
        return [Verdict(hits.isdisjoint(urls)) for urls in named]

    def redrawn(self) -> Redrawn:
        """By both addresses; the hash of an address may be of how its page wrote it, which no row tells."""
        return Redrawn(again=self._again, again_reads=("url", "page_url"))

    def _again(self, rows: Sequence[Told]) -> list[bool | None]:
        missed = None if self.listed.kinds & DIGESTS.keys() else True
        known = [row.get("url") is not None and row.get("page_url") is not None for row in rows]
        verdicts = self.judge([candidate_of(row) for row in rows])
        return [
            (missed if verdict.keep else False) if is_known else None
            for verdict, is_known in zip(verdicts, known, strict=True)
        ]


def _addresses(candidate: Candidate) -> list[str]:
    """Where the picture is, by our spelling and by the page's (a hash may be of either), and where the page is."""
    written = [candidate.written_src] if "://" in candidate.written_src else []
    page = [candidate.page_url] if candidate.page_url else []  # a published list may not say where its images stood
    return [candidate.image_url, *page, *written]


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
) -> UrlRemoval:
    """The filter for the list or lists at `path`.

    Raises:
        SettingsError: a list cannot be read to its end (see `filters.lists`).
    """
    listed = load_lists(Named(path, kind, columns, key, max_age_days, form), folder, URL_KINDS)
    return UrlRemoval(listed, listed.share(most_share))
