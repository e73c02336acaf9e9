from __future__ import annotations

import inspect
from typing import Any

import pytest
import typer
from click.testing import CliRunner

from crawler.errors import SettingsError
from crawler.list_forms import ListForm
from crawler.settings import parse_recipe
from workers.cli import app, img2dataset_options
from workers.rebuild import download
from workers.rebuild.options import NAMES, Options, options_of, value_of
from workers.rebuild.translating import BASE, Ours, recipe_of
from workers.rebuild.words import in_clicks_form

#: img2dataset 1.47's own signature, in order (and what its later source adds), with what we changed named below
IMG2DATASET: dict[str, Any] = {
    "image_size": 256, "output_folder": "images", "processes_count": 1, "resize_mode": "border",
    "resize_only_if_bigger": False, "upscale_interpolation": "lanczos", "downscale_interpolation": "area",
    "encode_quality": 95, "encode_format": "jpg", "skip_reencode": False, "output_format": "files",
    "input_format": "txt", "url_col": "url", "caption_col": None, "bbox_col": None, "thread_count": 256,
    "number_sample_per_shard": 10000, "extract_exif": True, "save_additional_columns": None, "timeout": 10,
    "enable_wandb": False, "wandb_project": "img2dataset", "oom_shard_count": 5, "compute_hash": "sha256",
    "verify_hash": None, "distributor": "multiprocessing", "subjob_size": 1000, "retries": 0,
    "disable_all_reencoding": False, "min_image_size": 0, "max_image_area": float("inf"),
    "max_aspect_ratio": float("inf"), "incremental_mode": "incremental", "max_shard_retry": 1,
    "user_agent_token": None, "disallowed_header_directives": None, "ignore_ssl_certificate": False,
}  # fmt: skip
#: None stands for "by the name of the list, and txt where that says nothing"
CHANGED = {"input_format": None}


def given(**options: Any) -> dict[str, Any]:
    return {"url_list": "list.parquet", **options}


def recipe_with(**options: Any) -> Any:
    told = given(**options)
    return recipe_of(options_of(told), told.keys())


def test_the_python_call_has_img2datasets_parameters_in_its_order_with_its_defaults() -> None:
    parameters = inspect.signature(download).parameters
    ours = {name: one.default for name, one in parameters.items() if one.kind is not one.KEYWORD_ONLY}
    assert list(ours) == ["url_list", *IMG2DATASET]
    assert {name: ours[name] for name in IMG2DATASET} == IMG2DATASET | CHANGED
    assert list(NAMES) == list(ours)
    options = Options(url_list="x")
    assert {name: getattr(options, name) for name in IMG2DATASET} == IMG2DATASET | CHANGED


def test_the_command_has_an_option_for_each() -> None:
    command = typer.main.get_command(app).commands["rebuild"]  # type: ignore[attr-defined]  # it is a group
    flags = {flag for parameter in command.params for flag in parameter.opts}
    assert {f"--{name}" for name in NAMES} <= flags
    assert len(
        [one for one in vars(img2dataset_options) if one[0].isupper() and one not in {"Any", "Annotated"}]
    ) == len(NAMES)


# words as python-fire takes them, and as Click does
SPELLINGS: list[tuple[list[str], list[str]]] = [
    (["--image_size", "512"], ["--image_size=512"]),
    (["--image_size=512"], ["--image_size=512"]),
    (["--image-size", "512"], ["--image_size=512"]),
    (["--skip_reencode"], ["--skip_reencode=True"]),
    (["--skip_reencode", "--timeout", "3"], ["--skip_reencode=True", "--timeout=3"]),
    (["--skip_reencode", "False", "urls.txt"], ["--skip_reencode=False", "urls.txt"]),
    (["--skip_reencode", "urls.txt"], ["--skip_reencode=True", "urls.txt"]),
    (["--noextract_exif"], ["--extract_exif=False"]),
    (["--no-extract-exif"], ["--extract_exif=False"]),
    (["--save_additional_columns", '["a","b c"]'], ['--save_additional_columns=["a","b c"]']),
    (["--caption_col="], ["--caption_col="]),
    (["--image_size"], ["--image_size"]),
    (["-o", "out", "--set", "a=b", "--fresh"], ["-o", "out", "--set", "a=b", "--fresh"]),
    (["--", "--image_size", "3"], ["--", "--image_size", "3"]),
    ([], []),
]


