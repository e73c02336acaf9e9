"""V0 of an extract job: a candidate table and its marker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import xxhash

from crawler.captions import clean
from crawler.extract.outcome import NoCandidate
from crawler.masking import mask
from crawler.read.outcome import Skip
from crawler.records import ImageSource, TextSource
from crawler.report import Report
from crawler.tables import candidate_schema
from crawler.tongue import LANGUAGES
from crawler.urls import host_of, normalise
from workers.tracker.checking.inside.files import marker_text, required_names
from workers.tracker.checking.inside.reports import read_report
from workers.tracker.checking.inside.tables import opened, rows_of
from workers.tracker.checking.inside.wrong import WrongError, insist
from workers.tracker.checking.orders import Look, Structure

_STAGES = ("read", "extract", "candidates")
#: a text as written is kept up to so many times the length of a caption (crawler/extract/harvest.py)
_WRITTEN_PER_CAPTION = 8
_FAR = (-2, -1)


def look_at_candidates(look: Look) -> Structure:
    """Whether table and marker are whole and say the same.

    Raises:
        WrongError: they are not.
    """
    table, marker = required_names(look)
    report = read_report(marker_text(look, marker), look, marker)
    path = Path(look.folder) / table
    insist(report.bytes_written == path.stat().st_size, f"{marker}: another size of the table")
    rows = _Rows(look)
    with opened(path, candidate_schema(), look.bound) as file:
        for row in rows_of(file):
            rows.check(row)
    _check_stages(report, look, rows)
    return Structure(figures=_figures(report, rows))


class _Rows:
    """What the rows come to, checked one after another."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._extract = look.recipe.extract
        is_list = look.form == "list"
        self._sources = frozenset((TextSource.LIST,) if is_list else self._extract.texts)
        self._image_sources = frozenset((ImageSource.LIST,)) if is_list else _IMAGE_SOURCES
        self._reasons = frozenset(look.judges.candidates) - frozenset(look.judges.withheld)
        self._before: tuple[str, int, int] = ("", *_FAR)
        self._masks = frozenset(self._extract.mask)
        self.number = 0
        self.unmasked = 0
        self.reasons: Counter[str] = Counter()
        self.languages: Counter[str] = Counter()

    def check(self, row: Mapping[str, Any]) -> None:
        """One row.

        Raises:
            WrongError: it is not as our own code writes it.
        """
        reason = row["reason"]
        # words are made for what is wrong alone: there are millions of rows
        wrong = self._wrong_place(row) or self._wrong_address(row) or self._wrong_texts(row) or self._wrong_bounds(row)
        if not wrong and not (reason is None or reason in self._reasons):
            wrong = f"the reason {reason!r} is no filter's"
        if wrong:
            raise WrongError(f"row {self.number}: {wrong}")
        self.number += 1
        if reason is not None:
            self.reasons[reason] += 1
        self.languages[row["caption_language"]] += 1

    def _wrong_place(self, row: Mapping[str, Any]) -> str:
        """Rows lie as their records do; of a WAT the records are those of another file, and in no order of ours."""
        before, here = self._before, (row["archive"], row["offset"], row["position"])
        self._before = here
        if here[1] < -1 or here[2] < 0:
            return "no place in an archive"
        if self._look.form == "wat":
            is_next = here[:2] != before[:2] or here[1] < 0 or here[2] > before[2]
        elif here[0] != self._look.archive:
            return "of another archive"
        else:
            is_next = here[1] >= 0 and here[1:] > before[1:]
        return "" if is_next else "out of order"

    def _wrong_address(self, row: Mapping[str, Any]) -> str:
        url = row["url"]
        if not 0 < len(url) <= self._extract.url_characters:
            return f"an address of {len(url)} characters"
        if normalise(url) != url:
            return "an address as we do not write it"
        if row["host"] != _host(url[: url.find("/", 8)]):
            return "the host is another one's"
        content_id = xxhash.xxh3_128_hexdigest(f"{url}\n{row['caption']}".encode("utf-8", "replace"))
        return "" if row["content_id"] == content_id else "the content id is another pair's"

    def _wrong_texts(self, row: Mapping[str, Any]) -> str:
        caption, others = row["caption"], row["other_captions"]
        if row["caption_source"] not in self._sources:
            return f"a caption from {row['caption_source']!r}"
        if row["image_source"] not in self._image_sources:
            return f"an image from {row['image_source']!r}"
        if wrong := self._wrong_text(caption):
            return wrong
        for one in others:
            if one["source"] not in self._sources or one["text"] == caption:
                return "no other caption"
            if wrong := self._wrong_text(one["text"]):
                return wrong
        if self._masks and mask(caption, self._masks) != caption:
            self.unmasked += 1
        if row["caption_language"] not in _LANGUAGES:
            return "no language"
        return "" if 0.0 <= row["caption_language_confidence"] <= 1.0 else "no confidence"

    def _wrong_text(self, text: str) -> str:
        characters = self._extract.text_characters
        if len(text) > characters:
            return f"a caption of {len(text)} characters"
        # what is masked may have been cut out of the middle of what cleaning had looked at
        return "" if "[" in text or clean(text, characters, repair=False) == text else "a caption not cleaned"

    def _wrong_bounds(self, row: Mapping[str, Any]) -> str:
        most = self._look.bound.text_bytes
        for name in _TEXTS:
            if len(row[name]) > most:
                return f"{name} of {len(row[name])} characters"
        return "" if sum(map(len, row["opt_outs"])) <= most else "too many opt-outs"


_IMAGE_SOURCES = frozenset(one.value for one in ImageSource if one is not ImageSource.LIST)
_LANGUAGES = frozenset((*LANGUAGES, ""))
#: columns of texts whose length nothing else bounds
_TEXTS = ("page_url", "archive", "licence", "language", "caption_script", "written_src", "written_text", "base_url")


@lru_cache(maxsize=4096)
def _host(origin: str) -> str:
    return host_of(origin)


def _check_stages(report: Report, look: Look, rows: _Rows) -> None:
    insist(tuple(one.stage for one in report.stages) == _STAGES, "the report has other stages than the job")
    read, extracted, judged = report.stages
    known = ({one.value for one in Skip}, {one.value for one in NoCandidate}, set(look.judges.candidates))
    for stage, reasons in zip(report.stages, known, strict=True):
        if strange := sorted(stage.rejected.keys() - reasons):
            raise WrongError(f"the report has the reason {strange[0]!r}, which there is not")
    insist(judged.found == extracted.kept, "the report loses candidates between two stages")
    told = {reason: number for reason, number in judged.rejected.items() if reason not in look.judges.withheld}
    insist(told == dict(rows.reasons), "the report's reasons are not those of the rows")
    insist(rows.number == judged.kept + sum(told.values()), "the report counts other rows than there are")
    insist(read.kept > 0 or extracted.found == 0, "images without a page")


def _figures(report: Report, rows: _Rows) -> dict[str, float]:
    read, extracted, judged = report.stages
    shares = {f"language_{name or 'none'}": float(number) for name, number in rows.languages.items()}
    return {
        "records": float(read.found),
        "pages": float(read.kept),
        "images": float(extracted.found),
        "rows": float(rows.number),
        "kept": float(judged.kept),
        "unmasked": float(rows.unmasked),
        "seconds": report.seconds,
        **{f"reason_{name}": float(number) for stage in report.stages for name, number in stage.rejected.items()},
        **shares,
    }
