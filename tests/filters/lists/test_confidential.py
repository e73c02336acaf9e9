"""Confidential lists: nothing in the file, in memory's descriptions or in messages tells what they name."""

from __future__ import annotations

import copy
import datetime as dt
import logging
import os
import pickle
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest

import filters
from crawler.errors import MissingPackageError, SettingsError
from filters.lists import Kind, Lists, Named, compiling, load_lists, private_files
from filters.lists.compiled import header_of, keys_of, opened, problem_of_age
from filters.lists.private_files import read_key
from tests.builders import a_candidate, a_fetched
from tests.filters.lists.written import (
    BODY,
    EMPTY,
    FILES,
    MD5,
    OTHER,
    PDQ,
    PHASH,
    SHA1,
    SHA256,
    TODAY,
    a_confidential,
    a_key,
    holds,
    open_confidential,
    read,
)

LOOKS = frozenset({Kind.PDQ, Kind.PHASH})
MIXED = "\n".join(
    ["type,value", f"md5,{MD5}", f"sha1,{SHA1}", f"sha256,{SHA256}", f"pdq,{PDQ}", f"phash,{PHASH}", f"url_md5,{MD5}",
     "url,http://secret.test/x.jpg", "domain,hidden.test", f"photodna,{'A' * 192}", f"md5,{EMPTY['md5']}"]
)  # fmt: skip
SECRETS = [MD5, SHA1, SHA256, PDQ, PHASH, "secret.test", "hidden.test"]


def told(text: str | bytes) -> list[str]:
    """Which of the entries can be read out of `text`, as hex, as bytes or as a repr."""
    raw = text.encode(errors="replace") if isinstance(text, str) else text
    forms = {secret: [secret.encode(), secret.upper().encode()] for secret in SECRETS}
    for secret in SECRETS[:5]:
        value = bytes.fromhex(secret)
        forms[secret] += [value, value[:8], value[::-1], repr(value).encode(), str(list(value))[1:-1].encode()]
    return [secret for secret, written in forms.items() if any(one in raw for one in written)]


# checklist 38
def test_every_kind_is_found_in_a_compiled_list(tmp_path: Path) -> None:
    a_confidential(tmp_path, MIXED)
    lists = open_confidential(tmp_path, frozenset(Kind))
    assert lists.confidential
    assert lists.counts == dict.fromkeys(sorted([*FILES, *LOOKS, Kind.URL, Kind.URL_MD5, Kind.DOMAIN]), 1)
    assert lists.skipped == {"unusable: photodna": 1, "hash of the empty file": 1}
    assert holds(lists, Kind.MD5, MD5, OTHER, EMPTY["md5"]) == [True, False, False]
    assert (
        holds(lists, Kind.SHA1, SHA1) + holds(lists, Kind.SHA256, SHA256) + holds(lists, Kind.URL_MD5, MD5)
        == [True] * 3
    )
    assert list(lists.has(Kind.URL, [b"secret.test/x.jpg", b"secret.test/y.jpg"])) == [True, False]
    assert list(lists.has(Kind.DOMAIN, [b"hidden.test", b"test"])) == [True, False]
    assert [lists.rows(kind).tobytes().hex() for kind in (Kind.PDQ, Kind.PHASH)] == [PDQ, PHASH]


def test_the_file_tells_nothing_and_no_value_alike_in_two_kinds_or_under_two_keys(tmp_path: Path) -> None:
    file = a_confidential(tmp_path, MIXED)
    first = file.read_bytes()
    assert told(first) == []
    again = a_confidential(tmp_path, MIXED).read_bytes()
    (tmp_path / "key").unlink()
    file.unlink()
    other_key = a_confidential(tmp_path, MIXED).read_bytes()
    rows = [content[-32 - 4 * 16 : -32] for content in (first, again, other_key)]  # the last four kinds are exact
    assert rows[0] == rows[1]
    assert not {rows[0][at : at + 16] for at in range(0, 64, 16)} & {rows[2][at : at + 16] for at in range(0, 64, 16)}
    values = [rows[0][at : at + 16] for at in range(0, 64, 16)]
    assert len(set(values)) == 4  # sha256, url and url_md5 among them: equal hashes of two kinds look different
    assert first != again  # what is encrypted never looks the same