@pytest.mark.parametrize(("words", "expected"), SPELLINGS)
def test_words_are_taken_as_fire_takes_them(words: list[str], expected: list[str]) -> None:
    assert in_clicks_form(words) == expected
    assert in_clicks_form(in_clicks_form(words)) == expected


VALUES: list[tuple[str, str, object]] = [
    ("image_size", "512", 512),
    ("resize_only_if_bigger", "True", True),
    ("max_aspect_ratio", "3.5", 3.5),
    ("max_image_area", "1e6", 1e6),
    ("url_col", "42", "42"),
    ("caption_col", "None", None),
    ("compute_hash", "None", None),
    ("save_additional_columns", '["a","b"]', ["a", "b"]),
    ("save_additional_columns", "[a, b]", ["a", "b"]),
    ("save_additional_columns", "('a', 'b')", ["a", "b"]),
    ("save_additional_columns", "a", ["a"]),
    ("disallowed_header_directives", "[]", []),
    ("verify_hash", "None", None),
    ("image_size", "__import__('os')", "__import__('os')"),
]


@pytest.mark.parametrize(("name", "text", "expected"), VALUES)
def test_values_are_read_as_fire_reads_them(name: str, text: str, expected: object) -> None:
    assert value_of(name, text) == expected


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"image_size": "large"}, "image_size"),
    ({"image_size": 0}, "image_size"),
    ({"resize_mode": "fixed"}, "resize_mode"),
    ({"encode_format": "png"}, "encode_quality"),
    ({"compute_hash": "crc"}, "compute_hash"),
    ({"compute_hash": "sha256", "verify_hash": ["md5", "md5"]}, "verify_hash"),
    ({"verify_hash": ["md5"]}, "verify_hash"),
    ({"save_additional_columns": ["id", "status"]}, "status"),
    ({"distributor": "pyspark"}, "ray"),
    ({"distributor": "dask"}, "multiprocessing"),
    ({"output_format": "zip"}, "output_format"),
    ({"input_format": "xml"}, "input_format"),
    ({"incremental_mode": "again"}, "incremental_mode"),
    ({"timeout": 0}, "timeout"),
    ({"unheard_of": 1}, "unheard_of"),
]


@pytest.mark.parametrize(("options", "named"), REFUSED)
def test_an_option_that_is_wrong_is_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        options_of(given(**options))


def test_options_alone_make_what_img2dataset_makes() -> None:
    recipe = recipe_with()
    output = recipe.output
    assert (output.resize_mode, output.image_size, output.resize_only_if_bigger) == ("border", 256, False)
    assert (output.upscale_interpolation, output.downscale_interpolation) == ("lanczos", "area")
    assert (output.container, output.encode_format, output.encode_quality) == ("files", "jpg", 95)
    assert recipe.rebuild.policy == "refresh"
    assert recipe.plan.rows_per_job == 10_000
    assert recipe.plan.unique is False
    assert recipe.decode.exif == "harmless"
    assert recipe.filters == ()


def test_hashes_that_are_verified_keep_what_is_identical_only() -> None:
    rebuild = recipe_with(verify_hash=["md5_col", "md5"], compute_hash="md5").rebuild
    assert (rebuild.policy, rebuild.hashes, rebuild.compute_hash) == ("strict", {"md5_col": "md5"}, "md5")
    assert recipe_with(compute_hash=None).rebuild.compute_hash == "none"


