"""Proofs about versions: checked by us and by the program of docs/proofs.md, and worth nothing with any bit flipped."""

from __future__ import annotations

import json
import re
import tarfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from cryptography.exceptions import InvalidSignature

from crawler.dataset.keys import Keys
from crawler.dataset.merkle import root_of
from crawler.dataset.proofs import AbsenceProof, ProofError, RowProof, check_absence, check_row
from crawler.dataset.store import Store
from crawler.dataset.subset_proofs import check_subset
from crawler.dataset.tables import packed_mask
from crawler.errors import InputError
from tests.dataset_versions import commit_list, committed, shard_named, uid
from workers.dataset.comparing.choosing import Choice
from workers.dataset.comparing.conditions import condition
from workers.dataset.comparing.proving import KeyTree, prove_absence, prove_rows, sorted_keys
from workers.dataset.comparing.proving_subset import prove_subset
from workers.dataset.comparing.subsetting import subset

_PAGE = Path(__file__).parents[3] / "docs" / "proofs.md"
SHARDS = {0: range(8), 1: range(8, 17), 2: range(17, 20)}
_WRONG = (AssertionError, InvalidSignature, KeyError, ValueError, IndexError, TypeError)


def test_a_row_cannot_be_passed_off_as_its_neighbour_by_a_smaller_tree(
    tmp_path: Path, store: Store, keys: Keys, page: dict[str, Any]
) -> None:
    """Place 2 of 3 has the path of place 1 of 2: with a mask, the bit of another row would be looked at."""
    version = committed(store, keys, tmp_path / "run", {0: range(3)})
    (proof,) = prove_rows(store, version, "uid", uid(2))
    without = masked(store, keys, version, "00000", 2)
    (other,) = prove_rows(store, without, "uid", uid(1))
    lie = msgspec.structs.replace(
        proof, row_index=1, row_count=2, shard=other.shard, signed=other.signed, mask=other.mask, leaves=other.leaves
    )
    with pytest.raises(ProofError):
        check_row(lie, keys.author)
    with pytest.raises(AssertionError):
        page["check_row"](json.loads(msgspec.json.encode(lie)), keys.author)


@pytest.fixture(scope="module")
def page() -> dict[str, Any]:
    """The program of docs/proofs.md: it imports nothing of ours."""
    program = re.findall(r"```python\n(.*?)```", _PAGE.read_text("utf-8"), re.DOTALL)[-1]
    assert "crawler" not in program
    names: dict[str, Any] = {}
    exec(program, names)
    return names


def masked(store: Store, keys: Keys, version: str, name: str, *gone: int) -> str:
    """A version in which rows of a shard are masked."""
    shard = shard_named(store, version, name)
    bits = np.zeros(shard.rows, np.bool_)
    bits[list(gone)] = True
    mask = store.objects.put_bytes(packed_mask(bits))
    rest = [one for one in store.shards(store.read_commit(version)[1]) if one.name != name]
    shards = [*rest, msgspec.structs.replace(shard, mask=mask, masked=len(gone))]
    return commit_list(store, keys, sorted(shards, key=lambda one: one.name))


@pytest.mark.parametrize(
    "wrong",
    [
        {"salt": "no hex"},
        {"row": "*"},
        {"row_path": ["no hex"]},
        {"row_index": 1 << 60},
        {"format": "pairtrawl-proof-row-2"},
    ],
)
def test_a_proof_that_cannot_be_read_is_no_proof_and_no_crash(
    tmp_path: Path, store: Store, keys: Keys, wrong: dict[str, Any]
) -> None:
    version = committed(store, keys, tmp_path / "run", {0: range(3)})
    (proof,) = prove_rows(store, version, "uid", uid(1))
    with pytest.raises(ProofError):
        check_row(msgspec.convert(msgspec.to_builtins(proof) | wrong, RowProof), keys.author)


@pytest.mark.parametrize("wrong", [{"key": "no hex"}, {"format": "pairtrawl-proof-absence-2"}])
def test_a_proof_of_absence_that_cannot_be_read_is_none(
    tmp_path: Path, store: Store, keys: Keys, wrong: dict[str, Any]
) -> None:
    version = committed(store, keys, tmp_path / "run", {0: range(3)})
    proof = prove_absence(store, keys, version, "uid", uid(9))
    with pytest.raises(ProofError):
        check_absence(msgspec.convert(msgspec.to_builtins(proof) | wrong, AbsenceProof), keys.author)


# a row is in -----------------------------------------------------------------------------------------------------


