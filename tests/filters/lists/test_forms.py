"""Every form in which lists are issued (safety.md 2.1), and the traps that real ones hold."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import SettingsError
from filters.lists import Kind, Named, load_lists
from tests.filters.lists.written import (
    BASE32,
    EMPTY,
    FILES,
    MD5,
    OTHER,
    PDQ,
    PHASH,
    PHOTODNA,
    SHA1,
    SHA256,
    holds,
    read,
)

EVERY = frozenset(Kind)
NCMEC = f"""<?xml version="1.0" encoding="UTF-8"?>
<queryResult xmlns="https://hashsharing.example/v2"><images count="3">
  <deletedImage><member id="7">One</member><id>gone</id><timestamp>2026-11-02T00:00:00Z</timestamp></deletedImage>
  <image><member id="7">One</member><timestamp>2026-11-01T00:00:00Z</timestamp><id>gone</id><classification>A1</classification>
    <fingerprints><md5>{OTHER}</md5></fingerprints></image>
  <image><member id="7">One</member><timestamp>2026-11-01T00:00:00Z</timestamp><id>stays</id>
    <fingerprints><md5> {MD5.upper()} </md5><sha1>{SHA1}</sha1><pdna>{PHOTODNA}</pdna><pdq>{PDQ}</pdq></fingerprints></image>
