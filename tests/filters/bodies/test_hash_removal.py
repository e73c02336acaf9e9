from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import SettingsError
from filters.bodies.hash_removal import Digest, DigestSet, HashRemoval, build, parse
from filters.lists import BadLineError
from tests.builders import a_fetched

BODY = b"a body that must go"
MD5, SHA1, SHA256 = (hashlib.new(kind, BODY).hexdigest() for kind in ("md5", "sha1", "sha256"))
BASE32 = base64.b32encode(bytes.fromhex(SHA1)).decode()


def removes(tmp_path: Path, text: str, body: bytes = BODY) -> bool:
    (tmp_path / "list").write_bytes(text.encode())
    return not build(path="list", folder=tmp_path).judge([a_fetched(body)])[0].keep


@pytest.mark.parametrize(
    "line",
    [
        MD5, SHA1, SHA256, BASE32, BASE32.lower(), MD5.upper(), f"sha1:{BASE32}", f"sha1:{SHA1}",
        f"SHA1:{SHA1.upper()}",
        f"sha-1: {SHA1}", f"urn:sha1:{BASE32}", f"md5:{MD5}", f"sha256:{SHA256}", f"sha-256:{SHA256}",
        f"\ufeff{MD5}", f"  {MD5}\t", f"{MD5}\r\n", f"{MD5},category A,2024", f'"{MD5}";1', f"{MD5}\t1",
        f"md5,category\n{MD5},1", f"sha1\n{BASE32}", f"SHA-256\r\n{SHA256}\r\n", f"hash\n{SHA1}\n{MD5}",
        f"# comment\n\n{MD5}\n{MD5}",
    ],
)  # fmt: skip
def test_every_way_to_write_a_hash_removes_the_body_and_no_other(tmp_path: Path, line: str) -> None:
    assert removes(tmp_path, line)
    assert not removes(tmp_path, line, BODY + b" ")


EMPTY = {kind: hashlib.new(kind, b"").hexdigest() for kind in ("md5", "sha1", "sha256")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (MD5[:-1], "line 1: 31 characters"),
        (f"{MD5}\n{SHA1}0", "line 2: 41 characters"),
        (f"{MD5}\n\n\n{SHA256[:-1]}g", "line 4: 64 characters"),
        ("hello", "line 1: 5 characters"),
        (f"{MD5}\nmd5,category", "line 2: 3 characters"),  # a heading in the middle: two files joined badly
        (f"md5:{SHA1}", "not md5"),
        (f"sha1:{MD5}", "not sha1"),
        (f"md5\n{BASE32}", "line 2: 32 characters that are not md5"),
        (f"md5\nsha1:{SHA1}", "says sha1 under the heading md5"),
        (f"\n{EMPTY['md5']}", "line 2: the hash of the empty file"),
        (EMPTY["sha1"].upper(), "line 1: the hash of the empty file"),
        (base64.b32encode(bytes.fromhex(EMPTY["sha1"])).decode(), "empty file"),
        (f"sha256:{EMPTY['sha256']}", "empty file"),
        ("0" * 32, "placeholder"),
        ("f" * 64, "placeholder"),
        ("a" * 144, "line 1: 144 characters"),  # PhotoDNA
    ],
)
def test_what_is_no_hash_ends_the_run_with_its_line_number(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message) as caught:
        removes(tmp_path, text)
    assert MD5 not in str(caught.value)


def test_a_hash_that_can_be_read_in_two_ways_is_taken_in_both() -> None:
    word = "ab23" * 8
    as_md5, as_sha1 = Digest("md5", bytes.fromhex(word)), Digest("sha1", base64.b32decode(word.upper()))
    assert list(parse(word)) == [(1, (as_md5, as_sha1))]
    assert list(parse(f"md5\n{word}")) == [(2, (as_md5,))]
    assert list(parse(f"sha1:{word}")) == [(1, (as_sha1,))]


def test_lists_of_different_kinds_work_together(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(MD5)
    (tmp_path / "b").write_text(hashlib.sha256(b"other").hexdigest())
    judge = build(path=("a", "b"), folder=tmp_path).judge
    assert [verdict.keep for verdict in judge([a_fetched(BODY), a_fetched(b"other"), a_fetched(b"third")])] == [
        False, False, True,
    ]  # fmt: skip


def test_only_the_kinds_that_are_listed_are_computed(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(MD5)
    assert [digests.kind for digests in build(path="a", folder=tmp_path).listed] == ["md5"]
    assert HashRemoval(()).judge([a_fetched(BODY)])[0].keep


@given(st.sets(st.binary(min_size=16, max_size=16), max_size=9), st.binary(min_size=16, max_size=16))
def test_a_digest_set_holds_exactly_what_was_put_in(put_in: set[bytes], other: bytes) -> None:
    digests = DigestSet("md5", b"".join(sorted(put_in)))
    assert all(one in digests for one in put_in)
    assert (other in digests) == (other in put_in)


@given(st.binary(min_size=1), st.sampled_from(["md5", "sha1", "sha256"]))
def test_every_real_hash_is_understood(body: bytes, kind: str) -> None:
    digest = hashlib.new(kind, body)
    ((_, entry),) = parse(digest.hexdigest())
    assert not isinstance(entry, BadLineError)
    assert Digest(kind, digest.digest()) in entry
