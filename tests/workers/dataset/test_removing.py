"""Rows go at once: cut out of shards by takedowns, masked by policies."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from crawler.errors import InputError, SettingsError
from tests.removable import Site, a_row, a_site
from workers.dataset.commits.verifying import verify
from workers.dataset.takedown.policies import load_policies, removed_by
from workers.dataset.takedown.removing import cut, mask

POLICY = """
[[policy]]
name = "punsafe > 0.5"
column = "punsafe"
above = 0.5
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return a_site(tmp_path)


def policy_file(folder: Path, text: str = POLICY) -> Path:
    path = folder / "policy.toml"
    path.write_text(text)
    return path


def test_cut_takes_out_what_takedowns_name_and_nothing_else(site: Site) -> None:
    before = site.store.read_commit("main")
    names = [site.take_down(a_row(number)["md5"]).takedown.id for number in (2, 21)]
    done = cut(site.publisher, site.register, ())
    gone = {a_row(2)["content_id"], a_row(21)["content_id"]}
    assert site.uids() == [uid for uid in site.uids(before[0]) if uid not in gone]
    assert (done.rows, done.shards, done.of_shards) == (2, 2, 3)
    assert site.store.read_commit("main")[1].parents == (before[0],)
    assert verify(site.store, "main").problems == []
    # the shard of which nothing went is the same object, and a second cut changes nothing
    assert list(site.store.shards(before[1]))[2] == list(site.store.shards(site.store.read_commit("main")[1]))[2]
    assert cut(site.publisher, site.register, tuple(names)).commit == done.commit
    assert site.register.steps() == {done.commit}


def test_cut_of_one_takedown_leaves_the_rows_of_others(site: Site) -> None:
    first = site.take_down(a_row(2)["md5"]).takedown.id
    site.take_down(a_row(21)["md5"])
    cut(site.publisher, site.register, (first,))
    assert a_row(21)["content_id"] in site.uids()
    assert a_row(2)["content_id"] not in site.uids()
    with pytest.raises(SettingsError, match="no takedown T-1999"):
        cut(site.publisher, site.register, ("T-1999-01-01-1",))
    with pytest.raises(InputError, match="no line of versions 'other'"):
        cut(site.publisher, site.register, (first,), ref="other")


def test_a_shard_of_which_all_rows_go_is_gone(site: Site) -> None:
    site.take_down("\n".join(a_row(number)["url"] for number in range(20)), "urls", so_many=True)
    cut(site.publisher, site.register, ())
    assert [shard.name for shard in site.store.shards(site.store.read_commit("main")[1])] == ["00001", "00002"]


def test_a_policy_masks_rows_and_writes_no_shard(site: Site, tmp_path: Path) -> None:
    before = {shard.name: shard for shard in site.store.shards(site.store.read_commit("main")[1])}
    done = mask(site.publisher, site.register, load_policies(policy_file(tmp_path)))
    left = [a_row(number)["content_id"] for number in range(60) if number % 4 == 3 or number % 100 / 100 <= 0.5]
    assert site.uids() == left
    commit = site.store.read_commit("main")[1]
    after = list(site.store.shards(commit))
    assert all((one.table, one.tar) == (before[one.name].table, before[one.name].tar) for one in after)
    assert (done.rows, done.shards) == (60 - len(left), 1)
    assert (commit.rows, commit.samples) == (len(left), sum(number % 4 != 3 for number in range(51)))
    assert verify(site.store, "main").problems == []
    assert mask(site.publisher, site.register, load_policies(policy_file(tmp_path))).commit == done.commit


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ('column = "punsafe"\nfrom = 0.5', lambda n: n % 4 != 3 and n >= 50),
        ('column = "punsafe"\nabove = 0.1\nup_to = 0.2', lambda n: n % 4 != 3 and 10 < n <= 20),
        ('column = "punsafe"\nbelow = 0.1\nmissing = "remove"', lambda n: n % 4 == 3 or n < 10),
        ('column = "status"\nis = "success"', lambda n: n % 4 != 3),
        ('keywords = "words"', lambda n: n in (18, 19)),
        ('column = "punsafe"\nabove = 0.0\nkeywords = ["words"]\ntexts = ["caption"]', lambda n: n == 18),
    ],
)
def test_what_policies_can_say(site: Site, tmp_path: Path, text: str, gone: object) -> None:
    (tmp_path / "words").write_text("18\n19\n")
    policies = load_policies(policy_file(tmp_path, f'[[policy]]\nname = "a rule"\n{text}'))
    mask(site.publisher, site.register, policies)
    assert callable(gone)
    assert site.uids() == [a_row(number)["content_id"] for number in range(60) if not gone(number)]


@pytest.mark.parametrize(
    ("column", "text", "gone"),
    [
        ([True, False, None], "is = true", [True, False, False]),
        ([True, False, None], 'is = false\nmissing = "remove"', [False, True, True]),
        ([2, 20, None], "is = 2", [True, False, False]),
        (["2", "two", None], "is = 2", [True, False, False]),
    ],
)
def test_a_value_is_told_in_columns_of_every_kind(
    tmp_path: Path, column: list[object], text: str, gone: list[bool]
) -> None:
    policies = load_policies(policy_file(tmp_path, f'[[policy]]\nname = "a rule"\ncolumn = "seen"\n{text}'))
    assert removed_by(policies, pa.table({"seen": column})).tolist() == gone


def test_a_score_that_is_no_number_was_not_found_safe_and_all_texts_of_a_row_count(tmp_path: Path) -> None:
    site = a_site(tmp_path, shards=1)
    others = [{"source": "title", "text": "a bad word"}]
    site.commit({0: [a_row(0, punsafe=float("nan")), a_row(1), a_row(2, other_captions=others)]})
    (tmp_path / "words").write_text("bad word")
    text = POLICY + '[[policy]]\nname = "words"\nkeywords = "words"'
    mask(site.publisher, site.register, load_policies(policy_file(tmp_path, text)))
    assert site.uids() == [a_row(1)["content_id"]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "cannot be read"),
        ("[[policy]]\n", "cannot be read"),
        ('[[policy]]\nname = "x"\n', "no condition"),
        ('[[policy]]\nname = "x"\ncolumn = "punsafe"\n', "needs above"),
        ('[[policy]]\nname = "x"\nabove = 0.5\n', "needs above"),
        ('[[policy]]\nname = "x"\ncolumn = "punsafe"\nabove = 0.5\nis = 1\n', "contradict"),
        ('[[policy]]\nname = "x"\nabve = 0.5\n', "cannot be read"),
        (POLICY + POLICY, "one name"),
        ('[[policy]]\nname = "x"\nkeywords = "none"\n', "none"),
    ],
)
def test_a_policy_that_is_not_clear_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        load_policies(policy_file(tmp_path, text))


def test_a_policy_of_a_column_that_is_not_there_or_not_of_numbers_is_refused(site: Site, tmp_path: Path) -> None:
    for column, asks, words in (
        ("nsfw", "above = 0.5", "no column 'nsfw'"),
        ("caption", "above = 0.5", "holds no numbers"),
        ("other_captions", 'is = "x"', "holds no values"),
    ):
        text = f'[[policy]]\nname = "x"\ncolumn = "{column}"\n{asks}'
        with pytest.raises(InputError, match=words):
            mask(site.publisher, site.register, load_policies(policy_file(tmp_path, text)))
