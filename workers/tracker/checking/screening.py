"""Confidential lists against volunteers' results, on the screening host alone.

Volunteers do not have the lists, so nothing of theirs was withheld where they worked. Before a result goes into the
data set, its rows are shown to the filters of a recipe of our own that withhold, and what they match is not promoted:
it keeps its place, and is counted under the filter's name, as in a run that has the lists. The volunteer's answer, its
result's state and its credit are the same whether or not anything matched, so that nobody can ask a list by uploading.

Hashes are judged twice: as the volunteer wrote them, and of the picture in the shard, so that lying about them helps
little. What stays possible (the bytes as received are not kept) is said in docs/trust.md.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from crawler.errors import SettingsError
from crawler.job import Tools
from crawler.job.judging import judge_all
from crawler.job.looking import as_published
from crawler.picture.sandbox import Sandbox, open_sandboxes
from crawler.records import Candidate, Fetched, Hashes, Picture, Rejected
from crawler.report import StageCount
from crawler.rows import Row
from crawler.settings import Recipe
from crawler.tables import row_candidate
from workers.tracker.checking.result_rows import ShardRow

#: rows judged at once: pixels of so many are in memory
_BATCH = 64
_ONLY_ON_ITS_PAGE = {"written_src": "", "written_text": "", "base_url": ""}

Withheld = dict[int, tuple[str, str]]  # index -> stage and filter


@dataclass(frozen=True, slots=True)
class Screener:
    """The filters that withhold, and how the campaign's pictures are read."""

    tools: Tools
    campaign: Recipe

    @classmethod
    def of(cls, recipe: Recipe, campaign: Recipe, scratch: Path) -> Screener:
        """The screener of a recipe: only its filters that withhold are asked.

        Args:
            recipe: names the lists; on the screening host alone.
            campaign: the campaign's.
            scratch: an empty folder.

        Raises:
            SettingsError: a list cannot be used here, or nothing in the recipe withholds, or a model would have to.
        """
        from workers.assemble import assemble  # noqa: PLC0415 - loads every filter

        tools = assemble(recipe, scratch=scratch)
        named = tools.screening.withheld
        if models := sorted(name for name, _ in tools.embedding_filters if name in named):
            raise SettingsError(
                f"{models[0]}: judges by a model, which screening does not ask; leave it to the campaign"
            )
        if not named:
            raise SettingsError(
                "the screening recipe has no filter that withholds: name compiled lists (`pairtrawl lists compile`), "
                "or leave out --screening"
            )

        def those(filters: tuple[tuple[str, Any], ...]) -> tuple[tuple[str, Any], ...]:
            return tuple(one for one in filters if one[0] in named)

        kept = replace(
            tools,
            candidate_filters=those(tools.candidate_filters),
            body_filters=those(tools.body_filters),
            picture_filters=those(tools.picture_filters),
            embedding_filters=(),
        )
        return cls(kept, campaign)

    def candidates(self, rows: Iterable[tuple[Candidate, str | None]]) -> Withheld:
        """Which rows of a candidate table go, by their place in it."""
        return dict(self._judged("candidates", self.tools.candidate_filters, enumerate(one for one, _ in rows)))

    def rows(self, rows: Iterable[ShardRow]) -> Withheld:
        """Which rows of a shard or a raw shard go, by their index."""
        found: Withheld = {}
        with ExitStack() as stack:
            (sandbox,) = stack.enter_context(open_sandboxes(as_published(self.campaign), 1))
            several = iter(rows)
            while batch := list(islice(several, _BATCH)):
                found.update(self._of_batch(batch, sandbox))
        return found

    def check(self, job: str, stages: Sequence[StageCount], withheld: Mapping[int, tuple[str, str]]) -> None:
        """Whether what goes of a job with these stages is plausible: asked before anything is promoted.

        Raises:
            ScreeningError: a list took out more than its share; it may hold the hash of something harmless.
        """
        counted = Counter(withheld.values())
        for one in stages:
            rejected = {name: number for (stage, name), number in counted.items() if stage == one.stage}
            self.tools.screening.check(job, [StageCount(one.stage, one.found, 0, rejected)])

    def _of_batch(self, batch: Sequence[ShardRow], sandbox: Sandbox) -> Withheld:
        candidates = [(row.index, candidate_of(row.pictured.row)) for row in batch]
        found = dict(self._judged("filter candidates", self.tools.candidate_filters, candidates))
        for name, one in self.tools.body_filters:
            for row in batch:
                if row.index not in found and _body_is_listed(one, row):
                    found[row.index] = ("filter bodies", name)
        if self.tools.picture_filters:
            pictured = [row for row in batch if row.pictured.extension and row.index not in found]
            pictures = [(row.index, one) for row in pictured for one in _pictures(row, sandbox)]
            found.update(self._judged("filter pictures", self.tools.picture_filters, pictures))
        return found

    @staticmethod
    def _judged(
        stage: str, filters: Sequence[tuple[str, Any]], records: Iterable[tuple[int, Any]]
    ) -> Iterator[tuple[int, tuple[str, str]]]:
        several = iter(records)
        while batch := list(islice(several, _BATCH * 32 if stage == "candidates" else _BATCH)):
            rulings = judge_all(filters, [record for _, record in batch])
            for (index, _), ruling in zip(batch, rulings, strict=True):
                if ruling is not None:
                    yield index, (stage, ruling[0])


def candidate_of(row: Row) -> Candidate:
    """The candidate that a row of a shard is about; what only its page had is empty."""
    return row_candidate({**row, "opt_outs": row["page_opt_outs"], **_ONLY_ON_ITS_PAGE})


def _body_is_listed(one: Any, row: ShardRow) -> bool:  # noqa: ANN401 - any filter of bodies
    """Whether a filter of bodies matches: by the hashes in the row, and by the file in the shard.

    Filters that look at where a body came from are shown an empty one from there.
    """
    if hasattr(one, "listed") and {"md5", "sha1", "sha256"} & set(map(str, one.listed.kinds)):
        image = row.pictured.image
        for kind in sorted(one.listed.kinds):
            told = row.pictured.row.get(str(kind))
            values = [bytes.fromhex(told)] if told else []
            values += [hashlib.new(str(kind), image, usedforsecurity=False).digest()] if image else []
            if values and one.listed.has(kind, values).any():
                return True
        return False
    if "final_url" not in row.pictured.row:
        return False
    (verdict,) = one.judge([_fetched(row, b"")])
    return not verdict.keep


def _pictures(row: ShardRow, sandbox: Sandbox) -> Iterator[Picture]:
    """The picture in the shard, under its own hashes and under those that its row tells."""
    decoded = sandbox.decode(_fetched(row, row.pictured.image))
    if isinstance(decoded, Rejected):  # structure has decoded it before: this machine is in trouble
        raise SettingsError(f"a picture that was decoded before cannot be decoded now: {decoded.reason}")
    yield decoded
    told = row.pictured.row
    yield replace(
        decoded,
        hashes=Hashes(
            md5=told["md5"],
            sha1=told["sha1"],
            sha256=told["sha256"],
            phash=int(told["phash"], 16),
            pdq=int(told["pdq"], 16),
            pdq_quality=told["pdq_quality"],
        ),
    )


def _fetched(row: ShardRow, body: bytes) -> Fetched:
    told = row.pictured.row
    return Fetched(
        candidate=candidate_of(told),
        body=body,
        final_url=told.get("final_url", ""),
        content_type=told.get("content_type", ""),
        opt_outs=(),
        fetched_at=0,
    )
