"""`pairtrawl tracker`, as an operator types it."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import aiohttp
import msgspec
import pytest
from typer.testing import CliRunner, Result

from tests.workers.tracker.web.campaigns import SETTINGS, Client, a_plan
from workers.cli import app
from workers.tracker.folder import CampaignFolder
from workers.tracker.operating import seconds_of

ADDRESSES = [f"https://archives.example.org/{number}.warc.gz" for number in range(3)]


def said(*words: str) -> Result:
    return CliRunner().invoke(app, ["tracker", *words])


def a_made_campaign(path: Path) -> tuple[str, str]:
    """Its folder, and the admin token."""
    result = said("init", str(path), *ADDRESSES, "--no-selftest", "--title", "A test")
    assert result.exit_code == 0, result.output
    token = re.search(r"told this once: (\S+)", result.output)
    assert token is not None
    CampaignFolder(path).settings.write_text(SETTINGS)
    return str(path), token[1]


def test_a_campaign_is_made_once_and_says_what_to_do_next(tmp_path: Path) -> None:
    path, token = a_made_campaign(tmp_path / "c")
    again = said("init", path, *ADDRESSES, "--no-selftest", "--title", "A test")
    assert again.exit_code == 0
    assert token not in again.output
    assert "3 of 3 jobs read, 0 new" in again.output
    assert f"pairtrawl tracker serve {path}" in again.output


def test_jobs_of_the_plan_are_imported_when_there_is_one(tmp_path: Path) -> None:
    path, _ = a_made_campaign(tmp_path / "c")
    assert "pairtrawl plan" in str(said("import", path, "--stage", "crawl").exception)
    a_plan(CampaignFolder(Path(path)), 2)
    assert "2 of 2 jobs read, 2 new" in said("import", path, "--stage", "crawl").output
    assert "must be extract, fetch or crawl" in str(said("import", path, "--stage", "all").exception)


def test_an_operator_holds_the_campaign_back_and_sees_it(tmp_path: Path) -> None:
    path, _ = a_made_campaign(tmp_path / "c")
    assert said("pause", path).exit_code == 0
    told = said("status", path).output
    assert "paused" in told
    assert "extract: 3 ready" in told
    assert said("drain", path).exit_code == 0
    assert msgspec.json.decode(said("status", path, "--json").output)["overview"]["paused"] == "drain"
    assert said("resume", path).exit_code == 0
    assert said("cancel", path, "1").exit_code == 0
    assert said("requeue", path, "1").exit_code == 0
    assert "no job 99" in str(said("requeue", path, "99").exception)
    assert said("version", path, "0.9", "blocked", "--why", "drops captions").exit_code == 0
    assert "must be one of" in str(said("version", path, "0.9", "bad").exception)
    assert "no worker 7" in str(said("worker", "ban", path, "7").exception)
    assert "0 results" in said("worker", "revoke", path, "7", "--since", "2026-11-20").output


def test_invitations_are_printed_once_each(tmp_path: Path) -> None:
    path, _ = a_made_campaign(tmp_path / "c")
    tokens = said("invite", path, "--count", "3").output.split()
    assert len(set(tokens)) == 3
    database = sqlite3.connect(tmp_path / "c" / "tracker" / "tracker.db")
    text = str(database.execute("SELECT * FROM meta").fetchall())
    database.close()
    assert not any(token in text for token in tokens)


def test_a_sound_database_is_said_to_be_and_a_broken_one_is_not(tmp_path: Path) -> None:
    path, _ = a_made_campaign(tmp_path / "c")
    assert "sound" in said("fsck", path).output
    database = sqlite3.connect(tmp_path / "c" / "tracker" / "tracker.db")
    database.execute("UPDATE jobs SET state = 'leased' WHERE id = 1")
    database.commit()
    database.close()
    broken = said("fsck", path)
    assert "not as they must be" in str(broken.exception)
    assert len(broken.output.splitlines()) > 0


def test_a_backup_is_a_whole_database(tmp_path: Path) -> None:
    path, _ = a_made_campaign(tmp_path / "c")
    assert said("backup", path, str(tmp_path / "copy.db")).exit_code == 0
    copy = sqlite3.connect(tmp_path / "copy.db")
    assert copy.execute("SELECT count(*) FROM jobs").fetchone() == (3,)
    copy.close()


def test_a_folder_without_a_campaign_and_a_password_on_the_command_line_are_refused(tmp_path: Path) -> None:
    assert "tracker init" in str(said("pause", str(tmp_path)).exception)
    path, _ = a_made_campaign(tmp_path / "c")
    assert "pgpass" in str(said("pause", path, "--database", "postgresql://me:secret@host/db").exception)
    assert "PostgreSQL" in str(said("pause", path, "--database", "mysql://host/db").exception)


@pytest.mark.parametrize(
    ("when", "seconds"),
    [("0", 0.0), ("1764000000.5", 1764000000.5), ("1970-01-02", 86_400.0), ("1970-01-01T01:00:00+01:00", 0.0)],
)
def test_times_are_written_as_people_write_them(when: str, seconds: float) -> None:
    assert seconds_of(when) == seconds


def test_the_server_says_where_it_is_answers_and_ends_when_told_to(tmp_path: Path) -> None:
    path, token = a_made_campaign(tmp_path / "c")
    server = subprocess.Popen(
        [sys.executable, "-m", "workers", "tracker", "serve", path, "--port", "0", "--no-checker"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    try:
        assert server.stdout is not None
        root = server.stdout.readline().strip().rstrip("/")
        assert root.startswith("http://127.0.0.1:")

        async def life() -> None:
            async with aiohttp.ClientSession() as session:
                client = await Client(session, root).join()
                assert (await client.take()).spec.input in ADDRESSES
                assert (await asyncio.to_thread(said, "pause", path)).exit_code == 0  # beside the server
                asked = {"kinds": ["extract"], "version": "1.0"}
                assert (await client.ask("POST", "/v1/leases", asked)).status == 204
                operator = Client(session, root, token=token)
                assert (await operator.ask("POST", "/v1/admin/fsck", {})).json() == {"problems": []}

        asyncio.run(life())
    finally:
        server.send_signal(signal.SIGTERM)
        _, errors = server.communicate()
    assert (server.returncode, errors) == (0, "")
