from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest
from PIL import Image

from crawler.records import Candidate
from crawler.tables import CandidateWriter, read_candidates
from tests.builders import a_candidate
from workers.tracker.checking.canaries import CanaryMaker, CanarySettings, FetchedRow, look_for, planted_input
from workers.tracker.trust import Said

HOSTS = ("https://img.example.org/", "https://cdn.example.net/")


def a_maker(key: bytes = b"k" * 32, rows: int = 3) -> CanaryMaker:
    return CanaryMaker(key, CanarySettings(hosts=HOSTS, rows=rows))


def rows_of(count: int, start: int = 0) -> list[Candidate]:
    return [
        a_candidate(f"a picture of thing {n}", image_url=f"https://site{n % 7}.test/{n}.png")
        for n in range(start, start + count)
    ]


def a_plan(folder: Path, tables: int = 2, rows: int = 40) -> None:
    (folder / "plan").mkdir(parents=True)
    for number in range(tables):
        with CandidateWriter(folder / "plan" / f"{number:05d}.parquet") as writer:
            writer.write(rows_of(rows, number * rows), [None] * rows)


def fetched(maker: CanaryMaker, address: str) -> FetchedRow:
    picture = maker.picture_at(address)
    assert picture is not None
    return FetchedRow("success", "", hashlib.sha256(picture).hexdigest())


def test_the_host_answers_for_what_was_made_with_the_key_and_for_nothing_else() -> None:
    maker = a_maker()
    address = maker.places("crawl", 0, 40)[0].address
    picture = maker.picture_at("/" + address.split("/", 3)[3])
    assert picture is not None
    with Image.open(io.BytesIO(picture)) as image:
        image.load()
        assert min(image.size) >= 240
        assert len(image.getcolors(100_000) or ()) > 1_000  # no filter takes it for an empty picture
    assert a_maker(b"another key").picture_at(address) is None
    for guess in ("/", "/media/2015/img-" + "0" * 32 + ".png", address[:-5], "/../../etc/passwd", "/é-ü.png"):
        assert maker.picture_at(guess) is None


def test_a_picture_is_the_same_bytes_on_every_machine() -> None:
    picture = a_maker().picture_at(a_maker().places("crawl", 0, 40)[0].address)
    assert picture is not None
    assert hashlib.sha256(picture).hexdigest() == "32bb74ff0b72afe0f7cacb4a1398b7b04c8c3f0e6a025ed330bf41d12c597ea8"


def test_a_table_has_its_own_rows_in_order_and_canaries_anywhere_among_them(tmp_path: Path) -> None:
    a_plan(tmp_path)
    name = planted_input(tmp_path, a_maker(), "crawl", 0, 2)
    assert name == "inputs/crawl-00000.parquet"
    rows = [one for group in read_candidates(tmp_path / name) for one in group]
    found = a_maker().in_table(tmp_path / name)
    assert [one.address for one in found] == [rows[one.index].image_url for one in found]
    assert len(found) == 3
    ordinary = [row for row in rows if row.image_url not in {one.address for one in found}]
    assert ordinary == rows_of(40)
    again = (tmp_path / name).read_bytes()
    assert planted_input(tmp_path, a_maker(), "crawl", 0, 2) == name
    assert (tmp_path / name).read_bytes() == again


def test_canaries_are_known_whatever_the_settings_have_become(tmp_path: Path) -> None:
    a_plan(tmp_path)
    name = planted_input(tmp_path, a_maker(), "crawl", 0, 2)
    assert name is not None
    later = CanaryMaker(b"k" * 32, CanarySettings(hosts=("https://other.example/",), rows=9))
    assert later.in_table(tmp_path / name) == a_maker().in_table(tmp_path / name)


# invariant 26
def test_nothing_in_a_canarys_row_tells_it_but_its_address(tmp_path: Path) -> None:
    """Whoever compares a planted table with an ordinary one sees the same rows from the same kinds of page."""
    a_plan(tmp_path)
    maker = a_maker()
    name = planted_input(tmp_path, maker, "crawl", 0, 2)
    assert name is not None
    rows = [one for group in read_candidates(tmp_path / name) for one in group]
    others = rows_of(40, 40)
    for canary in maker.in_table(tmp_path / name):
        row = rows[canary.index]
        model = next(one for one in others if one.caption == row.caption)
        told = [field for field in row.__struct_fields__ if getattr(row, field) != getattr(model, field)]
        assert told == ["image_url", "written_src"]


# invariant 26
def test_canaries_stand_anywhere_in_a_table() -> None:
    places = [one.index for number in range(600) for one in a_maker().places("crawl", number, 97)]
    assert min(places) == 0
    assert max(places) == 99
    tenths = [sum(1 for place in places if place // 10 == tenth) for tenth in range(10)]
    assert max(tenths) < 1.35 * min(tenths)  # 180 each, with a standard deviation of 13


def test_another_job_has_other_canaries_and_the_same_job_the_same() -> None:
    one = {canary.address for canary in a_maker().places("crawl", 0, 40)}
    assert one == {canary.address for canary in a_maker().places("crawl", 0, 40)}
    assert not one & {canary.address for canary in a_maker().places("crawl", 1, 40)}
    assert not one & {canary.address for canary in a_maker(b"other").places("crawl", 0, 40)}


def test_without_hosts_there_are_no_canaries(tmp_path: Path) -> None:
    a_plan(tmp_path)
    assert planted_input(tmp_path, CanaryMaker(b"k", CanarySettings()), "crawl", 0, 2) is None
    assert not (tmp_path / "inputs").exists()


def right(maker: CanaryMaker) -> dict[str, str]:
    return {one.address: maker.right_bytes(one) for one in maker.places("crawl", 0, 40)}


def test_who_fetched_has_the_right_bytes() -> None:
    told = {address: fetched(a_maker(), address) for address in right(a_maker())}
    assert look_for(right(a_maker()), told).said is Said.GOOD


# invariant 19
@pytest.mark.parametrize("sha256", ["0" * 64, hashlib.sha256(b"another picture").hexdigest()])
def test_who_made_up_the_pictures_has_other_bytes(sha256: str) -> None:
    told = {address: FetchedRow("success", "", sha256) for address in right(a_maker())}
    assert look_for(right(a_maker()), told).said is Said.BAD


def test_who_left_them_out_has_no_row() -> None:
    assert look_for(right(a_maker()), {}).said is Said.BAD


# invariant 22
def test_who_says_dead_for_all_is_odd_and_one_loss_is_the_networks() -> None:
    dead = FetchedRow("failed_to_download", "http_gone", "")
    told = dict.fromkeys(right(a_maker()), dead)
    assert look_for(right(a_maker()), told).said is Said.ODD
    first = next(iter(told))
    assert look_for(right(a_maker()), told | {first: fetched(a_maker(), first)}).said is Said.GOOD


def test_a_filter_may_let_a_canary_go_when_it_was_hashed() -> None:
    told = {
        address: FetchedRow("filtered", "clip_similarity", fetched(a_maker(), address).sha256)
        for address in right(a_maker())
    }
    assert look_for(right(a_maker()), told).said is Said.GOOD


def test_a_table_without_canaries_says_nothing() -> None:
    assert look_for({}, {}).said is Said.NOTHING
