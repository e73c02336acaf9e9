"""How a picture came to be, in the vocabulary of the IPTC: cv.iptc.org/newscodes/digitalsourcetype."""

from __future__ import annotations

import re

#: the vocabulary of 2026, retired terms included, and c2pa.org's own two
_TERMS = {
    term.lower(): term
    for term in (
        "trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "compositeSynthetic", "algorithmicMedia",
        "algorithmicallyEnhanced", "dataDrivenMedia", "virtualRecording", "composite", "compositeCapture",
        "digitalCapture", "computationalCapture", "multiFrameComputationalCapture", "screenCapture", "negativeFilm",
        "positiveFilm", "print", "humanEdits", "minorHumanEdits", "digitalCreation", "digitalArt", "softwareImage",
        "trainedAlgorithmicData", "empty",
    )
}  # fmt: skip
_TERM = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,47}")


def source_type(written: str) -> str:
    """The term of a written source type: of its address, http or https, of its QCode, or the bare word; "" if none.

    A term that the vocabulary does not have (yet) is taken as it is written.
    """
    word = re.split(r"[/:#]", written[:300].strip().rstrip("/"))[-1]
    found = _TERM.fullmatch(word)
    return _TERMS.get(word.lower(), word) if found else ""
