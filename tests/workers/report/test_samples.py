"""Contact sheets of a run: what is on them, and what must not be."""

from __future__ import annotations

import hashlib
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from crawler.fetch import Web
from crawler.job import Job, JobKind, run_job
from crawler.job.markers import read_crawl_reports
from crawler.picture.encode import encode
from crawler.records import Candidate, Fault, Sample
from crawler.report import merge
from crawler.rights.site_word import NoRules
from crawler.settings import FilterChoice, Output, Recipe, Resources
from crawler.tables import CandidateWriter
from crawler.wire.answers import Answer
from crawler.write import ShardWriter, pictured
from filters import catalogue, load
from tests.builders import a_candidate, a_fetched, a_picture, image_bytes
from tests.fakes.web import FakeGet, an_answer
from tests.removable import a_site
from workers.assemble import assemble
from workers.report.forbidden import Blocklists, blocklists_of
from workers.report.samples import Manner, Sheet, pictures_for, sheets_of
from workers.run_folder import RunFolder
from workers.showing import names_pictures

NOTHING = Blocklists()
#: like nothing else of these runs: whoever has it on a sheet is found out
NEEDLE = (255, 0, 255)
ADDRESS = "https://host1.test/1.jpg"  # of a row of `tests.removable`
OTHER_ADDRESS = "https://elsewhere.test/1.jpg"
OTHER = hashlib.sha256(b"another picture").hexdigest()
SMALL = FilterChoice(use="pictures.min_side", settings={"pixels": 64})


def rows_of(count: int) -> list[Candidate]:
    """Row 0 is the needle's."""
    rows = [a_candidate(f"picture {n}", image_url=f"https://images.test/{n}.png") for n in range(count)]
    return [msgspec.structs.replace(rows[0], image_url=ADDRESS, page_url="https://pages.test/1"), *rows[1:]]


def body_of(number: int) -> bytes:
    """Even rows are large enough; the needle is among them."""
    return image_bytes((90 if number % 2 == 0 else 40, 70 + number), color=(10 * number, 80, 20) if number else NEEDLE)


def a_run(folder: Path, recipe: Recipe, rows: Sequence[Candidate], shards: int = 1) -> RunFolder:
    """A run whose jobs have the rows one after another."""
    run = RunFolder.of(folder, recipe)
    run.open(recipe, [], "test")
    answers: dict[str, Answer | Fault] = {
        row.image_url: an_answer(body=body_of(number)) for number, row in enumerate(rows)
    }

    @asynccontextmanager
    async def open_fake() -> AsyncIterator[Web]:
        yield Web(FakeGet(dict(answers)), NoRules())

    tools = replace(assemble(recipe, folder / "scratch"), open_web=open_fake)
    for number in range(shards):
        table = folder / "plan" / f"{number:05d}.parquet"
        table.parent.mkdir(exist_ok=True)
        with CandidateWriter(table) as writer:
            writer.write(rows[number::shards], [None] * len(rows[number::shards]))
        job = Job(kind=JobKind.CRAWL, number=number, input=str(table), output=str(run.shards), recipe=recipe.digest)
        run_job(job, tools)
    return run


def counts_of(run: RunFolder) -> dict[str, Any]:
    """What of a run's report sheets look at."""
    stages = merge(stage for one in read_crawl_reports(run.shards) for stage in one.stages)
    return {"totals": {"kept": stages[-1].kept}, "stages": [msgspec.to_builtins(one) for one in stages]}


def recipe_of(*filters: FilterChoice, thumbnails: int = 20, folder: Path = Path(), **changes: Any) -> Recipe:
    output = Output(thumbnails=thumbnails, placeholder_addresses=0)
    return Recipe(
        output=msgspec.structs.replace(output, **changes), resources=Resources(decoders=1),
        filters=(*filters, SMALL), folder=str(folder),
    )  # fmt: skip


