from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner

from crawler.errors import SettingsError
from tests.workers.tracker.web.campaigns import a_campaign
from workers.cli import app
from workers.tracker.web.serving import open_tracker

_BUCKET = "[[uploads.targets]]\nhow = 's3'\nbucket = 'pairs'\nendpoint = 'https://storage.example.org'\n"


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "an id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a secret")


def test_a_storage_that_volunteers_would_refuse_is_refused_at_the_start_and_can_be_added(tmp_path: Path) -> None:
    folder, _token = a_campaign(tmp_path / "campaign", settings=_BUCKET)

    async def begin() -> dict[str, str]:
        async with open_tracker(folder) as tracker:
            return tracker.uploads.origins

    with pytest.raises(SettingsError, match=r"amend CAMPAIGN --uploads https://[a-z.]*storage\.example\.org"):
        asyncio.run(begin())
    with pytest.raises(SettingsError) as refused:
        asyncio.run(begin())
    origin = str(refused.value).rsplit(" ", 1)[-1]
    before = folder.campaign()
    done = CliRunner().invoke(app, ["tracker", "amend", str(folder.path), "--uploads", origin])
    assert done.exit_code == 0, done.output
    assert asyncio.run(begin()) == {"s3": origin}
    assert folder.campaign().recipe_digest == before.recipe_digest
    assert folder.campaign().archives == before.archives


def test_a_new_admin_token_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    folder, old = a_campaign(tmp_path / "campaign")
    done = CliRunner().invoke(app, ["tracker", "new-token", str(folder.path)])
    new = done.output.split()[-1]
    secrets = folder.read_secrets()
    assert secrets.is_admin(new)
    assert not secrets.is_admin(old)


def test_an_amendment_that_volunteers_would_refuse_changes_nothing(tmp_path: Path) -> None:
    folder, _token = a_campaign(tmp_path / "campaign")
    before = folder.campaign_file.read_bytes()
    done = CliRunner().invoke(app, ["tracker", "amend", str(folder.path), "--archives", "http://10.0.0.1/"])
    assert isinstance(done.exception, SettingsError)
    assert folder.campaign_file.read_bytes() == before
