from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.seen.keys import PARTITION_BITS, PARTITIONS, come_again, keys_of
from tests.contract_seen import sha

HEX32 = st.binary(min_size=16, max_size=16).map(bytes.hex)


@given(st.lists(HEX32, max_size=30))
def test_a_key_is_the_first_76_bits_of_a_hash(hexes: list[str]) -> None:
    keys = keys_of(hexes)
    assert [(int(one["part"]) << 64) | int(one["tail"]) for one in keys] == [int(one[:19], 16) for one in hexes]
    assert (keys["part"] < PARTITIONS).all()
    assert 1 << PARTITION_BITS == PARTITIONS


def test_a_long_hash_has_the_key_of_its_beginning() -> None:
    assert keys_of([sha("boat")]) == keys_of([sha("boat")[:32]])
    assert keys_of([sha("boat").upper()]) == keys_of([sha("boat")])


@given(st.lists(st.sampled_from([sha(one) for one in "abcdef"]), max_size=20))
def test_what_comes_again_is_what_a_set_would_find(hexes: list[str]) -> None:
    assert come_again(keys_of(hexes)).tolist() == [one in hexes[:place] for place, one in enumerate(hexes)]


@pytest.mark.parametrize(
    "hexes", [["12ab"], [""], ["g" * 32], [" " * 32], ["a" * 31], ["0" * 32, "0" * 64], ["0" * 30 + "  ", "0" * 32]]
)
def test_what_is_no_hash_has_no_key(hexes: list[str]) -> None:
    with pytest.raises(ValueError, match="hex"):
        keys_of(hexes)
