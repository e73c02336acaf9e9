"""The plan is a function of the set of candidates: no duplicates, capped hosts, hosts spread thin, equal jobs."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from crawler.errors import InputError, RunFolderError, SettingsError
from crawler.plan import PlanFolder, Planned, plan
from crawler.records import Candidate
from crawler.seen.keys import Keys, keys_of
from crawler.seen.opening import LookUp
from crawler.seen.segment import Segment
from crawler.settings import Plan
from crawler.tables import CandidateWriter, read_candidates
from tests.builders import a_candidate


def a_pair(host: str, number: int, **changes: object) -> Candidate:
    return a_candidate(f"picture {number}", image_url=f"http://{host}/{number}.png", position=number, **changes)


def tables_of(folder: Path, *tables: Sequence[Candidate]) -> list[Path]:
    paths = []
    for number, rows in enumerate(tables):
        path = folder / f"table-{number}.parquet"
        with CandidateWriter(path) as writer:
            writer.write(rows, [None] * len(rows))
        paths.append(path)
    return paths


def planned_rows(folder: PlanFolder, planned: Planned) -> list[list[Candidate]]:
    return [
        [row for group in read_candidates(folder.job_table(number)) for row in group] for number in range(planned.jobs)
    ]


def test_jobs_are_of_equal_size_and_hold_every_row_once(tmp_path: Path) -> None:
    rows = [a_pair(f"h{number % 7}.test", number) for number in range(25)]
    folder = PlanFolder(tmp_path / "plan")
    planned = plan(tables_of(tmp_path, rows), folder, Plan(rows_per_job=10))
    jobs = planned_rows(folder, planned)
    assert [len(job) for job in jobs] == [10, 10, 5]
    assert Counter(row for job in jobs for row in job) == Counter(rows)
    assert folder.read() == planned


def test_a_pair_seen_twice_is_planned_once_and_counted(tmp_path: Path) -> None:
    first = a_pair("a.test", 1, page_url="http://p.test/1", offset=10)
    again = a_pair("a.test", 1, page_url="http://p.test/2", offset=20)
    other_text = a_candidate("another text", image_url=first.image_url)
    folder = PlanFolder(tmp_path / "plan")
    planned = plan(tables_of(tmp_path, [again], [first, other_text]), folder, Plan())
    assert planned.rejected == {"duplicate": 1}
    assert set(planned_rows(folder, planned)[0]) == {first, other_text}


def test_duplicates_stay_where_the_recipe_wants_them(tmp_path: Path) -> None:
    rows = [a_pair("a.test", 1), a_pair("a.test", 1, offset=5)]
    planned = plan(tables_of(tmp_path, rows), PlanFolder(tmp_path / "plan"), Plan(unique=False))
    assert (planned.rows, planned.rejected) == (2, {})


def test_a_host_is_capped_and_the_rest_is_counted(tmp_path: Path) -> None:
    rows = [a_pair("big.test", number) for number in range(50)] + [a_pair("small.test", 1)]
    folder = PlanFolder(tmp_path / "plan")
    planned = plan(tables_of(tmp_path, rows), folder, Plan(rows_per_host=8))
    hosts = Counter(row.image_url.split("/")[2] for job in planned_rows(folder, planned) for row in job)
    assert hosts == {"big.test": 8, "small.test": 1}
    assert planned.rejected == {"host_cap": 42}


def test_a_popular_host_never_fills_a_job(tmp_path: Path) -> None:
    rows = [a_pair("big.test", number) for number in range(300)]
    rows += [a_pair(f"h{number}.test", number) for number in range(300)]
    folder = PlanFolder(tmp_path / "plan")
    planned = plan(tables_of(tmp_path, rows), folder, Plan(rows_per_job=60))
    for job in planned_rows(folder, planned)[1:-1]:  # one-row hosts all stand in the middle of the plan
        shares = Counter(row.image_url.split("/")[2] for row in job)
        assert shares["big.test"] <= 33 or len(shares) == 1


def test_rows_that_a_filter_rejected_are_not_planned(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    with CandidateWriter(path) as writer:
        writer.write([a_pair("a.test", 1), a_pair("a.test", 2)], [None, "text_length"])
    planned = plan([path], PlanFolder(tmp_path / "plan"), Plan())
    assert (planned.candidates, planned.rows) == (1, 1)


def test_the_plan_does_not_depend_on_how_candidates_lie_in_tables(tmp_path: Path) -> None:
    rows = [a_pair(f"h{number % 5}.test", number % 40, offset=number) for number in range(100)]
    plans = []
    for attempt in range(2):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        random.Random(attempt).shuffle(rows)
        tables = tables_of(folder, rows[: 30 + attempt], rows[30 + attempt :])
        planned = plan(tables, PlanFolder(folder / "plan"), Plan(rows_per_job=7, rows_per_host=6))
        plans.append((planned, planned_rows(PlanFolder(folder / "plan"), planned)))
    assert plans[0] == plans[1]


def seen_by(*earlier: Candidate) -> tuple[LookUp, list[int]]:
    """A look-up that knows these, and how many ids it was asked each time."""
    known = Segment.of(keys_of([one.content_id for one in earlier]))
    asked: list[int] = []

    def seen(keys: Keys) -> NDArray[np.bool_]:
        asked.append(len(keys))
        return known.contains(keys)

    return seen, asked


def test_pairs_that_an_earlier_run_kept_are_left_out_and_counted(tmp_path: Path) -> None:
    rows = [a_pair(f"h{number % 3}.test", number) for number in range(20)]
    again = [a_pair("h0.test", 0, offset=99), a_pair("h1.test", 1, offset=99), a_pair("h1.test", 10, offset=99)]
    seen, asked = seen_by(*rows[:5], a_pair("elsewhere.test", 1))
    folder = PlanFolder(tmp_path / "plan")
    planned = plan(tables_of(tmp_path, rows, again), folder, Plan(rows_per_host=4), seen=seen)
    # of the 15 that are new each host has five; 10 comes twice, 0 and 1 were seen twice
    assert planned.rejected == {"seen_earlier": 7, "duplicate": 1, "host_cap": 3}
    assert planned.candidates == planned.rows + sum(planned.rejected.values())
    planned_ones = {row.content_id for job in planned_rows(folder, planned) for row in job}
    assert len(planned_ones) == 12
    assert planned_ones <= {one.content_id for one in rows[5:]}
    assert sum(asked) == 23
    assert sorted(one.name for one in folder.path.iterdir()) == ["00000.parquet", "plan.json"]


def test_a_plan_of_pairs_that_were_all_seen_is_empty(tmp_path: Path) -> None:
    rows = [a_pair("a.test", number) for number in range(3)]
    seen, _ = seen_by(*rows)
    planned = plan(tables_of(tmp_path, rows), PlanFolder(tmp_path / "plan"), Plan(), seen=seen)
    assert (planned.jobs, planned.rejected) == (0, {"seen_earlier": 3})


def test_a_plan_of_which_nothing_was_seen_is_the_one_without_earlier_runs(tmp_path: Path) -> None:
    rows = [a_pair(f"h{number % 3}.test", number) for number in range(20)]
    plans = []
    for name, seen in (("with", seen_by(a_pair("x.test", 1))[0]), ("without", None)):
        folder = PlanFolder(tmp_path / name)
        planned = plan(tables_of(tmp_path, rows), folder, Plan(rows_per_job=6), seen=seen)
        plans.append((planned, planned_rows(folder, planned)))
    assert plans[0] == plans[1]


def test_rows_that_a_filter_rejected_are_not_looked_up(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    with CandidateWriter(path) as writer:
        writer.write([a_pair("a.test", 1), a_pair("a.test", 2)], ["text_length", "text_length"])
    seen, asked = seen_by(a_pair("a.test", 1))
    planned = plan([path], PlanFolder(tmp_path / "plan"), Plan(), seen=seen)
    assert (planned.candidates, planned.rows, asked) == (0, 0, [])


def test_no_candidates_make_an_empty_plan(tmp_path: Path) -> None:
    folder = PlanFolder(tmp_path / "plan")
    assert plan([], folder, Plan()).jobs == 0
    assert plan(tables_of(tmp_path, []), folder, Plan()).jobs == 0


def test_leftovers_of_an_unfinished_plan_are_replaced(tmp_path: Path) -> None:
    folder = PlanFolder(tmp_path / "plan")
    folder.path.mkdir()
    (folder.path / "00007.parquet").write_bytes(b"half a table")
    assert folder.read() is None
    plan(tables_of(tmp_path, [a_pair("a.test", 1)]), folder, Plan())
    assert sorted(one.name for one in folder.path.iterdir()) == ["00000.parquet", "plan.json"]


def test_a_table_that_is_none_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"this is no table")
    with pytest.raises(InputError, match=r"broken\.parquet"):
        plan([broken], PlanFolder(tmp_path / "plan"), Plan())
    with pytest.raises(InputError, match=r"broken\.parquet"):
        list(read_candidates(broken))


def test_a_marker_of_somebody_else_is_said(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text('{"rows": "many"}')
    with pytest.raises(RunFolderError, match=r"plan\.json"):
        PlanFolder(tmp_path).read()


def test_a_plan_that_needs_more_memory_says_which_setting_gives_it(tmp_path: Path) -> None:
    rows = [
        a_candidate(f"picture {number} {'x' * 400}", image_url=f"http://h{number}.test/") for number in range(9_000)
    ]
    with pytest.raises(SettingsError, match=r"raise resources\.plan_memory_bytes"):
        plan(tables_of(tmp_path, rows), PlanFolder(tmp_path / "plan"), Plan(), memory_bytes=2_000_000)
    assert PlanFolder(tmp_path / "plan").read() is None
