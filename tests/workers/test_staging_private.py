"""A folder on a disk that strangers write to: ours alone, or refused."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from crawler.errors import SettingsError
from workers.staging.private import folder_inside, private_folder

MINE = f"pairtrawl-{os.getuid()}"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Like /tmp: everybody may write, nobody may rename what is another's."""
    folder = tmp_path / "base"
    folder.mkdir()
    folder.chmod(0o1777)
    return folder


def test_it_is_made_for_this_user_alone_and_found_again(base: Path) -> None:
    folder = private_folder(base)
    assert folder == base / MINE
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert private_folder(base) == folder


def test_the_folder_of_a_job_is_taken_as_it_is(base: Path) -> None:
    job = folder_inside(private_folder(base), "4711.0")
    assert private_folder(job) == job


def test_a_link_that_somebody_left_there_is_not_followed(base: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir(mode=0o700)
    (base / MINE).symlink_to(theirs)
    with pytest.raises(SettingsError, match="is no folder but a link or a file"):
        private_folder(base)
    assert list(theirs.iterdir()) == []


def test_a_link_to_nowhere_makes_nothing_there(base: Path, tmp_path: Path) -> None:
    (base / MINE).symlink_to(tmp_path / "nowhere")
    with pytest.raises(SettingsError, match="is no folder but a link or a file"):
        private_folder(base)
    assert not (tmp_path / "nowhere").exists()


def test_a_file_of_that_name_is_refused(base: Path) -> None:
    (base / MINE).write_bytes(b"mine now")
    with pytest.raises(SettingsError, match="is no folder but a link or a file"):
        private_folder(base)


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o702])
def test_a_folder_that_others_can_look_into_is_refused_with_what_to_do(base: Path, mode: int) -> None:
    (base / MINE).mkdir()
    (base / MINE).chmod(mode)
    with pytest.raises(SettingsError, match=r"open to other users .* chmod 700 it"):
        private_folder(base)


def test_a_folder_of_another_user_is_refused(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (base / MINE).mkdir(mode=0o700)
    own = os.getuid()
    if own == 0:
        os.chown(base / MINE, 12345, -1)
    else:
        (base / MINE).rename(base / f"pairtrawl-{own + 1}")
        monkeypatch.setattr(os, "getuid", lambda: own + 1)
        base.chmod(0o777 | stat.S_ISVTX)
    with pytest.raises(SettingsError, match="belongs to user"):
        private_folder(base)


def test_a_base_where_others_could_exchange_it_is_refused(base: Path) -> None:
    base.chmod(0o777)
    with pytest.raises(SettingsError, match="no sticky bit"):
        private_folder(base)


def test_a_base_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="nowhere: cannot be used for what is kept on the node"):
        private_folder(tmp_path / "nowhere")
