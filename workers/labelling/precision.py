"""What follows from judgements: how good a data set is, and each filter, and how far those agree who say so.

A pair counts as what most of its labellers say. Whoever cannot tell, and a pair of which as many say one thing as
another, count for nothing; how many there are is told. `unsafe` is no match. Pairs of strata that were sampled unlike
each other count by the rows that they stand for; borderline ones stand for no others, and are never part of a share of
the whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from statistics import median
from typing import Any

from workers.intervals import Counted, Share, stratified
from workers.labelling.agreement import cohens_kappa, krippendorffs_alpha
from workers.labelling.design import KEPT, filter_of, rejected_by
from workers.labelling.judged import Judged, majority_of
from workers.labelling.judgement import VERDICTS, Judgement, Word

#: pairs that are listed of those of which labellers say different things
_LISTED = 200


@dataclass(slots=True)
class _Part:
    """A stratum, and what was said of its pairs."""

    name: str
    of: int = 0
    sampled: int = 0
    latest: str = ""  # time of the judgement that says so
    words: Counter[str] = field(default_factory=Counter)  # "" for those of which as many say something else

    def see(self, said: Iterable[Judgement]) -> None:
        """Take the judgements on one pair."""
        words = []
        for one in said:
            words.append(one.verdict)
            if one.time >= self.latest:  # a run that went on has more rows by now
                self.of, self.sampled, self.latest = one.of, one.sampled, one.time
        self.words[majority_of(words).verdict] += 1

    @property
    def judged(self) -> int:
        """Pairs of which anything was said."""
        return self.words.total()

    def counted(self, *yes: Word) -> Counted:
        """How many of those that can be told are one of `yes`; the stratum weighs by the rows that could be told."""
        told = sum(self.words[one] for one in (Word.MATCHES, Word.DOES_NOT, Word.UNSAFE))
        weight = self.of * told / self.judged if self.judged else 0.0
        return Counted.plain(weight, sum(self.words[one] for one in yes), told)


def judged_report(judged: Judged, filters: Sequence[str] = ()) -> dict[str, Any]:
    """What follows, as JSON can say it; the same for the same judgements.

    Args:
        judged: what was said.
        filters: names of the recipe's filters in the order in which they judge ("min_side"); none where that is not
            known, as of a data set without its run.
    """
    parts = _parts(judged)
    return {
        "pairs": len(judged.by_pair),
        "dataset": _of_dataset(parts),
        "filters": list(_of_filters(parts, filters)),
        "strata": [_of_stratum(one) for one in parts.values()],
        "labellers": [_of_labeller(judged, name) for name in judged.labellers],
        "agreement": _agreement(judged),
        "disagreements": list(_disagreements(judged)),
    }


def _parts(judged: Judged) -> dict[str, _Part]:
    parts: dict[str, _Part] = {}
    for content_id in sorted(judged.by_pair):
        said = judged.by_pair[content_id]
        name = max(said.values(), key=lambda one: one.time).stratum
        parts.setdefault(name, _Part(name)).see(said.values())
    return dict(sorted(parts.items(), key=lambda item: (item[0] != KEPT, item[0])))


def _of_dataset(parts: Mapping[str, _Part]) -> dict[str, Any] | None:
    """None where nothing of the data set itself was judged."""
    if (kept := parts.get(KEPT)) is None:
        return None
    return {
        "precision": _share(stratified([kept.counted(Word.MATCHES)])),
        "unsafe": _share(stratified([kept.counted(Word.UNSAFE)])),
        "judged": kept.judged,
        "cannot_tell": kept.words[Word.CANNOT_TELL],
        "as_many_say_otherwise": kept.words[""],
        "rows": kept.of,
    }


def _of_filters(parts: Mapping[str, _Part], filters: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Each filter of which rejected rows were judged, or that comes before such a one."""
    judged = [filter_of(name) for name in parts if filter_of(name)]
    order = [*filters, *(one for one in judged if one not in filters)]
    for place, name in enumerate(order):
        later = [rejected_by(one) for one in order[place + 1 :]]
        own = parts.get(rejected_by(name))
        if own is None and not any(one in parts for one in later):
            continue
        known = [parts[one] for one in (KEPT, *later) if one in parts]
        is_known = name in filters and KEPT in parts
        yield {
            "name": name,
            "kept": _share(stratified([one.counted(Word.MATCHES) for one in known])) if is_known else None,
            "not_judged": [filter_of(one) for one in later if one not in parts],
            "rejected_rightly": None if own is None else _share(stratified([own.counted(Word.DOES_NOT, Word.UNSAFE)])),
            "rejected_unsafe": None if own is None else _share(stratified([own.counted(Word.UNSAFE)])),
            "rejected_judged": 0 if own is None else own.judged,
        }


def _of_stratum(part: _Part) -> dict[str, Any]:
    words = {word.value: part.words[word] for word in VERDICTS}
    return {
        "name": part.name, "rows": part.of, "sampled": part.sampled, "judged": part.judged, **words,
        "as_many_say_otherwise": part.words[""],
        "matches_share": _share(stratified([part.counted(Word.MATCHES)])),
    }  # fmt: skip


def _of_labeller(judged: Judged, name: str) -> dict[str, Any]:
    said = [words[name] for words in judged.by_pair.values() if name in words]
    kept = _Part(KEPT)
    for one in said:
        if one.stratum == KEPT:
            kept.see([one])
    return {
        "name": name,
        "judged": len(said),
        **{word.value: sum(one.verdict is word for one in said) for word in VERDICTS},
        "median_seconds": round(median(one.seconds for one in said), 2),
        "precision": _share(stratified([kept.counted(Word.MATCHES)])),
    }


def _agreement(judged: Judged) -> dict[str, Any]:
    by_pair = [{name: one.verdict.value for name, one in said.items()} for said in judged.by_pair.values()]
    pairs = []
    for one, other in combinations(judged.labellers, 2):
        both = [(said[one], said[other]) for said in by_pair if one in said and other in said]
        if both:
            same = sum(mine == theirs for mine, theirs in both)
            pairs.append(
                {"labellers": [one, other], "pairs": len(both), "same": same, "kappa": _rounded(cohens_kappa(both))}
            )
    several = [list(said.values()) for said in by_pair if len(said) > 1]
    return {"alpha": _rounded(krippendorffs_alpha(several)), "pairs": len(several), "by_two": pairs}


def _disagreements(judged: Judged) -> Iterator[dict[str, Any]]:
    """The first pairs, by content id, of which labellers say different things."""
    told = 0
    for content_id, said in sorted(judged.by_pair.items()):
        if len({one.verdict for one in said.values()}) > 1 and told < _LISTED:
            told += 1
            yield {
                "content_id": content_id,
                "stratum": next(iter(said.values())).stratum,
                "said": {name: one.verdict.value for name, one in sorted(said.items())},
            }


def _share(found: Share | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "share": round(found.share, 6), "low": round(found.low, 6), "high": round(found.high, 6),
        "judged": found.counted,
    }  # fmt: skip


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
