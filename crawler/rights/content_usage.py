"""What a Content-Usage value says may be done with content (IETF AIPREF drafts): the border to http-sf.

`Content-Usage: train-ai=n, search=y` is a dictionary of RFC 9651: as a header (draft-ietf-aipref-attach) and, behind a
path, as a line of robots.txt. The drafts are not done: the labels (draft-ietf-aipref-vocab) changed from one to the
next, and there are sites that follow each of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import http_sf

#: longer values are not parsed, nor any part of them; no honest statement comes near
_MOST_CHARACTERS = 4_096
_ALLOWED = {"y": True, "n": False}

#: labels that mean the training of models: `ai` and `genai` in the vocabulary's first drafts (spring of 2025),
#: `train-ai` and `train-genai` in the next, `train-ai` alone in the latest. A data set cannot tell which models will be
#: made of it, so a no to generative ones alone counts
_TRAINING = ("train-ai", "train-genai", "ai", "genai")
#: labels that mean all automated use, training among it: `tdm` in the first drafts, `all` and `bots` in the next. There
#: a statement on the narrower use comes before one on the wider
_EVERYTHING = ("tdm", "all", "bots")


def usage_of(values: Iterable[str]) -> dict[str, bool]:
    """The preferences in the Content-Usage values of one message, label by label: True is allowed, False disallowed.

    Several values are lines of one header and are joined (RFC 9651 section 4.2). Labels are as written: they are case
    sensitive. What has another value than the tokens `y` and `n` is unknown and has no entry; where a label is repeated
    its last value counts; parameters are ignored. A value that is no dictionary is {}, as the draft asks. Never raises.
    """
    joined = ", ".join(value for value in values if value.strip())
    if not joined or len(joined) > _MOST_CHARACTERS or not joined.isascii():
        return {}
    try:
        # a tab may stand around a header's value, but http-sf takes off spaces alone
        dictionary = http_sf.parse(joined.strip().encode("ascii"), tltype="dictionary")
    except (ValueError, OverflowError, OSError):
        return {}  # a StructuredFieldError is a ValueError; the others are dates beyond the calendar, in http-sf 1.2
    assert isinstance(dictionary, dict)  # as asked for
    usage: dict[str, bool] = {}
    for label, member in dictionary.items():
        value = member[0] if isinstance(member, tuple) else member
        if isinstance(value, http_sf.Token) and str(value) in _ALLOWED:
            usage[label] = _ALLOWED[str(value)]
    return usage


def most_restrictive(*usages: Mapping[str, bool]) -> dict[str, bool]:
    """Several statements about one thing as one: a no anywhere is a no, else a yes anywhere is a yes (vocab, 5.1)."""
    combined: dict[str, bool] = {}
    for usage in usages:
        for label, allowed in usage.items():
            combined[label] = allowed and combined.get(label, True)
    return combined


def refuses_training(usage: Mapping[str, bool]) -> bool:
    """Whether preferences clearly say no to training models on the content, in the words of any draft so far."""
    training = [usage[label] for label in _TRAINING if label in usage]
    if training:
        return not all(training)
    return not all(usage.get(label, True) for label in _EVERYTHING)
