"""What every `Seen` promises, as small stories that any of them can be put through; and shards for them to be made of.

@pytest.mark.parametrize("story", STORIES)
def test_the_contract(story: Story, tmp_path: Path) -> None:
    story(Stage(tmp_path, open_it))
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from crawler.errors import RunFolderError, SettingsError
from crawler.job.duplicates import claiming
from crawler.records import Fault, Hashes, Rejected, Sample
from crawler.rows import rejected_row
from crawler.seen import Seen
from crawler.seen.keys import keys_of
from crawler.settings import Duplicates, Output, Recipe
from crawler.write import ShardWriter, pictured
from tests.builders import a_candidate, a_fetched, a_picture

_PICTURE = a_picture()


def sha(name: str) -> str:
    """The SHA-256 that a file of this name has."""
    return hashlib.sha256(name.encode()).hexdigest()


def a_sample_of(file: str, text: str = "") -> Sample:
    """A sample whose file has this name and whose caption is this text, or the file's name."""
    hashes = Hashes("0" * 32, "0" * 40, sha(file), 0, 0, 0)
    fetched = a_fetched(b"", candidate=a_candidate(text or file))
    return Sample(fetched, _PICTURE.header, hashes, b"picture", 80, 60, ())


def write_shard(folder: Path, number: int, kept: Sequence[str], rejected: Sequence[str] = ()) -> None:
    """A committed shard with these files, the rejected ones behind the kept ones."""
    folder.mkdir(parents=True, exist_ok=True)
    with ShardWriter(folder, number, 1_000, Output(), ()) as writer:
        for row, file in enumerate([*kept, *rejected]):
            writer.keep(row, pictured(a_sample_of(file), Output()))
            if row >= len(kept):
                writer.take_back(row, Fault.REPEATED_FILE)
        writer.reject(len(kept) + len(rejected), rejected_row(Rejected(a_candidate("gone"), Fault.TIMEOUT)))
        writer.commit({})


@dataclass(frozen=True)
class Stage:
    """A run in a folder, whose `Seen` can be opened as often as a story wants."""

    folder: Path
    open_with: Callable[[Recipe, Path], Any]  # a context manager of a Seen

    @property
    def run(self) -> Path:
        return self.folder / "run"

    def recipe(self, *earlier: str) -> Recipe:
        return Recipe(folder=str(self.folder), duplicates=Duplicates(earlier=earlier, files="first"))

    def commit(self, number: int, *files: str) -> None:
        write_shard(self.run / "shards", number, files)

    @contextmanager
    def seen(self, *earlier: str) -> Iterator[Claimer]:
        with self.open_with(self.recipe(*earlier), self.run) as seen:
            yield Claimer(seen, self)


@dataclass(frozen=True)
class Claimer:
    """Jobs that end, by the names of their files."""

    seen: Seen
    stage: Stage

    def taken(self, shard: str, *files: str) -> list[bool]:
        """Claim, and say which are somebody else's."""
        return list(self.seen.claim(shard, keys_of([sha(one) for one in files])).tolist())

    def job(self, number: int, *files: str) -> list[str]:
        """A whole job; returns the files that it kept."""
        with claiming(self.seen, f"{number:05d}") as claim:
            taken = claim(keys_of([sha(one) for one in files]))
            kept = [file for file, gone in zip(files, taken, strict=True) if not gone]
            self.stage.commit(number, *kept)
        return kept


def _fail_after_claiming(seen: Seen, file: str) -> None:
    with claiming(seen, "00000") as claim:
        claim(keys_of([sha(file)]))
        raise ZeroDivisionError


Story = Callable[[Stage], None]


def nothing_was_seen_at_first(stage: Stage) -> None:
    with stage.seen() as jobs:
        assert jobs.taken("00000", *"abcdefgh") == [False] * 8
        assert jobs.taken("00001") == []


def of_one_file_twice_in_a_job_the_first_stays(stage: Stage) -> None:
    with stage.seen() as jobs:
        assert jobs.taken("00000", "a", "b", "a", "c", "b", "a") == [False, False, True, False, True, True]


def what_a_committed_job_kept_was_seen(stage: Stage) -> None:
    with stage.seen() as jobs:
        assert jobs.job(0, "a", "b") == ["a", "b"]
        assert jobs.job(1, "b", "c", "a", "d") == ["c", "d"]
        assert jobs.job(2, *"abcde") == ["e"]


def of_two_jobs_at_once_exactly_one_keeps_a_file(stage: Stage) -> None:
    with stage.seen() as jobs:
        assert jobs.taken("00000", "a", "b") == [False, False]
        assert jobs.taken("00001", "b", "c") == [True, False]
        stage.commit(1, "c")
        jobs.seen.confirm("00001")
        stage.commit(0, "a", "b")
        jobs.seen.confirm("00000")
        assert jobs.taken("00002", "a", "b", "c") == [True, True, True]


def what_a_failed_job_claimed_is_free(stage: Stage) -> None:
    with stage.seen() as jobs:
        with pytest.raises(ZeroDivisionError):
            _fail_after_claiming(jobs.seen, "a")
        jobs.seen.release("00007")  # which has claimed nothing
        assert jobs.taken("00001", "a") == [False]


