"""V1: rows that are not in the archive are found, and so are rows of the archive that are not in the table."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from crawler.job import Job, JobKind
from tests.fakes.archive_server import archive_server, whole
from tests.workers.tracker.checking.made import Here, Made
from tests.workers.tracker.honest import done
from tests.workers.tracker.mutations import Rows, with_candidates
from workers.tracker.checking import records
from workers.tracker.checking.looked import Evidence
from workers.tracker.checking.parse import look_parse
from workers.tracker.trust import Said


def looked(results: Made, evidence: Evidence, seed: int = 0, sample: int = 100) -> Said:
    (signal,) = look_parse(evidence, sample, seed.to_bytes(8, "big"), results.tools, Here()).signals
    assert signal.name == "parse"
    return signal.said


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small archives are read as a whole; here they are read as large ones are."""
    monkeypatch.setattr(records, "_WHOLE_BYTES", 0)
    monkeypatch.setattr(records, "CHUNK_BYTES", 8 * 1024)


@pytest.mark.parametrize("kind", ["extract", "wat"])
def test_an_honest_table_is_what_stands_in_its_archive(results: Made, kind: str) -> None:
    assert looked(results, getattr(results, kind)) is Said.GOOD


@pytest.mark.usefixtures("in_parts")
@pytest.mark.parametrize("kind", ["extract", "wat"])
def test_it_is_so_too_where_the_archive_is_read_in_parts(results: Made, kind: str) -> None:
    evidence: Evidence = getattr(results, kind)
    found = look_parse(evidence, 20, b"parts", results.tools, Here())
    assert found.signals[0].said is Said.GOOD
    assert found.figures["parse_requests"] > 5
    assert found.signals[0].looked >= 10


# --- what cheats do to rows


def _made_up(share: float, *, at_real_records: bool) -> Callable[[Rows], Rows]:
    """Rows of which some were never on any page: beside real ones, or from records of their own."""

    def change(rows: Rows) -> Rows:
        draw = random.Random(1)
        made: Rows = []
        for row in rows:
            made.append(row)
            if draw.random() < share / (1 - share):
                lie = row | {"url": f"http://advert.test/{len(made)}.png", "position": row["position"] + 100_000}
                made.append(lie if at_real_records else lie | {"offset": row["offset"] + 1})
        return sorted(made, key=lambda row: (row["offset"], row["position"]))

    return change


def _swapped_captions(rows: Rows) -> Rows:
    first, second = rows[0], next(row for row in rows if row["caption"] != rows[0]["caption"])
    return [
        row | {"caption": (second if row is first else first)["caption"]} if row in (first, second) else row
        for row in rows
    ]


def _without_a_language(rows: Rows) -> Rows:
    return [row for row in rows if row["caption_language"] != "en"]


def _only_what_passed(rows: Rows) -> Rows:
    return [row for row in rows if row["reason"] is None]


# invariant 20
@pytest.mark.parametrize("at_real_records", [True, False])
@pytest.mark.parametrize(("share", "jobs"), [(0.01, 10), (0.05, 2), (0.5, 1)])
def test_made_up_rows_are_found_within_so_many_jobs(
    results: Made, share: float, jobs: int, *, at_real_records: bool
) -> None:
    change = _made_up(share, at_real_records=at_real_records)
    changed = with_candidates(results.extract, results.folder(), change)
    assert results.wrong(changed) == ""  # the files alone do not tell
    assert any(looked(results, changed, seed) is Said.BAD for seed in range(jobs))


# invariants 20, 22
@pytest.mark.parametrize("change", [_swapped_captions, _without_a_language, _only_what_passed, lambda _rows: []])
def test_changed_and_omitted_rows_are_found(results: Made, change: Callable[[Rows], Rows]) -> None:
    changed = with_candidates(results.extract, results.folder(), change)
    assert looked(results, changed) is Said.BAD


# invariants 20, 22
@pytest.mark.usefixtures("in_parts")
@pytest.mark.parametrize("kind", ["extract", "wat"])
@pytest.mark.parametrize(
    "change", [_made_up(0.5, at_real_records=False), _made_up(0.5, at_real_records=True), _without_a_language]
)
def test_they_are_found_in_parts_too(results: Made, kind: str, change: Callable[[Rows], Rows]) -> None:
    changed = with_candidates(getattr(results, kind), results.folder(), change)
    assert looked(results, changed, sample=40) is Said.BAD


# --- archives


@pytest.mark.usefixtures("in_parts")
def test_a_false_start_of_a_member_is_stepped_over(results: Made, tmp_path: Path) -> None:
    """A page that carries the first bytes of a gzip member, stored, so that they stand in the file as they are."""

    def a_record(number: int) -> bytes:
        body = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<img src='/%d.png' alt='picture %d of a boat'>" % (
            number, number,
        ) + b"\x1f\x8b\x08" * 2_000  # fmt: skip
        head = b"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://a.test/\r\nContent-Length: %d\r\n\r\n"
        return gzip.compress(head % len(body) + body + b"\r\n\r\n", compresslevel=0)

    archive = tmp_path / "false.warc.gz"
    archive.write_bytes(b"".join(map(a_record, range(120))))
    job = Job(kind=JobKind.EXTRACT, number=3, input=str(archive), output=str(tmp_path / "out"),
              recipe=results.tools.recipe.digest, form="warc")  # fmt: skip
    honest = done(job, results.tools, archive=str(archive))
    assert looked(results, honest, sample=12) is Said.GOOD
    changed = with_candidates(honest, results.folder(), _made_up(0.5, at_real_records=False))
    assert looked(results, changed, sample=12) is Said.BAD


def test_a_list_is_looked_at_row_by_row(results: Made, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("url,caption\n" + "".join(f"http://a.test/{one}.png,a boat {one}\n" for one in range(300)))
    job = Job(kind=JobKind.EXTRACT, number=3, input=str(path), output=str(tmp_path / "out"),
              recipe=results.tools.recipe.digest, form="list")  # fmt: skip
    honest = done(job, results.tools, archive=str(path))
    assert results.wrong(honest) == ""
    assert looked(results, honest) is Said.GOOD

    def other_captions(rows: Rows) -> Rows:
        return [row | {"caption": "buy now"} if row["offset"] % 2 else row for row in rows]

    assert looked(results, with_candidates(honest, results.folder(), other_captions)) is Said.BAD


def test_an_archive_that_is_not_to_be_had_says_nothing(results: Made) -> None:
    assert looked(results, replace(results.extract, archive="/nowhere/x.warc.gz")) is Said.NOTHING


def test_a_server_that_gives_whole_files_only_is_asked_for_one(results: Made) -> None:
    content = Path(results.extract.archive).read_bytes()
    name = Path(results.extract.archive).name
    with archive_server({f"/{name}": [whole(content)]}) as server:
        etiquette = replace(results.tools.etiquette, spacing_seconds=0.0)
        tools = replace(results.tools, etiquette=etiquette)
        far = replace(results.extract, archive=server.url(f"/{name}"))
        (signal,) = look_parse(far, 20, b"far", tools, Here()).signals
    assert signal.said is Said.GOOD
    assert [("range" in asked.headers) for asked in server.asked] == [True, False]