# checklist 38
@pytest.mark.parametrize("name", ["bodies.hash_removal", "bodies.final_url_removal", "candidates.url_removal"])
def test_neither_repr_nor_pickle_nor_log_tells_an_entry_or_the_key(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    a_confidential(tmp_path, MIXED)
    key = (tmp_path / "key").read_text().strip()
    built: Any = filters.load(name, {"path": "secret.ptlist", "key": "key"}, folder=tmp_path)
    travelling = pickle.dumps(built)
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("test").warning("%r %r %s", built, built.listed, vars(type(built.listed)))
    for text in (repr(built), repr(built.listed), str(vars(type(built.listed))), caplog.text, travelling):
        assert told(text) == []
        assert key not in str(text)
        assert bytes.fromhex(key) not in (text if isinstance(text, bytes) else text.encode())
    assert len(travelling) < 1_000
    assert pickle.loads(travelling).listed.counts == built.listed.counts
    assert copy.deepcopy(built).listed.counts == built.listed.counts


def test_a_list_that_travelled_to_a_host_without_the_key_is_not_there(tmp_path: Path) -> None:
    a_confidential(tmp_path, MIXED)
    travelling = pickle.dumps(open_confidential(tmp_path))
    (tmp_path / "key").unlink()
    with pytest.raises(SettingsError, match="the key cannot be read"):
        pickle.loads(travelling)


def test_no_traceback_tells_an_entry(tmp_path: Path) -> None:
    (tmp_path / "issued").write_text(f"{MIXED}\nmd5,{SHA256[:-1]}\n")
    a_key(tmp_path)
    with pytest.raises(SettingsError) as caught:
        compiling.compile_list(
            [tmp_path / "issued"], compiling.Reading(), tmp_path / "key", tmp_path / "x.ptlist", TODAY
        )
    lines = traceback.TracebackException.from_exception(caught.value, capture_locals=False).format()
    assert told("".join(lines)) == []
    assert "line 12: 63 characters" in str(caught.value)
    assert not (tmp_path / "x.ptlist").exists()
    assert {file.name for file in tmp_path.iterdir()} == {"issued", "key"}


# checklist 41
def test_a_compiled_list_fails_closed(tmp_path: Path) -> None:
    file = a_confidential(tmp_path, MIXED)
    whole = file.read_bytes()
    middle = len(whole) - 100
    wrong = [
        (whole[:-1], "cut short"),
        (whole[:middle], "cut short"),
        (whole[:20], "damaged"),
        (whole[:9], "damaged"),
        (whole + b"x", "cut short or longer"),
        (whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :], "was changed"),
        (whole[:-1] + bytes([whole[-1] ^ 1]), "was changed"),
        (whole.replace(b'"version":1', b'"version":2'), "version 2"),
        (whole.replace(TODAY.isoformat().encode(), b"2999-01-01"), "was changed"),
        (whole[8:], "not UTF-8"),
    ]
    for content, message in wrong:
        file.write_bytes(content)
        with pytest.raises(SettingsError, match=message) as caught:
            open_confidential(tmp_path)
        assert str(file) in str(caught.value)
    file.unlink()
    with pytest.raises(SettingsError, match=r"secret\.ptlist"):
        open_confidential(tmp_path)


# checklist 41
def test_a_list_without_its_key_or_with_another_is_not_opened(tmp_path: Path) -> None:
    a_confidential(tmp_path, MIXED)
    for key, message in (
        ("", "needs the setting key"),
        ("nowhere", "the key cannot be read"),
        (a_key(tmp_path, "other").name, "another key"),
    ):
        with pytest.raises(SettingsError, match=message):
            open_confidential(tmp_path, key=key)
    (tmp_path / "short").write_text("abc")
    (tmp_path / "short").chmod(0o600)
    with pytest.raises(SettingsError, match="is no key"):
        open_confidential(tmp_path, key="short")


def test_a_key_is_32_bytes_or_64_hex_digits(tmp_path: Path) -> None:
    a_confidential(tmp_path, MIXED)
    (tmp_path / "raw").write_bytes(bytes.fromhex((tmp_path / "key").read_text()))
    (tmp_path / "raw").chmod(0o400)
    assert open_confidential(tmp_path, key="raw").counts == open_confidential(tmp_path).counts


# checklist 41
@pytest.mark.parametrize("name", ["key", "secret.ptlist"])
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o610])
def test_files_that_others_may_read_are_refused(tmp_path: Path, name: str, mode: int) -> None:
    a_confidential(tmp_path)
    (tmp_path / name).chmod(mode)
    with pytest.raises(SettingsError, match=rf"{name}: others may read .* chmod 600"):
        open_confidential(tmp_path)


