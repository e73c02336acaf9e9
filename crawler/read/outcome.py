"""What a record of an archive can turn out to be, other than a page."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Skip(StrEnum):
    """Why a record of an archive is not a page. The values are report columns (docs/reasons.md)."""

    #: warcinfo, request, metadata, revisit, resource, conversion; in a WAT file the description of one of these
    NOT_A_RESPONSE = "not_a_response"
    #: an HTTP response with another status than 200
    NOT_OK = "not_ok"
    #: neither the server nor the crawler called it HTML or XHTML
    NOT_HTML = "not_html"
    #: the address of the page is not http or https
    BAD_PAGE_URL = "bad_page_url"
    #: its bytes cannot be had: damaged compression, a length that is not true, or no record at all
    BROKEN_RECORD = "broken_record"
    #: unpacked, it is larger than any page (`RECORD_BYTES`)
    RECORD_TOO_LARGE = "record_too_large"
    #: its bytes are not those that its WARC-Block-Digest was made of
    WRONG_DIGEST = "wrong_digest"
    #: a response without a readable HTTP status line and header
    BROKEN_HTTP = "broken_http"
    #: its content coding is unknown, stacked, or does not unpack
    BAD_CODING = "bad_coding"
    #: a WAT record whose JSON does not say which page it describes
    BROKEN_JSON = "broken_json"
    #: a row of a list that is no row: no JSON object, another number of fields than columns, bytes that are not UTF-8
    BROKEN_ROW = "broken_row"


class Skipped(msgspec.Struct, frozen=True, gc=False):
    """A record that is not a page, and why."""

    reason: Skip
    offset: int  # in bytes as stored; in a file compressed as a whole, in bytes unpacked
    detail: str = ""  # for people, never for counting


class Incomplete(msgspec.Struct, frozen=True, gc=False):
    """The archive ends in the middle of a record: the download was cut short. At most one, and the last of all."""

    offset: int  # of the record that is cut, as in `Skipped`
    detail: str
