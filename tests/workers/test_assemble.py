"""What a process builds of a recipe: only what its jobs need."""

from __future__ import annotations

from pathlib import Path

import pytest

from crawler.errors import SettingsError
from crawler.job import JobKind
from crawler.settings import FilterChoice, Recipe
from workers.assemble import assemble, engines_of, make_sure

RECIPE = Recipe(
    filters=(
        FilterChoice(use="candidates.text_length"),
        FilterChoice(use="bodies.hash_removal", settings={"path": "not-on-this-host.ptlist"}),
        FilterChoice(use="pictures.pdq_removal", settings={"path": "not-on-this-host.ptlist"}),
        FilterChoice(use="pictures.clip_similarity"),
    )
)


def test_what_reads_archives_reads_no_list_of_bodies_and_pictures(tmp_path: Path) -> None:
    tools = assemble(RECIPE, tmp_path, kind=JobKind.EXTRACT)
    assert [name for name, _ in tools.candidate_filters] == ["text_length"]
    assert (tools.body_filters, tools.picture_filters, tools.embedding_filters) == ((), (), ())


def test_what_holds_the_models_reads_no_list() -> None:
    assert list(engines_of(RECIPE)) == [engine.name for engine in engines_of(RECIPE).values()]
    assert len(engines_of(RECIPE)) == 1


@pytest.mark.parametrize("kind", [JobKind.FETCH, JobKind.CRAWL])
def test_what_fetches_needs_every_list(tmp_path: Path, kind: JobKind) -> None:
    with pytest.raises(SettingsError, match="not-on-this-host"):
        assemble(RECIPE, tmp_path, kind=kind)
    with pytest.raises(SettingsError, match="not-on-this-host"):
        make_sure(RECIPE, [kind])


def test_what_scores_needs_no_list_and_no_network_filter(tmp_path: Path) -> None:
    tools = assemble(RECIPE, tmp_path, kind=JobKind.SCORE)
    assert (tools.candidate_filters, tools.body_filters, tools.picture_filters) == ((), (), ())
    assert [name for name, _ in tools.embedding_filters] == ["clip_similarity"]
    assert make_sure(RECIPE, [JobKind.SCORE, JobKind.EXTRACT]) == []
