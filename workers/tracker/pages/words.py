"""The tracker's states, kinds and events in words for people, and numbers as people read them: pure."""

from __future__ import annotations

from typing import Final

from workers.report.drawn.html import size
from workers.tracker.states import JobState, WorkerState

#: kinds of job in the order in which work flows, with what they do
KINDS: Final = {
    "extract": ("Extract", "archives to candidates"),
    "fetch": ("Fetch", "addresses to images"),
    "score": ("Score", "images judged by models"),
    "crawl": ("Crawl", "fetch and score in one"),
}
#: what an operator does between the stages, and what all of it is for
PLAN: Final = ("Plan", "duplicates out, hosts apart")
DATA_SET: Final = ("Data set", "pairs that were verified")

#: states of a job as the map shows them: key, name, which states; from done to far from it
SHARES: Final = (
    ("done", "finished", (JobState.COMMITTED,)),
    ("verified", "verified", (JobState.VERIFIED,)),
    ("checking", "being checked", (JobState.SUBMITTED,)),
    ("leased", "with a volunteer", (JobState.LEASED,)),
    ("waiting", "waiting", (JobState.READY, JobState.BACKOFF)),
    ("aside", "set aside", (JobState.POISONED,)),
)

#: what a worker is told of its state
WORKER_STATES: Final = {
    WorkerState.PROBATION: (
        "On probation",
        "New here: everything it does is done by another volunteer, too, and compared. A few good jobs end this.",
    ),
    WorkerState.ACTIVE: ("Active", "Its work is believed after the usual checks of every job."),
    WorkerState.TRUSTED: ("Trusted", "Its work has long been right. Every job is checked a little all the same."),
    WorkerState.SUSPECT: (
        "Being looked at",
        "Some of its work differed from what others found, so others do its jobs, too, until it is clear who is right.",
    ),
    WorkerState.SUSPENDED: (
        "Suspended for a while",
        "It failed jobs that others did. Often that is a full disk or a broken network; it gets jobs again by itself.",
    ),
    WorkerState.QUARANTINED: (
        "Quarantined",
        "Its work was found wrong, so it gets no jobs. If you think that is a mistake, write to the operators.",
    ),
    WorkerState.BANNED: ("Banned", "The operators have taken it out of the campaign."),
}

#: checks as a volunteer is told of them. What looks for known answers is one with the comparisons: a page that told
#: them apart would tell which jobs they are
CHECKS: Final = {
    "structure": ("form", "files that were looked into"),
    "parse": ("rows", "rows compared with the archive"),
    "score": ("scores", "images scored again"),
    "web": ("downloads", "addresses asked again, which change by themselves"),
    "omission": ("left out", "rows said to be rejected, looked at again"),
}
COMPARED: Final = ("comparisons", "jobs and rows compared with what others found")

RESULT_STATES: Final = {
    "received": "waiting for a check", "checking": "being checked", "valid": "believed", "invalid": "not believed",
    "suspicious": "waiting for a second opinion", "revoked": "taken back",
}  # fmt: skip
LEASE_STATES: Final = {
    "active": "in work", "submitted": "handed in", "released": "given back", "failed": "failed",
    "expired": "too late", "revoked": "called off",
}  # fmt: skip

#: kinds of event that everybody may know of, in plain words: one, several
PROBLEMS: Final = {
    "expired": ("job came back late or never", "jobs came back late or never"),
    "failed": ("job failed and will be tried again", "jobs failed and will be tried again"),
    "poisoned": ("job was set aside after several failures", "jobs were set aside after several failures"),
    "worker suspended": ("worker was suspended for a while", "workers were suspended for a while"),
    "worker quarantined": ("worker was quarantined", "workers were quarantined"),
    "invalid": ("result was not believed", "results were not believed"),
    "revoked": ("time, verified work was taken back", "times, verified work was taken back"),
    "no_room": ("time, uploads had no room", "times, uploads had no room"),
    "outage": ("break of the tracker, which cost nobody a job", "breaks of the tracker, which cost nobody a job"),
    "version blocked": ("version of the client was blocked", "versions of the client were blocked"),
}


def number(value: float) -> str:
    """A whole number with separators: "1,234,567"."""
    return f"{int(value):,}"


def share(part: float, whole: float) -> str:
    """A share in per cent. Never rounds up to 100 or down to 0, which would be said too early."""
    if whole <= 0:
        return "0 %"
    if part >= whole:
        return "100 %"
    if part <= 0:
        return "0 %"
    per_cent = 100 * part / whole
    if per_cent < 0.1:
        return "under 0.1 %"
    return f"{min(per_cent, 99.9):.1f} %"


def duration(seconds: float) -> str:
    """A stretch of time in one unit, of which there are two at least or no smaller ones: "36 hours", "12 days"."""
    for name, step in (("year", 365 * 86_400), ("day", 86_400), ("hour", 3_600), ("minute", 60)):
        many = round(seconds / step)
        if many >= (2 if name in {"year", "day"} else 1):
            return f"{many:,} {name}{'' if many == 1 else 's'}"
    return "less than a minute"


def ago(seconds: float) -> str:
    """How long ago: "2 hours ago", "just now"."""
    return "just now" if seconds < 60 else f"{duration(seconds)} ago"


def problems(happened: dict[str, int]) -> list[tuple[int, str]]:
    """What went wrong, as counts and words, the most frequent first. Events that are none, or unknown, are not told."""
    counted = [(many, PROBLEMS[what]) for what, many in happened.items() if many > 0 and what in PROBLEMS]
    return [(many, words[many != 1]) for many, words in sorted(counted, key=lambda one: (-one[0], one[1]))]


__all__ = ["ago", "duration", "number", "problems", "share", "size"]
