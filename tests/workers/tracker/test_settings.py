"""The server's own settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from crawler.errors import SettingsError
from workers.tracker.settings import TEMPLATE, Settings, parse_settings, read_settings


def test_what_is_not_there_has_its_default(tmp_path: Path) -> None:
    assert read_settings(tmp_path / "settings.toml") == Settings()
    assert parse_settings(TEMPLATE) == Settings()


def test_the_template_s_examples_are_settings_that_there_are() -> None:
    examples = "\n".join(line.removeprefix("#") for line in TEMPLATE.splitlines() if not line.startswith("# "))
    assert parse_settings(examples) != Settings()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[registration]\naccount = 'open'", "account"), ("[registration]\naccounts = 'all'", "accounts"),
        ("[proxy]\nnetworks = ['everywhere']", "everywhere"), ("[nothing]", "nothing"), ("=", "TOML"),
        ("[trust]\nreplica_floor = 0", "replica_floor"), ("[admission]\nroom_bytes = -1", "room_bytes"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named(text: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        parse_settings(text)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_bytes(b"\xff")
    with pytest.raises(SettingsError, match=r"settings\.toml"):
        read_settings(file)
