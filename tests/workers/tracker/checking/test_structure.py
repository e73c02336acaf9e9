"""V0: honest results pass, and whatever does not fit together is found, in files, tables, tars and counts."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crawler.job import JobKind
from crawler.report import Report
from crawler.rows import Pictured
from crawler.tar import member
from crawler.write import key_of
from tests.workers.tracker.checking.made import Here, Made
from tests.workers.tracker.honest import crawled, pixel_tools, signed_again
from tests.workers.tracker.mutations import (
    Rows,
    Samples,
    copied,
    kept,
    said_dead,
    scored,
    turned,
    with_bytes,
    with_candidates,
    with_raw_rows,
    with_rows,
)
from workers.protocol.counts import counts_of
from workers.tracker.checking.cell import Cell
from workers.tracker.checking.locks import Bounds
from workers.tracker.checking.looked import Evidence
from workers.tracker.checking.structure import look_structure
from workers.tracker.trust import Said

KINDS = ("extract", "wat", "crawl", "fetch", "score")


@pytest.mark.parametrize("kind", KINDS)
def test_an_honest_result_fits_together_in_the_cell_and_out_of_it(results: Made, kind: str) -> None:
    evidence: Evidence = getattr(results, kind)
    assert results.wrong(evidence) == ""
    cell = Cell() if kind in ("extract", "crawl") else Here()
    looked = look_structure(evidence, results.tools, cell)
    assert [signal.said for signal in looked.signals] == [Said.GOOD]
    assert looked.figures["rows"] == (120 if kind not in ("extract", "wat") else looked.signals[0].looked)


def test_vectors_are_those_of_the_kept_rows_and_of_length_one(results: Made) -> None:
    recipe = results.tools.recipe
    recipe = msgspec.structs.replace(recipe, output=msgspec.structs.replace(recipe.output, keep_embeddings=True))
    tools = pixel_tools(recipe, results.folder())
    assert results.crawl.input is not None
    honest = crawled(tools, results.crawl.input, results.folder())
    assert results.wrong(honest, tools) == ""
    for kind, change, what in (
        ("img_emb/img_emb_00007.npy", lambda content: content[:-2] + b"\0\x48", "not of length one"),
        ("img_emb/img_emb_00007.npy", lambda content: content[:-64], "not as long as its shape"),
        ("text_emb/text_emb_00007.npy", lambda _content: b"\x93NUMPY\x01\0\x10\0(lambda: 1)     \n", "no array"),
        ("metadata/metadata_00007.parquet", lambda content: content[:-9], "footer"),
    ):
        name = next(one.name for one in honest.manifest.artefacts if one.name.endswith(kind))
        changed = with_bytes(honest, results.folder(), name, change)
        assert what in results.wrong(_with_statistics(changed), tools)


def _with_statistics(evidence: Evidence) -> Evidence:
    """The statistics name the other files as they are now."""
    path = evidence.folder / "00007_stats.json"
    tree = msgspec.json.decode(path.read_bytes())
    for one in signed_again(evidence).manifest.artefacts:
        if one.name in tree["files"]:
            tree["files"][one.name] = {"bytes": one.bytes, "sha256": one.sha256}
    path.write_bytes(msgspec.json.encode(tree))
    return signed_again(evidence)


# --- files


def test_bytes_that_were_not_announced_are_found(results: Made) -> None:
    changed = copied(results.crawl, results.folder())
    path = changed.folder / "00007.tar"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert "other bytes" in results.wrong(changed)
    path.write_bytes(path.read_bytes() + b"x")
    assert "another size" in results.wrong(changed)


def test_a_file_too_many_a_link_and_another_number_are_found(results: Made) -> None:
    more = copied(results.crawl, results.folder())
    (more.folder / "readme.txt").write_text("hello")
    assert "readme.txt" in results.wrong(more)
    assert "readme.txt" in results.wrong(signed_again(more))
    linked = copied(results.crawl, results.folder())
    (linked.folder / "00007.tar").unlink()
    (linked.folder / "00007.tar").symlink_to(results.crawl.folder / "00007.tar")
    assert "no plain file" in results.wrong(linked)
    assert "not those of a crawl job" in results.wrong(replace(results.crawl, number=8))


# --- candidate tables


def _swapped_rows(rows: Rows) -> Rows:
    return [rows[1], rows[0], *rows[2:]]


def _another(column: str, value: object) -> Callable[[Rows], Rows]:
    return lambda rows: [{**rows[0], column: value}, *rows[1:]]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (_swapped_rows, "out of order"),
        (lambda rows: [rows[0], *rows], "out of order"),
        (_another("url", "javascript:alert(1)"), "an address as we do not write it"),
        (_another("url", "http://a.test/" + "x" * 3_000), "an address of"),
        (_another("caption", "zero\u200bwidth"), "not cleaned"),
        (_another("caption", "x" * 2_001), "a caption of 2001"),
        (_another("caption_source", "title_page"), "a caption from"),
        (_another("archive", "other.warc.gz"), "another archive"),
        (_another("reason", "because"), "no filter's"),
        (_another("caption_language", "xx"), "no language"),
        (_another("caption_language_confidence", float("nan")), "no confidence"),
    ],
)
def test_rows_that_our_code_does_not_write_are_found(results: Made, change: Callable[[Rows], Rows], what: str) -> None:
    # builders insist on our own words, so a wrong source goes into the file itself
    changed_by = _with_table if what == "a caption from" else with_candidates
    changed = changed_by(results.extract, results.folder(), change)
    assert what in results.wrong(changed)


def _with_table(evidence: Evidence, folder: Path, change: Callable[[Rows], Rows]) -> Evidence:
    changed = copied(evidence, folder)
    path = folder / f"{evidence.number:05d}.parquet"
    table = pq.read_table(path)
    pq.write_table(pa.Table.from_pylist(change(table.to_pylist()), schema=table.schema), path)
    return _with_size(signed_again(changed))


def _with_size(evidence: Evidence) -> Evidence:
    marker = evidence.folder / f"{evidence.number:05d}.json"
    tree = msgspec.json.decode(marker.read_bytes())
    tree["bytes_written"] = (evidence.folder / f"{evidence.number:05d}.parquet").stat().st_size
    marker.write_bytes(msgspec.json.encode(tree))
    return signed_again(evidence)


def test_counts_that_are_not_those_of_the_rows_are_found(results: Made) -> None:
    def more(content: bytes) -> bytes:
        tree = msgspec.json.decode(content)
        tree["stages"][2]["found"] += 1
        tree["stages"][2]["kept"] += 1
        tree["stages"][1]["found"] += 1
        tree["stages"][1]["kept"] += 1
        return msgspec.json.encode(tree)

    changed = with_bytes(results.extract, results.folder(), "00001.json", more)
    assert "the manifest has other counts" in results.wrong(changed)
    report = msgspec.json.decode((changed.folder / "00001.json").read_bytes(), type=Report)
    manifest = msgspec.structs.replace(changed.manifest, counts=counts_of(report))
    assert "other rows than there are" in results.wrong(replace(changed, manifest=manifest))


# --- parquet that means harm


def test_a_footer_that_announces_more_than_there_is_takes_no_memory(results: Made) -> None:
    for length in (0xFFFF_FFFF, 0x7FFF_FFFF, 1 << 28):
        changed = with_bytes(
            results.extract,
            results.folder(),
            "00001.parquet",
            lambda content, length=length: content[:-8] + struct.pack("<I", length) + b"PAR1",  # type: ignore[misc]  # bound now
        )
        assert "footer" in results.wrong(_with_size(changed))


@pytest.mark.parametrize("where", [4, 100, -200, -9])
def test_a_damaged_table_is_a_wrong_result(results: Made, where: int) -> None:
    def damage(content: bytes) -> bytes:
        return content[:where] + bytes([content[where] ^ 0xFF]) + content[where + 1 or len(content) :]

    assert results.wrong(_with_size(with_bytes(results.extract, results.folder(), "00001.parquet", damage)))


# checklist 29; invariant 25
def test_a_table_that_unpacks_to_gigabytes_ends_in_its_cell(results: Made) -> None:
    """One text of a megabyte in each of 4,000 rows: a dictionary of one entry, a few hundred bytes on the disk."""
    changed = copied(results.extract, results.folder())
    path = changed.folder / "00001.parquet"
    schema = pq.read_schema(path)
    row = pq.read_table(path).to_pylist()[0] | {"written_text": "x" * (1 << 20)}
    columns: dict[str, Any] = {}
    for field in schema:
        one = pa.array([row[field.name]], field.type)
        index = pa.array([0] * 4_000, pa.int32())
        columns[field.name] = (
            pa.DictionaryArray.from_arrays(index, one) if field.name == "written_text" else one.take(index)
        )
    packed = pa.schema([pa.field(f.name, columns[f.name].type, f.nullable) for f in schema])
    # the arrow schema is left out, so that readers see plain texts
    pq.write_table(pa.table(columns, schema=packed), path, compression="zstd", store_schema=False)
    assert path.stat().st_size < 1 << 20
    cell = Cell(bounds=Bounds(memory_bytes=1 << 28))
    looked = look_structure(_with_size(signed_again(changed)), results.tools, cell)
    assert looked.is_bad
    assert "malloc" in looked.signals[0].detail or "process" in looked.signals[0].detail


# --- shards


def _first(samples: Samples) -> int:
    return kept(samples)[0]


def _score_out_of_reach(samples: Samples) -> None:
    index = _first(samples)
    samples[index] = scored(samples[index], -0.5)


def _a_cosine_of_five(samples: Samples) -> None:
    index = _first(samples)
    samples[index] = scored(samples[index], 5.0)


def _no_score(samples: Samples) -> None:
    index = _first(samples)
    samples[index] = Pictured(samples[index].row | {"similarity": None}, *samples[index][1:])


def _turned_with_a_good_score(samples: Samples) -> None:
    index = _first(samples)
    samples[index] = turned(samples[index], "clip_similarity")


def _dropped(samples: Samples) -> None:
    del samples[_first(samples)]


def _another_caption(samples: Samples) -> None:
    index = _first(samples)
    samples[index] = samples[index]._replace(row=samples[index].row | {"caption": "buy now"})


def _another_address(samples: Samples) -> None:
    index = _first(samples)
    samples[index] = samples[index]._replace(row=samples[index].row | {"url": "http://advert.test/x.png"})


def _a_reason_that_there_is_not(samples: Samples) -> None:
    index = _first(samples)
    samples[index] = turned(samples[index], "i_did_not_like_it")


def _a_reason_of_the_plan(samples: Samples) -> None:
    index = _first(samples)
    samples[index] = said_dead(samples[index], "duplicate", "")


def _left_out_as_too_short(samples: Samples) -> None:
    index = _first(samples)
    samples[index] = said_dead(samples[index], "text_length", "")


def _kept_from_us_by_its_page(samples: Samples) -> None:
    index = _first(samples)
    samples[index] = said_dead(samples[index], "page_opted_out", "")


def _a_placeholder_that_is_none(samples: Samples) -> None:
    index = _first(samples)
    samples[index] = turned(samples[index], "placeholder")


def _another_size(samples: Samples) -> None:
    index = _first(samples)
    samples[index] = samples[index]._replace(row=samples[index].row | {"original_width": 100_000})


def _no_hash(samples: Samples) -> None:
    index = _first(samples)
    samples[index] = samples[index]._replace(row=samples[index].row | {"sha256": "G" * 64})


# invariants 19, 20, 22: as far as the files alone betray it
@pytest.mark.parametrize(
    ("change", "what"),
    [
        (_score_out_of_reach, "kept with similarity -0.5"),
        (_a_cosine_of_five, "similarity is 5.0"),
        (_no_score, "kept without similarity"),
        (_turned_with_a_good_score, "rejected with similarity"),
        (_dropped, "missing"),
        (_another_caption, "another caption than in the plan"),
        (_another_address, "another url than in the plan"),
        (_a_reason_that_there_is_not, "there is no reason"),
        (_a_reason_of_the_plan, "there is no reason"),
        (_left_out_as_too_short, "where the plan says None"),
        (_kept_from_us_by_its_page, "where the plan says None"),
        (_a_placeholder_that_is_none, "placeholders or duplicates"),
        (_another_size, "100000"),
        (_no_hash, "sha256 is no hash"),
    ],
)
def test_a_shard_whose_rows_do_not_fit_is_found(results: Made, change: Callable[[Samples], None], what: str) -> None:
    changed = with_rows(results.crawl, results.folder(), results.tools, change)
    assert what in results.wrong(changed)


def test_the_builder_of_these_liars_leaves_an_honest_result_honest(results: Made) -> None:
    """What the tests above find is the lie and not the builder's own doing."""
    for evidence in (results.crawl, results.score):
        again = with_rows(evidence, results.folder(), results.tools, lambda _samples: None)
        assert results.wrong(again) == ""
    raw = with_raw_rows(results.fetch, results.folder(), results.tools, lambda _samples: None)
    assert results.wrong(raw) == ""
    assert results.wrong(with_candidates(results.extract, results.folder(), list)) == ""