def test_every_row_is_proven_to_be_in(tmp_path: Path, store: Store, keys: Keys, page: dict[str, Any]) -> None:
    version = committed(store, keys, tmp_path / "run", SHARDS)
    for row in (0, 3, 7, 8, 16, 17, 19):
        for of, asked in (("uid", uid(row)), ("url", f"HTTP://Images.test:80/a/../{row}.jpg")):
            (proof,) = prove_rows(store, version, of, asked)  # type: ignore[arg-type] # one of both
            told, text = check_row(proof, keys.author)
            assert (told, f"boat {row}".encode() in text) == (version, True)
            page["check_row"](json.loads(msgspec.json.encode(proof)), keys.author)  # invariant 30
    assert prove_rows(store, version, "uid", "0" * 32) == []


def test_a_masked_row_is_not_in(tmp_path: Path, store: Store, keys: Keys, page: dict[str, Any]) -> None:
    version = committed(store, keys, tmp_path / "run", SHARDS)
    (whole,) = prove_rows(store, version, "uid", uid(9))
    without = masked(store, keys, version, "00001", 1, 8)
    assert prove_rows(store, without, "uid", uid(9)) == []
    (proof,) = prove_rows(store, without, "uid", uid(10))
    check_row(proof, keys.author)
    page["check_row"](json.loads(msgspec.json.encode(proof)), keys.author)
    lie = msgspec.structs.replace(
        whole,
        shard=proof.shard,
        signed=proof.signed,
        mask=proof.mask,
        leaves=proof.leaves,
        shard_path=proof.shard_path,
    )
    with pytest.raises(ProofError, match="takes the row out"):
        check_row(lie, keys.author)
    with pytest.raises(AssertionError):
        page["check_row"](json.loads(msgspec.json.encode(lie)), keys.author)


def flipped(document: Any) -> list[Any]:
    """The document with each of its values changed by a little, one at a time."""
    if isinstance(document, dict):
        return [document | {name: other} for name, value in document.items() for other in flipped(value)]
    if isinstance(document, list):
        changed = [
            [*document[:at], other, *document[at + 1 :]]
            for at in range(len(document))
            for other in flipped(document[at])
        ]
        return [*changed, document[:-1]] if document else []
    if isinstance(document, int):
        return [document + 1]
    if isinstance(document, str) and document:
        middle = len(document) // 2
        return [document[:middle] + ("1" if document[middle] != "1" else "2") + document[middle + 1 :]]
    return []


def test_a_proof_of_a_row_with_anything_changed_proves_nothing(
    tmp_path: Path, store: Store, keys: Keys, page: dict[str, Any]
) -> None:
    version = masked(store, keys, committed(store, keys, tmp_path / "run", SHARDS), "00001", 1)
    (proof,) = prove_rows(store, version, "uid", uid(12))
    document = json.loads(msgspec.json.encode(proof))
    del document["format"], document["signed"]["commit"]["format"]
    counts = {name: document.pop(name) for name in ("shard_count", "row_count")}  # for paths; not what is proven
    tried = 0
    for other in flipped(document):
        wrong = other | counts
        tried += 1
        with pytest.raises(_WRONG):
            page["check_row"](
                wrong
                | {
                    "signed": wrong["signed"] | {"commit": wrong["signed"]["commit"] | {"format": "pairtrawl-commit-1"}}
                },
                keys.author,
            )
        with pytest.raises((ProofError, *_WRONG)):
            check_row(msgspec.convert(wrong, RowProof), keys.author)
    assert tried > 20
    with pytest.raises(ProofError, match="and not by"):
        check_row(proof, "0" * 64)


# no row has ------------------------------------------------------------------------------------------------------


def test_what_is_not_in_is_proven_to_be_absent(tmp_path: Path, store: Store, keys: Keys, page: dict[str, Any]) -> None:
    version = committed(store, keys, tmp_path / "run", SHARDS)
    absent = [("url", f"http://images.test/{row}.jpg") for row in range(30, 40)]
    absent += [("uid", uid(row)) for row in range(30, 34)] + [("uid", "0" * 32), ("uid", "f" * 32)]
    for of, asked in absent:
        proof = prove_absence(store, keys, version, of, asked)  # type: ignore[arg-type] # one of both
        said = check_absence(proof, keys.author)
        assert (said.version, said.keys) == (version, 21 if of == "url" else 20)  # and where they were led to
        page["check_absence"](json.loads(msgspec.json.encode(proof)), keys.author)  # invariant 30


def test_what_is_in_cannot_be_proven_absent(tmp_path: Path, store: Store, keys: Keys, page: dict[str, Any]) -> None:
    version = committed(store, keys, tmp_path / "run", SHARDS)
    with pytest.raises(InputError, match="a row has this"):
        prove_absence(store, keys, version, "url", "http://images.test/5.jpg#part")
    honest = prove_absence(store, keys, version, "uid", "0" * 32)
    assert honest.right is not None
    lie = msgspec.structs.replace(honest, key=honest.right.key)
    other = prove_absence(store, keys, version, "uid", "f" * 32)
    wider = msgspec.structs.replace(honest, key=uid(5), left=honest.right, right=other.left)
    for wrong in (lie, wider, msgspec.structs.replace(honest, right=None)):
        with pytest.raises(ProofError):
            check_absence(wrong, keys.author)
        with pytest.raises(_WRONG):
            page["check_absence"](json.loads(msgspec.json.encode(wrong)), keys.author)


