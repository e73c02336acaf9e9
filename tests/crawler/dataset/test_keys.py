"""The key folder: private, made once, and never in a message."""

from __future__ import annotations

from pathlib import Path

import pytest

from crawler.dataset.keys import SALT, SIGNING, new_keys, open_keys
from crawler.errors import SettingsError
from crawler.signing import is_signed


def test_keys_are_made_once_and_read_back(tmp_path: Path) -> None:
    keys = new_keys(tmp_path / "keys")
    assert new_keys(tmp_path / "keys") == open_keys(tmp_path / "keys") == keys
    assert is_signed(keys.author, keys.sign(b"a boat"), b"a boat")
    assert not is_signed(keys.author, keys.sign(b"a boat"), b"a bat")
    assert new_keys(tmp_path / "others").author != keys.author


def test_only_their_owner_can_read_them(tmp_path: Path) -> None:
    new_keys(tmp_path / "keys")
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "keys").iterdir()} == {0o600}


@pytest.mark.parametrize("name", ["", SIGNING, SALT])
def test_keys_that_others_can_read_are_not_used(tmp_path: Path, name: str) -> None:
    new_keys(tmp_path)
    (tmp_path / name).chmod(0o755 if not name else 0o644)
    with pytest.raises(SettingsError, match="chmod"):
        open_keys(tmp_path)


@pytest.mark.parametrize("content", ["", "ab", "zz" * 32, "ab" * 33])
def test_what_is_no_key_is_refused_without_being_shown(tmp_path: Path, content: str) -> None:
    new_keys(tmp_path)
    (tmp_path / SALT).write_text(content)
    with pytest.raises(SettingsError, match=SALT) as refused:
        open_keys(tmp_path)
    assert not content or content not in str(refused.value).replace(str(tmp_path), "")


def test_a_folder_without_keys_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="PAIRTRAWL_KEYS"):
        open_keys(tmp_path)


def test_keys_do_not_show_themselves(tmp_path: Path) -> None:
    keys = new_keys(tmp_path)
    assert keys.signing.hex() not in repr(keys)
    assert repr(keys.salt_secret) not in repr(keys)
