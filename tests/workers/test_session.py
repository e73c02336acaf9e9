"""Sittings: a run by steps, by slices side by side, drained, taken over, and what each leaves with."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from crawler.errors import RunFolderError, SettingsError
from crawler.job import Job, JobKind, Progress
from crawler.report import Report
from crawler.settings import Duplicates, Recipe
from tests.runs import contents
from tests.small_runs import small_archives, small_recipe
from workers import session
from workers.asked import Asked, among_islands, remarks
from workers.attempt import Outcome, failed
from workers.blame import Blame
from workers.crawl import Crawl, Run, Summary
from workers.demo.web import DemoWeb, demo_web
from workers.report.drawn.page import render
from workers.report.run import look_at_run, write_report
from workers.run_folder import RunFolder
from workers.session import exit_code, run_crawl
from workers.slice_status import StatusFile, read_status
from workers.slices import Slice
from workers.stop import Stop

SLICES = [Slice(number, 3) for number in range(3)]


@pytest.fixture(scope="module")
def web() -> Iterator[DemoWeb]:
    with demo_web() as served:
        yield served


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return small_archives(tmp_path_factory.mktemp("archives"))


@pytest.fixture(scope="module")
def oracle(web: DemoWeb, archives: list[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What an undisturbed crawl makes."""
    run = tmp_path_factory.mktemp("oracle") / "run"
    assert run_crawl(small_recipe(web.address), archives, run, Asked()) == 0
    return data_of(run)


def data_of(run: Path) -> dict[str, Any]:
    """What is in the tables and tars; a report of a shard also says which jobs made it."""
    return {name: value for name, value in contents(run).items() if not name.endswith("_stats.json")}


def planned(recipe: Recipe, archives: list[str], run: Path) -> Path:
    assert run_crawl(recipe, archives, run, Asked(verb="plan")) == 0
    return run


class AsFake:
    """A place where each job ends as planned, without doing anything. `then` is called after each."""

    peaks: dict[str, int] = {}  # noqa: RUF012 - as the interface has it

    def __init__(self, then: Any = lambda: None, error: Exception | None = None) -> None:
        self._then = then
        self._error = error

    @contextmanager
    def open(self, _recipe: Recipe, _folder: RunFolder, _kind: JobKind) -> Iterator[Run]:
        yield self.run

    def run(self, jobs: Iterable[Job], _progress: Progress, stop: Stop) -> Iterator[Outcome]:
        for job in jobs:
            report = Report(job=job.name, kind=job.kind.value, recipe="", stages=())
            yield failed(job, self._error) if self._error else Outcome(job=job, report=report)
            self._then()
            if stop:
                return


