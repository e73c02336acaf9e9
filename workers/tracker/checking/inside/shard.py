"""V0 of crawl and score jobs: the table, the tar and the statistics of a shard, each by the others and by the input."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from crawler.job.duplicates import duplicates
from crawler.job.placeholders import placeholders
from crawler.job.remembered import Remembered, remembered
from crawler.rows import arrow_schema, columns_with
from crawler.write import key_of
from workers.tracker.checking.inside.files import required_names
from workers.tracker.checking.inside.given import Given, check_foretold, differs, given_rows, input_of, paired
from workers.tracker.checking.inside.members import Members
from workers.tracker.checking.inside.reports import check_stages
from workers.tracker.checking.inside.row_rules import RowRules
from workers.tracker.checking.inside.stats import check_stats
from workers.tracker.checking.inside.tables import opened, rows_of
from workers.tracker.checking.inside.tallies import Tallies
from workers.tracker.checking.inside.vectors import check_vectors
from workers.tracker.checking.inside.wrong import insist
from workers.tracker.checking.orders import Look, PictureAt, Structure

#: rows that were in the tar until the job ended
_TAKEN_BACK = ("placeholders", "duplicates")
#: of a raw shard's row, what a score job may change: it turns rows away, and adds scores
_CHANGED_BY_SCORING = frozenset(("status", "error_message", "reason", "width", "height"))


def look_at_shard(look: Look) -> Structure:
    """Whether tar, table, statistics and vectors are whole, and answer the input row by row.

    Raises:
        WrongError: they do not.
    """
    given = input_of(look)
    scores = (*look.judges.picture_columns, *look.judges.embedding_columns)
    columns = columns_with(scores)
    output = look.recipe.output
    most = max(look.recipe.plan.rows_per_job, given.rows)
    tar, table, stats = (Path(look.folder) / name for name in required_names(look))
    reading = _Reading(look, columns)
    with ExitStack() as stack:
        file = stack.enter_context(opened(table, arrow_schema(columns), look.bound))
        members = stack.enter_context(Members(tar, columns, look.bound.picture_bytes))
        pairs = paired(given_rows(look), rows_of(file), "key", lambda index: key_of(look.number, index, most, output))
        for one, row in pairs:
            reading.take(one, row, members)
        members.end()
    reading.check_end()
    tallies = reading.tallies
    report = check_stats(look, stats.name, tallies, withheld=given.rows - tallies.rows)
    check_stages(report, look, found=given.rows, turned=tallies.reasons, withheld=given.rows - tallies.rows)
    check_vectors(look, scores, reading.kept)
    return Structure(figures=tallies.figures(report), pictures=reading.pictures)


class _Reading:
    """What is remembered of the rows on the way."""

    def __init__(self, look: Look, columns: tuple[tuple[str, str], ...]) -> None:
        self._look = look
        self._rules = RowRules(look, columns)
        self._of_models = [name for name, _ in look.judges.embedding_columns]
        self._names = [name for name, _ in columns]
        self._inside: list[Remembered] = []  # until the job ended
        self._taken_back: dict[int, str] = {}
        self.tallies = Tallies(look)
        self.pictures: list[PictureAt] = []
        self.kept: list[dict[str, Any]] = []  # what vectors are compared with

    def take(self, given: Given, row: dict[str, Any], members: Members) -> None:
        """One row, with its members in the tar."""
        where = f"row {row['key']}"
        stage = self._rules.check(row, where)
        self._check_given(given, row, stage, where)
        if stage == "" or stage in _TAKEN_BACK:
            self._inside.append(remembered(given.index, row))
        if stage in _TAKEN_BACK:
            self._taken_back[given.index] = row["reason"]
        if stage == "":
            extension = self._rules.extension(row)
            offset, picture = members.sample(row, extension)
            insist(not given.extension or picture == given.image, f"{where}: another picture than in the raw shard")
            self.pictures.append(PictureAt(given.index, offset, len(picture), row["width"], row["height"], extension))
            self.kept.append({"key": row["key"], "caption": row["caption"], "url": row["url"]}
                             | {name: row[name] for name in self._of_models}
                             | {name: row[name] for name, _ in self._look.judges.picture_columns})  # fmt: skip
        self.tallies.take(row, stage)

    def check_end(self) -> None:
        """What shows only in the job as a whole is computed again.

        Raises:
            WrongError: other rows are placeholders or duplicates.
        """
        recipe = self._look.recipe
        found = dict.fromkeys(placeholders(self._inside, recipe.output.placeholder_addresses), "placeholder")
        left = [one for one in self._inside if one.row not in found]
        # a volunteer knows no other job's files, so that none of them is claimed
        found |= duplicates(left, recipe.duplicates, lambda keys: np.zeros(len(keys), np.bool_))
        wanted = {row: str(reason) for row, reason in found.items()}
        insist(wanted == self._taken_back, "placeholders or duplicates are not those that the rows come to")

    def _check_given(self, given: Given, row: dict[str, Any], stage: str, where: str) -> None:
        if self._look.kind == "crawl":
            check_foretold(self._look, given.index, row["reason"], where)
            if name := differs(row, given.row):
                insist(False, f"{where}: another {name} than in the plan")
            return
        was_kept = bool(given.extension)
        if not was_kept:
            insist(all(row[name] is None for name in self._of_models), f"{where}: scores of what had no picture")
        elif stage not in ("", *_TAKEN_BACK):
            insist(
                row["reason"] in self._look.judges.embeddings, f"{where}: turned away by what a score job does not ask"
            )
        changed = _CHANGED_BY_SCORING if was_kept and stage else frozenset[str]()
        if name := differs(row, given.row, but_for=changed):
            insist(False, f"{where}: another {name} than in the raw shard")
        absent = [name for name in self._names if name not in given.row and name not in ("key", *self._of_models)]
        for name in absent:
            insist(row[name] is None or name in changed, f"{where}: {name}, which the raw shard does not have")
