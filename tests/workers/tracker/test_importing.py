"""Making a campaign, and getting its jobs into the tracker."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest

from crawler.errors import RunFolderError, SettingsError
from crawler.settings import parse_recipe
from crawler.sources import ArchiveKind, Source
from tests.workers.tracker.web.campaigns import a_campaign
from workers.tracker import importing
from workers.tracker.founding import Founding, document, found
from workers.tracker.importing import import_stage
from workers.tracker.moves import jobs
from workers.tracker.operating import Desk, run

ONE = [Source("https://archives.example.org/0.warc.gz", ArchiveKind.WARC)]


async def _imported(desk: Desk, stage: importing.Stage, told: list[tuple[int, int, int]]) -> int:
    return await import_stage(desk.folder, desk.store, desk.clock, stage, lambda *counts: told.append(counts))


def test_jobs_are_imported_in_batches_and_only_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH", 3)
    folder, _ = a_campaign(tmp_path / "c", jobs=7)
    told: list[tuple[int, int, int]] = []
    assert run(folder.path, "", lambda desk: _imported(desk, "extract", told)) == 7
    assert told == [(3, 7, 3), (6, 7, 6), (7, 7, 7)]
    assert run(folder.path, "", lambda desk: _imported(desk, "extract", told)) == 0
    assert run(folder.path, "", lambda desk: desk.store.look(jobs.counts)) == {"extract": {"ready": 7}}


def test_an_import_that_was_stopped_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH", 2)
    folder, _ = a_campaign(tmp_path / "c", jobs=5)

    def stop(read: int, _total: int, _new: int) -> None:
        if read == 4:
            raise KeyboardInterrupt

    async def stopped(desk: Desk) -> int:
        return await import_stage(desk.folder, desk.store, desk.clock, "crawl", stop)

    with pytest.raises(KeyboardInterrupt):
        run(folder.path, "", stopped)
    assert run(folder.path, "", lambda desk: _imported(desk, "crawl", [])) == 1


def test_a_stage_that_there_is_not_is_refused(tmp_path: Path) -> None:
    folder, _ = a_campaign(tmp_path / "c")
    with pytest.raises(SettingsError, match="no fetch jobs"):
        run(folder.path, "", lambda desk: _imported(desk, "fetch", []))
    (folder.run.plan.path / "plan.json").unlink()
    with pytest.raises(RunFolderError, match="pairtrawl plan"):
        run(folder.path, "", lambda desk: _imported(desk, "crawl", []))


def test_a_campaign_pins_its_run_and_says_nothing_of_this_machine(tmp_path: Path) -> None:
    recipe = parse_recipe('name = "My Data!"\ninputs = ["/mnt/mine"]\n[resources]\ndownloads = 7', folder="/home/me")
    folder, token = found(Founding(path=tmp_path / "c", recipe=recipe, sources=ONE, inputs=("a",)))
    campaign, pinned = folder.campaign(), folder.run.pinned()
    assert token is not None
    assert pinned is not None
    assert pinned.inputs == ("a",)
    assert campaign.recipe_digest == pinned.recipe_digest == recipe.digest
    assert (campaign.name, campaign.archives) == ("my-data", ("https://archives.example.org/",))
    assert b"/home/me" not in folder.campaign_file.read_bytes()
    assert b"/mnt/mine" not in folder.campaign_file.read_bytes()
    assert (campaign.recipe.resources, campaign.recipe.folder) == (type(recipe.resources)(), ".")


def test_making_it_again_keeps_what_is_told_already(tmp_path: Path) -> None:
    asked = Founding(path=tmp_path / "c", recipe=parse_recipe(""), sources=ONE, selftest=lambda _: {"size/a": "1x1"})
    found(asked)
    again, token = found(Founding(path=tmp_path / "c", recipe=parse_recipe(""), sources=ONE))
    assert (again.campaign().selftest, token) == ({"size/a": "1x1"}, None)
    with pytest.raises(RunFolderError, match="another recipe"):
        found(Founding(path=tmp_path / "c", recipe=parse_recipe('name = "other"'), sources=ONE))


def test_files_that_a_recipe_names_come_along_as_they_are_now(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("never\n")
    text = '[[filters]]\nuse = "candidates.keywords"\npath = "words.txt"'
    recipe = parse_recipe(text, folder=str(tmp_path))
    folder, _ = found(Founding(path=tmp_path / "c", recipe=recipe, sources=ONE))
    (attachment,) = folder.campaign().attachments
    assert attachment.sha256 == hashlib.sha256(b"never\n").hexdigest()
    assert (folder.attachments / attachment.sha256).read_text() == "never\n"


@pytest.mark.parametrize(
    ("text", "sources", "told"),
    [
        ("", [Source("/home/me/0.warc.gz", ArchiveKind.WARC)], "--archives"),
        ("", [Source("s3://bucket/0.warc.gz", ArchiveKind.WARC)], "--archives"),
        ("", [Source("https://10.0.0.1/0.warc.gz", ArchiveKind.WARC)], "public host"),
        ("fetch.allow_networks = ['10.0.0.0/8']", ONE, "allow_networks"),
        ("[[filters]]\nuse = 'candidates.keywords'\npath = 'words.txt'\nconfidential = true", ONE, "confidential"),
        ("[[filters]]\nuse = 'candidates.keywords'\npath = '../c/words.txt'", ONE, "words.txt"),
    ],
)
def test_a_campaign_that_volunteers_would_refuse_is_not_made(
    tmp_path: Path, text: str, sources: list[Source], told: str
) -> None:
    (tmp_path / "c").mkdir()
    (tmp_path / "words.txt").write_text("never\n")
    (tmp_path / "c" / "words.txt").write_text("never\n")
    recipe = parse_recipe(text, folder=str(tmp_path))
    with pytest.raises(SettingsError, match=told):
        found(Founding(path=tmp_path / "d", recipe=recipe, sources=sources))
    assert not (tmp_path / "d").exists()


def test_archives_read_by_the_operator_may_stand_anywhere() -> None:
    local = [Source("/home/me/0.warc.gz", ArchiveKind.WARC)]
    asked = Founding(path=Path("c"), recipe=parse_recipe(""), sources=local, kinds=("crawl",))
    assert document(asked).archives == ()


def test_a_batch_of_imports_takes_one_transaction(tmp_path: Path) -> None:
    folder, _ = a_campaign(tmp_path / "c", jobs=20)

    async def at_once(desk: Desk) -> list[int]:
        return list(await asyncio.gather(*(_imported(desk, "crawl", []) for _ in range(3))))

    assert sorted(run(folder.path, "", at_once)) == [0, 0, 20]