def sheets_by_band(sheets: Sequence[Sheet]) -> Mapping[tuple[str, str], Sheet]:
    found = {(one.filter, one.band): one for one in sheets}
    assert len(found) == len(sheets)
    return found


def shows_needle(jpeg: bytes) -> bool:
    with Image.open(io.BytesIO(jpeg)) as picture:
        pixel = picture.convert("RGB").resize((1, 1)).getpixel((0, 0))
    assert isinstance(pixel, tuple)
    return all(abs(one - other) < 12 for one, other in zip(pixel, NEEDLE, strict=True))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run of twelve rows in two shards, six of them kept, without any list."""
    return a_run(tmp_path_factory.mktemp("plain") / "run", recipe_of(), rows_of(12), shards=2)


def test_a_sheet_has_pairs_with_caption_and_host_and_says_of_how_many(plain: RunFolder) -> None:
    sheets = sheets_of(plain, counts_of(plain), most=4)
    assert [(one.filter, one.band, one.found, len(one.shown)) for one in sheets] == [
        ("", "kept", 6, 4), ("pictures.min_side", "rejected", 6, 4),
    ]  # fmt: skip
    kept, rejected = sheets
    assert {one.reason for one in kept.shown} == {""}
    assert {one.reason for one in rejected.shown} == {"min_side"}
    assert all(one.caption.startswith("picture ") and one.host.endswith(".test") for one in kept.shown)
    assert sheets == sheets_of(plain, counts_of(plain), most=4)
    whole = sheets_of(plain, counts_of(plain))
    assert [len(one.shown) for one in whole] == [6, 6]
    assert any(shows_needle(one.jpeg) for one in whole[0].shown)


@pytest.mark.parametrize("what", ["urls", "hashes", "register"])
def test_what_a_list_names_since_then_is_on_no_sheet_and_is_counted(tmp_path: Path, what: str) -> None:
    (tmp_path / "addresses.txt").write_text(f"{OTHER_ADDRESS}\n")
    (tmp_path / "files.txt").write_text(f"{OTHER[:32]}\n")
    lists = (
        FilterChoice(use="candidates.url_removal", settings={"path": "addresses.txt", "kind": "url"}),
        FilterChoice(use="bodies.hash_removal", settings={"path": "files.txt", "kind": "md5"}),
    )
    site = a_site(tmp_path / "site")
    recipe = msgspec.structs.replace(recipe_of(*lists, folder=tmp_path), removals="site/register")
    run = a_run(tmp_path / "run", recipe, rows_of(4))
    report = counts_of(run)
    sheets = sheets_by_band(sheets_of(run, report))
    before = sheets["", "kept"]
    assert sheets["pictures.min_side", "rejected"].left_out == 0
    assert sum(shows_needle(one.jpeg) for one in before.shown) == 1
    (needle,) = [one.content_id for one in before.shown if shows_needle(one.jpeg)]
    table = run.shards / "00000.parquet"
    row = next(one for one in pq.read_table(table).to_pylist() if one["content_id"] == needle)
    match what:
        case "urls":
            (tmp_path / "addresses.txt").write_text(f"{ADDRESS}\n")
        case "hashes":
            (tmp_path / "files.txt").write_text(f"{row['md5']}\n")
        case _:
            site.take_down(ADDRESS, "urls")
    after = sheets_of(run, report)
    kept = sheets_by_band(after)["", "kept"]
    assert (len(kept.shown), kept.left_out) == (len(before.shown) - 1, 1)
    assert not any(shows_needle(one.jpeg) for sheet in after for one in sheet.shown)
    assert needle not in pictures_for([table], [needle])
    assert before.left_out == 0


def test_what_a_list_may_name_is_not_shown_where_its_hash_was_not_kept(tmp_path: Path) -> None:
    (tmp_path / "files.txt").write_text(f"{OTHER[:32]}\n")
    chosen = FilterChoice(use="bodies.hash_removal", settings={"path": "files.txt", "kind": "md5"})
    names = blocklists_of(Recipe(filters=(chosen,), folder=str(tmp_path))).names
    assert names([{"md5": "0" * 32}, {"md5": None}, {"md5": OTHER[:32]}]) == [False, True, True]


def test_pairs_of_a_published_list_are_found_by_address_and_caption_under_its_own_names(tmp_path: Path) -> None:
    (tmp_path / "00000").mkdir()
    rows = [(f"https://images.test/{number}.jpg", f"boat {number}", f"00000{number}") for number in range(3)]
    for number, (_, _, key) in enumerate(rows):
        (tmp_path / "00000" / f"{key}.jpg").write_bytes(image_bytes((90, 60 + number), kind="JPEG"))
    columns = dict(zip(("URL", "TEXT", "key"), map(list, zip(*rows, strict=True)), strict=True))
    pq.write_table(pa.table(columns | {"NSFW": ["NSFW", None, "UNLIKELY"]}), tmp_path / "00000.parquet")
    ids = [a_candidate(caption, image_url=url).content_id for url, caption, _ in rows]
    found = pictures_for([tmp_path / "00000.parquet"], ids)
    assert [(found[one].caption, found[one].host, found[one].blurred) for one in ids] == [
        ("boat 0", "images.test", True), ("boat 1", "images.test", False), ("boat 2", "images.test", False),
    ]  # fmt: skip


def test_where_lists_cannot_be_read_nothing_is_shown_and_the_sheet_says_why(tmp_path: Path) -> None:
    (tmp_path / "addresses.txt").write_text(f"{OTHER_ADDRESS}\n")
    chosen = FilterChoice(use="candidates.url_removal", settings={"path": "addresses.txt", "kind": "url"})
    run = a_run(tmp_path / "run", recipe_of(chosen, folder=tmp_path), rows_of(3))
    (tmp_path / "addresses.txt").unlink()
    sheets = sheets_of(run, counts_of(run))
    assert [(one.shown, one.found) for one in sheets] == [((), 2), ((), 1)]
    assert all("addresses.txt" in one.note for one in sheets)


@pytest.mark.parametrize("container", ["webdataset", "files", "parquet"])
def test_without_thumbnails_kept_pairs_are_taken_out_of_what_the_shard_has_them_in(
    tmp_path: Path, container: Any
) -> None:
    run = a_run(tmp_path / "run", recipe_of(thumbnails=0, container=container), rows_of(6))
    (sheet,) = sheets_of(run, counts_of(run))
    assert (sheet.filter, sheet.band, sheet.found, len(sheet.shown)) == ("", "kept", 3, 3)
    ids = [one.content_id for one in sheet.shown]
    assert {one: pair.jpeg for one, pair in pictures_for([run.shards / "00000.parquet"], ids).items()} == {
        one.content_id: one.jpeg for one in sheet.shown
    }
    for one in sheet.shown:
        with Image.open(io.BytesIO(one.jpeg)) as picture:
            assert (picture.format, max(picture.size)) == ("JPEG", 90)


def test_pictures_for_ids_come_of_thumbnails_or_shards_and_those_of_nobody_do_not(plain: RunFolder) -> None:
    tables = sorted(plain.shards.glob("*.parquet"))
    ids = [row["content_id"] for table in tables for row in pq.read_table(table).to_pylist()]
    found = pictures_for(tables, [*ids, "0" * 32])
    assert set(found) == set(ids)
    assert {one.reason for one in found.values()} == {"", "min_side"}
    assert pictures_for(tables, []) == pictures_for([], ids) == {}


def a_shard(folder: Path, *kinds: str, number: int = 0, scores: Mapping[str, float] | None = None) -> dict[str, str]:
    """A shard of pairs whose pictures are kept as received; the kinds by the pairs' ids."""
    settings, known = Output(encode_format="original"), dict(scores or {})
    ids = {}
    with ShardWriter(folder, number, len(kinds), settings, [(name, "float") for name in known]) as writer:
        for place, kind in enumerate(kinds):
            candidate, picture = a_candidate(f"{kind} {number}"), a_picture()
            fetched = a_fetched(image_bytes((96, 64), kind=kind), candidate=candidate)
            header = replace(picture.header, format=kind)
            encoded = encode(replace(picture, fetched=fetched, header=header), settings)
            size = (encoded.width, encoded.height)
            sample = Sample(fetched, header, picture.hashes, encoded.image, *size, tuple(known.items()))
            writer.keep(place, pictured(sample, settings))
            ids[candidate.content_id] = kind
        writer.commit({})
    return ids