</images></queryResult>"""

# what the list is, settings, and what it holds beside nothing
WRITTEN: list[tuple[str, dict[str, Any], dict[Kind, list[str]]]] = [
    (MD5, {}, {Kind.MD5: [MD5]}),
    (f"\ufeff# of today\r\n\r\n  {MD5.upper()}\t\r\n{SHA1}\r\n", {}, {Kind.MD5: [MD5], Kind.SHA1: [SHA1]}),
    (f"{MD5}\r{SHA1}\r", {}, {Kind.MD5: [MD5], Kind.SHA1: [SHA1]}),
    (f"sha1:{BASE32}\n{BASE32}\n{SHA1}", {}, {Kind.SHA1: [SHA1]}),
    (f"MD5 {MD5}\nHASH_SHA1\t{SHA1}\nPDQ {PDQ}\nURL http://a.test/x,y.jpg", {}, {Kind.MD5: [MD5], Kind.SHA1: [SHA1], Kind.PDQ: [PDQ]}),
    (f"hash={PDQ},idx=0\n{PDQ[::-1]},quality=50", {"kind": "pdq"}, {Kind.PDQ: [PDQ, PDQ[::-1]]}),
    (f"{SHA256}\n", {"kind": "sha256"}, {Kind.SHA256: [SHA256]}),
    (f"{PHASH}\n{PHASH.upper()}", {}, {Kind.PHASH: [PHASH]}),
    (f"{MD5},category A,2024\n{OTHER};1", {}, {Kind.MD5: [MD5, OTHER]}),
    (f"md5,category\n{MD5},A", {}, {Kind.MD5: [MD5]}),
    (f"id;MD5 Hash;SHA-1\n1;{MD5};{SHA1}\n2;{OTHER};", {}, {Kind.MD5: [MD5, OTHER], Kind.SHA1: [SHA1]}),
    (f"type,hash\nMD5,{MD5}\nsha256,{SHA256}", {}, {Kind.MD5: [MD5], Kind.SHA256: [SHA256]}),
    (f'"Nr","Wert","Zustand"\n"1","{MD5}","neu"\n"2","{OTHER}","Withdrawn"', {"columns": {"md5": "Wert", "status": "Zustand"}}, {Kind.MD5: [MD5]}),
    (f"{PDQ},49,a.jpg\n{PDQ[::-1]},50,b.jpg", {"columns": {"pdq": 1, "quality": 2}}, {Kind.PDQ: [PDQ[::-1]]}),
    (f"{MD5}\n", {"kind": "url_md5"}, {Kind.URL_MD5: [MD5]}),
    (f"url_sha256\n{SHA256}\n", {}, {Kind.URL_SHA256: [SHA256]}),
    (json.dumps([{"md5": MD5, "sha1": SHA1, "category": 1}]), {}, {Kind.MD5: [MD5], Kind.SHA1: [SHA1]}),
    (json.dumps([{"hashType": "ImagePDQ", "hashValue": PDQ, "status": "Active"}, {"hashType": "ImagePDQ", "hashValue": PDQ[::-1], "status": "Withdrawn"}]), {}, {Kind.PDQ: [PDQ]}),
    (f'{{"type": "md5", "hash": "{MD5}"}}\n{{"type": "sha1", "hash": "{SHA1}"}}\n', {}, {Kind.MD5: [MD5], Kind.SHA1: [SHA1]}),
    (json.dumps({"next": None, "tags": ["x"], "hashes": [{"fingerprints": {"md5": [MD5, OTHER]}}]}), {}, {Kind.MD5: [MD5, OTHER]}),
    (json.dumps([{"sha1_base32": BASE32, "sha256_hex": SHA256}]), {}, {Kind.SHA1: [SHA1], Kind.SHA256: [SHA256]}),
    (json.dumps([{"h": MD5, "state": "x"}, {"h": OTHER, "state": "Deleted"}]), {"columns": {"md5": "h", "status": "state"}}, {Kind.MD5: [MD5]}),
    (json.dumps([MD5, SHA1]), {}, {Kind.MD5: [MD5], Kind.SHA1: [SHA1]}),
    (json.dumps([{"id": 1, "md5": MD5}, {"id": 2, "md5": OTHER}, {"id": 2, "deleted": True}]), {}, {Kind.MD5: [MD5]}),
    (NCMEC, {}, {Kind.MD5: [MD5], Kind.SHA1: [SHA1], Kind.PDQ: [PDQ]}),
]  # fmt: skip


# checklist 38 and 41
@pytest.mark.parametrize(("content", "settings", "held"), WRITTEN)
@pytest.mark.parametrize("packed", [False, True])
def test_every_form_is_read_and_told_by_its_content(
    tmp_path: Path, content: str, settings: dict[str, Any], held: dict[Kind, list[str]], packed: bool
) -> None:
    lists = read(tmp_path, gzip.compress(content.encode()) if packed else content, EVERY, **settings)
    assert {kind: count for kind, count in lists.counts.items() if kind not in (Kind.URL, Kind.DOMAIN)} == {
        kind: len(values) for kind, values in held.items()
    }
    for kind, values in held.items():
        if kind in (Kind.PDQ, Kind.PHASH):
            assert {row.tobytes().hex() for row in lists.rows(kind)} == set(values)
        else:
            assert holds(lists, kind, *values, "00" * (len(values[0]) // 2)) == [True] * len(values) + [False]


# checklist 41
@pytest.mark.parametrize(
    ("content", "settings", "message"),
    [
        (MD5[:-1], {}, "line 1: 31 characters"),
        (f"{MD5}\n{SHA1}0", {}, "line 2: 41 characters"),
        (f"{MD5}\n\n\n{SHA256[:-1]}", {}, "line 4: 63 characters"),
        (f"{MD5}\n\n\n{SHA256[:-1]}g", {}, "line 4: 64 characters"),
        (f"{MD5}\nmd5,category", {}, "line 2: 3 characters"),  # a heading in the middle: two files joined badly
        (f"md5\n{BASE32}", {}, "line 2: 32 characters that are not md5"),
        (f"md5\nsha1:{SHA1}", {}, "line 2: says sha1 where md5 is declared"),
        (f"md5,category\n{MD5},A\n{OTHER}", {}, "line 3: 1 columns instead of 2"),
        (f'md5,category\n{MD5},"A\n', {}, "line 2: quotes"),
        (f"type,hash\nmd6,{MD5}", {}, "line 2: of a kind that nobody here knows"),
        (f"name,state\na.test,{MD5}", {"columns": {"md5": "MD5"}}, "none has the heading MD5"),
        (f"a,b\n{MD5},x", {"columns": {"md5": "b"}}, "line 2: 1 characters"),
        (f"{MD5},x", {"columns": {"md5": 3}}, "line 1: 2 columns instead of 3"),
        (f"a\n{MD5}", {"columns": {"md6": "a"}}, "columns: md6: neither a kind nor one of"),
        (f"a\n{MD5}", {"columns": {"md5": "a", "status": 1}}, "columns: md5: either all are headings"),
        (f"a\n{MD5}", {"columns": {"status": "a"}}, "names no column with values"),
        (f"{PDQ},q=high", {"kind": "pdq"}, "line 1: has a quality"),
        (f"hash,quality\n{PDQ},high", {"kind": "pdq"}, "line 2: has a quality that is no number"),
        (PDQ, {}, "can be SHA-256 or PDQ"),
        (f'[{{"md5": "{MD5}"}}, {{"md5": "{OTHER}', {}, "JSON that cannot be read"),
        (f'[{{"md5": "{MD5}"}}, 5]', {}, "entry 2: neither a text nor an object"),
        (f'[{{"md5": "{MD5}"}}, {{"md5": "{OTHER[1:]}"}}]', {}, "entry 2: 31 characters"),
        ("[" * 100_000, {}, "JSON"),
        (NCMEC[:-40], {}, "line 7: XML that cannot be read to its end"),
        (NCMEC.replace(SHA1, SHA1[1:]), {}, "line 7: 39 characters"),
        ("<a>" * 1_000, {}, "too many levels"),
        ("<html><body>Log in</body></html>", {}, "holds no entries"),
        ('<!DOCTYPE a [<!ENTITY b "' + "b" * 99 + '"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>', {}, "a document type or entities"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', {}, "a document type or entities"),
        (b"\xff\xfea\x00", {}, "not UTF-8"),
        (f"{MD5}\n".encode() + b"\xff\xfe\n", {}, "not UTF-8"),
        (gzip.compress(MD5.encode() * 99)[:-4], {}, "cannot be read as a list"),
        ("", {}, "holds no entries"),
        ("# nothing\n\n", {}, "holds no entries"),
        ("[]", {}, "holds no entries"),
        ("md5,category\n", {}, "holds no entries"),
        (MD5, {"kind": "md6"}, "kind = 'md6': has to be one of"),
        (f"{MD5}\nmd5,Withdrawn", {"columns": {"md5": 1, "status": 2}}, "line 1: 1 columns"),
        (f"{MD5},\n{MD5},Withdrawn", {"columns": {"md5": 1, "status": 2}}, "is withdrawn"),
    ],
)  # fmt: skip
def test_what_is_no_list_ends_the_run_with_file_and_line_and_without_the_line(
    tmp_path: Path, content: str | bytes, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError, match=message) as caught:
        read(tmp_path, content, EVERY, **settings)
    said = str(caught.value)
    assert str(tmp_path / "list") in said or "kind =" in said
    assert not [secret for secret in (MD5, SHA1, OTHER, PDQ, BASE32, "&c;", "bbb") if secret in said]
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("form", ["text", "csv", "json", "xml"])
def test_a_form_can_be_forced(tmp_path: Path, form: str) -> None:
    content = {"text": MD5, "csv": f"md5\n{MD5}", "json": f'["{MD5}"]', "xml": NCMEC}
    for written, text in content.items():
        if written == form:
            assert holds(read(tmp_path, text, form=form), Kind.MD5, MD5) == [True]
        else:
            with pytest.raises(SettingsError):
                read(tmp_path, text, form=form)


# checklist 40
def test_entries_that_would_take_out_masses_are_skipped_and_counted(tmp_path: Path) -> None:
    zeros = ["0" * 32, "0" * 40, "f" * 64, "sha1:" + "A" * 32]
    lists = read(tmp_path, "\n".join([*EMPTY.values(), *zeros, MD5, MD5, SHA1]))
    assert lists.counts == {Kind.MD5: 1, Kind.SHA1: 1}
    assert lists.skipped == {"hash of the empty file": 3, "placeholder": 4, "there already": 1}
    flat = ["8000000000000000", "0" * 16, "f" * 16]
    lists = read(tmp_path, "\n".join([*flat, PHASH]), frozenset({Kind.PHASH}))
    assert (lists.counts, lists.skipped) == ({Kind.PHASH: 1}, {"perceptual hash of a flat picture": 3})


# checklist 40
def test_a_list_of_nothing_but_such_entries_is_a_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"holds no entries .* \(1 hash of the empty file, 1 placeholder\)"):
        read(tmp_path, f"{EMPTY['sha1']}\n{'0' * 32}\n")


# checklist 39
def test_a_pdq_of_quality_49_is_ignored_and_one_of_50_is_used(tmp_path: Path) -> None:
    for quality, used in ((49, 1), (50, 2), ("49.5", 1), ("", 2)):
        lists = read(tmp_path, f"hash,quality\n{PDQ},100\n{PDQ[::-1]},{quality}\n", frozenset({Kind.PDQ}))
        assert len(lists.rows(Kind.PDQ)) == used
        assert lists.skipped.get("PDQ of quality below 50", 0) == 2 - used


def test_kinds_that_nothing_here_can_compare_are_counted_and_alone_they_fail(tmp_path: Path) -> None:
    lists = read(tmp_path, NCMEC)
    assert lists.skipped == {"of a kind not asked for": 1, "unusable: photodna": 1, "withdrawn": 1}
    for content in (
        PHOTODNA,
        f"PhotoDNA {PHOTODNA}",
        f"TMK {'0' * 64}",
        f"netclean\n{SHA1}",
        f'[{{"videoMD5": "{MD5}"}}]',
    ):
        with pytest.raises(SettingsError, match=r"can be used \(1 unusable: "):
            read(tmp_path, content)


# checklist 42
@pytest.mark.parametrize("status", ["Withdrawn", "deleted", "REMOVED", " revoked "])
def test_a_withdrawn_entry_no_longer_matches_wherever_it_stands(tmp_path: Path, status: str) -> None:
    rows = [f"{MD5},Active", f"{OTHER},active", f"{OTHER},{status}"]
    for content in (rows, rows[::-1]):
        lists = read(tmp_path, "\n".join(["md5,status", *content]))
        assert holds(lists, Kind.MD5, MD5, OTHER) == [True, False]
        assert lists.skipped["withdrawn"] == 1


# checklist 42
def test_an_update_with_tombstones_takes_entries_out_of_the_list_before_it(tmp_path: Path) -> None:
    (tmp_path / "all").write_text(f"{MD5}\n{OTHER}\n")
    (tmp_path / "update").write_text(f"md5,status\n{OTHER},Deleted\n")
    before = load_lists(Named("all"), tmp_path, FILES)
    after = load_lists(Named(("all", "update")), tmp_path, FILES)
    assert holds(before, Kind.MD5, MD5, OTHER) == [True, True]
    assert holds(after, Kind.MD5, MD5, OTHER) == [True, False]


def test_an_entry_that_was_issued_again_after_its_tombstone_counts(tmp_path: Path) -> None:
    again = NCMEC.replace("2026-11-01", "2026-11-03")
    assert holds(read(tmp_path, again), Kind.MD5, MD5, OTHER) == [True, True]
    other_member = NCMEC.replace('<deletedImage><member id="7">', '<deletedImage><member id="8">')
    assert holds(read(tmp_path, other_member), Kind.MD5, MD5, OTHER) == [True, True]


# checklist 41
@pytest.mark.parametrize("size", [0, 1, 2, 3])
@pytest.mark.parametrize("kind", [Kind.MD5, Kind.PDQ, Kind.PHASH])
def test_lists_of_no_one_and_two_entries(tmp_path: Path, size: int, kind: Kind) -> None:
    values = {Kind.MD5: [MD5, OTHER, MD5[::-1]], Kind.PDQ: [PDQ, PDQ[::-1], PDQ[1:] + "a"], Kind.PHASH: [PHASH, PHASH[::-1], PHASH[1:] + "5"]}[kind]  # fmt: skip
    content = "\n".join(values[:size])
    if not size:
        with pytest.raises(SettingsError, match="holds no entries"):
            read(tmp_path, content, frozenset({kind}))
        return
    lists = read(tmp_path, content, frozenset({kind}))
    assert lists.counts == {kind: size}
    if kind is Kind.MD5:
        assert holds(lists, kind, *values) == [True] * size + [False] * (3 - size)
    else:
        assert sorted(row.tobytes().hex() for row in lists.rows(kind)) == sorted(values[:size])


def test_the_empty_one_of_several_lists_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "full").write_text(MD5)
    (tmp_path / "empty").write_text("")
    with pytest.raises(SettingsError, match="empty: holds no entries"):
        load_lists(Named(("full", "empty")), tmp_path, FILES)


def test_of_many_bad_lines_three_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"line 2: .*line 4: .*line 5: .*; and 1 more"):
        read(tmp_path, f"{MD5}\nsecret\n{MD5}\nsecret\n\nsecret\nsecret\n".replace("\n\n", "\n"))


def test_a_hash_that_can_be_read_in_two_ways_is_taken_in_both(tmp_path: Path) -> None:
    word = "ab23" * 8
    assert read(tmp_path, word).counts == {Kind.MD5: 1, Kind.SHA1: 1}
    assert read(tmp_path, f"md5\n{word}").counts == {Kind.MD5: 1}
    assert read(tmp_path, word, kind="md5").counts == {Kind.MD5: 1}
    assert read(tmp_path, f"sha1:{word}").counts == {Kind.SHA1: 1}
    # among many lines, which are read at once
    assert read(tmp_path, "\n".join([MD5, word, OTHER] * 5)).counts == {Kind.MD5: 3, Kind.SHA1: 1}


# what lists are made of, so that chance finds more than noise
PIECES = st.sampled_from(
    ["sha1:", "md5", MD5, SHA1, SHA256, PDQ, PHASH, BASE32, EMPTY["md5"], "http://", "a.test", "/", ":80", "*.", ".",
     "\ufeff", "\r\n", "\n", "\r", "#", ",", ";", "\t", '"', "[::1]", "%", "\x00", "0f" * 8, "xn--", "ß", " ", "{", "[", "]",
     "}", '"md5": "', '"', "<image>", "<md5>", "</md5>", "</image>", "<", "quality=", "status", "deleted", "type"]
)  # fmt: skip
texts = st.lists(PIECES | st.text(max_size=5), max_size=30).map("".join)


@given(
    content=st.binary(max_size=200) | texts.map(str.encode) | texts.map(lambda text: gzip.compress(text.encode())[:-3]),
    form=st.sampled_from(["auto", "text", "csv", "json", "xml"]),
    columns=st.sampled_from([None, {"md5": 1}, {"md5": "md5", "status": "status"}]),
)
def test_a_file_is_a_list_or_a_settings_error(content: bytes, form: Any, columns: Any, tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.mktemp("lists")
    try:
        lists = read(folder, content, EVERY, form=form, columns=columns)
    except SettingsError:
        return
    assert sum(lists.counts.values()) > 0


@given(
    lines=st.lists(
        st.sampled_from([MD5, OTHER, MD5.upper(), SHA1, BASE32, "ab23" * 8, "", "# x", EMPTY["sha1"], "0" * 32, "md5:" + MD5, " " + OTHER]),
        min_size=1, max_size=12,
    ),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)  # fmt: skip
def test_lines_read_at_once_name_what_lines_read_one_by_one_do(
    lines: list[str], end: str, tmp_path_factory: Any
) -> None:
    folder = tmp_path_factory.mktemp("lists")
    spaced = [f" {line}" for line in lines]  # a space, and numpy leaves the line to be read by itself
    try:
        slow = read(folder, end.join(spaced))
    except SettingsError:
        with pytest.raises(SettingsError):
            read(folder, end.join(lines))
        return
    fast = read(folder, end.join(lines))
    assert (fast.counts, fast.skipped) == (slow.counts, slow.skipped)
    assert holds(fast, Kind.MD5, MD5, OTHER, "ab23" * 8) == holds(slow, Kind.MD5, MD5, OTHER, "ab23" * 8)