def at(place: AsFake, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def entered(_asked: Asked, _say: object) -> Iterator[AsFake]:
        yield place

    monkeypatch.setattr(session, "place_of", entered)


def test_fetched_and_scored_by_slices_the_data_is_that_of_one_crawl(
    web: DemoWeb, archives: list[str], oracle: dict[str, Any], tmp_path: Path
) -> None:
    recipe, run = small_recipe(web.address), tmp_path / "run"
    for part in reversed(SLICES):
        assert run_crawl(recipe, archives, run, Asked(verb="extract", slice=part)) == 0
    planned(recipe, archives, run)
    assert run_crawl(recipe, [], run, Asked(verb="score", slice=SLICES[0])) == 3
    for verb in ("fetch", "score"):
        for part in reversed(SLICES):
            assert run_crawl(recipe, [], run, Asked(verb=verb, slice=part)) == 0
    assert data_of(run) == oracle
    status = read_status(run / "slices/score-00000.json")
    assert status is not None
    assert (status.state, status.exit_code, status.done, status.jobs) == ("done", 0, 2, 2)


def test_fetched_and_scored_by_one_the_data_is_that_of_a_crawl_and_nothing_is_asked_of_the_net(
    web: DemoWeb, archives: list[str], oracle: dict[str, Any], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    assert run_crawl(small_recipe(web.address), archives, run, Asked(verb="fetch")) == 0
    asked = len(web.requests)
    listed = small_recipe(web.address, inputs=("https://not-there.invalid/wat.paths.gz",))
    assert run_crawl(listed, [], run, Asked(verb="score", drop_raw=True)) == 0
    assert data_of(run) == oracle
    assert not list((run / "raw").glob("*"))
    assert run_crawl(small_recipe(web.address), archives, run, Asked(verb="fetch")) == 0
    assert len(web.requests) == asked


def test_what_waits_to_be_scored_is_counted_once(web: DemoWeb, archives: list[str], tmp_path: Path) -> None:
    recipe, run = small_recipe(web.address), tmp_path / "run"
    assert run_crawl(recipe, archives, run, Asked(verb="fetch")) == 0
    assert run_crawl(recipe, [], run, Asked(verb="score", slice=Slice(0, 2))) == 0
    write_report(RunFolder(run), {})
    report = json.loads((run / "report.json").read_bytes())
    stages = {one["stage"]: one for one in report["stages"]}
    assert (report["totals"]["shards"], report["totals"]["raw_shards"]) == (2, 2)
    assert (stages["fetch"]["found"], stages["duplicates"]["found"]) == (12, 6)
    (run / "raw/00001.parquet").unlink()
    (run / "shards").rename(tmp_path / "shards")
    assert run_crawl(recipe, [], run, Asked(verb="score")) == 75


def test_of_very_many_raw_shards_the_report_is_right(web: DemoWeb, archives: list[str], tmp_path: Path) -> None:
    recipe, run = small_recipe(web.address), tmp_path / "run"
    assert run_crawl(recipe, archives, run, Asked(verb="fetch")) == 0
    assert run_crawl(recipe, [], run, Asked(verb="score")) == 0
    raw, stats = (run / "raw/00000.parquet").read_bytes(), (run / "shards/00000_stats.json").read_bytes()
    for number in range(4, 1000):
        (run / f"raw/{number:05d}.parquet").write_bytes(raw)
        if number % 2:
            (run / f"shards/{number:05d}_stats.json").write_bytes(stats)
    totals = write_report(RunFolder(run), {})["totals"]
    assert (totals["shards"], totals["raw_shards"], totals["fetched"]) == (4 + 498, 498, 3 * 1000)
    rows = recipe.plan.rows_per_job
    for most, asked in ((2 * rows, {"shards": 2, "of": 4}), (1, {"shards": 1, "of": 4}), (4 * rows, None), (0, None)):
        looked = look_at_run(RunFolder(run), most_rows=most)
        assert looked.report.get("asked") == asked
        assert looked.report["totals"] == totals
        assert looked.search["of"] == sum(
            looked.report["host_sizes"][one]["rows"] for one in looked.report["host_sizes"]
        )
        assert ("those of 2 shards, chosen at random" in render(looked.report)) == (most == 2 * rows)


def test_a_folder_is_made_in_one_way(web: DemoWeb, archives: list[str], tmp_path: Path) -> None:
    recipe = small_recipe(web.address)
    assert run_crawl(recipe, archives, tmp_path / "fetched", Asked(verb="fetch")) == 0
    with pytest.raises(RunFolderError, match="`pairtrawl fetch` and `pairtrawl score`"):
        run_crawl(recipe, archives, tmp_path / "fetched", Asked())
    assert run_crawl(recipe, archives, tmp_path / "crawled", Asked()) == 0
    with pytest.raises(RunFolderError, match="begun by `pairtrawl crawl`"):
        run_crawl(recipe, archives, tmp_path / "crawled", Asked(verb="fetch"))


def test_slices_need_a_plan_and_make_none(archives: list[str], tmp_path: Path) -> None:
    for verb in ("fetch", "score", "crawl"):
        with pytest.raises(RunFolderError, match="run `pairtrawl plan` first"):
            run_crawl(small_recipe(), archives, tmp_path / "run", Asked(verb=verb, slice=SLICES[0]))
    assert not (tmp_path / "run").exists()
    with pytest.raises(RunFolderError, match="holds no run"):
        run_crawl(small_recipe(), archives, tmp_path / "run", Asked(verb="score"))


def test_a_changed_plan_number_or_input_is_refused(archives: list[str], tmp_path: Path) -> None:
    recipe = small_recipe()
    run = planned(recipe, archives, tmp_path / "run")
    fetch = Asked(verb="fetch", slice=Slice(7, 8))  # of four jobs it has none
    assert run_crawl(recipe, archives, run, fetch) == 0
    with pytest.raises(RunFolderError, match="divided into 8 slices"):
        run_crawl(recipe, [], run, Asked(verb="score", slice=Slice(7, 9)))
    with pytest.raises(RunFolderError, match="name the same"):
        run_crawl(recipe, archives[:2], run, fetch)
    marker = run / "plan/plan.json"
    marker.write_bytes(marker.read_bytes().replace(b'"rows_per_job": 3', b'"rows_per_job": 4'))
    with pytest.raises(RunFolderError, match="the plan was changed"):
        run_crawl(recipe, [], run, fetch)


def test_archives_are_divided_by_themselves(archives: list[str], tmp_path: Path) -> None:
    run = tmp_path / "run"
    for part in (Slice(0, 2), Slice(1, 2)):
        assert run_crawl(small_recipe(), archives, run, Asked(verb="extract", slice=part)) == 0
    planned(small_recipe(), archives, run)
    assert run_crawl(small_recipe(), [], run, Asked(verb="fetch", slice=Slice(7, 8))) == 0


def test_a_slice_writes_no_report_and_leaves_what_others_are_at_work_on(archives: list[str], tmp_path: Path) -> None:
    run = planned(small_recipe(), archives, tmp_path / "run")
    (run / "report.json").unlink()
    of_others = [
        run / "scratch/pairtrawl-score-00001-x/spool",
        run / ".report.json.elsewhere-1-0123456789abcdef.partial",
    ]
    for path in of_others:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half")
    assert run_crawl(small_recipe(), [], run, Asked(verb="fetch", slice=Slice(7, 8))) == 0
    assert all(path.exists() for path in of_others)
    assert not (run / "report.json").exists()


def test_scratch_lies_where_it_is_asked_for_and_is_gone_afterwards(
    web: DemoWeb, archives: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Path] = []
    really = Crawl.run

    def watched(crawl: Crawl, verb: Any) -> Summary:
        seen.append(crawl.folder.scratch)
        assert crawl.folder.scratch.is_dir()
        return really(crawl, verb)

    monkeypatch.setattr(Crawl, "run", watched)
    node = tmp_path / "node"
    assert run_crawl(small_recipe(web.address), archives, tmp_path / "run", Asked(scratch=node)) == 0
    assert run_crawl(small_recipe(), [], tmp_path / "run", Asked(verb="score", slice=SLICES[0], scratch=node)) == 0
    assert [one.parent for one in seen] == [node, node]
    assert not list(node.iterdir())
    assert not (tmp_path / "run/scratch").exists()


def test_a_slice_that_another_sitting_took_over_is_left_to_it(
    archives: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run/slices/extract-00000.json"
    at(AsFake(lambda: StatusFile(path, "extract", Slice(0, 1), "4711.1")), monkeypatch)
    code = run_crawl(
        small_recipe(), archives, tmp_path / "run", Asked(verb="extract", slice=Slice(0, 1), owner="4711.0")
    )
    assert code == 75
    status = read_status(path)
    assert status is not None
    assert (status.owner, status.state, status.done) == ("4711.1", "running", 0)
    assert "took this slice over" in capsys.readouterr().out


@pytest.mark.parametrize(("stopped_after", "code", "done"), [(1, 75, 1), (4, 0, 4)])
def test_drained_it_says_so_and_leaves_with_75(
    stopped_after: int, code: int, done: int, archives: list[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    import signal

    ended: list[int] = []

    def usr1() -> None:
        ended.append(1)
        if len(ended) == stopped_after:
            signal.raise_signal(signal.SIGUSR1)

    at(AsFake(usr1), monkeypatch)
    assert run_crawl(small_recipe(), archives, tmp_path / "run", Asked(verb="extract", slice=Slice(0, 1))) == code
    said = capsys.readouterr().out
    assert ("Drained (told by USR1)" in said) == (code == 75)
    assert f"{done} of 4 jobs are done" in said


def test_a_slice_of_which_every_job_fails_leaves_with_3(
    archives: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from crawler.errors import ArchiveUnavailableError

    at(AsFake(error=ArchiveUnavailableError("busy")), monkeypatch)
    assert run_crawl(small_recipe(), archives, tmp_path / "run", Asked(verb="extract", slice=Slice(0, 1))) == 3
    status = read_status(tmp_path / "run/slices/extract-00000.json")
    assert status is not None
    assert (status.state, status.failed, status.exit_code) == ("failed", 4, 3)
    assert run_crawl(small_recipe(), archives, tmp_path / "run", Asked(verb="extract")) == 75


@pytest.mark.parametrize(
    ("summary", "whole", "sliced"),
    [
        (Summary(), 0, 0),
        (Summary(stopped=True), 75, 3),
        (Summary(stopped=True, finished=1), 75, 75),
        (Summary(stopped=True, taken_over=True), 75, 75),
        (Summary(waiting=2), 75, 3),
        (Summary(waiting=2, finished=1), 75, 75),
        (Summary(failures=["busy"], blames={Blame.NOBODY}), 75, 3),
        (Summary(failures=["broken"], blames={Blame.INPUT}), 2, 2),
        (Summary(failures=["broken"], blames={Blame.INPUT}, stopped=True, finished=1), 75, 75),
        (Summary(failures=["full"], blames={Blame.SET_UP}, stopped=True), 2, 2),
        (Summary(failures=["bug", "full"], blames={Blame.OURS, Blame.SET_UP}), 70, 70),
    ],
)
def test_what_a_sitting_leaves_with(summary: Summary, whole: int, sliced: int) -> None:
    assert (exit_code(summary), exit_code(summary, sliced=True)) == (whole, sliced)


def test_the_rate_at_a_site_is_divided_among_slices() -> None:
    recipe = small_recipe()
    assert among_islands(recipe, Asked()).manners.islands == 1
    assert among_islands(recipe, Asked(slice=SLICES[0])).manners.islands == 3
    assert among_islands(recipe, Asked(slice=SLICES[0], islands=2)).manners.islands == 2
    stated = msgspec.structs.replace(recipe, manners=msgspec.structs.replace(recipe.manners, islands=5))
    assert among_islands(stated, Asked(slice=SLICES[0])).manners.islands == 5
    assert among_islands(recipe, Asked(slice=SLICES[0])).digest == recipe.digest


def test_what_slices_do_not_do_as_well_is_said() -> None:
    recipe = small_recipe(duplicates=Duplicates(files="first"))
    slow = msgspec.structs.replace(recipe.manners, seconds_between_requests=1.0, islands=1000)
    recipe = msgspec.structs.replace(recipe, manners=slow)
    told = " ".join(remarks(recipe, Asked(slice=SLICES[0])))
    assert "once in 1,000 s" in told
    assert "cannot see what other slices keep" in told
    assert not list(remarks(recipe, Asked(verb="extract", slice=SLICES[0])))


def test_each_slice_has_an_index_of_its_own_shards(web: DemoWeb, archives: list[str], tmp_path: Path) -> None:
    recipe = small_recipe(web.address, duplicates=Duplicates(files="first"))
    run = planned(recipe, archives, tmp_path / "run")
    for part in (*SLICES, SLICES[0]):
        assert run_crawl(recipe, [], run, Asked(slice=part)) == 0
    assert sorted(one.name for one in (run / "seen").iterdir()) == ["slice-00000", "slice-00001", "slice-00002"]
    kept = write_report(RunFolder(run), {})["totals"]["kept"]
    assert kept == 9  # three files, which each of three slices keeps once


def test_starting_over_is_for_those_who_are_alone() -> None:
    with pytest.raises(SettingsError, match="--fresh with --slice"):
        Asked(slice=SLICES[0], fresh=True)


@pytest.mark.ray
def test_ray_is_looked_for_but_not_imported_before_its_token_is_set() -> None:
    look = "import sys; from workers.asked import Asked, place_of; place_of(Asked(place='ray')); print('ray' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"
