"""How a row of a rebuild ends, by what was recorded and what came."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.outcome import Outcome, compare, fault_by_policy, outcome_of, outcome_of_reason
from crawler.records import Expected, Fault
from crawler.statuses import STATUS_OF_FAULT

MD5, OTHER_MD5 = "ab" * 16, "cd" * 16
SHA256 = "12" * 32
PHASH = 0xF0F0_A5A5_3C3C_9696
PDQ = int("f0e1d2c3b4a59687" * 4, 16)


def near_by(bits: int, one: int) -> int:
    """A hash that differs in so many bits."""
    return one ^ ((1 << bits) - 1)


COMPARED: list[tuple[Expected, Expected, Outcome]] = [
    (Expected(md5=MD5), Expected(md5=MD5, sha256=SHA256), Outcome.IDENTICAL),
    (Expected(md5=MD5), Expected(md5=OTHER_MD5), Outcome.CHANGED),
    # a list that contradicts itself vouches for nothing
    (Expected(md5=MD5, sha256=SHA256), Expected(md5=MD5, sha256="34" * 32), Outcome.CHANGED),
    (Expected(), Expected(md5=MD5, phash=PHASH), Outcome.UNVERIFIED),
    # hashes of another kind than was computed say nothing
    (Expected(sha512="56" * 64), Expected(md5=MD5), Outcome.UNVERIFIED),
    # sizes alone never tell
    (Expected(width=640, height=480), Expected(width=640, height=480), Outcome.UNVERIFIED),
    (Expected(md5=MD5, width=640), Expected(md5=OTHER_MD5, width=640), Outcome.CHANGED),
    # perceptual: without exact ones it is near, never identical
    (Expected(phash=PHASH), Expected(phash=PHASH), Outcome.NEAR),
    (Expected(phash=PHASH), Expected(phash=near_by(4, PHASH)), Outcome.NEAR),
    (Expected(phash=PHASH), Expected(phash=near_by(5, PHASH)), Outcome.CHANGED),
    (Expected(md5=MD5, phash=PHASH), Expected(md5=OTHER_MD5, phash=near_by(2, PHASH)), Outcome.NEAR),
    (Expected(pdq=PDQ), Expected(pdq=near_by(31, PDQ), pdq_quality=50), Outcome.NEAR),
    (Expected(pdq=PDQ), Expected(pdq=near_by(32, PDQ), pdq_quality=50), Outcome.CHANGED),
    # where the PDQ means something the pHash is not asked
    (Expected(pdq=PDQ, phash=PHASH), Expected(pdq=near_by(60, PDQ), pdq_quality=90, phash=PHASH), Outcome.CHANGED),
    # and where it does not, the pHash is
    (Expected(pdq=PDQ, phash=PHASH), Expected(pdq=PDQ, pdq_quality=49, phash=near_by(9, PHASH)), Outcome.CHANGED),
    (Expected(pdq=PDQ, pdq_quality=12), Expected(pdq=PDQ, pdq_quality=90), Outcome.UNVERIFIED),
    # pictures of one colour all look alike
    (Expected(phash=0), Expected(phash=0), Outcome.UNVERIFIED),
    (Expected(md5=MD5, phash=1 << 63), Expected(md5=OTHER_MD5, phash=1 << 63), Outcome.CHANGED),
    # a hash of unknown make can say yes, and not no
    (Expected(perhaps_phash=PHASH), Expected(phash=near_by(3, PHASH)), Outcome.NEAR),
    (Expected(perhaps_phash=PHASH), Expected(phash=near_by(30, PHASH)), Outcome.UNVERIFIED),
]


@pytest.mark.parametrize(("expected", "received", "outcome"), COMPARED)
def test_what_was_received_beside_what_was_recorded(expected: Expected, received: Expected, outcome: Outcome) -> None:
    assert compare(expected, received) is outcome


# checklist 53
@given(st.text(), st.integers(0, 2**64 - 1), st.integers(0, 2**256 - 1))
def test_without_a_recorded_hash_nothing_is_ever_called_identical(md5: str, phash: int, pdq: int) -> None:
    received = Expected(md5=md5, sha256=md5, phash=phash, pdq=pdq, pdq_quality=100)
    assert compare(Expected(width=1, height=1), received) is Outcome.UNVERIFIED
    assert compare(Expected(phash=phash, pdq=pdq), received) is not Outcome.IDENTICAL


def test_every_fault_has_an_outcome_and_filters_block() -> None:
    compared = {Fault.HASH_MISMATCH, Fault.HASH_MISSING}
    outcomes = {fault: outcome_of_reason(fault) for fault in STATUS_OF_FAULT if fault not in compared}
    assert set(outcomes.values()) == {Outcome.DEAD, Outcome.REFUSED, Outcome.BLOCKED, Outcome.FAILED}
    assert outcomes[Fault.HTTP_GONE] is Outcome.DEAD
    assert outcomes[Fault.ROBOTS_REFUSED] is Outcome.REFUSED
    assert outcomes[Fault.TIMEOUT] is Outcome.FAILED
    assert outcome_of_reason("hash_removal") is Outcome.BLOCKED


def test_a_row_without_picture_and_reason_is_our_bug() -> None:
    with pytest.raises(ValueError, match="without a picture"):
        outcome_of(Expected(), None)
    assert outcome_of(Expected(md5=MD5), Expected(md5=OTHER_MD5), Fault.HASH_MISMATCH) is Outcome.CHANGED
    assert outcome_of(Expected(md5=MD5), None, Fault.TIMEOUT) is Outcome.FAILED


KEPT_BY = {
    "strict": {Outcome.IDENTICAL},
    "near": {Outcome.IDENTICAL, Outcome.NEAR, Outcome.UNVERIFIED},
    "refresh": {Outcome.IDENTICAL, Outcome.NEAR, Outcome.UNVERIFIED, Outcome.CHANGED},
}


@pytest.mark.parametrize("policy", ["strict", "near", "refresh"])
def test_a_policy_keeps_what_it_says(policy: str) -> None:
    compared = (Outcome.IDENTICAL, Outcome.NEAR, Outcome.CHANGED, Outcome.UNVERIFIED)
    kept = {outcome for outcome in compared if fault_by_policy(policy, outcome) is None}  # type: ignore[arg-type]  # one of the three
    assert kept == KEPT_BY[policy]
    assert fault_by_policy("strict", Outcome.UNVERIFIED) is Fault.HASH_MISSING
