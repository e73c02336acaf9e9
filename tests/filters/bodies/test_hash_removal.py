from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import SettingsError
from filters.bodies.hash_removal import build
from filters.lists import Kind
from tests.builders import a_fetched
from tests.filters.lists.written import BASE32, BODY, EMPTY, MD5, OTHER, PDQ, SHA1, SHA256


def removes(folder: Path, text: str, body: bytes = BODY) -> bool:
    (folder / "list").write_bytes(text.encode())
    return not build(path="list", folder=folder).judge([a_fetched(body)])[0].keep


# checklist 38
@pytest.mark.parametrize(
    "line",
    [
        MD5, SHA1, SHA256, BASE32, BASE32.lower(), MD5.upper(), f"sha1:{BASE32}", f"sha1:{SHA1}",
        f"SHA1:{SHA1.upper()}",
        f"sha-1: {SHA1}", f"urn:sha1:{BASE32}", f"md5:{MD5}", f"sha256:{SHA256}", f"sha-256:{SHA256}",
        f"\ufeff{MD5}", f"  {MD5}\t", f"{MD5}\r\n", f"{MD5},category A,2024", f'"{MD5}";1', f"{MD5}\t1",
        f"md5,category\n{MD5},1", f"sha1\n{BASE32}", f"SHA-256\r\n{SHA256}\r\n", f"hash\n{SHA1}\n{MD5}",
        f"# comment\n\n{MD5}\n{MD5}", f"MD5 {MD5}", f"HASH_SHA256 {SHA256}",
    ],
)  # fmt: skip
def test_every_way_to_write_a_hash_removes_the_body_and_no_other(tmp_path: Path, line: str) -> None:
    assert removes(tmp_path, line)
    assert not removes(tmp_path, line, BODY + b" ")


# checklist 40
def test_a_list_with_the_hash_of_the_empty_file_does_not_remove_what_failed_to_download(tmp_path: Path) -> None:
    assert not removes(tmp_path, "\n".join([*EMPTY.values(), "0" * 32, MD5]), b"")
    assert removes(tmp_path, "\n".join([*EMPTY.values(), "0" * 32, MD5]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (MD5[:-1], "line 1: 31 characters"),
        ("hello", "line 1: 5 characters"),
        (f"md5:{SHA1}", "not md5"),
        (f"sha1:{MD5}", "not sha1"),
        (f"{MD5}\n{PDQ[:16]}", "line 2: 16 characters"),  # another kind of list
        ("a" * 144, "line 1: 144 characters"),
        (f"pdq\n{PDQ}", "1 of a kind not asked for"),
    ],
)
def test_what_is_no_hash_of_a_file_ends_the_run_with_its_line_number(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message) as caught:
        removes(tmp_path, text)
    assert MD5 not in str(caught.value)


def test_a_kind_that_is_no_hash_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list").write_text(PDQ)
    with pytest.raises(SettingsError, match="kind = 'pdq': has to be one of md5, sha1, sha256"):
        build(path="list", kind="pdq", folder=tmp_path)


def test_lists_of_different_kinds_work_together(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(SHA1)
    (tmp_path / "b").write_text(OTHER)
    judge = build(path=("a", "b"), folder=tmp_path).judge
    bodies = [a_fetched(BODY), a_fetched(b"another"), a_fetched(b"third")]
    assert [verdict.keep for verdict in judge(bodies)] == [False, False, True]


def test_only_the_kinds_that_are_listed_are_computed(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(MD5)
    assert build(path="a", folder=tmp_path).listed.kinds == {Kind.MD5}


@given(
    body=st.binary(min_size=1), other=st.binary(min_size=1), kind=st.sampled_from([Kind.MD5, Kind.SHA1, Kind.SHA256])
)
def test_a_listed_body_goes_and_another_stays(body: bytes, other: bytes, kind: Kind, tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.mktemp("lists")
    assert removes(folder, hashlib.new(kind, body).hexdigest(), body)
    assert removes(folder, hashlib.new(kind, body).hexdigest(), other) == (body == other)
