"""The nouns: one small frozen record per stage, one meaning per field.

    Page  ->  Candidate  ->  Fetched  ->  Picture  ->  Sample          (or Rejected, at any arrow)

A stage is a verb that takes one record and returns the next one, or `Rejected`. No field means "not yet": what is not
known at a stage is not a field of its record. Absent text is the empty string.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import xxhash

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image


class Fault(StrEnum):
    """What can go wrong with a candidate outside of any filter. The values are report columns (docs/reasons.md)."""

    # plan
    DUPLICATE = "duplicate"
    SEEN_EARLIER = "seen_earlier"
    HOST_CAP = "host_cap"
    # before traffic
    URL_REFUSED = "url_refused"
    PAGE_OPTED_OUT = "page_opted_out"
    ROBOTS_REFUSED = "robots_refused"
    ROBOTS_UNKNOWN = "robots_unknown"
    SITE_OPTED_OUT = "site_opted_out"
    # its turn at the host
    HOST_BUSY = "host_busy"
    HOST_DOWN = "host_down"
    # the network
    ADDRESS_REFUSED = "address_refused"
    DNS_FAILED = "dns_failed"
    CONNECT_FAILED = "connect_failed"
    TLS_FAILED = "tls_failed"
    TIMEOUT = "timeout"
    TOO_SLOW = "too_slow"
    PROTOCOL_ERROR = "protocol_error"
    # the answer
    HTTP_GONE = "http_gone"
    HTTP_FORBIDDEN = "http_forbidden"
    HTTP_RATE_LIMITED = "http_rate_limited"
    HTTP_SERVER_ERROR = "http_server_error"
    HTTP_OTHER = "http_other"
    TOO_MANY_REDIRECTS = "too_many_redirects"
    BODY_TOO_LARGE = "body_too_large"
    BODY_TRUNCATED = "body_truncated"
    BODY_EMPTY = "body_empty"
    BAD_ENCODING = "bad_encoding"
    IMAGE_OPTED_OUT = "image_opted_out"
    # the decoder
    NOT_AN_IMAGE = "not_an_image"
    FORMAT_REFUSED = "format_refused"
    TOO_MANY_PIXELS = "too_many_pixels"
    IMAGE_BROKEN = "image_broken"
    DECODER_KILLED = "decoder_killed"
    # a rebuild
    HASH_MISMATCH = "hash_mismatch"
    HASH_MISSING = "hash_missing"
    # the job as a whole
    PLACEHOLDER = "placeholder"
    REPEATED_FILE = "repeated_file"
    LOOK_ALIKE = "look_alike"


class TextSource(StrEnum):
    """Where a caption was found on its page, best first: the order is the default preference."""

    ALT = "alt"
    FIGCAPTION = "figcaption"
    TITLE = "title"
    OG_IMAGE_ALT = "og_image_alt"
    OG_TITLE = "og_title"
    PAGE_TITLE = "page_title"
    #: no page, but a published list of addresses and captions: its rows have this one, and pages never do
    LIST = "list"


class ImageSource(StrEnum):
    """Which mark-up named the image, or that it stood in a list."""

    IMG_SRC = "img_src"
    SRCSET = "srcset"
    LAZY = "lazy"
    PICTURE = "picture"
    OG_IMAGE = "og_image"
    TWITTER_IMAGE = "twitter_image"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class HtmlPage:
    """One HTML response as a WARC file holds it."""

    url: str  # WARC-Target-URI as written; http or https
    archive: str  # name of the WARC file
    offset: int  # of the record in that file, in bytes as stored
    headers: tuple[tuple[str, str], ...]  # of the HTTP response, names in lower case
    body: bytes  # HTML, content coding removed


@dataclass(frozen=True, slots=True)
class WatPage:
    """One page as a WAT file describes it: links only, no HTML."""

    url: str
    archive: str  # name of the WARC file that the WAT record describes (its Container.Filename)
    offset: int  # of the page's record in that WARC file; -1 where the WAT file does not say
    envelope: bytes  # the JSON text of the record


# This and the next ones are made for every image of the web: a struct takes less than a fifth of the time of a frozen
# dataclass, and the garbage collector need not look at it (it cannot be part of a cycle).
class ListRow(msgspec.Struct, frozen=True, gc=False):
    """One row of a published list: image addresses with their captions."""

    url: str  # of the page that they stood on, or "" where the list does not say
    archive: str  # name of the list
    offset: int  # number of the row in the list, from 0, rows that cannot be read included
    images: tuple[tuple[str, str], ...]  # address and caption, both as written, "" where there is none; mostly one


Page = HtmlPage | WatPage | ListRow


class Caption(msgspec.Struct, frozen=True, gc=False):
    """A text for an image, and where on the page it was found."""

    source: TextSource
    text: str  # cleaned (crawler.captions); empty when the written text held nothing to read


class Tongue(msgspec.Struct, frozen=True, gc=False):
    """What a text is written in, as far as that can be told from so few words."""

    language: str = ""  # ISO 639-1, or "" where it cannot be told
    confidence: float = 0.0  # 0 to 1
    script: str = ""  # ISO 15924 of most of its letters, such as "Latn", or "" for a text without letters


class Expected(msgspec.Struct, frozen=True, gc=False):
    """What somebody recorded of a picture when they had it: what a rebuild compares with what it receives.

    Nothing of it has to be there: "" and 0 stand for what was not recorded, and a hash that was not is None.
    """

    md5: str = ""  # of the bytes as received, lower-case hex digits: 32
    sha1: str = ""  # 40
    sha256: str = ""  # 64
    sha512: str = ""  # 128
    phash: int | None = None  # 64 bits, as in `Hashes`
    #: a pHash of which nobody says how it was made: what it is near to is near, and what it is not near to says nothing
    perhaps_phash: int | None = None
    pdq: int | None = None  # 256 bits, as in `Hashes`
    pdq_quality: int | None = None  # 0 to 100
    width: int = 0  # as the file has it, before it is turned upright
    height: int = 0


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """One image link with its text, found on one page, before any network traffic."""

    image_url: str  # absolute, normalised (WHATWG), http or https, no fragment
    image_source: ImageSource
    caption: Caption  # the best one by preference
    other_captions: tuple[Caption, ...]  # further texts of the same image, never equal to the first
    page_url: str  # as written in the archive; "" where a list does not say
    archive: str  # name of the WARC file, or of the list
    offset: int  # of the page's record there; -1 where unknown; in a list the number of the row, from 0
    position: int  # of the image on its page, from 0
    licence: str  # Creative Commons address that the page links, or ""
    language: str  # BCP 47 primary tag that the page declares, or ""
    opt_outs: tuple[
        str, ...
    ]  # what the page says of its images' use, such as "meta robots: noai", "x-robots-tag: noai"
    written_src: str  # the link exactly as the page has it
    written_text: str  # the caption exactly as the page has it
    base_url: str  # what a relative link stands on: <base href> as written, or ""
    tongue: Tongue = Tongue()  # of the caption
    #: of a row of a rebuild: what its list recorded, maybe nothing. Its `written_src` is the row's `url`, its
    #: `image_url` is "" where that is no address, and its caption is as the list wrote it
    expected: Expected | None = None
    #: what is to be blurred in the picture: left, top, right, bottom, each as a share of its side, from 0 to 1
    boxes: tuple[tuple[float, float, float, float], ...] = ()

    @property
    def content_id(self) -> str:
        """128 bits in hex that name this pair everywhere: xxh3 of normalised image address and cleaned text."""
        return xxhash.xxh3_128_hexdigest(f"{self.image_url}\n{self.caption.text}".encode())


@dataclass(frozen=True, slots=True)
class Fetched:
    """An image as its server sent it."""

    candidate: Candidate
    body: bytes  # everything the server sent, never a prefix, content coding removed
    final_url: str  # after redirects
    content_type: str  # as sent, or ""
    opt_outs: tuple[str, ...]  # of the answers and the site, such as "x-robots-tag: noai", "tdmrep.json: 1"
    fetched_at: int  # seconds since 1970, UTC


@dataclass(frozen=True, slots=True)
class Header:
    """What an image file says of itself."""

    width: int  # before orientation is applied
    height: int
    format: str  # "JPEG", "PNG", ... as the decoder names it
    frames: int  # 1 for a still picture, 2 for any animation (frames are never counted: that is a bomb)
    orientation: int = 1  # by EXIF, 1 to 8: how the stored picture was turned to stand upright
    made_by: tuple[
        str, ...
    ] = ()  # marks of a generator or of its kind of source, such as "c2pa: trainedAlgorithmicMedia"
    exif: str = ""  # JSON text of what the camera wrote, as far as it is kept (`crawler.picture.exif`)


@dataclass(frozen=True, slots=True)
class Hashes:
    """What later lists will be matched against: exact hashes of the bytes received, the others before any crop.

    What the recipe does without (`decode.hashes`) is not in `computed`, and is "" or 0 here.
    """

    md5: str  # 32 hex digits
    sha1: str  # 40 hex digits
    sha256: str  # 64 hex digits
    phash: int  # 64 bits, imagehash's bit order (most significant first)
    pdq: int  # 256 bits, the order of its 64 hex digits
    pdq_quality: int  # 0 to 100; below 50 the picture is too plain for its PDQ to mean anything
    computed: frozenset[str] = frozenset(("md5", "sha1", "phash", "pdq"))  # beside sha256


@dataclass(frozen=True, slots=True)
class Earlier:
    """A picture that was received before and is taken over: its bytes as received are gone, its hashes are not."""

    candidate: Candidate
    known: Expected  # of what was received
    final_url: str  # after redirects; "" where it is not known


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded image: upright, RGB, 8 bits a channel, alpha on white."""

    fetched: Fetched
    header: Header
    hashes: Hashes
    pixels: Image  # mode RGB, at full size