def test_files_of_another_user_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_confidential(tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 12_345)
    with pytest.raises(SettingsError, match="belongs to another user"):
        open_confidential(tmp_path)


def test_files_in_a_git_work_tree_are_refused_and_not_made_there(tmp_path: Path) -> None:
    a_confidential(tmp_path)
    (tmp_path / ".git").mkdir()
    with pytest.raises(SettingsError, match="lies in the git work tree"):
        open_confidential(tmp_path)
    inside = tmp_path / "deep" / "key"
    inside.parent.mkdir()
    with pytest.raises(SettingsError, match="lies in the git work tree"):
        private_files.new_key(inside)
    with pytest.raises(SettingsError, match="lies in the git work tree"):
        a_confidential(tmp_path)
    assert not inside.exists()


def test_a_key_is_never_written_over_and_two_are_never_the_same(tmp_path: Path) -> None:
    first = a_key(tmp_path)
    before = first.read_bytes()
    with pytest.raises(SettingsError, match="is there already"):
        private_files.new_key(first)
    assert first.read_bytes() == before != a_key(tmp_path, "second").read_bytes()
    assert {file.name for file in tmp_path.iterdir()} == {"key", "second"}
    assert first.stat().st_mode & 0o777 == 0o600
    assert len(read_key(first)) == 32


# checklist 41
def test_a_list_of_eight_days_ago_is_too_old(tmp_path: Path) -> None:
    a_confidential(tmp_path, issued=TODAY - dt.timedelta(days=8))
    with pytest.raises(SettingsError, match=r"8 days ago, and may be 7 days old; compile a newer one"):
        open_confidential(tmp_path)
    assert open_confidential(tmp_path, max_age_days=9).counts == {Kind.MD5: 1}


@pytest.mark.parametrize(
    ("days", "problem"), [(0, ""), (7, ""), (8, "was issued"), (-1, ""), (-2, "to come"), (400, "was issued")]
)
def test_the_age_of_a_list_counts_from_the_day_it_was_issued(days: int, problem: str) -> None:
    said = problem_of_age(TODAY - dt.timedelta(days=days), 7, TODAY)
    assert problem in said
    assert bool(problem) == bool(said)


def test_a_day_to_come_is_refused_when_a_list_is_compiled(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="to come"):
        a_confidential(tmp_path, issued=TODAY + dt.timedelta(days=300))


# checklist 42
def test_a_withdrawn_entry_no_longer_matches_after_the_next_list(tmp_path: Path) -> None:
    a_confidential(tmp_path, f"md5,status\n{MD5},\n{OTHER},\n")
    assert holds(open_confidential(tmp_path), Kind.MD5, MD5, OTHER) == [True, True]
    a_confidential(tmp_path, f"md5,status\n{MD5},\n{OTHER},\n{OTHER},Withdrawn\n", shrink=True)
    lists = open_confidential(tmp_path)
    assert holds(lists, Kind.MD5, MD5, OTHER) == [True, False]
    assert lists.skipped["withdrawn"] == 1


def test_a_list_with_less_than_nine_tenths_of_the_one_before_is_not_written(tmp_path: Path) -> None:
    hashes = [f"{number:032x}" for number in range(1, 101)]
    file = a_confidential(tmp_path, "\n".join(["md5", *hashes]))
    before = file.read_bytes()
    with pytest.raises(SettingsError, match=r"less than 90 % .*\(md5 89 instead of 100\).*--shrink"):
        a_confidential(tmp_path, "\n".join(["md5", *hashes[:89]]))
    with pytest.raises(SettingsError, match="md5 0 instead of 100"):
        a_confidential(tmp_path, f"sha1\n{SHA1}")
    assert file.read_bytes() == before
    a_confidential(tmp_path, "\n".join(["md5", *hashes[:90]]))
    a_confidential(tmp_path, "\n".join(["md5", *hashes[:9]]), shrink=True)
    assert open_confidential(tmp_path).counts == {Kind.MD5: 9}
    (tmp_path / "key").unlink()
    with pytest.raises(SettingsError, match="another key"):
        a_confidential(tmp_path, "\n".join(["md5", *hashes[:9]]))


def test_a_source_is_not_written_over(tmp_path: Path) -> None:
    a_key(tmp_path)
    (tmp_path / "issued").write_text(MD5)
    with pytest.raises(SettingsError, match="is the source"):
        compiling.compile_list([tmp_path / "issued"], compiling.Reading(), tmp_path / "key", tmp_path / "issued", TODAY)