def test_a_row_that_was_masked_is_absent(tmp_path: Path, store: Store, keys: Keys) -> None:
    version = masked(store, keys, committed(store, keys, tmp_path / "run", SHARDS), "00001", 1)
    assert check_absence(prove_absence(store, keys, version, "uid", uid(9)), keys.author).keys == 19


def test_a_proof_of_absence_with_anything_changed_proves_nothing(
    tmp_path: Path, store: Store, keys: Keys, page: dict[str, Any]
) -> None:
    version = committed(store, keys, tmp_path / "run", {0: range(5)})
    proof = prove_absence(store, keys, version, "url", "http://images.test/other.jpg")
    document = json.loads(msgspec.json.encode(proof))
    for name in ("format", "key", "author"):  # another key between the same two is as absent
        document.pop(name)
    for wrong in flipped(document):
        whole = wrong | {"key": proof.key, "author": proof.author}
        with pytest.raises(_WRONG):
            page["check_absence"](whole, keys.author)
        with pytest.raises((ProofError, *_WRONG)):
            check_absence(msgspec.convert(whole, AbsenceProof), keys.author)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 7, 8, 9, 33])
def test_the_tree_of_keys_is_that_of_rfc_6962(count: int) -> None:
    drawn = np.random.default_rng(count).integers(0, 256, (count, 32), np.uint8)
    drawn[: count // 3, :8] = 7  # some share their first half
    keys = sorted_keys(np.concatenate([drawn, drawn[::-1]]))
    wanted = sorted({row.tobytes() for row in drawn})
    assert [row.tobytes() for row in keys] == wanted
    assert KeyTree(keys).root == root_of(wanted)


# a part of another -----------------------------------------------------------------------------------------------


def test_a_subset_is_proven_to_be_one(tmp_path: Path, store: Store, keys: Keys, page: dict[str, Any]) -> None:
    committed(store, keys, tmp_path / "run", SHARDS)
    research = masked(store, keys, "main", "00002", 1)
    choice = Choice(where=condition("punsafe < 0.13 or punsafe is null"))
    safe = subset(store, keys, research, choice, ref="research-safe", scratch=tmp_path / "scratch")
    prove_subset(store, research, safe, tmp_path / "proof")
    shown = check_subset(tmp_path / "proof", keys.author)  # invariant 31
    assert (shown.whole, shown.part, shown.shards, shown.cut) == (research, safe, 3, 2)
    page["check_subset"](tmp_path / "proof", keys.author)  # invariant 30
    prove_subset(store, research, research, tmp_path / "itself")
    assert check_subset(tmp_path / "itself", keys.author).cut == 0
    with pytest.raises(InputError, match="is not in"):
        prove_subset(store, safe, research, tmp_path / "wrong")
    assert not (tmp_path / "wrong").exists()


def test_masks_are_proven_too(tmp_path: Path, store: Store, keys: Keys, page: dict[str, Any]) -> None:
    whole = committed(store, keys, tmp_path / "run", SHARDS)
    part = masked(store, keys, whole, "00001", 1, 3)
    prove_subset(store, whole, part, tmp_path / "proof")
    assert check_subset(tmp_path / "proof", keys.author).cut == 1
    page["check_subset"](tmp_path / "proof", keys.author)
    prove_subset(store, part, whole, tmp_path / "lie")  # the leaves are all there; the mask says otherwise
    with pytest.raises(ProofError, match="is masked in the whole"):
        check_subset(tmp_path / "lie", keys.author)
    with pytest.raises(AssertionError):
        page["check_subset"](tmp_path / "lie", keys.author)


def test_a_proof_of_a_subset_with_a_flipped_bit_proves_nothing(
    tmp_path: Path, store: Store, keys: Keys, page: dict[str, Any]
) -> None:
    whole = committed(store, keys, tmp_path / "run", {0: range(8)})
    part = committed(store, keys, tmp_path / "part", {0: [0, 2, 3, 7]}, ref="part")
    prove_subset(store, whole, part, tmp_path / "proof")
    content = (tmp_path / "proof").read_bytes()
    with tarfile.open(tmp_path / "proof") as tar:
        places = [one.offset_data + at for one in tar for at in range(0, one.size, 1 + one.size // 12)]
    for place in places:
        (tmp_path / "wrong").write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises((ProofError, InputError)):
            check_subset(tmp_path / "wrong", keys.author)
        with pytest.raises(_WRONG):
            page["check_subset"](tmp_path / "wrong", keys.author)
    (tmp_path / "wrong").write_bytes(b"no tar at all")
    with pytest.raises(InputError, match="cannot be read"):
        check_subset(tmp_path / "wrong")