def test_never_are_more_than_eight_shards_opened_for_their_pictures(tmp_path: Path) -> None:
    ids = [one for number in range(12) for one in a_shard(tmp_path, "JPEG", number=number)]
    tables = sorted(tmp_path.glob("*.parquet"))
    assert set(pictures_for(tables, ids)) == set(ids[:8])


def test_pictures_that_are_kept_as_received_are_shown_whatever_their_format(tmp_path: Path) -> None:
    ids = a_shard(tmp_path, "JPEG", "PNG", "WEBP", "GIF", "AVIF", "BMP", "TIFF")
    found = pictures_for([tmp_path / "00000.parquet"], ids)
    assert found.keys() == ids.keys()
    assert all(one.jpeg[:2] == b"\xff\xd8" and not one.blurred for one in found.values())


def test_what_a_table_calls_unsafe_is_blurred_before_it_is_shown(tmp_path: Path) -> None:
    cases = [("punsafe", 0.25, True), ("punsafe_onnx", 0.9, True), ("punsafe", 0.24, False), ("similarity", 0.9, False)]
    expected = {}
    for number, (column, score, blurred) in enumerate(cases):
        (content_id,) = a_shard(tmp_path, "JPEG", number=number, scores={column: score})
        expected[content_id] = blurred
    found = pictures_for(sorted(tmp_path.glob("*.parquet")), expected.keys())
    assert {one: shown.blurred for one, shown in found.items()} == expected
    for shown in found.values():
        with Image.open(io.BytesIO(shown.jpeg)) as picture:
            assert picture.size == (96, 64)