# checklist 41
@pytest.mark.parametrize("size", [1, 2])
def test_compiled_lists_of_one_and_two_entries(tmp_path: Path, size: int) -> None:
    a_confidential(tmp_path, "\n".join([MD5, OTHER][:size]), kind="md5")
    assert holds(open_confidential(tmp_path), Kind.MD5, MD5, OTHER, MD5[::-1]) == [True, size == 2, False]
    (tmp_path / "secret.ptlist").unlink()
    a_confidential(tmp_path, "\n".join([PDQ, PDQ[::-1]][:size]), kind="pdq")
    assert len(open_confidential(tmp_path, LOOKS).rows(Kind.PDQ)) == size


def test_a_list_without_the_kinds_that_a_filter_asks_for_is_the_wrong_one(tmp_path: Path) -> None:
    a_confidential(tmp_path)
    with pytest.raises(SettingsError, match="holds no entries of pdq, phash"):
        open_confidential(tmp_path, LOOKS)


def test_lists_in_the_open_and_confidential_ones_work_together(tmp_path: Path) -> None:
    a_confidential(tmp_path, f"md5\n{MD5}")
    (tmp_path / "open").write_text(OTHER)
    lists = load_lists(Named(("open", "secret.ptlist"), key="key"), tmp_path, FILES)
    assert holds(lists, Kind.MD5, MD5, OTHER, MD5[::-1]) == [True, True, False]
    assert lists.confidential
    assert lists.counts == {Kind.MD5: 2}


def test_a_confidential_list_withholds_and_has_a_breaker_and_another_has_not(tmp_path: Path) -> None:
    a_confidential(tmp_path, MIXED)
    (tmp_path / "open").write_text(MD5)
    for path, given, confidential, share in (
        ("secret.ptlist", {}, True, 0.001), ("open", {}, False, 1.0), ("secret.ptlist", {"most_share": 0.5}, True, 0.5),
    ):  # fmt: skip
        one: Any = filters.load("bodies.hash_removal", {"path": path, "key": "key"} | given, folder=tmp_path)
        assert (one.confidential, one.most_share) == (confidential, share)
        assert [verdict.keep for verdict in one.judge([a_fetched(BODY), a_fetched(b"x")])] == [False, True]


def test_addresses_are_found_in_confidential_lists(tmp_path: Path) -> None:
    a_confidential(tmp_path, MIXED)
    one: Any = filters.load("candidates.url_removal", {"path": "secret.ptlist", "key": "key"}, folder=tmp_path)
    asked = ["https://secret.test/x.jpg", "http://cdn.hidden.test/", "http://other.test/"]
    assert [verdict.keep for verdict in one.judge([a_candidate(image_url=url) for url in asked])] == [
        False,
        False,
        True,
    ]


def test_a_process_with_a_confidential_list_leaves_no_core_dump(tmp_path: Path) -> None:
    a_confidential(tmp_path)
    program = (
        "import resource, sys; from pathlib import Path; from filters.lists import Kind, Named, load_lists\n"
        "load_lists(Named('secret.ptlist', key='key'), Path(sys.argv[1]), frozenset({Kind.MD5}))\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE))"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    root = Path(__file__).parents[3]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root, timeout=60)
    assert done.stdout.strip() == "(0, 0)"


def test_without_cryptography_a_perceptual_list_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_confidential(tmp_path, MIXED)
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'pairtrawl\[screening\]'"):
        open_confidential(tmp_path, LOOKS)


def test_what_is_open_and_its_keys_have_no_repr(tmp_path: Path) -> None:
    file = a_confidential(tmp_path, MIXED)
    keys = keys_of(read_key(tmp_path / "key"))
    found = opened(file, keys, LOOKS | {Kind.MD5}, 7, TODAY)
    assert (repr(found), repr(keys)) == ("Opened(...)", "Keys(...)")
    assert header_of(file) == found.header
    assert set(found.exact) == {Kind.MD5}
    assert set(found.perceptual) == set(LOOKS)


def test_perceptual_hashes_are_walked_and_others_are_not(tmp_path: Path) -> None:
    lists: Lists = read(tmp_path, MD5)
    with pytest.raises(ValueError, match="looked up"):
        lists.rows(Kind.MD5)
    assert lists.rows(Kind.PDQ).shape == (0, 32)
    assert list(lists.has(Kind.SHA1, [bytes(20)])) == [False]
    assert list(lists.has(Kind.MD5, [])) == []