def test_columns_are_named_and_captions_come_only_if_asked_for() -> None:
    recipe = recipe_with(input_format="jsonl.gz", url_col="URL", caption_col="TEXT", bbox_col="faces",
                         save_additional_columns=["id"])  # fmt: skip
    assert (recipe.list.form, recipe.list.url_column, recipe.list.caption_column) == (ListForm.JSON, "URL", "TEXT")
    assert (recipe.rebuild.carry, recipe.rebuild.boxes_column) == (("id", "faces"), "faces")
    assert recipe.rebuild.captions
    assert not recipe_with(input_format="csv").rebuild.captions
    assert recipe_with().rebuild.captions  # a published list, found by its own names
    assert recipe_with().list.url_column == ""


def test_limits_become_the_filters_and_the_decoders_own_limit() -> None:
    recipe = recipe_with(min_image_size=64, max_aspect_ratio=3, max_image_area=1e6)
    assert [(one.use, one.settings) for one in recipe.filters] == [
        ("pictures.min_side", {"pixels": 64}), ("pictures.aspect", {"max_ratio": 3.0}),
    ]  # fmt: skip
    assert recipe.decode.pixels == 1_000_000
    assert recipe_with(max_image_area=1e12).decode.pixels == BASE.decode.pixels


def test_a_timeout_bounds_each_step_and_the_whole() -> None:
    fetch = recipe_with(timeout=4).fetch
    assert (fetch.connect_seconds, fetch.first_byte_seconds, fetch.read_seconds, fetch.total_seconds) == (4, 4, 4, 6)


def test_retries_are_counted_where_they_are_given() -> None:
    assert recipe_with().fetch.tries == BASE.fetch.tries
    assert recipe_with(retries=0).fetch.tries == 1
    assert recipe_with(retries=4).fetch.tries == 5


def test_a_token_is_our_name_towards_sites() -> None:
    assert recipe_with(user_agent_token="MyBot").fetch.user_agent.startswith("MyBot pairtrawl/")
    with pytest.raises(SettingsError, match="user_agent_token"):
        recipe_with(user_agent_token="my bot\r\nX-Evil: 1")


def test_directives_are_ours_theirs_or_none() -> None:
    assert "noml" in recipe_with().opt_outs.image_directives
    assert recipe_with(disallowed_header_directives=["NoAI "]).opt_outs.image_directives == ("noai",)
    assert recipe_with(disallowed_header_directives=[]).opt_outs.image_directives == ()


def test_nothing_of_it_opens_private_networks_or_files() -> None:
    everything = recipe_with(ignore_ssl_certificate=True, disallowed_header_directives=[], user_agent_token="x")
    assert everything.fetch.allow_networks == ()
    assert not everything.fetch.verify_tls
    assert recipe_with().fetch.verify_tls


def test_a_recipe_is_changed_by_what_was_given_and_by_nothing_else() -> None:
    base = parse_recipe('name = "mine"\n[output]\nimage_size = 384\nencode_quality = 80\n[fetch]\ntotal_seconds = 7.0')
    told = given(image_size=512)
    recipe = recipe_of(options_of(told), told.keys(), base)
    assert (recipe.output.image_size, recipe.output.encode_quality, recipe.output.resize_mode) == (
        512,
        80,
        "keep_ratio",
    )
    assert recipe.fetch.total_seconds == 7.0
    assert recipe.rebuild is not None


def test_what_we_add_comes_last() -> None:
    told = given(verify_hash=["md5", "md5"], compute_hash="md5")
    ours = Ours(
        policy="near", contact="https://x.test/?a=1", columns="img2dataset", overrides=("output.image_size=64",)
    )
    recipe = recipe_of(options_of(told), told.keys(), None, ours)
    assert recipe.rebuild is not None
    assert (recipe.rebuild.policy, recipe.fetch.contact) == ("near", "https://x.test/?a=1")
    assert (recipe.output.columns, recipe.output.image_size) == ("img2dataset", 64)
    with pytest.raises(SettingsError, match="policy"):
        recipe_of(options_of(told), told.keys(), None, Ours(policy="kind"))


def test_the_help_comes_without_loading_a_crawl() -> None:
    result = CliRunner().invoke(typer.main.get_command(app), ["rebuild", "--help"])  # type: ignore[arg-type]  # typer's own Click
    assert result.exit_code == 0
    assert "--number_sample_per_shard" in result.output
