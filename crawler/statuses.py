"""What a row's `status` and `error_message` say: img2dataset's words, where it has some."""

from __future__ import annotations

import re
from http import HTTPStatus

from crawler.records import Fault

#: of a kept row; the others are below
SUCCESS = "success"
NOT_DOWNLOADED = "failed_to_download"
NOT_RESIZED = "failed_to_resize"
#: ours: a filter or the plan turned it down; img2dataset's readers take everything but `success` for absent
FILTERED = "filtered"

_URLOPEN = "<urlopen error {}>"

#: what img2dataset's `status` and `error_message` are for each fault; its own strings where it has one
STATUS_OF_FAULT: dict[Fault, tuple[str, str]] = {
    Fault.DUPLICATE: (FILTERED, "duplicate"),
    Fault.SEEN_EARLIER: (FILTERED, "seen in an earlier run"),
    Fault.HOST_CAP: (FILTERED, "too many rows of one host"),
    Fault.URL_REFUSED: (NOT_DOWNLOADED, "URL refused"),
    Fault.PAGE_OPTED_OUT: (NOT_DOWNLOADED, "Use of image disallowed by its page"),
    Fault.ROBOTS_REFUSED: (NOT_DOWNLOADED, "Use of image disallowed by robots.txt"),
    Fault.ROBOTS_UNKNOWN: (NOT_DOWNLOADED, "robots.txt unreachable"),
    Fault.SITE_OPTED_OUT: (NOT_DOWNLOADED, "Use of image disallowed by its site"),
    Fault.HOST_BUSY: (NOT_DOWNLOADED, "host busy"),
    Fault.HOST_DOWN: (NOT_DOWNLOADED, "host down"),
    Fault.ADDRESS_REFUSED: (NOT_DOWNLOADED, "address refused"),
    Fault.DNS_FAILED: (NOT_DOWNLOADED, _URLOPEN.format("[Errno -2] Name or service not known")),
    Fault.CONNECT_FAILED: (NOT_DOWNLOADED, _URLOPEN.format("[Errno 111] Connection refused")),
    Fault.TLS_FAILED: (NOT_DOWNLOADED, _URLOPEN.format("[SSL] TLS failed")),
    Fault.TIMEOUT: (NOT_DOWNLOADED, _URLOPEN.format("timed out")),
    Fault.TOO_SLOW: (NOT_DOWNLOADED, "too slow"),
    Fault.PROTOCOL_ERROR: (NOT_DOWNLOADED, "protocol error"),
    Fault.HTTP_GONE: (NOT_DOWNLOADED, "HTTP Error: gone"),
    Fault.HTTP_FORBIDDEN: (NOT_DOWNLOADED, "HTTP Error: forbidden"),
    Fault.HTTP_RATE_LIMITED: (NOT_DOWNLOADED, "HTTP Error: rate limited"),
    Fault.HTTP_SERVER_ERROR: (NOT_DOWNLOADED, "HTTP Error: server error"),
    Fault.HTTP_OTHER: (NOT_DOWNLOADED, "HTTP Error"),
    Fault.TOO_MANY_REDIRECTS: (NOT_DOWNLOADED, "too many redirects"),
    Fault.BODY_TOO_LARGE: (NOT_DOWNLOADED, "body too large"),
    Fault.BODY_TRUNCATED: (NOT_DOWNLOADED, "body truncated"),
    Fault.BODY_EMPTY: (NOT_DOWNLOADED, "body empty"),
    Fault.BAD_ENCODING: (NOT_DOWNLOADED, "bad content encoding"),
    # the words of img2dataset
    Fault.IMAGE_OPTED_OUT: (NOT_DOWNLOADED, "Use of image disallowed by X-Robots-Tag directive"),
    Fault.NOT_AN_IMAGE: (NOT_RESIZED, "Image decoding error"),
    Fault.FORMAT_REFUSED: (NOT_RESIZED, "image format refused"),
    Fault.TOO_MANY_PIXELS: (NOT_RESIZED, "image area too large"),
    Fault.IMAGE_BROKEN: (NOT_RESIZED, "Image decoding error"),
    Fault.DECODER_KILLED: (NOT_RESIZED, "Image decoding error"),
    Fault.HASH_MISMATCH: (NOT_DOWNLOADED, "hash mismatch"),
    Fault.HASH_MISSING: (NOT_DOWNLOADED, "no hash to compare with"),
    Fault.PLACEHOLDER: (FILTERED, "placeholder image"),
    Fault.REPEATED_FILE: (FILTERED, "repeated file"),
    Fault.LOOK_ALIKE: (FILTERED, "look-alike"),
}

_HTTP_FAULTS = frozenset((
    Fault.HTTP_GONE, Fault.HTTP_FORBIDDEN, Fault.HTTP_RATE_LIMITED, Fault.HTTP_SERVER_ERROR, Fault.HTTP_OTHER,
))  # fmt: skip
#: a status code in the detail makes the message img2dataset's, such as "HTTP Error 404: Not Found"
_HTTP_CODE = re.compile(r"\b[1-5][0-9]{2}\b")

#: filters that img2dataset has too, with its words, and its status
_MESSAGE_OF_FILTER = {"min_side": "image too small", "aspect": "aspect ratio too large"}


def status_of(reason: str, detail: str = "") -> tuple[str, str]:
    """img2dataset's status and error message for a reason; the status of a filter that it has not is "filtered"."""
    try:
        fault = Fault(reason)
    except ValueError:
        known = _MESSAGE_OF_FILTER.get(reason)
        return (NOT_RESIZED, known) if known else (FILTERED, f"filtered: {reason}")
    status, message = STATUS_OF_FAULT[fault]
    if fault in _HTTP_FAULTS and (found := _HTTP_CODE.search(detail)):
        message = _http_error(int(found[0]))
    return status, message


def _http_error(code: int) -> str:
    """The words of urllib for a status code, which are img2dataset's."""
    try:
        return f"HTTP Error {code}: {HTTPStatus(code).phrase}"
    except ValueError:
        return f"HTTP Error {code}"
