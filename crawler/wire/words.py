"""What answers and failures say of their host: the words that the desk is told when a turn ends."""

from __future__ import annotations

from collections.abc import Callable

from crawler.courtesy.desk import Heard, Word
from crawler.courtesy.etiquette import retry_after_seconds
from crawler.records import Fault
from crawler.wire.answers import Answer

#: statuses that ask for patience, and after which the same request may well be answered
PATIENCE = frozenset((429, 502, 503, 504))
#: what can be wrong with an answer although somebody is at home and answers
_AT_HOME = frozenset((Fault.BODY_TOO_LARGE, Fault.BAD_ENCODING, Fault.ADDRESS_REFUSED, Fault.URL_REFUSED))


_ANSWERED, _FAILED = Word(Heard.ANSWERED), Word(Heard.FAILED)


def word_of(answer: Answer, now: Callable[[], float]) -> Word:
    """The word of an answer; `now` gives seconds since 1970, for a Retry-After that is a date."""
    if answer.status in PATIENCE:
        written, date = (next(iter(answer.values(name)), "") for name in ("retry-after", "date"))
        return Word(Heard.PATIENCE, retry_after_seconds(written, server_date=date, now=now()))
    return _FAILED if 500 <= answer.status <= 599 else _ANSWERED


def word_after(fault: Fault) -> Word:
    """The word of a request that came to nothing, by its fault."""
    return _ANSWERED if fault in _AT_HOME else _FAILED
