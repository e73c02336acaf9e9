"""What can go wrong between a volunteer and its tracker: each a PairtrawlError.

AwayError       not to be reached, or answers nonsense: what is to be told is kept, and told later
RefusedError    the tracker has understood, and says no: telling it again would not help
ChildLostError  the process of a job ended before the job did
"""

from __future__ import annotations

from crawler.errors import PairtrawlError


class AwayError(PairtrawlError):
    """Nobody answers, or not as a tracker does. `retry_after`: seconds that were asked for, None where none were."""

    def __init__(self, what: str, retry_after: float | None = None, code: str = "") -> None:
        super().__init__(what)
        self.retry_after = retry_after
        #: the tracker's own word, where it was one: "no_room"
        self.code = code


class RefusedError(PairtrawlError):
    """The tracker says no. `code` is for programs, the message for people."""

    def __init__(self, status: int, code: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(f"{message} ({status} {code})")
        self.status = status
        self.code = code
        self.retry_after = retry_after


class ChildLostError(PairtrawlError):
    """The process of a job died, or was ended for its memory. `local`: this machine's fault, and not the job's."""

    def __init__(self, what: str, *, local: bool) -> None:
        super().__init__(what)
        self.local = local
