from __future__ import annotations

from pathlib import Path

import pytest

from crawler.errors import SettingsError
from filters.models.choice import EMBEDDED, EMBEDDED_SHA256, WEIGHTS_NAMES, ModelChoice, choose, sha256_of


def test_the_embedded_weights_are_the_ones_that_were_published() -> None:
    weights = choose(EMBEDDED, "", Path()).local_weights
    assert weights is not None
    assert sha256_of(weights) == EMBEDDED_SHA256


def test_a_model_of_open_clip_needs_to_be_told_its_weights() -> None:
    with pytest.raises(SettingsError, match="needs `pretrained`"):
        choose("ViT-B-32", "", Path())
    assert choose("ViT-B-32", "laion2b_s34b_b79k", Path()).identity == "ViT-B-32/laion2b_s34b_b79k"


@pytest.mark.parametrize("model", [EMBEDDED, "local-dir:somewhere", "hf-hub:some/one"])
def test_a_model_that_brings_its_weights_takes_no_others(model: str) -> None:
    with pytest.raises(SettingsError, match="no meaning"):
        choose(model, "openai", Path())


def test_a_folder_must_be_there_and_be_complete(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"open_clip_config\.json"):
        choose("local-dir:model", "", tmp_path)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "open_clip_config.json").write_text("{}")
    with pytest.raises(SettingsError, match="no weights"):
        choose("local-dir:model", "", tmp_path)
    for name in reversed(WEIGHTS_NAMES):
        (tmp_path / "model" / name).write_bytes(b"")
        choice = choose("local-dir:model", "", tmp_path)
        assert choice.local_weights == tmp_path.resolve() / "model" / name


def test_a_checkpoint_must_be_there(tmp_path: Path) -> None:
    for missing in ("mine.pt", "./mine", "/nowhere/mine.safetensors"):
        with pytest.raises(SettingsError, match="there is no file"):
            choose("ViT-B-32", missing, tmp_path)
    (tmp_path / "mine.pt").write_bytes(b"")
    assert choose("ViT-B-32", "mine.pt", tmp_path).local_weights == tmp_path.resolve() / "mine.pt"


def test_what_made_a_score_is_named_without_telling_where_it_lay(tmp_path: Path) -> None:
    (tmp_path / "mine.pt").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "open_clip_config.json").write_text("{}")
    (tmp_path / "folder" / WEIGHTS_NAMES[0]).write_bytes(b"")
    assert choose("ViT-B-32", "mine.pt", tmp_path).identity == "ViT-B-32/mine.pt"
    assert choose("local-dir:folder", "", tmp_path).identity == "local-dir:folder"
    assert choose(EMBEDDED, "", tmp_path).identity == EMBEDDED
    assert choose("hf-hub:some/one", "", tmp_path).identity == "hf-hub:some/one"


def test_the_embedded_model_is_found_anew_on_every_machine() -> None:
    assert choose(EMBEDDED, "", Path("/elsewhere")) == ModelChoice(EMBEDDED)
