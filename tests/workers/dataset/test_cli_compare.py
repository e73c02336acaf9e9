"""`pairtrawl dataset diff, merge, subset, prove, apply`, as they are typed."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner, Result

from crawler.dataset.keys import Keys
from crawler.dataset.store import Store
from crawler.errors import DatasetError, InputError, PairtrawlError
from tests.dataset_versions import a_keys, committed, uid
from workers.cli import app
from workers.exit_codes import ExitCode

SHARDS = {0: range(8), 1: range(8, 14)}


def said(*words: object, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(app, ["dataset", *map(str, words)], env=env)


def test_a_diff_is_told_in_numbers_ids_pages_and_json(tmp_path: Path, store: Store, keys: Keys) -> None:
    one = committed(store, keys, tmp_path / "one", SHARDS)
    committed(store, keys, tmp_path / "two", {0: [0, 1, 2, 4, 5, 6, 7], 1: range(8, 14), 2: [30]}, said={5: "anew"})
    told = said("diff", store.address, one)
    assert told.exit_code == 0
    assert "removed 1, added 1, changed 1" in told.stdout
    lines = said("diff", store.address, one, "main", "--uids").stdout.splitlines()
    assert {line for line in lines if line[0] in "-+~"} >= {f"-{uid(3)}", f"+{uid(30)}", f"~{uid(5)}"}
    page = tmp_path / "page.html"
    said("diff", store.address, one, "--html", page)
    assert "00000" in page.read_text()
    assert uid(3) not in page.read_text()
    (tree,) = [json.loads(said("diff", store.address, one, "--json", "--uids").stdout)]
    assert (tree["removed"], tree["uids"]["removed"], tree["shards_same"]) == (1, [uid(3)], 1)
    same = said("diff", store.address, "main", "main")
    assert "they hold the same rows" in same.stdout
    assert said("diff", store.address, one, "--uids", "--summary").exit_code != 0


def test_a_subset_is_made_proven_published_and_applied(tmp_path: Path, store: Store, keys: Keys) -> None:
    whole = committed(store, keys, tmp_path / "copy", SHARDS)
    keyed = {"PAIRTRAWL_KEYS": str(tmp_path / "keys")}
    made = said(
        "subset", store.address, "safe", "--where", "width < 109 or width is null", "--proof", tmp_path / "proof",
        "--scratch", tmp_path / "scratch", env=keyed,
    )  # fmt: skip
    assert made.exit_code == 0, made.stderr
    assert "10 rows, 7 pictures" in made.stdout
    assert "is a part of" in said("prove", "check", tmp_path / "proof", "--author", keys.author).stdout
    said("prove", "subset", store.address, whole, "safe", "-o", tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "proof").read_bytes()
    said("diff", store.address, whole, "safe", "--publish", tmp_path / "diff", env=keyed)
    holder = {"PAIRTRAWL_KEYS": str(tmp_path / "holder")}
    words = ("apply", tmp_path / "diff", "--local", tmp_path / "copy")
    refused = said(*words, env=holder)
    assert isinstance(refused.exception, PairtrawlError)
    assert keys.author in str(refused.exception)
    done = said(*words, "--author", keys.author, "--json", env=holder)
    assert done.exit_code == 0
    receipt = json.loads(done.stdout)["receipt"]
    assert (receipt["rows_before"], receipt["rows_after"], receipt["complete"]) == (14, 10, True)
    assert len(list(tmp_path.glob("copy-*.receipt.json"))) == 1
    assert "10 rows before, 10 after" in said(*words, "--author", keys.author, env=holder).stdout


def test_a_holders_receipt_is_checked_as_proofs_are(tmp_path: Path, store: Store, keys: Keys) -> None:
    one = committed(store, keys, tmp_path / "copy", SHARDS)
    two = committed(store, keys, tmp_path / "new", {0: [0, 1, 2, 4, 5, 6, 7], 1: range(8, 14), 2: range(20, 24)})
    said("diff", store.address, one, "--publish", tmp_path / "diff", env={"PAIRTRAWL_KEYS": str(tmp_path / "keys")})
    holder, receipt = a_keys(tmp_path / "holder"), tmp_path / "receipt.json"
    words = ("apply", tmp_path / "diff", "--local", tmp_path / "copy", "--author", keys.author, "--receipt", receipt)
    checked = ("prove", "check", receipt, "--author", holder.author)
    said(*words, "--keys", tmp_path / "holder")
    half = said(*checked).exception
    assert isinstance(half, DatasetError)
    assert "1 shards had still to be fetched" in str(half)
    said(*words, "--store", store.address, "--keys", tmp_path / "holder")
    told = said(*checked)
    assert told.exit_code == 0
    assert f"version {one} became version {two}" in told.stdout
    assert "14 rows before" in told.stdout
    for wrong, key, error in (
        (receipt.read_bytes(), keys.author, "not by"),
        (receipt.read_bytes().replace(b'"ended": 1', b'"ended": 2'), holder.author, "not what its holder signed"),
        (receipt.read_bytes().replace(b"receipt-1", b"receipt-2"), holder.author, "newer pairtrawl"),
        (b'{"receipt": 1}', holder.author, "no proof"),
    ):
        (tmp_path / "wrong.json").write_bytes(wrong)
        refused = said("prove", "check", tmp_path / "wrong.json", "--author", key).exception
        assert isinstance(refused, PairtrawlError)
        assert error in str(refused)


def test_a_proof_that_is_not_there_is_an_error_and_no_crash(tmp_path: Path) -> None:
    for words in (("prove", "check", tmp_path / "none", "--author", "0" * 64), ("apply", tmp_path / "none", "--keys",
                  tmp_path / "holder", "--local", tmp_path, "--author", "0" * 64)):  # fmt: skip
        assert isinstance(said(*words).exception, InputError)


def test_a_copy_that_lacks_new_shards_says_so_with_its_exit_code(tmp_path: Path, store: Store, keys: Keys) -> None:
    one = committed(store, keys, tmp_path / "copy", {0: range(4)})
    committed(store, keys, tmp_path / "new", {0: range(4), 1: range(4, 8)})
    keyed = {"PAIRTRAWL_KEYS": str(tmp_path / "keys")}
    said("diff", store.address, one, "--publish", tmp_path / "diff", env=keyed)
    words = ("apply", tmp_path / "diff", "--local", tmp_path / "copy", "--author", keys.author)
    told = said(*words, env=keyed)
    assert told.exit_code == ExitCode.WORK_LEFT
    assert "--store" in told.stdout
    assert said(*words, "--store", store.address, env=keyed).exit_code == 0
    assert (tmp_path / "copy" / "00001.tar").read_bytes() == (tmp_path / "new" / "00001.tar").read_bytes()


def test_rows_are_proven_in_and_out_without_naming_them_on_the_command_line(
    tmp_path: Path, store: Store, keys: Keys
) -> None:
    version = committed(store, keys, tmp_path / "one", SHARDS)
    keyed = {"PAIRTRAWL_KEYS": str(tmp_path / "keys")}
    (tmp_path / "in").write_text("http://images.test/3.jpg\n")
    (tmp_path / "out").write_text("http://images.test/33.jpg\n")
    proof = tmp_path / "proof.json"
    made = said("prove", "row", store.address, "--of", "url", "--asked", tmp_path / "in", "-o", proof)
    assert made.exit_code == 0
    told = said("prove", "check", proof, "--author", keys.author).stdout
    assert version in told
    assert "boat 3" in told
    refused = said("prove", "row", store.address, "--asked", tmp_path / "out", "-o", proof).exception
    assert "--of url" in str(refused)
    assert "33.jpg" not in str(refused), "what somebody asks for is in no log"
    said("prove", "absent", store.address, "--asked", tmp_path / "out", "-o", proof, env=keyed)
    assert f"of version {version} is" in said("prove", "check", proof, "--author", keys.author).stdout
    assert said("prove", "check", proof, "--author", "0" * 64).exit_code != 0
    assert said("prove", "absent", store.address, "--asked", tmp_path / "in", "-o", proof, env=keyed).exit_code != 0


def test_a_merge_with_conflicts_names_them_and_moves_nothing(tmp_path: Path, store: Store, keys: Keys) -> None:
    base = committed(store, keys, tmp_path / "base", SHARDS)
    ours = committed(store, keys, tmp_path / "ours", SHARDS, said={1: "we"}, parents=(base,))
    committed(store, keys, tmp_path / "theirs", SHARDS, said={1: "they"}, ref="theirs", parents=(base,))
    keyed = {"PAIRTRAWL_KEYS": str(tmp_path / "keys")}
    told = said("merge", store.address, "theirs", "--json", env=keyed)
    assert told.exit_code == ExitCode.YOURS
    assert json.loads(told.stdout)["conflicts"] == [{"shard": "00000", "uid": uid(1), "kind": "both_changed"}]
    assert store.ref("main") == ours
    done = said("merge", store.address, "theirs", "--take", "theirs", env=keyed)
    assert "1 rows that both changed are as theirs had them" in done.stdout
    assert store.ref("main") != ours
