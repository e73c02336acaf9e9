"""What was removed stays removed: in every later crawl, and in a rebuild from any version."""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crawler.dataset.keys import new_keys
from crawler.dataset.store import Store, new_store
from crawler.errors import RunFolderError, SettingsError
from crawler.job import JobKind
from crawler.settings import Rebuild, Recipe
from tests.builders import a_candidate, a_fetched, a_picture
from tests.removable import everything_in
from tests.small_runs import small_recipe
from workers.asked import Asked
from workers.assemble import assemble
from workers.dataset.commits.committing import commit_run
from workers.dataset.removed.register import Reason, RegisterFolder
from workers.dataset.removed.removals import NAME, noted_in, removed_at
from workers.dataset.takedown.takedowns import Request, add
from workers.demo.web import DemoWeb, demo_web
from workers.exit_codes import ExitCode
from workers.session import run_crawl
from workers.stages import Verb

NAMES = ("alpha.png", "cmyk.jpg", "palette.gif")
GONE = "cmyk.jpg"


@pytest.fixture(scope="module")
def web() -> Iterator[DemoWeb]:
    with demo_web() as served:
        yield served


def url(name: str, query: str = "") -> str:
    return f"http://demo-odd.test/{name}{query}"


def a_list(path: Path, rows: list[tuple[str, str]]) -> str:
    pq.write_table(pa.table({"URL": [one for one, _ in rows], "TEXT": [text for _, text in rows]}), path)
    return str(path)


def ran(recipe: Recipe, published: str, output: Path) -> tuple[set[str], dict[str, int]]:
    """Addresses in the tables of a run, and how many rows it withheld, by stage."""
    verb: Verb = "rebuild" if recipe.rebuild else "crawl"
    assert run_crawl(recipe, [published], output, Asked(verb=verb)) == ExitCode.DONE
    tables = [path for path in output.rglob("*.parquet") if path.with_name(f"{path.stem}_stats.json").exists()]
    (report,) = output.rglob("report.json")
    withheld = {
        stage["stage"]: stage["rejected"][NAME]
        for stage in json.loads(report.read_text())["stages"]
        if NAME in stage["rejected"]
    }
    return {str(row) for path in tables for row in pq.read_table(path).column("url").to_pylist()}, withheld


@pytest.fixture(scope="module")
def crawled(web: DemoWeb, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Store, str]:
    """A store with a version of three pictures, the row that will go, and a version after that."""
    folder = tmp_path_factory.mktemp("crawled")
    published = a_list(folder / "list.parquet", [(url(name), f"a picture of {name}") for name in NAMES])
    ran(small_recipe(web.address), published, folder / "run")
    keys = new_keys(folder / "keys")
    store = new_store(str(folder / "store"), "small", keys)
    return folder, store, commit_run(store, keys, folder / "run")


def taken_down(store: Store, folder: Path, what: str) -> RegisterFolder:
    """A register with one takedown, of one kind."""
    table = pq.read_table(store.objects.open_local(next(store.shards(store.read_commit("main")[1])).table))
    row = next(one for one in table.to_pylist() if one["url"] == url(GONE))
    files, ids = {}, None
    path = folder / "list"
    if what == "ids":
        path.write_text(row["content_id"])
        ids = path
    else:
        path.write_text({"urls": row["url"], "hosts": "demo-odd.test"}.get(what) or row[what])
        files = {what if what in ("urls", "pdq", "phash") else "hashes": (path,)}
    register = RegisterFolder.create(folder / "register")
    assert add(store, register, Request(Reason.PRIVACY, "ticket", files, ids)).takedown.rows == 1
    return register


@pytest.mark.parametrize("what", ["urls", "md5", "ids"])
def test_a_rebuild_from_an_older_version_refuses_the_rows(
    web: DemoWeb, crawled: tuple[Path, Store, str], tmp_path: Path, what: str
) -> None:  # invariant 32
    _, store, first = crawled
    register = taken_down(store, tmp_path, what)
    shard = next(store.shards(store.read_commit(first)[1]))
    older = tmp_path / "older.parquet"  # what a version is as a list: its own table
    older.write_bytes(store.objects.open_local(shard.table).read_bytes())
    recipe = small_recipe(web.address, rebuild=Rebuild(policy="refresh"), removals=str(register.path))
    there, withheld = ran(recipe, str(older), tmp_path / "rebuilt")
    assert there == {url(name) for name in NAMES} - {url(GONE)}
    assert sum(withheld.values()) == 1
    shards = tmp_path / "rebuilt"
    for path, content in everything_in(shards):
        if "plan" not in path.parts:  # which is the list itself
            assert GONE.encode() not in content, path
    assert noted_in(shards / "_pairtrawl")[0].startswith("register: removals as of 20")


