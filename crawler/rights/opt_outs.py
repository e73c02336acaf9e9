"""Which of the words that owners of pages and images spoke refuse an image, by the recipe.

The words are the signals in a row: "x-robots-tag: noai", "tdm-reservation: 1" and "content-usage: train-ai=n" are
headers; "meta robots: noai" is an element of a page. Nothing is refused here that is not in the row, so that anybody
can judge anew. What a whole site says (robots.txt, tdmrep.json, ai.txt) is judged before a request is sent, in
`crawler.rights.sites`; its signals begin with the file's name and are passed over here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from crawler.rights.content_usage import refuses_training, usage_of
from crawler.rights.x_robots import directives_for
from crawler.settings import OptOuts

#: what a signal starts with that stood in a `<meta>` element of a page
META = "meta "


class _Signal(NamedTuple):
    written: str  # as in the row
    name: str  # lower case
    value: str
    is_meta: bool


def page_refusal(opt_outs: tuple[str, ...], settings: OptOuts, token: str) -> str:
    """The signal of a page that refuses its images, or "".

    `opt_outs` are a candidate's; `token` is our product token in lower case, by which `<meta name>` and X-Robots-Tag
    may name us. What a `<meta>` says of a reservation replaces what a header says (TDMRep).
    """
    if not opt_outs:  # nearly all pages
        return ""
    signals = [_signal(one) for one in opt_outs]
    reservations = [one for one in signals if one.name == "tdm-reservation" and one.value in ("0", "1")]
    stated = [one for one in reservations if one.is_meta] or reservations
    return _refusal(signals, stated, settings.page_directives, settings, token)


def answer_refusal(signals: tuple[str, ...], settings: OptOuts, token: str) -> str:
    """The signal among those of an image's answers, redirects included, that refuses it, or "".

    Each answer stands for itself: what one server reserved, the next cannot give free.
    """
    if not signals:  # nearly all answers
        return ""
    read = [_signal(one) for one in signals]
    reservations = [one for one in read if one.name == "tdm-reservation"]
    return _refusal(read, reservations, settings.image_directives, settings, token)


def _signal(written: str) -> _Signal:
    name, _, value = written.partition(":")
    name = name.strip().lower()
    return _Signal(written, name.removeprefix(META), value.strip(), name.startswith(META))


def _refusal(
    signals: Iterable[_Signal],
    reservations: Iterable[_Signal],
    directives: Iterable[str],
    settings: OptOuts,
    token: str,
) -> str:
    """The first signal that refuses; `reservations` are those that count."""
    refusing = {directive.lower() for directive in directives}
    for signal in signals:
        if _has_directives(signal, token):
            if not refusing.isdisjoint(directives_for([signal.value], token)):
                return signal.written
        elif signal.name == "content-usage" and settings.content_usage and refuses_training(usage_of([signal.value])):
            return signal.written
    if settings.tdm_reservation:
        return next((signal.written for signal in reservations if signal.value == "1"), "")
    return ""


def _has_directives(signal: _Signal, token: str) -> bool:
    """Whether it is a list of robots directives that we are meant to read."""
    return signal.name == "x-robots-tag" or (signal.is_meta and signal.name in ("robots", token))