def a_second_claim_takes_the_place_of_the_first(stage: Stage) -> None:
    with stage.seen() as jobs:
        assert jobs.taken("00000", *"abcdefgh") == [False] * 8
        assert jobs.taken("00000", "a") == [False]  # its process died, and it runs again
        assert jobs.taken("00001", *"abcdefgh") == [True, *[False] * 7]


def a_committed_job_that_runs_again_gets_the_same_answers(stage: Stage) -> None:
    with stage.seen() as jobs:
        jobs.job(0, "a")
        files = ("b", "a", "c", "b", "d")
        assert jobs.job(1, *files) == ["b", "c", "d"]
        jobs.job(2, "e")
        assert jobs.job(1, *files) == ["b", "c", "d"]
    with stage.seen() as jobs:
        assert jobs.job(1, *files) == ["b", "c", "d"]
        assert jobs.taken("00003", *"abcdef") == [True] * 5 + [False]


def a_job_that_was_committed_and_not_confirmed_runs_again(stage: Stage) -> None:
    with stage.seen() as jobs:
        assert jobs.taken("00000", "a") == [False]
        stage.commit(0, "a")  # and there its process is killed
        assert jobs.taken("00001", "a") == [True]
        assert jobs.job(0, "a", "b") == ["a", "b"]
        assert jobs.taken("00001", "a", "b") == [True, True]


def a_shard_that_is_made_anew_has_only_what_it_holds_now(stage: Stage) -> None:
    with stage.seen() as jobs:
        jobs.job(0, "x")
        jobs.job(1, "a", "b")
        assert jobs.job(1, "b", "c") == ["b", "c"]  # the web has changed
        assert jobs.taken("00002", "a", "b", "c", "x") == [False, True, True, True]


def a_shard_that_somebody_removed_is_made_again(stage: Stage) -> None:
    with stage.seen() as jobs:
        jobs.job(0, "x")
        assert jobs.job(1, "a", "x", "b") == ["a", "b"]
        (stage.run / "shards/00001_stats.json").unlink()
        assert jobs.job(1, "a", "x", "b") == ["a", "b"]


def claims_go_with_the_process_and_committed_shards_stay(stage: Stage) -> None:
    with stage.seen() as jobs:
        jobs.job(0, "a")
        assert jobs.taken("00001", "b") == [False]
    with stage.seen() as jobs:
        assert jobs.taken("00002", "a", "b") == [True, False]


def shards_that_were_committed_behind_its_back_are_noticed(stage: Stage) -> None:
    with stage.seen() as jobs:
        jobs.job(0, "a")
    stage.commit(1, "b")  # killed before the index heard of it
    with stage.seen() as jobs:
        assert jobs.taken("00002", "a", "b", "c") == [True, True, False]


def a_shard_that_is_gone_was_not_seen(stage: Stage) -> None:
    with stage.seen() as jobs:
        jobs.job(0, "a")
        jobs.job(1, "b")
    (stage.run / "shards/00000_stats.json").unlink()
    with stage.seen() as jobs:
        assert jobs.taken("00002", "a", "b") == [False, True]


def nothing_is_confirmed_that_is_not_committed(stage: Stage) -> None:
    with stage.seen() as jobs:
        assert jobs.taken("00000", "a") == [False]
        with pytest.raises(RunFolderError, match="not committed"):
            jobs.seen.confirm("00000")
        jobs.seen.release("00000")
        assert jobs.taken("00001", "a") == [False]


def what_an_earlier_run_kept_was_seen(stage: Stage) -> None:
    write_shard(stage.folder / "older/shards", 0, ["a", "b"], rejected=["c"])
    write_shard(stage.folder / "old/shards", 0, ["d"])
    with stage.seen("older", "old") as jobs:
        assert jobs.job(0, *"abcde") == ["c", "e"]
        assert jobs.job(0, *"abcde") == ["c", "e"]


def an_earlier_run_that_is_not_there_is_said(stage: Stage) -> None:
    with pytest.raises(SettingsError, match=r"duplicates\.earlier: nowhere"), stage.seen("nowhere"):
        pass


STORIES: list[Any] = [
    pytest.param(story, id=story.__name__)
    for story in (
        nothing_was_seen_at_first,
        of_one_file_twice_in_a_job_the_first_stays,
        what_a_committed_job_kept_was_seen,
        of_two_jobs_at_once_exactly_one_keeps_a_file,
        what_a_failed_job_claimed_is_free,
        a_second_claim_takes_the_place_of_the_first,
        a_committed_job_that_runs_again_gets_the_same_answers,
        a_job_that_was_committed_and_not_confirmed_runs_again,
        a_shard_that_is_made_anew_has_only_what_it_holds_now,
        a_shard_that_somebody_removed_is_made_again,
        claims_go_with_the_process_and_committed_shards_stay,
        shards_that_were_committed_behind_its_back_are_noticed,
        a_shard_that_is_gone_was_not_seen,
        nothing_is_confirmed_that_is_not_committed,
        what_an_earlier_run_kept_was_seen,
        an_earlier_run_that_is_not_there_is_said,
    )
]
