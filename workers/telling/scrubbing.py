"""Texts of events without what must not be kept: passwords and signatures in addresses, and more than anybody reads."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from workers.telling.events import Event, Failure, JobEnded, RunEnded, Said

#: characters of a text; a traceback of ours has some 3,000
_LONGEST: Final = 4_000
#: "//user:password@host"
_USER = re.compile(r"(?<=://)[^/\s@'\"]{1,500}@")
#: all of a query, for a signature can have any name there: "?X-Amz-Signature=...", "?sig=..."
_QUERY = re.compile(r"(://[^\s?#'\"]{1,2000})\?[^\s'\"]{1,4000}")


def scrubbed(event: Event) -> Event:
    """The event as it may be kept: addresses in its text have no user, no password and no query, and it has an end."""
    match event:
        case Said() | Failure():
            return msgspec.structs.replace(event, text=without_secrets(event.text))
        case RunEnded(stopped=stopped) if stopped:
            return msgspec.structs.replace(event, stopped=without_secrets(stopped))
        case JobEnded() if event.report and event.report.incomplete:
            report = msgspec.structs.replace(event.report, incomplete=without_secrets(event.report.incomplete))
            return msgspec.structs.replace(event, report=report)
    return event


def without_secrets(text: str) -> str:
    """The text without what stands for a secret in an address, cut after 4,000 characters."""
    shown = _QUERY.sub(r"\1?...", _USER.sub("...@", text))
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]} ... ({len(shown):,} characters)"