def test_a_score_job_changes_nothing_but_scores(results: Made) -> None:
    def swap_pictures(samples: Samples) -> None:
        one, other = kept(samples)[:2]
        samples[one], samples[other] = (
            samples[one]._replace(image=samples[other].image), samples[other]._replace(image=samples[one].image),
        )  # fmt: skip

    def dead(samples: Samples) -> None:
        samples[_first(samples)] = said_dead(samples[_first(samples)])

    for change, what in ((swap_pictures, "another picture"), (dead, "turned away by what"), (_no_hash, "no hash")):
        changed = with_rows(results.score, results.folder(), results.tools, change)
        assert what in results.wrong(changed)


@pytest.mark.parametrize("change", [_another_caption, _dropped, _left_out_as_too_short, _no_hash])
def test_a_raw_shard_whose_rows_do_not_fit_is_found(results: Made, change: Callable[[Samples], None]) -> None:
    assert results.wrong(with_raw_rows(results.fetch, results.folder(), results.tools, change))


def test_a_raw_shard_with_what_is_no_picture_is_found(results: Made) -> None:
    def page(samples: Samples) -> None:
        samples[_first(samples)] = samples[_first(samples)]._replace(image=b"<html>no picture</html>")

    def other_size(samples: Samples) -> None:
        index = _first(samples)
        samples[index] = samples[index]._replace(row=samples[index].row | {"width": 1, "height": 1})

    for change, what in ((page, "cannot be decoded"), (other_size, "not as its row says")):
        changed = with_raw_rows(results.fetch, results.folder(), results.tools, change)
        assert what in results.wrong(changed)


