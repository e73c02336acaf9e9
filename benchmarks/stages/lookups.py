"""Look-ups in removal lists of ten million: our exact search beside faiss, digests beside a set of Python's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.contest.contest import Check, Contest, Goal, Role
from benchmarks.contest.inputs import Inputs
from benchmarks.contest.peers import peer_python
from benchmarks.contest.sides import Loop
from benchmarks.stages.hash_lists import (
    Rows,
    as_asked,
    at_the_border,
    like,
    random_rows,
    real_hashes,
    with_copies,
)

_SIDES = Path(__file__).with_name("sides")
_OURS, _FAISS = _SIDES / "lookups.py", _SIDES / "lookups_faiss.py"
#: of a list that is like real ones, one in so many is a picture of its own and the others are copies
_COPIES = 5
#: the forms of one picture: upright, turned and mirrored, each as it is and as if enlarged
_FORMS = 16
_BORDER_EACH = 40
_LIFT = (
    "Half of our time is reads from places of memory that no cache knows; a compiled loop would have more of them on their "
    "way at once and keep nothing between its steps. Small lists lie in the caches, where looking at all costs little."
)
_FLAT, _NEAREST = "faiss flat, range_search", "faiss flat, the nearest one"


@dataclass(frozen=True, slots=True)
class _List:
    """A list on disk, and queries."""

    name: str
    folder: Path
    number: int
    radius: int
    about: Mapping[str, Any]

    def asked(self, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON for a side
        files = {name: str(self.folder / f"{name}.npy") for name in ("rows", "queries", "border")}
        return {**files, "radius": self.radius, **more}


def contests(inputs: Inputs) -> list[Contest]:
    """PDQ among ten million like real ones and random ones, pHash, other indexes among a million, and digests."""
    many = 200_000 if inputs.quick else 10_000_000
    some = many // 10
    faiss = peer_python("faiss", "faiss-cpu")
    real = _made(inputs, "PDQ like real ones", many, 31, _like_real)
    return [
        _beside_flat(real, faiss, (_ours("pairtrawl, 16 forms at once", real, 2_000, _FORMS),)),
        _beside_flat(_made(inputs, "random PDQ", many, 31, _random(32)), faiss),
        _beside_flat(_made(inputs, "random pHash", many, 8, _random(8)), faiss),
        _beside_others(_made(inputs, "PDQ like real ones", some, 31, _like_real), faiss),
        _digests(inputs, "MD5", 16, many),
        _digests(inputs, "SHA-256", 32, many),
    ]


def _like_real(number: int, asked: int, rng: np.random.Generator) -> tuple[Rows, Rows]:
    hashes = like(real_hashes(), number // _COPIES + asked, rng)
    return with_copies(hashes[asked:], number, rng), hashes[:asked]


def _random(width: int) -> Callable[[int, int, np.random.Generator], tuple[Rows, Rows]]:
    return lambda number, asked, rng: (random_rows(number, width, rng), random_rows(asked, width, rng))


def _made(
    inputs: Inputs,
    name: str,
    number: int,
    radius: int,
    make: Callable[[int, int, np.random.Generator], tuple[Rows, Rows]],
    asked: int = 20_000,
) -> _List:
    """A list and the queries that it is asked, as files."""
    rng = np.random.default_rng(number + radius)
    folder = inputs.folder(f"lookups {name} {number}")
    rows, strangers = make(number, asked, rng)
    queries, border = as_asked(rows, strangers, radius, rng), at_the_border(rows, strangers, radius, _BORDER_EACH, rng)
    for file, content in (("rows", rows), ("queries", queries), ("border", border)):
        np.save(folder / f"{file}.npy", content)
    about = {"hashes": number, "bits": rows.shape[1] * 8, "radius": radius, "queries, of which 1 % hit": asked}
    return _List(f"{name}, {number:,}", folder, number, radius, about)


def _ours(name: str, listed: _List, ask: int, at_once: int = 0) -> tuple[Role, Loop]:
    return Role.OURS, Loop(name, _OURS, listed.asked(way="index", ask=ask, at_once=at_once))


def _beside_flat(listed: _List, faiss: Path, more: Sequence[tuple[Role, Loop]] = ()) -> Contest:
    few = max(24, 320_000_000 // listed.number)
    sides = [
        _ours("pairtrawl, many at once", listed, 4_000),
        *more,
        (Role.PEER, Loop(_FLAT, _FAISS, listed.asked(way="flat", ask=few), faiss)),
        (Role.PEER, Loop(_NEAREST, _FAISS, listed.asked(way="nearest", ask=few), faiss)),
        (Role.FLOOR, Loop("reading the table", _OURS, listed.asked(way="table", ask=few, at_once=0))),
    ]
    goals = [
        Goal(f"CPU of faiss flat over {side.name}", _FLAT, at_least=10, ours=side.name, lift=_LIFT)
        for role, side in sides if role is Role.OURS
    ]  # fmt: skip
    compared = [side.name for role, side in sides if role is not Role.FLOOR]
    return Contest(
        "lookups", listed.name, "query", listed.about, sides, goals, _same(compared, _FLAT), saved=True, rounds=5
    )


def _beside_others(listed: _List, faiss: Path) -> Contest:
    sides = [
        _ours("pairtrawl, many at once", listed, 20_000),
        *(
            (Role.PEER, Loop(name, _FAISS, listed.asked(way=way, ask=400), faiss))
            for name, way in ((_FLAT, "flat"), ("faiss MultiHash", "multi_hash"), ("faiss IVF, 32 of 1,024", "ivf"))
        ),
    ]
    goals = (Goal("CPU of faiss flat over ours", _FLAT, at_least=10, lift=_LIFT),)
    compared = [side.name for _, side in sides]
    about = {**listed.about, "faiss MultiHash": "16 x 16 bits, one flipped: exact"}
    return Contest("lookups", listed.name, "query", about, sides, goals, _same(compared, _FLAT), saved=True, rounds=5)


def _digests(inputs: Inputs, name: str, width: int, number: int) -> Contest:
    rng = np.random.default_rng(width)
    folder, asked = inputs.folder(f"lookups {name}"), 400_000
    rows, queries = random_rows(number, width, rng), random_rows(asked, width, rng)
    queries[::100] = rows[: len(queries[::100])]
    np.save(folder / "rows.npy", rows)
    np.save(folder / "queries.npy", queries)
    files = {"rows": str(folder / "rows.npy"), "queries": str(folder / "queries.npy")}
    sides = [
        (Role.OURS, Loop("pairtrawl, many at once", _OURS, {**files, "way": "index"})),
        (Role.PEER, Loop("a set of Python's", _OURS, {**files, "way": "set"})),
        (Role.FLOOR, Loop("one read from memory", _OURS, {**files, "way": "read"})),
    ]
    about = {"digests": number, "queries, of which 1 % hit": asked}
    compared = [side.name for role, side in sides if role is not Role.FLOOR]
    return Contest(
        "lookups", f"{name}, {number:,}", "query", about, sides, (), _same(compared, compared[1]), saved=True, rounds=5
    )


def _same(names: Sequence[str], reference: str) -> Callable[[Path], list[Check]]:
    """Whether what each found is what the reference found; of one that only approximates, how much of it."""

    def check(work: Path) -> list[Check]:
        truth = np.load(work / f"{reference}.found")
        checks = []
        for name in names:
            if name == reference:
                continue
            found = np.load(work / f"{name}.found")
            recall, precision = (found & truth).sum() / truth.sum(), (found & truth).sum() / max(1, found.sum())
            words = f"{name} finds what {reference} finds"
            value = f"recall {recall:.3g}, precision {precision:.3g} of {len(truth):,} queries, {truth.sum():,} of them near"
            checks.append(Check(words, value, bool((found == truth).all()) or "IVF" in name))
        return checks

    return check
