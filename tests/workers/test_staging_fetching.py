"""Models brought here before a run, for nodes that have no internet."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from crawler.errors import SettingsError
from crawler.settings import FilterChoice, Recipe
from filters.models.choice import EMBEDDED_SHA256, ModelChoice
from workers.cli.staging import fetch_weights as command
from workers.staging.fetching import fetch_weights

pytestmark = pytest.mark.clip


def a_recipe(model: str) -> Recipe:
    return Recipe(filters=(FilterChoice(use="pictures.clip_similarity", settings={"model": model}),))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hub's cache that holds tests/tiny, and a hub that cannot be reached."""
    import huggingface_hub.constants

    model = tmp_path / "models--tests--tiny"
    (model / "refs").mkdir(parents=True)
    (model / "refs" / "main").write_text("0" * 40)
    source = ModelChoice("pairtrawl-tiny").model_folder
    assert source is not None
    shutil.copytree(source, model / "snapshots" / ("0" * 40))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def test_what_is_here_is_named_with_its_digest(cache: Path) -> None:
    (one,) = fetch_weights(a_recipe("hf-hub:tests/tiny"))
    assert one.model == "hf-hub:tests/tiny float32"
    assert one.weights.is_relative_to(cache)
    assert (one.size, one.sha256) == (one.weights.stat().st_size, EMBEDDED_SHA256)


def test_what_is_not_here_while_the_hub_is_switched_off_names_the_switch(cache: Path) -> None:
    with pytest.raises(SettingsError, match=r"hf-hub:tests/other .*HF_HUB_OFFLINE is set here"):
        list(fetch_weights(a_recipe("hf-hub:tests/other")))


def test_a_model_that_is_not_in_the_cache_is_named_with_the_command_that_fetches_it(cache: Path) -> None:
    from workers.assemble import make_sure

    with pytest.raises(SettingsError, match=r"hf-hub:tests/other .*pairtrawl slurm fetch-weights -r RECIPE"):
        make_sure(a_recipe("hf-hub:tests/other"))


def test_the_command_says_what_is_there(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(command)
    (tmp_path / "with.toml").write_text('[[filters]]\nuse = "pictures.clip_similarity"\n')
    done = CliRunner().invoke(app, ["-r", str(tmp_path / "with.toml")])
    assert done.exit_code == 0, done.output
    assert EMBEDDED_SHA256 in done.output
    (tmp_path / "without.toml").write_text('[[filters]]\nuse = "pictures.min_side"\n')
    assert "nothing to fetch" in CliRunner().invoke(app, ["-r", str(tmp_path / "without.toml")]).output
