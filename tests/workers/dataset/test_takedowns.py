"""A takedown comes in: what matches, what is shown of it, what is kept, and what is refused."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import stat
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crawler.errors import InputError, SettingsError
from filters.lists import Kind, Named, load_lists
from filters.lists.compiling import Reading, compile_list
from filters.lists.private_files import new_key
from filters.turned import turned_hashes
from tests.removable import Site, a_row, a_site, image_of, uid_of
from workers.dataset.columns import Table
from workers.dataset.removed.register import Reason, RegisterFolder, TakedownError
from workers.dataset.takedown.matching import CopyMatcher, Criteria, Matcher, Source, Span
from workers.dataset.takedown.takedowns import Request, add, shown, told


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return a_site(tmp_path)


def matched(site: Site) -> set[str]:
    return {uid.tobytes().hex() for uid in site.register.uids()}


def flipped(hexed: str, bits: int) -> str:
    return f"{int(hexed, 16) ^ ((1 << bits) - 1) << 40:0{len(hexed)}x}"


def by_kind(number: int) -> dict[str, tuple[str, str]]:
    row = a_row(number)
    sha1 = bytes.fromhex(row["sha1"])
    pdq = np.frombuffer(bytes.fromhex(row["pdq"]), np.uint8).reshape(1, -1)
    return {
        "md5": ("hashes", row["md5"].upper()),
        "sha1": ("hashes", row["sha1"]),
        "sha1 in base32": ("hashes", "sha1:" + base64.b32encode(sha1).decode()),
        "sha256": ("hashes", row["sha256"]),
        "address": ("urls", row["url"].replace("https", "HTTP")),
        "address after redirects": ("urls", row["final_url"]),
        "address of its page": ("urls", row["page_url"]),
        "md5 of its address": ("urls", "url_md5 " + hashlib.md5(row["url"].encode()).hexdigest()),
        "sha256 of its address without scheme": (
            "urls", "url_sha256 " + hashlib.sha256(row["url"].partition("://")[2].encode()).hexdigest()
        ),
        "pdq": ("pdq", row["pdq"]),
        "pdq 31 bits away": ("pdq", flipped(row["pdq"], 31)),
        "pdq of the mirrored picture": ("pdq", turned_hashes(pdq)[1].tobytes().hex()),
        "phash 4 bits away": ("phash", flipped(row["phash"], 4)),
    }  # fmt: skip


@pytest.mark.parametrize("how", sorted(by_kind(2)))
def test_a_row_is_found_by_every_kind_of_list(site: Site, how: str) -> None:
    what, line = by_kind(2)[how]  # checklist 38, 39
    done = site.take_down(line, what)
    assert (done.takedown.rows, done.takedown.of_rows) == (1, 60)
    assert matched(site) == {a_row(2)["content_id"]}


@pytest.mark.parametrize(
    ("what", "line"),
    [("pdq", flipped(a_row(2)["pdq"], 32)), ("phash", flipped(a_row(2)["phash"], 5)), ("hashes", "0" * 31 + "1")],
)
def test_what_is_further_away_is_not_found_and_is_kept_for_later_all_the_same(site: Site, what: str, line: str) -> None:
    done = site.take_down(line, what)
    assert done.takedown.rows == 0
    assert [path.name for path, _ in site.register.lists()] == [f"{what}.ptlist"]


def test_hosts_take_out_all_that_is_below_them(site: Site) -> None:
    done = site.take_down("host3.test", "hosts", so_many=True)
    assert matched(site) == {a_row(number)["content_id"] for number in range(60) if number % 7 == 3}
    assert done.takedown.by_kind["url"] == len(matched(site))


def test_ids_by_their_column_and_by_their_own(site: Site, tmp_path: Path) -> None:
    ids = tmp_path / "ids.txt"
    ids.write_text(f"# of a letter\n{a_row(5)['content_id'].upper()}\n{'ab' * 16}\n")
    request = Request(Reason.PRIVACY, "ticket 8", ids=ids)
    assert add(site.store, site.register, request).takedown.rows == 1
    assert matched(site) == {a_row(5)["content_id"], "ab" * 16}  # also what is not there yet
    ids.write_text("000010003\n")
    keyed = Request(Reason.PRIVACY, "ticket 8", ids=ids, id_column="key")
    assert add(site.store, site.register, keyed).takedown.rows == 1
    assert a_row(23)["content_id"] in matched(site)
    ids.write_text("not an id\n")
    with pytest.raises(SettingsError, match="1 lines are no content_id"):
        add(site.store, site.register, request)


def test_rows_of_a_worker_and_of_a_time(tmp_path: Path) -> None:
    site = a_site(tmp_path, shards=1)
    rows = {number: [a_row(number * 20 + place) for place in range(20)] for number in range(3)}
    site.commit(rows, {1: "mallory", 2: "alice"})
    span = Span("mallory", since=1_700_000_020, until=1_700_000_022)
    done = add(site.store, site.register, Request(Reason.POISONED, "ours", span=span))
    # 23, 27, ... were never fetched and were made when the shard was: before the span
    assert matched(site) == {a_row(number)["content_id"] for number in (20, 21)}
    assert done.takedown.worker == "mallory"
    every = Request(Reason.POISONED, "ours", span=Span("mallory"))
    assert add(site.store, site.register, every, so_many=True).takedown.rows == 20


def test_rows_with_the_same_bytes_go_together(tmp_path: Path) -> None:
    site = a_site(tmp_path)
    copy = a_row(70, image=image_of(2), sha256=a_row(2)["sha256"], md5=None, sha1=None)
    site.commit({0: [a_row(2), copy, a_row(71)]})
    done = site.take_down(a_row(2)["url"], "urls")
    assert matched(site) == {a_row(2)["content_id"], copy["content_id"]}
    assert done.takedown.by_kind["copies"] == 1
    alone = Request(Reason.OPT_OUT, "ticket", {"urls": (tmp_path / "urls.list",)}, copies=False)
    assert add(site.store, site.register, alone).takedown.rows == 1


def test_every_version_is_looked_through_unless_one_is_named(tmp_path: Path) -> None:
    site = a_site(tmp_path)
    site.commit({0: [a_row(100)]})
    assert site.take_down(a_row(2)["md5"]).takedown.rows == 1
    assert site.take_down(a_row(2)["md5"], version="main").takedown.rows == 0
    assert site.take_down(a_row(100)["md5"]).takedown.of_rows == 61


def test_more_than_a_thousandth_asks(site: Site) -> None:
    many = "\n".join(a_row(number)["md5"] for number in range(20) if number % 4 != 3)
    with pytest.raises(TakedownError, match=r"15 of 60 rows.*--yes-so-many"):  # checklist 40
        site.take_down(many)
    assert site.register.takedowns() == []
    assert site.take_down(many, so_many=True).takedown.rows == 15


@pytest.mark.parametrize(
    "content", ["", "# nothing\n", "d41d8cd98f00b204e9800998ecf8427e\n", "zz\n", "0123\n", a_row(2)["md5"][:-1]]
)
def test_a_list_that_cannot_be_meant_adds_nothing(site: Site, content: str) -> None:
    with pytest.raises(SettingsError):  # checklist 41
        site.take_down(content)
    assert site.register.takedowns() == []
    assert not list(site.register.path.glob(".making*"))


def test_a_request_names_something_in_one_way_and_on_somebodys_word(site: Site, tmp_path: Path) -> None:
    ids = tmp_path / "ids"
    ids.write_text(a_row(1)["content_id"])
    for request, words in [
        (Request(Reason.PRIVACY, "me"), "names nothing"),
        (Request(Reason.PRIVACY, "me", ids=ids, span=Span("mallory")), "two takedowns"),
        (Request(Reason.PRIVACY, " ", ids=ids), "--authority"),
    ]:
        with pytest.raises(SettingsError, match=words):
            add(site.store, site.register, request)


def test_a_kind_that_no_row_can_be_compared_with_is_an_error_and_no_zero(tmp_path: Path) -> None:
    pq.write_table(pa.table({"URL": ["http://a.test/1.jpg"], "TEXT": ["a"]}), tmp_path / "bare.parquet")
    (tmp_path / "list").write_text(a_row(2)["sha256"])
    lists = load_lists(Named(str(tmp_path / "list"), "sha256"), Path(), frozenset({Kind.SHA256}))
    with pytest.raises(InputError, match="no row has what sha256"):
        Matcher(Criteria((lists,))).matches([Source(Table.open(tmp_path / "bare.parquet"))])


def test_pictures_that_were_never_hashed_so_are_counted_and_not_taken_for_clean(tmp_path: Path) -> None:
    columns = {"url": ["http://a.test/1", "http://a.test/2", "http://a.test/3"], "caption": ["a", "b", "c"]}
    hashes = {
        "sha256": ["1" * 64, "2" * 64, None],
        "pdq": [a_row(2)["pdq"], None, None],
        "pdq_quality": [100, None, None],
    }
    pq.write_table(pa.table(columns | hashes), tmp_path / "part.parquet")
    (tmp_path / "list").write_text(a_row(2)["pdq"])
    lists = load_lists(Named(str(tmp_path / "list"), "pdq"), Path(), frozenset({Kind.PDQ}))
    found = Matcher(Criteria((lists,))).matches([Source(Table.open(tmp_path / "part.parquet"))])
    assert (found.rows, dict(found.blind)) == (1, {"pdq": 1})  # the third row has no picture at all


def test_rows_without_an_id_are_named_by_address_and_caption(tmp_path: Path) -> None:
    table = pa.table(
        {"URL": ["http://a.test/1.jpg", "http://b.test/2.jpg"], "TEXT": ["a", None], "MD5": ["ab" * 16, None]}
    )
    pq.write_table(table, tmp_path / "laion.parquet")
    (tmp_path / "list").write_text("b.test")
    lists = load_lists(Named(str(tmp_path / "list")), Path(), frozenset({Kind.DOMAIN}))
    found = Matcher(Criteria((lists,))).matches([Source(Table.open(tmp_path / "laion.parquet"))])
    assert [uid.tobytes().hex() for uid in found.uids] == [uid_of("http://b.test/2.jpg", "")]


def test_rows_that_have_an_id_and_no_address_are_found_by_their_hash(tmp_path: Path) -> None:
    hashes = [a_row(2)["sha256"], a_row(4)["sha256"]]
    pq.write_table(pa.table({"uid": ["0a" * 16, "0b" * 16], "sha256": hashes}), tmp_path / "a.parquet")
    (tmp_path / "list").write_text(hashes[1])
    lists = load_lists(Named(str(tmp_path / "list")), Path(), frozenset({Kind.SHA256}))
    sources = [Source(Table.open(tmp_path / "a.parquet"))]
    found = Matcher(Criteria((lists,))).matches(sources)
    assert [uid.tobytes().hex() for uid in found.uids] == ["0b" * 16]
    assert [uid.tobytes().hex() for uid in CopyMatcher(found.digests).matches(sources).uids] == ["0b" * 16]


def test_a_confidential_list_finds_the_same_and_numbers_below_ten_are_not_told(site: Site, tmp_path: Path) -> None:
    source, key, compiled = tmp_path / "list", tmp_path / "key", tmp_path / "list.ptlist"
    source.write_text(f"md5 {a_row(2)['md5']}\nsha256 {a_row(6)['sha256']}\n")
    new_key(key)
    compile_list([source], Reading(), key, compiled, dt.datetime.now(dt.UTC).date())
    done = add(site.store, site.register, Request(Reason.ILLEGAL, "office", {"hashes": (compiled,)}, key=str(key)))
    assert done.takedown.rows == 2
    assert shown(done.takedown)["rows"] == "fewer than 10"
    assert told(9, confidential=True) == told(0, confidential=True) == "fewer than 10"
    assert told(9, confidential=False) == "9"
    assert (site.register.path / done.takedown.id / "hashes-0.ptlist").read_bytes() == compiled.read_bytes()
    assert site.register.lists()[0][1] == key


def test_the_register_tells_nothing_to_others_nor_in_the_open(site: Site) -> None:
    row = a_row(2)
    site.take_down(row["md5"])
    site.take_down(row["url"], "urls")
    for path in [site.register.path, *site.register.path.rglob("*")]:
        assert not path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO), path
        if path.is_file():
            content = path.read_bytes()
            for told_ in (row["url"], row["md5"], row["sha256"], row["caption"], "host2.test"):
                assert told_.encode() not in content, path
                assert not any(c in content for c in [bytes.fromhex(row["md5"]), bytes.fromhex(row["sha256"])])
    takedown = json.loads((site.register.path / site.register.takedowns()[0].id / "takedown.json").read_text())
    assert takedown["reason"] == "privacy"
    assert row["content_id"] not in json.dumps(takedown)


def test_a_register_that_others_may_read_or_that_is_damaged_is_not_used(site: Site) -> None:
    name = site.take_down(a_row(2)["md5"]).takedown.id
    path = site.register.path
    path.chmod(0o750)
    with pytest.raises(SettingsError, match="chmod 700"):
        RegisterFolder.open(path)
    path.chmod(0o700)
    (path / name / "uids").write_bytes(b"half")
    with pytest.raises(SettingsError, match="cut short"):
        site.register.uids()
    (path / name / "takedown.json").write_text("{}")
    with pytest.raises(SettingsError, match="damaged"):
        site.register.takedowns()
    (path.parent / "empty").mkdir()
    with pytest.raises(SettingsError, match="no register"):
        RegisterFolder.open(path.parent / "empty")
    with pytest.raises(SettingsError, match="not empty"):
        RegisterFolder.create(path.parent / "store")


def test_a_register_that_was_killed_while_it_was_made_is_made_to_its_end(tmp_path: Path) -> None:
    made = RegisterFolder.create(tmp_path / "register")
    key = made.key.read_bytes()
    (made.path / "register.json").unlink()
    assert RegisterFolder.create(made.path).key.read_bytes() == key


def test_a_register_in_a_git_work_tree_is_not_made(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    with pytest.raises(SettingsError, match="git work tree"):
        RegisterFolder.create(tmp_path / "register")
    assert not (tmp_path / "register").exists()


def test_two_takedowns_of_a_day_have_two_names(site: Site) -> None:
    names = [site.take_down(a_row(number)["md5"]).takedown.id for number in (1, 2)]
    assert [name.rpartition("-")[2] for name in names] == ["1", "2"]
    (site.register.path / ".making-T-x").mkdir()  # of one that was killed
    assert site.take_down(a_row(4)["md5"]).takedown.id.endswith("-3")
    assert not (site.register.path / ".making-T-x").exists()
