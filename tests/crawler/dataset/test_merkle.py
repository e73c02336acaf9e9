"""Merkle trees, against the published vectors of Certificate Transparency and against RFC 6962's own definition."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.dataset.merkle import EMPTY, Growing, inclusion_proof, leaf_hash, root_of, verify_inclusion

# google/certificate-transparency, merkletree/merkle_tree_test.cc: leaves, and the root over the first one, two, ... eight
LEAVES = [bytes.fromhex(one) for one in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
# the same file: leaf, size, path (there they are counted from 1)
PATHS = (
    (0, 1, ()),
    (0, 8, ("96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4")),
    (5, 8, ("bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7")),
    (2, 3, ("fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",)),
    (1, 5, ("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b")),
)  # fmt: skip


def by_definition(leaves: list[bytes]) -> bytes:
    """RFC 6962, 2.1, word for word."""
    if not leaves:
        return sha256().digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + by_definition(leaves[:k]) + by_definition(leaves[k:])).digest()


# invariant 30: published test vectors
@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_the_published_ones(size: int) -> None:
    assert root_of(LEAVES[:size]).hex() == ROOTS[size - 1]


# invariant 30: published test vectors
@pytest.mark.parametrize(("leaf", "size", "path"), PATHS)
def test_proofs_are_the_published_ones(leaf: int, size: int, path: tuple[str, ...]) -> None:
    proof = inclusion_proof(LEAVES[:size], leaf)
    assert [one.hex() for one in proof] == list(path)
    assert verify_inclusion(bytes.fromhex(ROOTS[size - 1]), LEAVES[leaf], leaf, size, proof)


def test_a_tree_without_leaves_has_the_hash_of_nothing() -> None:
    assert root_of([]) == EMPTY == sha256().digest()


@given(st.lists(st.binary(max_size=40), max_size=70))
def test_a_tree_that_grows_is_the_tree_of_the_definition(leaves: list[bytes]) -> None:
    assert root_of(leaves) == by_definition(leaves)


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=40), st.data())
def test_a_proof_shows_its_leaf_at_its_place_in_its_tree_and_nothing_else(
    leaves: list[bytes], data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    root, proof = root_of(leaves), inclusion_proof(leaves, index)
    assert verify_inclusion(root, leaves[index], index, len(leaves), proof)
    assert not verify_inclusion(root, leaves[index] + b"x", index, len(leaves), proof)
    assert not verify_inclusion(root, leaves[index], index + len(leaves), len(leaves), proof)
    assert not verify_inclusion(root, leaves[index], index, len(leaves), [*proof, b"\0" * 32])
    if proof:
        assert not verify_inclusion(root, leaves[index], index, len(leaves), proof[:-1])
        bent = [*proof[:-1], bytes([proof[-1][0] ^ 1, *proof[-1][1:]])]
        assert not verify_inclusion(root, leaves[index], index, len(leaves), bent)


def test_a_node_does_not_pass_for_a_leaf() -> None:
    both = leaf_hash(b"a") + leaf_hash(b"b")
    assert root_of([b"a", b"b"]) != root_of([both])


def test_there_is_no_proof_of_a_leaf_that_is_not_there() -> None:
    with pytest.raises(IndexError):
        inclusion_proof(LEAVES, 8)


def test_a_tree_can_be_asked_while_it_grows() -> None:
    tree = Growing()
    for leaf, root in zip(LEAVES, ROOTS, strict=True):
        tree.add(leaf)
        assert tree.root().hex() == root
