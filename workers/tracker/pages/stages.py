"""The map of a campaign: its stages, and how many jobs of each are in which state: pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from workers.tracker.moves.figure_records import Overview
from workers.tracker.pages.drawing import stacked
from workers.tracker.pages.words import DATA_SET, KINDS, PLAN, SHARES, number, size
from workers.tracker.states import JobState

_DONE = (JobState.VERIFIED, JobState.COMMITTED)
_UNITS = {"extract": "archives"}


@dataclass(frozen=True, slots=True)
class Stage:
    """One card of the map. One without jobs has a text in their place."""

    name: str
    what: str
    done: int = 0
    total: int = 0
    unit: str = "jobs"
    text: str = ""
    bar: Markup = field(default_factory=Markup)
    parts: tuple[tuple[str, str, int], ...] = ()  # key, name, jobs


def stages_of(seen: Overview, kinds: Sequence[str]) -> list[Stage]:
    """The cards from archive to data set.

    Args:
        seen: the campaign.
        kinds: kinds of job that it is to have, whether there are any yet or not.
    """
    wanted = [kind for kind in KINDS if kind in kinds or kind in seen.jobs]
    cards = [_card(kind, seen.jobs.get(kind, {})) for kind in wanted if kind == "extract"]
    later = [kind for kind in wanted if kind != "extract"]
    if later:
        cards.append(_plan(seen, later[0], extracted="extract" in wanted))
    cards += [_card(kind, seen.jobs.get(kind, {})) for kind in later]
    return [*cards, _data_set(seen)]


def _card(kind: str, states: dict[JobState, int]) -> Stage:
    name, what = KINDS[kind]
    parts = tuple((key, words, sum(states.get(state, 0) for state in some)) for key, words, some in SHARES)
    total = sum(many for _, _, many in parts)
    if not total:
        return Stage(name, what, text="No jobs yet: they come out of the stage before.")
    done = sum(states.get(state, 0) for state in _DONE)
    bar = stacked([(key, many) for key, _, many in parts])
    return Stage(name, what, done, total, _UNITS.get(kind, "jobs"), bar=bar, parts=parts)


def _plan(seen: Overview, kind: str, *, extracted: bool) -> Stage:
    tables = sum(many for state, many in seen.jobs.get(kind, {}).items() if state is not JobState.CANCELLED)
    if tables:
        return Stage(*PLAN, text=f"Made: {number(tables)} tables of addresses.")
    return Stage(*PLAN, text="Made by the operators" + (" when the archives are read." if extracted else "."))


def _data_set(seen: Overview) -> Stage:
    if not seen.verified_pairs:
        return Stage(*DATA_SET, text="Empty so far.")
    return Stage(*DATA_SET, text=f"{number(seen.verified_pairs)} pairs, {size(max(0, seen.verified_bytes))}.")