class Embedded(NamedTuple):
    """What a model makes of a picture and of its caption. Their cosine is the sum of the products."""

    candidate: Candidate
    image: NDArray[np.float32]  # D numbers, of length one; all NaN where a model in float16 overflowed
    text: NDArray[np.float32]  # the same, of the caption
    model: str  # what made them: "model@sha256:first12 precision"


@dataclass(frozen=True, slots=True)
class Sample:
    """What goes into a shard: the encoded picture and everything known about it. The pixels are no longer held."""

    fetched: Fetched
    header: Header
    hashes: Hashes
    image: bytes  # encoded for the shard
    width: int  # of the encoded picture
    height: int
    scores: tuple[tuple[str, float | str], ...]  # column and value, in the order of the filters
    sha512: str = ""  # of the body, 128 hex digits; "" where neither recipe nor list asks for it


@dataclass(frozen=True, slots=True)
class Rejected:
    """The other way a candidate can end: `reason` is a Fault or a filter's name."""

    candidate: Candidate
    reason: str
    detail: str = ""  # for people, never for counting; never holds what a removal list names
    opt_outs: tuple[str, ...] = ()  # what was heard of site and answers before it ended, as in `Fetched`


@dataclass(frozen=True, slots=True)
class Verdict:
    """A filter's word on one record. `score` is kept in the row whichever way the verdict falls."""

    keep: bool
    score: float | None = None
    detail: str = ""
