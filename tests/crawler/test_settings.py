"""A recipe is read strictly, its digest means what it says, and mistakes are named."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import SettingsError
from crawler.settings import parse_recipe

RECIPE = """
name = "boats"
[fetch]
total_seconds = 10
[[filters]]
use = "candidates.text_length"
min_characters = 5
[[filters]]
use = "pictures.min_side"
pixels = 64
"""


def test_an_empty_text_is_a_recipe_of_defaults() -> None:
    assert parse_recipe("").fetch.total_seconds == 30


def test_a_filter_keeps_its_own_settings() -> None:
    recipe = parse_recipe(RECIPE)
    assert [(one.use, one.settings) for one in recipe.filters] == [
        ("candidates.text_length", {"min_characters": 5}),
        ("pictures.min_side", {"pixels": 64}),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fetch = 3", "fetch"),
        ("[fetch]\ntotal = 3", "unknown field `total`"),
        ("[fetch]\ntotal_seconds = 'soon'", "fetch.total_seconds"),
        ("[fetch]\ntotal_seconds = 0", "fetch.total_seconds"),
        ("[plan]\nrows_per_job = 0", "plan.rows_per_job"),
        ("name = ", "not valid TOML"),
        ("filters = 3", "[[filters]]"),
        ("[[filters]]\npixels = 3", "needs `use`"),
        ("[[filters]]\nuse = 'min_side'", "not folder.name"),
        ("[[filters]]\nuse = 'pictures.a'\n[[filters]]\nuse = 'candidates.b'", "must come in the order"),
        ("[[filters]]\nuse = 'pictures.a'\n[[filters]]\nuse = 'pictures.a'", "used twice"),
        ("folder = '/'", "unknown key `folder`"),
    ],
)
def test_a_mistake_is_named_with_its_file_and_key(text: str, expected: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_recipe(text, name="boats.toml")
    assert "boats.toml" in str(caught.value)
    assert expected in str(caught.value)


def test_the_digest_changes_with_the_data_set_and_not_with_the_machine() -> None:
    recipe = parse_recipe(RECIPE)
    same = parse_recipe(RECIPE + "\n[resources]\ndownloads = 3\n", folder="/elsewhere")
    assert recipe.digest == same.digest
    assert recipe.digest == parse_recipe(RECIPE, overrides=["fetch.hosts={'*.test' = '127.0.0.1:80'}"]).digest
    assert recipe.digest != parse_recipe(RECIPE, overrides=["filters.min_side.pixels=65"]).digest
    assert recipe.digest != parse_recipe(RECIPE, overrides=["fetch.total_seconds=11"]).digest


def test_an_override_reaches_sections_filters_and_plain_words() -> None:
    recipe = parse_recipe(
        RECIPE, overrides=["fetch.contact=crawl@example.org", "filters.pictures.min_side.pixels=9", "name=ships"]
    )
    assert recipe.fetch.contact == "crawl@example.org"
    assert recipe.filters[1].settings == {"pixels": 9}
    assert recipe.name == "ships"


@pytest.mark.parametrize(
    "override", ["nonsense", "=3", "fetch.nonsense=3", "filters.sharpness.x=3", "name.first=3", "fetch.total_seconds=x"]
)
def test_a_wrong_override_is_an_error(override: str) -> None:
    with pytest.raises(SettingsError):
        parse_recipe(RECIPE, overrides=[override])


@given(st.text(max_size=200))
def test_no_text_raises_anything_but_a_settings_error(text: str) -> None:
    with contextlib.suppress(SettingsError):
        parse_recipe(text)
