"""What the register of takedowns says of itself: the shapes of its JSON files. Frozen values; no I/O."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from crawler.errors import PairtrawlError


class TakedownError(PairtrawlError):
    """A takedown cannot be done as it was asked for; nothing was changed. The message says what to do."""


class Reason(StrEnum):
    """Why something is removed: a class, for the record. Nothing of it is published."""

    ILLEGAL = "illegal"  # must not be kept or shown by anybody
    PRIVACY = "privacy"  # a person asks for it
    COPYRIGHT = "copyright"
    OPT_OUT = "opt_out"  # a site's or a page's owner does not want this use
    POISONED = "poisoned"  # it is not what it was said to be: a worker that cheated, a domain that changed hands
    OTHER = "other"


class Register(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`register.json`."""

    created: str  # ISO 8601, day
    format: str = "pairtrawl-register-1"


class Takedown(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`takedown.json`: numbers and words, and nothing that names what is removed."""

    id: str
    made_at: int  # seconds since 1970, UTC
    reason: Reason
    authority: str  # on whose word: an office, a law, the number of a ticket
    dataset: str
    versions: tuple[str, ...]  # commits that were looked through
    entries: dict[str, int]  # of the lists, by kind
    rows: int  # different ones that matched
    of_rows: int  # that were looked at: all that are stored, of all versions
    by_kind: dict[str, int]  # stored rows by what matched; a row may be counted more than once
    confidential: bool  # whether the numbers below ten must not be shown
    #: key files of lists that came compiled, by the name of their file here
    keys: dict[str, str] = {}
    worker: str = ""
    since: int | None = None
    until: int | None = None


class Reissue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`reissue.json`: what nobody outside may know of a re-issue. Numbers are of rows of the version before."""

    id: str
    made_at: int
    dataset: str
    base: str  # the commit that was published before
    commit: str  # the new one; "" as long as it is decided and not made
    takedowns: tuple[str, ...]  # those that are done with it
    classes: tuple[str, ...]  # what is published of reasons
    rows_before: int
    rows_after: int
    real: int  # because of takedowns
    by_policy: int  # by policies alone
    decoys: int  # for no other reason than that they were drawn
    burial: int  # neutral rows for each real one, at least
    adds: bool = False  # whether the new version has shards that the one before has not
