"""How a row of a rebuild ends: what its address gives now, beside what the list recorded when it was made.

Exact hashes decide first, then perceptual ones; sizes decide nothing, for servers scale pictures and different pictures
have equal sides. Pure functions.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from crawler.records import Expected, Fault, Hashes

Policy = Literal["strict", "near", "refresh"]

#: what the makers of PDQ call a confident match, and the quality below which a picture is too plain for it
NEAR_PDQ_BITS = 31
LEAST_PDQ_QUALITY = 50
#: at 4 of 64 bits one unrelated pair in 10^13 is near; re-encoding and scaling mostly move none
NEAR_PHASH_BITS = 4
#: of a pHash with fewer ones or fewer zeros than this, of 64, nothing follows: pictures of one colour have it
_FEWEST_BITS = 11
#: the exact kinds, longest first
_EXACT = ("sha512", "sha256", "sha1", "md5")


class Outcome(StrEnum):
    """How a row of a rebuild ended. The values are those of the column `outcome`."""

    #: what was received is, byte for byte, what the list recorded
    IDENTICAL = "identical"
    #: other bytes of the same picture, by its perceptual hash
    NEAR = "near"
    #: other bytes, and not known to be the same picture
    CHANGED = "changed"
    #: a picture was received, and the list recorded nothing to compare it with
    UNVERIFIED = "unverified"
    #: nothing there that could come back: no such host or file, no address, no picture at it
    DEAD = "dead"
    #: whoever owns it says no
    REFUSED = "refused"
    #: we say no: a removal list, a filter, a limit of the recipe
    BLOCKED = "blocked"
    #: another time it may go better
    FAILED = "failed"


_OF_FAULT: dict[Fault, Outcome] = {
    **dict.fromkeys((
        Fault.URL_REFUSED, Fault.DNS_FAILED, Fault.HTTP_GONE, Fault.HTTP_OTHER, Fault.TOO_MANY_REDIRECTS,
        Fault.BODY_EMPTY, Fault.NOT_AN_IMAGE, Fault.PLACEHOLDER,
    ), Outcome.DEAD),
    **dict.fromkeys((
        Fault.PAGE_OPTED_OUT, Fault.ROBOTS_REFUSED, Fault.SITE_OPTED_OUT, Fault.HTTP_FORBIDDEN, Fault.IMAGE_OPTED_OUT,
    ), Outcome.REFUSED),
    **dict.fromkeys((
        Fault.DUPLICATE, Fault.SEEN_EARLIER, Fault.HOST_CAP, Fault.ADDRESS_REFUSED, Fault.BODY_TOO_LARGE,
        Fault.FORMAT_REFUSED, Fault.TOO_MANY_PIXELS, Fault.REPEATED_FILE, Fault.LOOK_ALIKE,
    ), Outcome.BLOCKED),
    **dict.fromkeys((
        Fault.ROBOTS_UNKNOWN, Fault.HOST_BUSY, Fault.HOST_DOWN, Fault.CONNECT_FAILED, Fault.TLS_FAILED, Fault.TIMEOUT,
        Fault.TOO_SLOW, Fault.PROTOCOL_ERROR, Fault.HTTP_RATE_LIMITED, Fault.HTTP_SERVER_ERROR, Fault.BODY_TRUNCATED,
        Fault.BAD_ENCODING, Fault.IMAGE_BROKEN, Fault.DECODER_KILLED,
    ), Outcome.FAILED),
}  # fmt: skip
_COMPARED = frozenset({"", Fault.HASH_MISMATCH.value, Fault.HASH_MISSING.value})


def outcome_of(expected: Expected, received: Expected | None, reason: str = "") -> Outcome:
    """How a row ended.

    Args:
        expected: what the list recorded.
        received: the hashes of what came (`known_of`); None where no picture did.
        reason: why the row is not in the tar, a Fault or a filter's name; "" where it is.

    Raises:
        ValueError: neither a picture nor a reason.
    """
    if str(reason) in _COMPARED:
        if received is None:
            raise ValueError(f"a row without a picture and with the reason {reason!r}")
        return compare(expected, received)
    return outcome_of_reason(reason)


def outcome_of_reason(reason: str) -> Outcome:
    """How a row ended that is not in the tar for something else than its hashes; a filter's name is a block."""
    try:
        fault = Fault(reason)
    except ValueError:
        return Outcome.BLOCKED
    return _OF_FAULT[fault]


def compare(expected: Expected, received: Expected) -> Outcome:
    """What was received beside what was recorded: identical, near, changed, or unverified.

    Identical is what agrees in every exact hash that both sides have, and in one at least. Where the PDQ of both means
    something, it alone decides what is near; else the pHash does.
    """
    agree = [
        getattr(expected, kind) == getattr(received, kind)
        for kind in _EXACT
        if getattr(expected, kind) and getattr(received, kind)
    ]
    if agree and all(agree):
        return Outcome.IDENTICAL
    near = _is_near(expected, received)
    if near:
        return Outcome.NEAR
    return Outcome.UNVERIFIED if near is None and not agree else Outcome.CHANGED


def fault_by_policy(policy: Policy, outcome: Outcome) -> Fault | None:
    """Why a picture with this outcome of `compare` may not stay; None where it may."""
    if policy == "refresh" or outcome is Outcome.IDENTICAL:
        return None
    if policy == "near":
        return Fault.HASH_MISMATCH if outcome is Outcome.CHANGED else None
    return Fault.HASH_MISSING if outcome is Outcome.UNVERIFIED else Fault.HASH_MISMATCH


def known_of(hashes: Hashes, sha512: str = "") -> Expected:
    """The hashes of a picture in the form in which they are compared."""
    return Expected(
        md5=hashes.md5, sha1=hashes.sha1, sha256=hashes.sha256, sha512=sha512,
        phash=hashes.phash if "phash" in hashes.computed else None,
        pdq=hashes.pdq if "pdq" in hashes.computed else None,
        pdq_quality=hashes.pdq_quality if "pdq" in hashes.computed else None,
    )  # fmt: skip


def _is_near(expected: Expected, received: Expected) -> bool | None:
    """Whether the pictures look alike; None where nothing that was recorded can tell."""
    if expected.pdq is not None and received.pdq is not None and _is_telling(expected) and _is_telling(received):
        return (expected.pdq ^ received.pdq).bit_count() <= NEAR_PDQ_BITS
    if expected.perhaps_phash is not None and _is_near_phash(expected.perhaps_phash, received.phash):
        return True
    return _is_near_phash(expected.phash, received.phash)


def _is_near_phash(one: int | None, other: int | None) -> bool | None:
    if one is None or other is None:
        return None
    if not all(_FEWEST_BITS <= hash_.bit_count() <= 64 - _FEWEST_BITS for hash_ in (one, other)):
        return None
    return (one ^ other).bit_count() <= NEAR_PHASH_BITS


def _is_telling(one: Expected) -> bool:
    """Whether the PDQ means something, as far as its quality was recorded."""
    return one.pdq_quality is None or one.pdq_quality >= LEAST_PDQ_QUALITY
