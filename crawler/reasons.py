"""What every reason means, in plain words: for the report page, and compared with docs/reasons.md by a test.

Filters are not here: the first line of a filter's file says what it keeps, and its file name is the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from crawler.records import Fault

#: reason -> one sentence that says what happened, to somebody who has not read the code
REASONS: Mapping[str, str] = MappingProxyType({
    # records of archives that are no pages
    "not_a_response": "A record that is no answer of a server: a request, or a note of the crawler. Three of four are.",
    "not_ok": "The page's server had answered with another status than 200.",
    "not_html": "The answer is no HTML page.",
    "bad_page_url": "The page's own address is not http or https.",
    "broken_record": "The record cannot be read: damaged compression, or a wrong length.",
    "record_too_large": "The record is larger than any page.",
    "wrong_digest": "The record's bytes are not those that its checksum was made of.",
    "broken_http": "The answer has no readable status line and header.",
    "bad_coding": "The page's compression is unknown, or does not unpack.",
    "broken_json": "A WAT record that does not say which page it describes.",
    "broken_row": "A row of a list that cannot be read: no JSON, a field too many or too few, or not UTF-8.",
    # images of pages that are no candidates
    "no_text": "The page says nothing about the image, in none of the ways that the recipe listens to.",
    "no_address": "The image's link is missing or leads nowhere on the web, such as a picture inside the page (data:).",
    "url_too_long": "The image's address is longer than the recipe allows.",
    "repeated": "The same image with the same text again on one page, such as the twin for readers without scripts.",
    "over_limit": "The page has more images than the recipe takes from one page.",
    "unreadable": "The description of the page is damaged; how many images it held is not known, so it counts as one.",
    # candidates that were not planned, did not come, or are no pictures
    Fault.DUPLICATE.value: "The same image address with the same text came up before; only the first is fetched.",
    Fault.SEEN_EARLIER.value: "An earlier run that the recipe names already has this image address with this text.",
    Fault.HOST_CAP.value: "The image's host already has as many rows as the recipe allows for one host.",
    Fault.URL_REFUSED.value: "Not an address that we ask for: malformed, private, a bare IP, not http(s), an odd port.",
    Fault.PAGE_OPTED_OUT.value: "The page says that its images are not for this use; nothing was asked for.",
    Fault.ROBOTS_REFUSED.value: "The host's robots.txt keeps us out; nothing was asked for.",
    Fault.ROBOTS_UNKNOWN.value: "The host's robots.txt cannot be had (an error, not its absence), so all is refused.",
    Fault.SITE_OPTED_OUT.value: "The host reserves this use in robots.txt, tdmrep.json or ai.txt; it was not asked.",
    Fault.HOST_BUSY.value: "Its turn at the site would have come too late: we ask slower than it has images.",
    Fault.HOST_DOWN.value: "The host failed several times in a row just before, so it was left alone for a while.",
    Fault.ADDRESS_REFUSED.value: "The host stands in a private or reserved network, where a crawler has no business.",
    Fault.DNS_FAILED.value: "The host's name leads nowhere: no name server knows an address for it.",
    Fault.CONNECT_FAILED.value: "No connection: the host did not answer, refused, or hung up without a word.",
    Fault.TLS_FAILED.value: "The host could not prove who it is: its certificate is wrong or out of date.",
    Fault.TIMEOUT.value: "The server took longer than the recipe allows, from first look-up to last byte.",
    Fault.TOO_SLOW.value: "The bytes came more slowly than the recipe allows: a server that drips, or a broken line.",
    Fault.PROTOCOL_ERROR.value: "What the server said is not HTTP, or breaks its rules.",
    Fault.HTTP_GONE.value: "The image is no longer there: 404 or 410.",
    Fault.HTTP_FORBIDDEN.value: "The server does not want to give it to us: 401, 402, 403 or 451.",
    Fault.HTTP_RATE_LIMITED.value: "The server asks for less haste: 429 or 503. A later run may get the image.",
    Fault.HTTP_SERVER_ERROR.value: "The server failed: 500 or more, except 503. A later run may get the image.",
    Fault.HTTP_OTHER.value: "The server answered with some other status that is not 200.",
    Fault.TOO_MANY_REDIRECTS.value: "The server sent us on more often than the recipe allows, perhaps in a circle.",
    Fault.BODY_TOO_LARGE.value: "The answer has more bytes than the recipe allows; reading stopped there.",
    Fault.BODY_TRUNCATED.value: "The connection ended before all promised bytes had come.",
    Fault.BODY_EMPTY.value: "The server said 200 and sent nothing.",
    Fault.BAD_ENCODING.value: "The bytes are not in the compression that the server named.",
    Fault.IMAGE_OPTED_OUT.value: "The answer that brought the image says that it is not for this use; it was let go.",
    Fault.NOT_AN_IMAGE.value: "What came is no raster image: most often a web page, sometimes a drawing (SVG).",
    Fault.FORMAT_REFUSED.value: "An image, but of a format that the recipe does not accept.",
    Fault.TOO_MANY_PIXELS.value: "The header announces more pixels than the recipe accepts; nothing was decoded.",
    Fault.IMAGE_BROKEN.value: "The file begins like an image, but cannot be decoded.",
    Fault.DECODER_KILLED.value: "The decoder crashed, or needed more memory or time than an honest picture does.",
    Fault.HASH_MISMATCH.value: "Other bytes than the list of the rebuild recorded; its policy keeps no such picture.",
    Fault.HASH_MISSING.value: "The list of the rebuild recorded no hash, and its policy keeps identical pictures only.",
    Fault.PLACEHOLDER.value: "One file under many addresses with many captions: a notice such as 'not available'.",
    Fault.REPEATED_FILE.value: "The same file, byte for byte, came before: in this run, or in one that it names.",
    Fault.LOOK_ALIKE.value: "The picture looks like one that the same job kept before (PDQ within the recipe's bits).",
})  # fmt: skip
