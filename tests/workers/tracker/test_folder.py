"""The files of a campaign: who may read them, and that making it twice changes nothing."""

from __future__ import annotations

import stat
from pathlib import Path

import msgspec
import pytest

from crawler.errors import RunFolderError, SettingsError
from crawler.settings import Recipe
from workers.protocol.campaign import Campaign
from workers.tracker.folder import CampaignFolder, new_token, token_digest


def a_document(**changes: object) -> Campaign:
    recipe = Recipe(name="a test")
    campaign = Campaign(name="a-test", recipe=recipe, recipe_digest=recipe.digest, kinds=("extract",))
    return msgspec.structs.replace(campaign, **changes)


def test_keys_and_secrets_are_for_their_owner_alone(tmp_path: Path) -> None:
    folder, token = CampaignFolder.create(tmp_path / "c", a_document())
    for file in (folder.key, folder.secrets):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert token is not None
    assert token not in folder.secrets.read_text()
    assert folder.read_secrets().is_admin(token)
    assert not folder.read_secrets().is_admin(new_token())


def test_a_campaign_is_made_once_and_its_token_is_told_once(tmp_path: Path) -> None:
    folder, _ = CampaignFolder.create(tmp_path / "c", a_document(), settings="# mine\n")
    before = {path: path.read_bytes() for path in folder.tracker.iterdir() if path.is_file()}
    again, none = CampaignFolder.create(tmp_path / "c", a_document(), settings="# other\n")
    assert (again, none) == (folder, None)
    assert {path: path.read_bytes() for path in folder.tracker.iterdir() if path.is_file()} == before
    with pytest.raises(RunFolderError, match="another campaign"):
        CampaignFolder.create(tmp_path / "c", a_document(title="another"))


def test_a_campaign_that_was_half_made_is_finished_by_making_it_again(tmp_path: Path) -> None:
    folder, _ = CampaignFolder.create(tmp_path / "c", a_document())
    folder.secrets.unlink()  # it comes last
    with pytest.raises(RunFolderError, match="run it again"):
        folder.read_secrets()
    _, token = CampaignFolder.create(tmp_path / "c", a_document())
    assert token is not None
    assert folder.read_secrets().is_admin(token)


def test_a_campaign_is_amended_under_the_same_key_but_never_to_another_recipe(tmp_path: Path) -> None:
    folder, _ = CampaignFolder.create(tmp_path / "c", a_document())
    public_key = folder.signed_campaign().public_key
    folder.amend(a_document(min_version="2.0"))
    assert folder.campaign().min_version == "2.0"
    assert folder.signed_campaign().public_key == public_key
    other = Recipe(name="another")
    with pytest.raises(SettingsError, match="keeps its recipe"):
        folder.amend(a_document(recipe=other, recipe_digest=other.digest))


def test_a_new_admin_token_ends_the_old_one(tmp_path: Path) -> None:
    folder, old = CampaignFolder.create(tmp_path / "c", a_document())
    new = folder.new_admin_token()
    assert old is not None
    assert folder.read_secrets().is_admin(new)
    assert not folder.read_secrets().is_admin(old)


def test_a_folder_without_a_campaign_and_one_that_was_changed_are_told_of(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="tracker init"):
        CampaignFolder.open(tmp_path)
    folder, _ = CampaignFolder.create(tmp_path / "c", a_document())
    text = folder.campaign_file.read_text().replace("a-test", "b-test")
    folder.campaign_file.write_text(text)
    with pytest.raises(RunFolderError, match="signature"):
        folder.campaign()


def test_what_stands_for_a_network_depends_on_the_campaign(tmp_path: Path) -> None:
    one, _ = CampaignFolder.create(tmp_path / "one", a_document())
    other, _ = CampaignFolder.create(tmp_path / "other", a_document())
    network = "192.0.2.0/24"
    assert one.read_secrets().network(network) == one.read_secrets().network(network)
    assert one.read_secrets().network(network) != other.read_secrets().network(network)


def test_tokens_are_long_and_digests_of_odd_texts_are_no_crash() -> None:
    assert len({new_token() for _ in range(100)}) == 100
    assert all(len(new_token()) == 43 for _ in range(10))
    assert len(token_digest("\udcff\x00")) == 64