def test_pictures_of_a_tar_are_decoded_outside_of_the_cell(results: Made) -> None:
    def page(samples: Samples) -> None:
        samples[_first(samples)] = samples[_first(samples)]._replace(image=b"<html>no picture</html>")

    def other_size(samples: Samples) -> None:
        index = _first(samples)
        samples[index] = samples[index]._replace(row=samples[index].row | {"width": 1, "height": 1})

    for change, what in ((page, "cannot be decoded"), (other_size, "not as its row says")):
        changed = with_rows(results.crawl, results.folder(), results.tools, change)
        looked = look_structure(changed, results.tools, Here())
        assert looked.is_bad
        assert what in looked.signals[0].detail


# --- tars


def _tar(members: bytes) -> bytes:
    return members + b"\0" * (1024 + -(len(members) + 1024) % 10_240)


def _with_flag(content: bytes, flag: bytes) -> bytes:
    """The first member as a link, with a checksum that fits."""
    head = bytearray(content[:512])
    head[156:157] = flag
    head[157:168] = b"/etc/passwd"
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + content[512:]


# invariant 25, defect 3
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda content: _with_flag(content, b"2"), id="a symbolic link"),
        pytest.param(lambda content: _with_flag(content, b"1"), id="a hard link"),
        pytest.param(lambda content: _tar(member("/etc/cron.d/x", b"x") + content), id="an absolute name"),
        pytest.param(lambda content: _tar(member("../x.jpg", b"x") + content), id="a way out"),
        pytest.param(lambda content: _tar(member("x", b"") * 100_000), id="members of no row"),
        pytest.param(lambda content: content + b"\0" * 10_240, id="more behind its end"),
        pytest.param(lambda content: content[:-10_240], id="cut short"),
        pytest.param(lambda content: b"", id="nothing"),
        pytest.param(lambda content: b"\xff" * 10_240, id="noise"),
        pytest.param(lambda content: content.replace(b"bigdata", b"someone", 1), id="an owner of its own"),
        pytest.param(lambda content: content.replace(b"0000444", b"0004755", 1), id="rights of its own"),
        pytest.param(lambda content: content[:124] + b"77777777777\0" + content[136:], id="a member of gigabytes"),
    ],
)
def test_a_tar_that_is_not_ours_is_found_at_its_first_strange_byte(
    results: Made, change: Callable[[bytes], bytes]
) -> None:
    assert "00007.tar" in results.wrong(with_bytes(results.crawl, results.folder(), "00007.tar", change))


def test_keys_are_those_of_the_job(results: Made) -> None:
    """A shard of another number, whose rows are the same, is another shard."""
    assert key_of(7, 0, 400, results.tools.recipe.output) == "00007000"
    other = replace(results.crawl, kind=JobKind.CRAWL, number=8, folder=results.folder())
    other.folder.mkdir()
    for path in results.crawl.folder.iterdir():
        (other.folder / path.name.replace("00007", "00008")).write_bytes(path.read_bytes())
    manifest = msgspec.structs.replace(signed_again(other).manifest, number=8)
    assert "is none of the job's" in results.wrong(replace(other, manifest=manifest))
