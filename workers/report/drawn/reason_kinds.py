"""What kind of a reason a reason is, so that the same kind has the same colour wherever it is drawn."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from crawler.reasons import REASONS
from crawler.records import Fault

#: kind -> what it is, in the words of the drawings' keys; the order is that of the keys
KINDS = {
    "filter": "a filter of the recipe",
    "again": "there is one already",
    "refused": "not allowed: somebody said no, or an address that we never ask for",
    "web": "the web's failure: gone, broken, too slow",
    "unusable": "nothing to use: no page, no text, no address",
    "waiting": "not looked at yet",
}
_AGAIN = {
    "repeated", Fault.DUPLICATE.value, Fault.SEEN_EARLIER.value, Fault.HOST_CAP.value, Fault.PLACEHOLDER.value,
    Fault.REPEATED_FILE.value, Fault.LOOK_ALIKE.value,
}  # fmt: skip
_REFUSED = {
    Fault.URL_REFUSED.value, Fault.PAGE_OPTED_OUT.value, Fault.ROBOTS_REFUSED.value, Fault.ROBOTS_UNKNOWN.value,
    Fault.SITE_OPTED_OUT.value, Fault.ADDRESS_REFUSED.value, Fault.IMAGE_OPTED_OUT.value, "c2pa_opt_out",
}  # fmt: skip
_FAULTS = frozenset(one.value for one in Fault)


_DECODING = {
    Fault.NOT_AN_IMAGE.value, Fault.FORMAT_REFUSED.value, Fault.TOO_MANY_PIXELS.value, Fault.IMAGE_BROKEN.value,
    Fault.DECODER_KILLED.value,
}  # fmt: skip
_PLANNING = {Fault.DUPLICATE.value, Fault.SEEN_EARLIER.value, Fault.HOST_CAP.value}
_LAST = {Fault.PLACEHOLDER.value, Fault.REPEATED_FILE.value, Fault.LOOK_ALIKE.value}
_FOLDERS = {"candidates": "fetched", "bodies": "decoded", "pictures": "kept"}


def place_of(reason: str) -> str:
    """What a row with this reason has not become: "planned", "fetched", "decoded", "kept"; "" where nobody knows.

    Filters of candidates are taken for those that judge again before a row is fetched: a table has no others.
    """
    if reason in _PLANNING:
        return "planned"
    if reason in _LAST:
        return "kept"
    if reason in _DECODING:
        return "decoded"
    if reason in _FAULTS:
        return "fetched"
    return _FOLDERS.get(folder_of(reason), "")


@cache
def folder_of(reason: str) -> str:
    """The folder of the filter of this name; "" where there is no such filter."""
    if re.fullmatch(r"[a-z][a-z0-9_]*", reason) is None:  # becomes part of a path below
        return ""
    return next((one for one in _FOLDERS if (files("filters") / one / f"{reason}.py").is_file()), "")


def kind_of(reason: str) -> str:
    """A key of KINDS."""
    if reason in _AGAIN:
        return "again"
    if reason in _REFUSED:
        return "refused"
    if reason in _FAULTS:
        return "web"
    if reason in REASONS:
        return "unusable"
    return "web" if reason.startswith("failed_to_") else "filter"  # as img2dataset says it