def test_whoever_hides_what_may_be_unsafe_himself_gets_it_sharp_and_as_large_as_he_asks(tmp_path: Path) -> None:
    ids = a_shard(tmp_path, "JPEG", scores={"punsafe": 0.9})
    sizes = {}
    for side in (48, 512):
        (shown,) = pictures_for([tmp_path / "00000.parquet"], ids, Manner(side, blur=False)).values()
        assert shown.blurred
        with Image.open(io.BytesIO(shown.jpeg)) as picture:
            sizes[side] = picture.size
    assert sizes == {48: (48, 32), 512: (96, 64)}


def test_every_filter_with_a_list_is_asked_again(tmp_path: Path) -> None:
    entries = {
        "candidates.url_removal": ("url", OTHER_ADDRESS),
        "bodies.hash_removal": ("md5", OTHER[:32]),
        "bodies.final_url_removal": ("url", OTHER_ADDRESS),
        "pictures.pdq_removal": ("pdq", OTHER),
        "pictures.phash_removal": ("phash", OTHER[:16]),
    }
    assert set(entries) == {one.name for one in catalogue() if "most_share" in {two.name for two in one.settings}}
    chosen = []
    for use, (kind, entry) in entries.items():
        path = tmp_path / f"{use}.txt"
        path.write_text(f"{entry}\n")
        chosen.append(FilterChoice(use=use, settings={"path": str(path), "kind": kind}))
    assert len(blocklists_of(Recipe(filters=tuple(chosen))).lists) == len(entries)
    assert NOTHING.names([{}, {}]) == [False, False]
    for use, settings in ((one.use, one.settings) for one in chosen):
        if use.startswith("pictures."):
            assert names_pictures(load(use, settings))