def test_a_later_crawl_refuses_the_picture_under_another_address_and_the_address_under_another_text(
    web: DemoWeb, crawled: tuple[Path, Store, str], tmp_path: Path
) -> None:  # invariant 32
    _, store, _ = crawled
    register = taken_down(store, tmp_path, "ids")
    rows = [(url(GONE, "?again"), "another text"), (url(GONE), "another text"), (url("alpha.png"), "a picture")]
    recipe = small_recipe(web.address, removals=str(register.path))
    there, withheld = ran(recipe, a_list(tmp_path / "list.parquet", rows), tmp_path / "run")
    assert there == {url("alpha.png")}
    assert withheld == {"candidates": 1, "filter bodies": 1}
    plain = small_recipe(web.address)
    assert recipe.digest == plain.digest  # two runs must not tell what a register names
    for path, content in everything_in(tmp_path / "run"):
        assert f'{GONE}"'.encode() not in content, path
    with pytest.raises(RunFolderError, match="--removals"):
        ran(plain, str(tmp_path / "list.parquet"), tmp_path / "run")


def test_what_is_named_and_was_never_stored_is_refused_too(crawled: tuple[Path, Store, str], tmp_path: Path) -> None:
    _, store, _ = crawled
    picture = a_picture((90, 70), color=(10, 200, 10))
    noise = (int(hashlib.sha256(b"pdq").hexdigest(), 16), int(hashlib.sha256(b"phash").hexdigest()[:16], 16))
    hashes = replace(picture.hashes, pdq=noise[0], pdq_quality=90, phash=noise[1])
    picture = replace(picture, hashes=hashes)
    fetched, candidate = picture.fetched, picture.fetched.candidate
    named = {
        "hashes": (picture.hashes.sha1, "bodies", fetched),
        "urls": (candidate.page_url, "candidates", candidate),
        "hosts": (candidate.image_url.split("/")[2], "candidates", candidate),
        "pdq": (f"{hashes.pdq ^ 7:064x}", "pictures", picture),
        "phash": (f"{hashes.phash ^ 7:016x}", "pictures", picture),
    }
    for what, (entry, stage, record) in named.items():
        path = tmp_path / what
        path.write_text(entry)
        register = RegisterFolder.create(tmp_path / f"register-{what}")
        assert add(store, register, Request(Reason.COPYRIGHT, "letter", {what: (path,)})).takedown.rows == 0
        one = removed_at(register.path, stage)
        assert one is not None
        assert [verdict.keep for verdict in one.judge([record])] == [False], what


def test_a_run_without_a_readable_register_does_not_begin(web: DemoWeb, tmp_path: Path) -> None:
    published = a_list(tmp_path / "list.parquet", [(url("alpha.png"), "a picture")])
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(SettingsError, match="no register"):
            ran(small_recipe(web.address, removals=str(path)), published, tmp_path / "run")
    assert not list((tmp_path / "run").rglob("*.tar"))


def test_filters_of_a_register_show_nothing_and_travel_as_its_name(
    crawled: tuple[Path, Store, str], tmp_path: Path
) -> None:
    register = taken_down(crawled[1], tmp_path, "pdq")
    for stage, record in (("candidates", a_candidate()), ("bodies", a_fetched()), ("pictures", a_picture())):
        one = removed_at(register.path, stage)
        assert one is not None
        assert one.confidential
        assert one.most_share == 1
        assert GONE not in repr(one)
        sent = pickle.dumps(one)
        assert len(sent) < 500
        assert [verdict.keep for verdict in pickle.loads(sent).judge([record])] == [True]
    assert len(repr(removed_at(register.path, "pictures"))) < 500


def test_a_batch_of_nothing_is_judged_to_nothing(crawled: tuple[Path, Store, str], tmp_path: Path) -> None:
    """A job of which no row is left asks all the same: `rebuild --removals` once ended by that."""
    register = taken_down(crawled[1], tmp_path, "pdq")
    for stage in ("candidates", "bodies", "pictures"):
        one = removed_at(register.path, stage)
        assert one is not None
        assert one.judge([]) == []
    pictures = removed_at(register.path, "pictures")
    assert pictures is not None
    assert pictures.judge_again([]) == []


def test_an_empty_register_asks_nothing_of_a_run(tmp_path: Path) -> None:
    register = RegisterFolder.create(tmp_path / "register")
    recipe = small_recipe(removals=str(register.path))
    for kind in JobKind:
        tools = assemble(recipe, tmp_path / "scratch", kind=kind)
        assert (tools.candidate_filters, tools.body_filters, tools.picture_filters) == ((), (), ())
    assert msgspec.structs.replace(recipe, removals="").digest == recipe.digest
