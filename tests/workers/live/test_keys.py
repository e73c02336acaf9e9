"""A key that is kept stays the same, and is read by nobody else."""

from __future__ import annotations

from pathlib import Path

import pytest

from crawler.errors import SettingsError
from workers.live.keys import kept_gate


def test_a_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "key"
    first = kept_gate(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert kept_gate(path).token == first.token
    assert path.read_text() == f"{first.token}\n"


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [("x" * 43, 0o644, "chmod 600"), ("short", 0o600, "remove it"), ("é" * 43, 0o600, "remove it")],
)
def test_a_file_that_others_may_read_or_that_is_no_key_is_refused(
    content: str, mode: int, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "key"
    path.write_text(content)
    path.chmod(mode)
    with pytest.raises(SettingsError, match=said):
        kept_gate(path)


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--token-file"):
        kept_gate(tmp_path / "not there" / "key")
