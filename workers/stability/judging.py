"""Filters as a run has them, asked one by one: each judges every pair, for one that another rejects may flip, too."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from crawler.job import JobKind
from crawler.picture.sandbox import Sandbox
from crawler.records import Fetched, Picture, Rejected, Verdict
from crawler.settings import Recipe
from workers.assemble import assemble
from workers.stability.changes import Change
from workers.stability.pairs import Pair


@dataclass(frozen=True, slots=True)
class Seen:
    """A pair as filters see it, at every stage; pixels are those of the published picture."""

    fetched: Fetched
    picture: Picture

    def changed(self, change: Change, sandbox: Sandbox) -> Seen | None:
        """The pair after a change; None where the changed file cannot be decoded any more."""
        candidate = change.of_candidate(self.fetched.candidate)
        fetched = replace(self.fetched, candidate=candidate)
        if change.image is None:
            return Seen(fetched, replace(self.picture, fetched=fetched))
        return seen(Pair(candidate, change.image(self.picture.pixels)), sandbox)


@dataclass(frozen=True, slots=True)
class BuiltFilter:
    """One filter of a recipe, built."""

    name: str  # as the recipe names it; the second one of a name has a number
    folder: str
    judge: Any  # of candidates, bodies or pictures
    most: int  # records that a run shows it at once

    def verdicts(self, pairs: Sequence[Seen], *, shuffled: int | None = None) -> list[Verdict]:
        """One verdict a pair, in order.

        Args:
            pairs: what it judges.
            shuffled: a seed: they are shown to it in another order, in batches half as large.
        """
        order = list(range(len(pairs)))
        most = self.most
        if shuffled is not None:
            random.Random(shuffled).shuffle(order)  # noqa: S311 - an order, no secret
            most = max(1, most // 2) if most > 1 else len(order)  # what is judged one by one gets neighbours
        records = [_record(pairs[place], self.folder) for place in order]
        verdicts: dict[int, Verdict] = {}
        for begin in range(0, len(order), most):
            answers = self.judge.judge(records[begin : begin + most])
            verdicts |= zip(order[begin : begin + most], answers, strict=True)
        return [verdicts[place] for place in range(len(pairs))]


def seen(pair: Pair, sandbox: Sandbox) -> Seen | None:
    """A pair with its picture decoded; None where that cannot be done."""
    fetched = Fetched(pair.candidate, pair.image, pair.candidate.image_url, "", (), 0)
    picture = sandbox.decode(fetched)
    return None if isinstance(picture, Rejected) else Seen(fetched, picture)


def built_filters(recipe: Recipe, scratch: Path) -> list[BuiltFilter]:
    """The filters of a recipe in the order in which they judge.

    Raises:
        SettingsError: as `assemble`.
    """
    tools = assemble(recipe, scratch, kind=JobKind.CRAWL)
    names: Counter[str] = Counter()

    def named(folder: str, filters: Sequence[tuple[str, Any]]) -> Iterator[BuiltFilter]:
        for name, one in filters:
            use = f"{folder}.{name}"
            names[use] += 1
            shown = use if names[use] == 1 else f"{use} ({names[use]})"
            engines = getattr(one, "engines", ())
            # a run shows pictures one by one, but for models; candidates and bodies some at a time
            most = max((engine.batch_size for engine in engines), default=1 if folder == "pictures" else 16)
            yield BuiltFilter(shown, folder, one, most)

    return [
        *named("candidates", tools.candidate_filters), *named("bodies", tools.body_filters),
        *named("pictures", tools.picture_filters), *named("pictures", tools.embedding_filters),
    ]  # fmt: skip


def _record(pair: Seen, folder: str) -> object:
    if folder == "candidates":
        return pair.fetched.candidate
    return pair.fetched if folder == "bodies" else pair.picture
