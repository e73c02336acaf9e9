"""The pages as HTML: pure functions of figures. jinja2 stops here.

Names, stages and details were written by strangers. Every value goes through the template's escaping, which cannot be
switched off by a template of ours, and is freed of control characters before; should an escape ever be missed, the
pages' Content-Security-Policy lets no script run but ours, and nothing be loaded from elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from workers.protocol.campaign import Campaign
from workers.report.drawn.drawing import bar
from workers.report.drawn.html import UNPRINTABLE
from workers.tracker.moves.figure_records import Leader, OperatorFigures, Overview, WorkerFigures
from workers.tracker.pages import words
from workers.tracker.pages.assets import ICON, SCRIPT, STYLE
from workers.tracker.pages.checks import checks_of
from workers.tracker.pages.drawing import progress, speed
from workers.tracker.pages.estimate import estimate
from workers.tracker.pages.stages import stages_of
from workers.tracker.states import JobState, WorkerState

#: rows of the leaderboard
MOST_LEADERS: Final = 100


@dataclass(frozen=True, slots=True)
class Site:
    """What every page says of the campaign."""

    name: str
    title: str
    about: str
    recipe: str  # digest
    kinds: tuple[str, ...]
    version: str  # of pairtrawl
    style: str = STYLE
    script: str = SCRIPT
    icon: str = ICON

    @classmethod
    def of(cls, campaign: Campaign) -> Site:
        """The campaign's."""
        title = campaign.title or campaign.name
        return cls(campaign.name, title, campaign.about, campaign.recipe_digest, campaign.kinds, _version())


@dataclass(frozen=True, slots=True)
class Asked:
    """Something that an operator is asked once more."""

    what: str
    heading: str
    words: str
    button: str


#: what cannot be undone with a click: the operator sees what it means first
CONFIRMED: Final = {
    "quarantine": Asked(
        "quarantine", "Quarantine this worker?",
        "It gets no more jobs, and its leases end. What was verified of it stays; it can be released again.",
        "Quarantine",
    ),
    "ban": Asked(
        "ban", "Ban this worker?", "It is refused everything from now on. What was verified of it stays.", "Ban"
    ),
    "revoke": Asked(
        "revoke", "Take back all of this worker's work?",
        "All its results are believed no more, its jobs are done again by others, and their files leave the data set. "
        "This cannot be undone; the worker itself stays as it is, so quarantine it, too.",
        "Revoke its work",
    ),
}  # fmt: skip


def render_dashboard(seen: Overview, site: Site, now: float, *, claimed: int = 0) -> str:
    """The page that everybody sees first; `claimed`: halves of WATs that clients of the old API say they have done."""
    last_hour = seen.rates[-2].pairs if len(seen.rates) > 1 else 0
    return _page(
        "dashboard.html", "dashboard", site, now, seen=seen, progress=progress(seen.done_jobs, seen.total_jobs),
        stages=stages_of(seen, site.kinds), expected=estimate(seen.total_jobs - seen.done_jobs, seen.rates, now),
        chart=speed(seen.rates, now), problems=words.problems(seen.happened), last_hour=max(0, last_hour),
        claimed=claimed, grows=any(kind not in seen.jobs for kind in site.kinds),
    )  # fmt: skip


def render_worker(who: WorkerFigures, site: Site, now: float) -> str:
    """A worker's own page."""
    return _page("worker.html", "worker", site, now, who=who, checks=checks_of(who.checked))


def render_leaderboard(leaders: Sequence[Leader], site: Site, now: float) -> str:
    """Verified work by account. Equal numbers of jobs share a place."""
    first = {one.jobs: place for place, one in reversed(list(enumerate(leaders, start=1)))}
    most = max((one.jobs for one in leaders), default=0)
    bars = [Markup(bar(max(0, one.jobs), 0, most)) for one in leaders]  # noqa: S704 - holds numbers only
    return _page(
        "leaderboard.html", "leaderboard", site, now, leaders=leaders, bars=bars, most=MOST_LEADERS,
        places=[first[one.jobs] for one in leaders],
    )  # fmt: skip


def render_operator(seen: OperatorFigures, site: Site, now: float, *, room: str, notice: str = "") -> str:
    """What an operator sees and may do."""
    names = {"pause": "Pause", "drain": "Drain", "resume": "Resume"}
    now_is = {"": "resume", "paused": "pause", "drain": "drain"}[seen.overview.paused]
    return _page(
        "operator.html", "operator", site, now, seen=seen, room=room, notice=notice, job_states=list(JobState),
        moves=[(what, name) for what, name in names.items() if what != now_is],
    )  # fmt: skip


def render_operators_worker(who: WorkerFigures, site: Site, now: float) -> str:
    """One worker with everything that an operator may do to it."""
    return _page("operator_worker.html", "operator", site, now, who=who, checks=checks_of(who.checked))


def render_confirm(who: WorkerFigures, what: str, site: Site, now: float) -> str:
    """Asks an operator once more; `what` is one of CONFIRMED."""
    return _page("confirm.html", "operator", site, now, who=who, asked=CONFIRMED[what])


def render_login(site: Site, now: float, *, wrong: bool = False) -> str:
    """Asks for the admin token."""
    return _page("login.html", "login", site, now, wrong=wrong)


def render_message(heading: str, told: str, site: Site, now: float) -> str:
    """A page that says one thing."""
    return _page("message.html", "", site, now, heading=heading, words=told)


def render_old_worker(facts: Mapping[str, str], name: str, site: Site, now: float) -> str:
    """A client of the old API: heading and text by text, all of it as it says of itself."""
    return _page("old_worker.html", "", site, now, facts=facts, name=name)


def render_install(site: Site, now: float) -> str:
    """How one takes part: the old API's /install."""
    return _page("install.html", "", site, now)


def _page(template: str, here: str, site: Site, now: float, **values: object) -> str:
    return _environment().get_template(template).render(here=here, site=site, now=now, **values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("workers.tracker.pages"), autoescape=True, undefined=StrictUndefined,
        finalize=_printable, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {
        "number": words.number, "share": words.share, "duration": words.duration, "ago": words.ago, "size": words.size,
        "kind": lambda kind: words.KINDS[kind][0] if kind in words.KINDS else kind,
        "state_name": lambda state: words.WORKER_STATES[WorkerState(state)][0],
        "state_words": lambda state: words.WORKER_STATES[WorkerState(state)][1],
        "result_state": lambda state: words.RESULT_STATES.get(state, state),
        "lease_state": lambda state: words.LEASE_STATES.get(state, state),
    }  # fmt: skip
    return environment


def _printable(value: object) -> object:
    """Text without what no page needs; markup of ours as it is."""
    return UNPRINTABLE.sub("\ufffd", value) if isinstance(value, str) and not hasattr(value, "__html__") else value


@cache
def _version() -> str:
    try:
        return version("pairtrawl")
    except PackageNotFoundError:
        return "from a source tree"
